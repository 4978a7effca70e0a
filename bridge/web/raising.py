# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Raised hands: up and down by command, page or Element Call, and the next one by a host's word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bridge.domain.errors import Refused
from bridge.domain.hands import MAX_HANDS
from bridge.domain.meetings import Meeting
from bridge.domain.moderation import Act, require
from bridge.domain.names import UserId
from bridge.domain.powers import Role, Source
from bridge.store import hands
from bridge.web import moderating
from bridge.web.call_rights import sources_of
from bridge.web.context import Services


@dataclass(frozen=True, slots=True)
class InQueue:
    """Somebody with a hand up."""

    user_id: UserId
    display_name: str
    raised_at: datetime


async def queue(services: Services, meeting: Meeting) -> list[InQueue]:
    """Return the raised hands, the first one first."""
    async with services.database.transaction() as tx:
        up = await hands.of_meeting(tx, meeting.id)
    names = await services.rooms.names(meeting.room_id) if up else {}
    return [InQueue(hand.user_id, names.get(hand.user_id, hand.user_id), hand.raised_at) for hand in up]


async def up(services: Services, meeting: Meeting, user_id: UserId) -> int:
    """Raise somebody's own hand; return its place in the queue, from 1."""
    async with services.database.transaction() as tx:
        if not await hands.raised(tx, meeting.id, user_id, services.now()):
            raise Refused(409, "PASSERELLE_TOO_MANY_HANDS", f"{MAX_HANDS} hands are up already. Please try later.")
        order = [hand.user_id for hand in await hands.of_meeting(tx, meeting.id)]
    services.watchers.tell(meeting.id)
    return order.index(user_id) + 1


async def down(services: Services, meeting: Meeting, user_id: UserId) -> bool:
    """Lower somebody's hand, in Element Call, too; False when it was down."""
    async with services.database.transaction() as tx:
        hand = await hands.lower(tx, meeting.id, user_id)
    services.watchers.tell(meeting.id)
    if hand is not None and hand.event_id:
        await services.rooms.redact(meeting.room_id, hand.event_id)
    return hand is not None


async def lower(services: Services, meeting: Meeting, actor: UserId, person: UserId) -> bool:
    """Lower somebody's hand as a host."""
    require(Act.LOWER_HAND, await services.rooms.powers(meeting.room_id), actor, person)
    return await down(services, meeting, person)


async def take_next(services: Services, meeting: Meeting, actor: UserId) -> InQueue | None:
    """Lower the first hand and let its owner speak, as a speaker where members only listen; None: no hand is up."""
    powers = await services.rooms.powers(meeting.room_id)
    require(Act.TAKE_NEXT, powers, actor)
    waiting = await queue(services, meeting)
    if not waiting:
        return None
    first = waiting[0]
    if (
        Source.MICROPHONE not in sources_of(services, powers, first.user_id)
        and powers.role_of(first.user_id) is Role.MEMBER
    ):
        await moderating.set_role(services, meeting, actor, first.user_id, Role.SPEAKER)
    await down(services, meeting, first.user_id)
    return first
