# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Writes finished captions into the room's thread, at a pace a room bears."""

import asyncio
import time
from http import HTTPStatus

import aiohttp
import structlog

from bots.captions.segment import Segment
from bots.captions.thread import Pace, caption_event
from bots.matrix_rtc import MatrixError, MatrixSession

_RETRY_S = 2.0

log = structlog.get_logger(__name__)


class RoomThread:
    """The thread below one root event. Segments must have been stored before they come here."""

    def __init__(self, session: MatrixSession, room_id: str, root: str, last: str) -> None:
        self._session = session
        self._room_id = room_id
        self._root = root
        self._pace = Pace()
        self._wake = asyncio.Event()
        self._sending = False
        self.last = last
        """The newest event of the thread."""

    def put(self, segment: Segment) -> None:
        """Queue a final segment."""
        self._pace.put(segment)
        self._wake.set()

    @property
    def waiting(self) -> bool:
        """Tell whether something is still to be sent."""
        return self._sending or bool(len(self._pace))

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            wait_s = self._pace.due_in(time.monotonic())
            if wait_s is None:
                self._wake.clear()
                await self._wake.wait()
            elif wait_s > 0:
                await asyncio.sleep(wait_s)
            else:
                self._sending = True
                await self._send(self._pace.take(time.monotonic()))
                self._sending = False

    async def _send(self, segments: list[Segment]) -> None:
        """Send one event; its transaction id is its first segment's id, so that a repetition is the same event."""
        content = caption_event(segments, self._root, self.last)
        while True:
            try:
                self.last = await self._session.send_event(self._room_id, "m.room.message", content, segments[0].id)
            except MatrixError as error:
                if error.status < HTTPStatus.INTERNAL_SERVER_ERROR and error.status != HTTPStatus.TOO_MANY_REQUESTS:
                    log.warning("caption_refused", room_id=self._room_id, errcode=error.errcode)
                    return
            except (aiohttp.ClientError, TimeoutError) as error:
                log.warning("homeserver_away", room_id=self._room_id, reason=type(error).__name__)
            else:
                return
            await asyncio.sleep(_RETRY_S)
