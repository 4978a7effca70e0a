# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What hosts do with meetings, wherever they say it: the API, the pages and the bot call the same functions.

Whether somebody may is a question to the room's power levels, and to nothing else.
"""

from __future__ import annotations

import secrets
from datetime import datetime

from bridge.domain.audit import Action, AuditRow
from bridge.domain.display_name import clean_title
from bridge.domain.errors import Refused
from bridge.domain.lifecycle import LifeEvent, end_by_host
from bridge.domain.lobby import LobbyPolicy
from bridge.domain.meetings import Meeting
from bridge.domain.names import OUR_ID_BYTES, MeetingId, UserId
from bridge.domain.planning import Times, clean_agenda, plan, reworded
from bridge.domain.recurrence import Schedule, cancel_all, cancel_one, move_one
from bridge.matrix.rooms import HOST_LEVEL
from bridge.store import audit, lifecycle, meetings, schedules
from bridge.store.database import Connection
from bridge.web import admission, life
from bridge.web.context import Services


async def require_level(services: Services, meeting: Meeting, user_id: UserId, level: int = HOST_LEVEL) -> None:
    """Refuse whoever has not this power level in the meeting's room."""
    if await services.rooms.level_of(meeting.room_id, user_id) < level:
        who = "organiser" if level > HOST_LEVEL else "host"
        raise Refused(403, "M_FORBIDDEN", f"Only the {who} of this meeting may do this.")


async def create(
    services: Services,
    *,
    raw_title: str,
    organizer: UserId,
    actor: str,
    raw_agenda: str = "",
    times: Times | None = None,
    meeting_id: MeetingId | None = None,
    lobby: LobbyPolicy | None = None,
) -> Meeting:
    """Make a meeting, open at once or at its time; its organiser is in the room when they are of our homeserver."""
    title, agenda = clean_title(raw_title), clean_agenda(raw_agenda)
    meeting_id = meeting_id or MeetingId(secrets.token_urlsafe(OUR_ID_BYTES))
    schedule = None if times is None else plan(None, times, uid=_uid(services, meeting_id), now=services.now())
    room_id = await services.rooms.create(title, organizer)
    async with services.database.transaction() as tx:
        meeting = await meetings.create(
            tx,
            meeting_id=meeting_id,
            title=title,
            room_id=room_id,
            organizer=organizer,
            actor=actor,
            agenda=agenda,
            lobby=lobby or services.settings.meetings.lobby,
        )
        if schedule is not None:
            meeting = await _replan(services, tx, meeting_id, schedule, actor)
    await admission.join_local(services, room_id, organizer)
    return meeting


async def change(
    services: Services,
    meeting: Meeting,
    actor: str,
    *,
    raw_title: str | None = None,
    raw_agenda: str | None = None,
    times: Times | None = None,
) -> Meeting:
    """Change what is given; whatever invitees see raises the schedule's sequence, by one for all of it."""
    title = meeting.title if raw_title is None else clean_title(raw_title)
    agenda = meeting.agenda if raw_agenda is None else clean_agenda(raw_agenda)
    if title != meeting.title:
        await services.rooms.rename(meeting.room_id, title)
    async with services.database.transaction() as tx:
        was = await lifecycle.lock(tx, meeting.id)
        changed = [
            name for name, new, old in (("title", title, was.title), ("agenda", agenda, was.agenda)) if new != old
        ]
        if changed:
            await meetings.reword(tx, meeting.id, title=title, agenda=agenda)
        if times is not None:
            schedule = plan(was.schedule, times, uid=_uid(services, meeting.id), now=services.now())
            await _replan(services, tx, meeting.id, schedule, actor)
            changed.append("times")
        elif changed and was.schedule is not None:
            await schedules.put(tx, meeting.id, reworded(was.schedule))
        if changed:
            await audit.append(tx, AuditRow(actor, Action.MEETING_CHANGED, meeting.id, {"what": ", ".join(changed)}))
        after = await lifecycle.lock(tx, meeting.id)
    services.sweep_now()
    services.watchers.tell(meeting.id)
    return after


