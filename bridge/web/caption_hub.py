# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""From one stored segment to every page that listens in this process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from bridge.domain.caption_feed import Backlog
from bridge.domain.errors import Refused
from bridge.domain.segments import Segment
from bridge.domain.translations import Translation

MAX_LISTENERS_PER_ROOM = 500
"""Stops: streams of one meeting without number."""
MAX_LISTENERS_PER_USER = 8
"""Stops: one session holding all the streams of its meeting."""


class Listener:
    """One page; `backlog` says what is dropped when it reads too slowly."""

    def __init__(self, user_id: str, session: str = "") -> None:
        self.user_id = user_id
        self.session = session
        self._backlog = Backlog()
        self._arrived = asyncio.Event()
        self.closed = False

    def put(self, segment: Segment | Translation) -> None:
        """Hand over a segment or a translation; never waits."""
        self._backlog.put(segment)
        self._arrived.set()

    def close(self) -> None:
        """Let the page's stream end."""
        self.closed = True
        self._arrived.set()

    async def take(self, at_most_s: float) -> list[Segment | Translation] | None:
        """Wait for some; an empty list when none came in time, None once the stream has to end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await self._arrived.wait()
        self._arrived.clear()
        return None if self.closed else self._backlog.take()


class CaptionHub:
    """Listeners by room."""

    def __init__(self) -> None:
        self._rooms: dict[str, set[Listener]] = {}

    @contextlib.contextmanager
    def listen(self, room_id: str, user_id: str, session: str = "") -> Iterator[Listener]:
        """Listen to a room for as long as the block lasts; refuse (429) past the limits. `session` is its id."""
        listeners = self._rooms.setdefault(room_id, set())
        own = sum(listener.user_id == user_id for listener in listeners)
        if len(listeners) >= MAX_LISTENERS_PER_ROOM or own >= MAX_LISTENERS_PER_USER:
            raise Refused(
                429, "M_LIMIT_EXCEEDED", "This meeting's captions are open in too many windows.", retry_after_s=10
            )
        listener = Listener(user_id, session)
        listeners.add(listener)
        try:
            yield listener
        finally:
            listeners.discard(listener)
            if not listeners:
                self._rooms.pop(room_id, None)

    def publish(self, segment: Segment | Translation) -> None:
        """Hand a segment, or a translation of one, to everybody who listens to its room."""
        for listener in self._rooms.get(segment.room_id, ()):
            listener.put(segment)

    def close(self, user_id: str | None = None, *, session: str | None = None) -> None:
        """End the streams of a user, of a session, or every stream."""
        for listeners in self._rooms.values():
            for listener in listeners:
                if user_id in {None, listener.user_id} and session in {None, listener.session}:
                    listener.close()
