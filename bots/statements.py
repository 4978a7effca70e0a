# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the bot states about itself in a room: which model listens, and whether captions are as good as promised."""

import time
from http import HTTPStatus

import aiohttp
import structlog

from bots import notice
from bots.captions.health import Cause, Notices
from bots.matrix_rtc import Json, MatrixError, MatrixSession
from bots.passport import PASSPORT, Passport
from bots.roomview import RoomView

STATUS = "org.passerelle.captions.status"
"""State event, keyed like the passport: ``{"degraded": bool, "reason": "engine"|"overload"|"drift"}``."""

log = structlog.get_logger(__name__)


class RoomStatements:
    """State events of ours in one room, sent when they change. A room that refuses them has captions all the same."""

    def __init__(self, session: MatrixSession, view: RoomView) -> None:
        self._session = session
        self._room_id = view.room_id
        self._stated: dict[str, Json] = {kind: dict(view.content(kind, session.user_id)) for kind in (PASSPORT, STATUS)}
        self._notices = Notices()

    async def show_passport(self, passport: Passport) -> None:
        """Say which model listens."""
        await self._state(PASSPORT, passport.content())

    async def show_health(self, cause: Cause | None, now: float) -> None:
        """Say how captions are now (seconds, monotonic): in the state, and to the people as seldom as they bear it."""
        if cause is not None:
            await self._state(STATUS, {"degraded": True, "reason": cause.value})
        elif self._stated[STATUS].get("degraded"):
            await self._state(STATUS, {"degraded": False})
        telling = self._notices.look(degraded=cause is not None, now=now)
        if telling is not None:
            await self._tell(notice.health(telling, cause))

    async def _tell(self, text: str) -> None:
        try:
            await self._session.send_event(
                self._room_id, "m.room.message", notice.text_event(text), f"health-{time.time_ns()}"
            )
        except (MatrixError, aiohttp.ClientError, TimeoutError) as error:
            log.warning("notice_not_sent", room_id=self._room_id, reason=type(error).__name__)

    async def _state(self, kind: str, content: Json) -> None:
        if self._stated[kind] == content:
            return
        try:
            await self._session.send_state(self._room_id, kind, self._session.user_id, content)
        except MatrixError as error:
            log.warning("state_refused", room_id=self._room_id, kind=kind, errcode=error.errcode)
            if error.status < HTTPStatus.INTERNAL_SERVER_ERROR and error.status != HTTPStatus.TOO_MANY_REQUESTS:
                self._stated[kind] = content  # it would be refused again
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("state_not_sent", room_id=self._room_id, kind=kind, reason=type(error).__name__)
        else:
            self._stated[kind] = content
