# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How a meeting moves on in the database: each event with its audit row and with the end of whoever has to go.

What may follow what stands in `bridge.domain.lifecycle`. The row is locked first, so of two events that race the second
sees what the first has made of the meeting.
"""

# ruff: noqa: S608  # only column lists and limits of this module are pasted into statements

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bridge.domain.audit import SYSTEM, Action, AuditRow
from bridge.domain.errors import Refused
from bridge.domain.lifecycle import (
    Life,
    LifeEvent,
    MeetingState,
    Policy,
    after,
    deadline,
    following,
    planned,
    wake_at,
)
from bridge.domain.meetings import Meeting
from bridge.domain.names import MeetingId
from bridge.store import audit, calls, guests, hands
from bridge.store.database import Connection
from bridge.store.meetings import COLUMNS, TABLES, from_row

BATCH = 50
"""Meetings that one sweep looks at; the next one goes on."""

_BY_HOSTS = frozenset((LifeEvent.ENDED, LifeEvent.CANCELLED))
_EMPTIES = frozenset(
    (LifeEvent.OVER, LifeEvent.PAUSED, LifeEvent.ENDED, LifeEvent.CANCELLED, LifeEvent.ARCHIVED, LifeEvent.DELETED)
)
"""After these nobody is left in the call, and guests are gone."""


async def lock(tx: Connection, meeting_id: MeetingId) -> Meeting:
    """Return a meeting that nobody else changes until the transaction ends; one that was deleted is refused (404)."""
    row = await tx.row(
        f"SELECT {COLUMNS} FROM {TABLES} WHERE id = $1 AND state <> 'deleted' FOR UPDATE OF meetings", meeting_id
    )
    if row is None:
        raise Refused(404, "M_NOT_FOUND", "This meeting was deleted.")
    return from_row(row)


async def happen(
    tx: Connection, meeting_id: MeetingId, event: LifeEvent, *, actor: str, now: datetime, policy: Policy
) -> Meeting:
    """Let something happen to a meeting and return what it is then; refused (409) where the table has no such line."""
    meeting = await lock(tx, meeting_id)
    was = meeting.life
    state = after(was.state, event)
    life = replace(was, state=state, ended_by=actor if event in _BY_HOSTS else None)
    life = replace(life, cancelled=event is LifeEvent.CANCELLED)
    if event is LifeEvent.PLANNED:
        life = planned(life, meeting.schedule, now)
    elif event is LifeEvent.PAUSED:
        life = following(life, meeting.schedule, now, policy)
    if state is not was.state:
        life = replace(life, since=now, occupied_at=now if event is LifeEvent.CALL_BEGAN else None)
    await _write(tx, meeting_id, life, wake_at(life, now, policy))
    if event in _EMPTIES:
        await calls.revoke_room(tx, meeting.room_id)
        await guests.revoke_of_meeting(tx, meeting_id)
        await hands.forget(tx, meeting_id)
    data = {"event": event.value, "from": was.state.value, "to": state.value}
    await audit.append(tx, AuditRow(actor, Action.MEETING_STATE, meeting_id, data))
    row = await tx.row(f"SELECT {COLUMNS} FROM {TABLES} WHERE id = $1", meeting_id)
    assert row is not None  # locked above
    return from_row(row)


async def _write(tx: Connection, meeting_id: MeetingId, life: Life, wake: datetime | None) -> None:
    await tx.execute(
        """UPDATE meetings SET state = $2, state_since = $3, ended_by = $4, occupied_at = $5, starts_at = $6,
           ends_at = $7, more = $8, called_off = $9, done_until = $10, wake_at = $11 WHERE id = $1""",
        meeting_id,
        life.state.value,
        life.since,
        life.ended_by,
        life.occupied_at,
        life.starts_at,
        life.ends_at,
        life.more,
        life.cancelled,
        life.done_until,
        wake,
    )


async def to_look_at(tx: Connection, now: datetime) -> list[Meeting]:
    """Return meetings for which something may be due, the longest due first."""
    rows = await tx.rows(f"SELECT {COLUMNS} FROM {TABLES} WHERE wake_at <= $1 ORDER BY wake_at LIMIT {BATCH}", now)
    return [from_row(row) for row in rows]


async def look(
    tx: Connection, meeting_id: MeetingId, *, occupied: bool, now: datetime, policy: Policy
) -> LifeEvent | None:
    """Let time do to a meeting what is due, and set when to look again; `occupied`: somebody is in the call now."""
    row = await tx.row(f"SELECT {COLUMNS} FROM {TABLES} WHERE id = $1 FOR UPDATE OF meetings", meeting_id)
    if row is None:
        return None
    life = from_row(row).life
    if occupied and life.state is MeetingState.LIVE:
        await tx.execute("UPDATE meetings SET occupied_at = $2 WHERE id = $1", meeting_id, now)
        due = None
    else:
        due = deadline(life, policy)
    if due is not None and due[0] <= now:
        await happen(tx, meeting_id, due[1], actor=SYSTEM, now=now, policy=policy)
        return due[1]
    await tx.execute("UPDATE meetings SET wake_at = $2 WHERE id = $1", meeting_id, wake_at(life, now, policy))
    return None


async def to_tidy(tx: Connection) -> list[Meeting]:
    """Return meetings whose room is not yet as their state wants it: closed, open again, or empty.

    In no order: rooms that stay as they are must not keep the others waiting.
    """
    rows = await tx.rows(
        f"""SELECT {COLUMNS} FROM {TABLES}
            WHERE state = 'deleted' OR (state = 'archived') <> room_closed ORDER BY random() LIMIT {BATCH}"""
    )
    return [from_row(row) for row in rows]


async def room_is(tx: Connection, meeting_id: MeetingId, *, closed: bool) -> None:
    """Write down how the room is now."""
    await tx.execute("UPDATE meetings SET room_closed = $2 WHERE id = $1", meeting_id, closed)


async def forget(tx: Connection, meeting_id: MeetingId) -> bool:
    """Delete a meeting and all that belongs to it; False while guests' accounts are there, or letters have to leave."""
    done = await tx.execute(
        """DELETE FROM meetings WHERE id = $1 AND state = 'deleted'
           AND NOT EXISTS (SELECT true FROM guests WHERE meeting_id = $1 AND state <> 'ended')
           AND NOT EXISTS (SELECT true FROM invitees WHERE meeting_id = $1 AND due_at IS NOT NULL)""",
        meeting_id,
    )
    if done:
        await audit.append(tx, AuditRow(SYSTEM, Action.MEETING_FORGOTTEN, meeting_id))
    return bool(done)
