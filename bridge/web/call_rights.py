# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How does the media server come to obey the room? Whoever left is taken out, and all send what power levels let them.

What it has still to hear stands in the database, written in the transaction of the event that made it so: a bridge that
dies, or a media server that is away, only delays it.
"""

from __future__ import annotations

import asyncio

import structlog

from bridge.domain.errors import Unavailable
from bridge.domain.names import RoomId, UserId
from bridge.domain.powers import Powers, Source
from bridge.store import calls
from bridge.store.calls import RightsDue
from bridge.web import revoking
from bridge.web.context import Services

IDLE_S = 10.0
"""How often we look for what is to be told when nobody wakes us."""
OUTAGE_PAUSE_S = 1.0
AT_ONCE = 16
"""Requests to the media server at a time, so that a hall of people is silent within the second."""

_LOG = structlog.get_logger(__name__)


async def run(services: Services) -> None:
    """Tell the media server for ever; an outage is waited out."""
    while True:
        pause_s = IDLE_S
        try:
            await settle(services)
        except Unavailable as gone:
            _LOG.warning("rights_postponed", what=gone.what)
            pause_s = OUTAGE_PAUSE_S
        await services.rights_now.wait(pause_s)


async def settle(services: Services) -> None:
    """Do once all that is to be done; raises `Unavailable`, and then goes on from there the next time."""
    if not await revoking.remove_from_calls(services):
        raise Unavailable("the media server")
    async with services.database.transaction() as tx:
        rooms = await calls.rooms_with_rights_due(tx)
    for room_id in rooms:
        await _tell(services, room_id)


def sources_of(services: Services, powers: Powers, user_id: UserId) -> frozenset[Source]:
    """Return what somebody may send by the room's power levels; our captions are no person, and always may."""
    if user_id == services.settings.captions.bot_user:
        return frozenset(Source)
    return powers.may_send(user_id, guest=services.settings.homeserver.is_guest(user_id))


async def _tell(services: Services, room_id: RoomId) -> None:
    async with services.database.transaction() as tx:
        waiting = await calls.rights_due(tx, room_id)  # before the levels are read: what changes later asks anew
    powers = await services.rooms.powers(room_id)
    turn = asyncio.Semaphore(AT_ONCE)

    async def tell(due: RightsDue) -> None:
        rights = sources_of(services, powers, due.user_id)
        async with turn:
            if rights != due.known:
                await services.sfu.allow(due.call.livekit_room, due.call.identity, rights)
            async with services.database.transaction() as tx:
                await calls.rights_told(tx, due, rights)

    failed = [result for result in await asyncio.gather(*map(tell, waiting), return_exceptions=True) if result]
    if failed:
        raise failed[0]
