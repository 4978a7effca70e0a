# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Is there a host in a meeting's call, who could let people in?"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from bridge.domain.errors import Unavailable
from bridge.domain.meetings import Meeting
from bridge.domain.rtc_identity import livekit_room
from bridge.matrix.rooms import HOST_LEVEL, Rooms
from bridge.store import calls
from bridge.store.database import Database
from bridge.web.sfu import Sfu

CACHE_S = 5.0
"""How long an answer holds. Stops: each of a hundred who wait asking the media server."""
MAX_CACHED = 1000


class Presence:
    """Knows of meetings whether a host is there. `clock` gives monotonic seconds."""

    def __init__(
        self, database: Database, rooms: Rooms, sfu: Sfu, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database, self._rooms, self._sfu = database, rooms, sfu
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, bool]] = OrderedDict()

    async def host_in_call(self, meeting: Meeting) -> bool:
        """Tell whether a host is in the call; where that cannot be found out now, nobody is promised one."""
        until, known = self._known.get(meeting.id, (0.0, False))
        if until <= self._clock():
            try:
                known = await self._in_the_call(meeting)
            except Unavailable:
                known = False
            self._known[meeting.id] = (self._clock() + CACHE_S, known)
            self._known.move_to_end(meeting.id)
            if len(self._known) > MAX_CACHED:
                self._known.popitem(last=False)
        return known

    async def _in_the_call(self, meeting: Meeting) -> bool:
        room = livekit_room(meeting.room_id)
        there = await self._sfu.identities(room)
        if not there:
            return False
        levels = (await self._rooms.powers(meeting.room_id)).users
        hosts = {user for user, level in levels.items() if level >= HOST_LEVEL}
        async with self._database.transaction() as tx:
            return any(user in hosts for user in (await calls.users_of(tx, room, there)).values())
