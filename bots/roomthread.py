# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Writes finished captions into the room's thread, at a pace a room bears."""

import asyncio
import time
from http import HTTPStatus

import aiohttp
import structlog

from bots.captions.pace import Change, Pace, Post
from bots.captions.segment import Segment
from bots.captions.thread import caption_event, changed_event
from bots.matrix_rtc import MatrixError, MatrixSession

_RETRY_S = 2.0

log = structlog.get_logger(__name__)


class RoomThread:
    """The thread below one root event. Segments must have been stored before they come here."""

    def __init__(self, session: MatrixSession, room_id: str, root: str, last: str) -> None:
        self._session = session
        self.room_id = room_id
        self._root = root
        self._pace = Pace()
        self._wake = asyncio.Event()
        self.last = last
        """The newest event of the thread."""

    def put(self, segment: Segment) -> None:
        """Queue a final segment, or a change of one that stands in the room."""
        self._pace.put(segment)
        self._wake.set()

    def recall(self, event_id: str, segments: list[Segment]) -> None:
        """Take an event of ours from before a restart, oldest first."""
        self.last = event_id
        if segments:
            self._pace.recall(event_id, segments)

    def shown(self, event_id: str) -> tuple[Segment, ...]:
        """Return what an event of the thread shows now; nothing if it is none of ours."""
        return self._pace.shown(event_id)

    @property
    def waiting(self) -> bool:
        """Tell whether something is still to be sent."""
        return not self._pace.idle

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
                self._pace.done(await self._send(self._pace.take(time.monotonic())))

    async def _send(self, what: Post | Change) -> str | None:
        """Send one event, however often that takes; returns its id, or nothing if the room refuses it.

        A new event's transaction id is its first segment's id, so that a repetition after a restart is the same event.
        A change may be made, undone and made again, so each has an id of its own.
        """
        txn_id = what.segments[0].id if isinstance(what, Post) else f"change-{time.time_ns()}"
        while True:
            try:
                event_id = await self._send_once(what, txn_id)
            except MatrixError as error:
                if error.status < HTTPStatus.INTERNAL_SERVER_ERROR and error.status != HTTPStatus.TOO_MANY_REQUESTS:
                    log.warning("caption_refused", room_id=self.room_id, errcode=error.errcode)
                    return None
            except (aiohttp.ClientError, TimeoutError) as error:
                log.warning("homeserver_away", room_id=self.room_id, reason=type(error).__name__)
            else:
                if isinstance(what, Post):
                    self.last = event_id
                return event_id
            await asyncio.sleep(_RETRY_S)

    async def _send_once(self, what: Post | Change, txn_id: str) -> str:
        if isinstance(what, Post):
            content = caption_event(what.segments, self._root, self.last)
        elif what.segments:
            content = changed_event(what.event_id, what.segments, what.changed)
        else:
            return await self._session.redact(self.room_id, what.event_id, txn_id)
        return await self._session.send_event(self.room_id, "m.room.message", content, txn_id)