async def change_date(services: Services, meeting: Meeting, actor: str, date: datetime, times: Times | None) -> Meeting:
    """Move one occurrence of a meeting, or cancel it (None); with the last one the meeting is cancelled."""
    async with services.database.transaction() as tx:
        was = await lifecycle.lock(tx, meeting.id)
        if was.schedule is None:
            raise Refused(409, "PASSERELLE_NO_SCHEDULE", "This meeting has no date. Give it a time first.")
        if times is None:
            schedule = cancel_one(was.schedule, date)
        else:
            schedule = move_one(was.schedule, date, times.start, times.duration)
        await _replan(services, tx, meeting.id, schedule, actor)
        what = "date cancelled" if times is None else "date moved"
        await audit.append(tx, AuditRow(actor, Action.MEETING_CHANGED, meeting.id, {"what": what}))
        after = await lifecycle.lock(tx, meeting.id)
    services.sweep_now()
    services.watchers.tell(meeting.id)
    return after


async def cancel(services: Services, meeting: Meeting, actor: str) -> Meeting:
    """Cancel a meeting that has not begun, with all that would follow of its series."""
    async with services.database.transaction() as tx:
        was = await lifecycle.lock(tx, meeting.id)
        schedule = was.schedule
        if schedule is None or schedule.cancelled:
            after = await _happen(services, tx, meeting.id, LifeEvent.CANCELLED, actor)
        else:
            after = await _replan(services, tx, meeting.id, cancel_all(schedule), actor)
    services.sweep_now()
    services.watchers.tell(meeting.id)
    return after


async def end(services: Services, meeting: Meeting, actor: str) -> Meeting:
    """End a meeting for all who are in it; a series goes on with its next occurrence."""
    return await life.happen(services, meeting, end_by_host(meeting.life, services.settings.meetings.policy), actor)


async def set_locked(services: Services, meeting: Meeting, actor: str, *, locked: bool) -> Meeting:
    """Let nobody new in, by a link or an invitation that waits for its answer, or let them in again."""
    async with services.database.transaction() as tx:
        if (await lifecycle.lock(tx, meeting.id)).locked != locked:
            await meetings.set_locked(tx, meeting.id, locked=locked)
            action = Action.MEETING_LOCKED if locked else Action.MEETING_UNLOCKED
            await audit.append(tx, AuditRow(actor, action, meeting.id))
        after = await lifecycle.lock(tx, meeting.id)
    if locked:
        await services.rooms.withdraw_invitations(meeting.room_id)
    services.watchers.tell(meeting.id)
    return after


async def set_lobby(services: Services, meeting: Meeting, actor: str, policy: LobbyPolicy) -> Meeting:
    """Say who has to wait before the doors; whoever waits and need not any more comes in."""
    async with services.database.transaction() as tx:
        if (await lifecycle.lock(tx, meeting.id)).lobby is not policy:
            await meetings.set_lobby(tx, meeting.id, policy)
            data = {"what": "lobby", "lobby": policy.value}
            await audit.append(tx, AuditRow(actor, Action.MEETING_CHANGED, meeting.id, data))
        after = await lifecycle.lock(tx, meeting.id)
    services.watchers.tell(meeting.id)
    return after


async def hosts(services: Services, meeting: Meeting) -> list[str]:
    """Return a meeting's hosts, the organiser first, then by level."""
    levels = (await services.rooms.powers(meeting.room_id)).users
    found = [user for user, level in levels.items() if level >= HOST_LEVEL]
    return sorted(found, key=lambda user: (user != meeting.organizer, -levels[user], user))


async def _replan(services: Services, tx: Connection, meeting_id: MeetingId, schedule: Schedule, actor: str) -> Meeting:
    await schedules.put(tx, meeting_id, schedule)
    event = LifeEvent.CANCELLED if schedule.cancelled else LifeEvent.PLANNED
    return await _happen(services, tx, meeting_id, event, actor)


async def _happen(services: Services, tx: Connection, meeting_id: MeetingId, event: LifeEvent, actor: str) -> Meeting:
    policy = services.settings.meetings.policy
    return await lifecycle.happen(tx, meeting_id, event, actor=actor, now=services.now(), policy=policy)


def _uid(services: Services, meeting_id: MeetingId) -> str:
    return f"{meeting_id}@{services.settings.homeserver.name.partition(':')[0]}"
