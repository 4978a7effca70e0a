# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What moves a meeting on: time and the empty call (by the sweeper), the first person in the call, a host.

What has to follow in Matrix (a room to close, to open again, to empty) stands in the database as the difference between
the meeting's state and its room's, so that a bridge that dies in between goes on where it was.
"""

from __future__ import annotations

from collections.abc import Coroutine

import structlog

from bridge.domain.errors import BridgeError, Unavailable
from bridge.domain.lifecycle import LifeEvent, MeetingState, require_call
from bridge.domain.meetings import Meeting
from bridge.domain.names import UserId
from bridge.domain.rtc_identity import livekit_room
from bridge.store import calls, lifecycle
from bridge.store.database import Connection
from bridge.web.context import Services

_LOG = structlog.get_logger(__name__)


async def happen(services: Services, meeting: Meeting, event: LifeEvent, actor: str) -> Meeting:
    """Let a host do something to a meeting; who has to go is out of the call and the room at once."""
    async with services.database.transaction() as tx:
        changed = await lifecycle.happen(
            tx, meeting.id, event, actor=actor, now=services.now(), policy=services.settings.meetings.policy
        )
    services.rights_now()
    services.sweep_now()
    services.watchers.tell(meeting.id)
    services.revoke_now()
    return changed


async def require_may_call(services: Services, meeting: Meeting, user_id: UserId) -> None:
    """Refuse whoever may not join the call now. The homeserver is asked only where it matters who is a host."""
    try:
        require_call(meeting.life, host=False)
    except BridgeError:
        require_call(meeting.life, host=await services.rooms.is_host(meeting.room_id, user_id))


async def call_began(services: Services, tx: Connection, meeting: Meeting, user_id: UserId) -> None:
    """Write down that somebody joins the call; the captions bot alone makes no meeting."""
    if meeting.life.state is not MeetingState.LIVE and user_id != services.settings.captions.bot_user:
        policy = services.settings.meetings.policy
        if (await lifecycle.lock(tx, meeting.id)).life.state is not MeetingState.LIVE:
            await lifecycle.happen(
                tx, meeting.id, LifeEvent.CALL_BEGAN, actor=user_id, now=services.now(), policy=policy
            )


async def move_on(services: Services) -> None:
    """Do what time, an empty call or an earlier event has made due; what fails is done by a later sweep."""
    async with services.database.transaction() as tx:
        waiting = await lifecycle.to_look_at(tx, services.now())
    for meeting in waiting:
        await _try(_look(services, meeting), meeting)
    async with services.database.transaction() as tx:
        untidy = await lifecycle.to_tidy(tx)
    for meeting in untidy:
        await _try(_tidy(services, meeting), meeting)


async def _try(step: Coroutine[None, None, None], meeting: Meeting) -> None:
    try:
        await step
    except Unavailable as gone:
        _LOG.warning("meeting_postponed", meeting=meeting.id, what=gone.what)
    except BridgeError:
        _LOG.exception("meeting_step_refused", meeting=meeting.id)


async def _look(services: Services, meeting: Meeting) -> None:
    room, bot = livekit_room(meeting.room_id), services.settings.captions.bot_user
    live = meeting.life.state is MeetingState.LIVE
    there = await services.sfu.identities(room) if live else []
    async with services.database.transaction() as tx:
        people = await calls.people(tx, room, there, but=bot) if there else 0
        event = await lifecycle.look(
            tx, meeting.id, occupied=people > 0, now=services.now(), policy=services.settings.meetings.policy
        )
    if event is not None:
        _LOG.info("meeting_moved_on", meeting=meeting.id, event_=event.value)
        services.watchers.tell(meeting.id)


async def _tidy(services: Services, meeting: Meeting) -> None:
    if meeting.life.state is MeetingState.DELETED:
        if await services.rooms.empty(meeting.room_id):
            async with services.database.transaction() as tx:
                await lifecycle.forget(tx, meeting.id)
        return
    closed = meeting.life.state is MeetingState.ARCHIVED
    await services.rooms.set_closed(meeting.room_id, closed=closed)
    async with services.database.transaction() as tx:
        await lifecycle.room_is(tx, meeting.id, closed=closed)
