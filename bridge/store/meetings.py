# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Meetings, the staff who opened them, and the partners who were brought in."""

# ruff: noqa: S608  # only column lists and limits of this module are pasted into statements

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime

from bridge.domain.audit import SYSTEM, Action, AuditRow
from bridge.domain.lifecycle import Life, MeetingState
from bridge.domain.lobby import LobbyPolicy
from bridge.domain.meetings import Meeting
from bridge.domain.names import InviteId, MeetingId, RoomId, UserId
from bridge.store import audit, schedules
from bridge.store.database import Connection, Row

MAX_LISTED = 200
"""Meetings in one answer. Stops: pages that never end."""

COLUMNS = f"""id, title, room_id, organizer, created_at, agenda, locked, lobby, state, state_since, ended_by,
    occupied_at, starts_at, ends_at, more, called_off, done_until,
    {schedules.COLUMNS}"""
TABLES = "meetings LEFT JOIN schedules ON schedules.meeting_id = meetings.id"


def from_row(row: Row) -> Meeting:
    """Return the meeting of a row of `COLUMNS` from `TABLES`."""
    return Meeting(
        MeetingId(row["id"]),
        row["title"],
        RoomId(row["room_id"]),
        UserId(row["organizer"]),
        row["created_at"],
        Life(
            MeetingState(row["state"]),
            row["state_since"],
            row["ended_by"],
            row["occupied_at"],
            row["starts_at"],
            row["ends_at"],
            row["more"],
            row["called_off"],
            row["done_until"],
        ),
        row["agenda"],
        row["locked"],
        LobbyPolicy(row["lobby"]),
        schedules.from_row(row),
    )


async def create(
    tx: Connection,
    *,
    meeting_id: str,
    title: str,
    room_id: str,
    organizer: str,
    actor: str,
    agenda: str = "",
    lobby: LobbyPolicy = LobbyPolicy.OFF,
) -> Meeting:
    """Write down a meeting whose room exists."""
    await tx.execute(
        "INSERT INTO meetings (id, title, room_id, organizer, agenda, lobby, bars_due)"
        " VALUES ($1, $2, $3, $4, $5, $6, (SELECT count(*) FROM barred))",
        meeting_id,
        title,
        room_id,
        organizer,
        agenda,
        lobby.value,
    )
    await audit.append(tx, AuditRow(actor, Action.MEETING_CREATED, meeting_id, {"room_id": room_id}))
    meeting = await by_id(tx, meeting_id)
    assert meeting is not None
    return meeting


async def by_id(tx: Connection, meeting_id: str) -> Meeting | None:
    """Return a meeting, or None; a deleted one is none."""
    row = await tx.row(f"SELECT {COLUMNS} FROM {TABLES} WHERE id = $1 AND state <> 'deleted'", meeting_id)
    return None if row is None else from_row(row)


async def by_id_even_deleted(tx: Connection, meeting_id: MeetingId) -> Meeting | None:
    """Return a meeting that may be on its way out, for those who are still to hear of that."""
    row = await tx.row(f"SELECT {COLUMNS} FROM {TABLES} WHERE id = $1", meeting_id)
    return None if row is None else from_row(row)


async def by_room(tx: Connection, room_id: str) -> Meeting | None:
    """Return the meeting of a room, or None for a room that is none of ours."""
    row = await tx.row(f"SELECT {COLUMNS} FROM {TABLES} WHERE room_id = $1 AND state <> 'deleted'", room_id)
    return None if row is None else from_row(row)


async def ids_of(tx: Connection, room_ids: Set[str]) -> list[MeetingId]:
    """Return the meetings of some rooms."""
    rows = await tx.rows("SELECT id FROM meetings WHERE room_id = ANY($1) AND state <> 'deleted'", list(room_ids))
    return [MeetingId(row["id"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which meetings somebody asks for; `begin` and `end` ask for what takes place between them, or has no time."""

    states: frozenset[MeetingState] = frozenset(MeetingState) - {MeetingState.ARCHIVED, MeetingState.DELETED}
    begin: datetime | None = None
    end: datetime | None = None


async def of_staff(tx: Connection, user_id: str, which: Filter = Filter()) -> list[Meeting]:
    """Return what somebody organises or was let into, newest first."""
    rows = await tx.rows(
        f"""SELECT {COLUMNS} FROM {TABLES} WHERE state = ANY($2) AND state <> 'deleted' AND
            (organizer = $1 OR id IN (SELECT meeting_id FROM meeting_staff WHERE user_id = $1))
            AND ($3::timestamptz IS NULL OR ends_at IS NULL OR ends_at > $3)
            AND ($4::timestamptz IS NULL OR starts_at IS NULL OR starts_at < $4)
            ORDER BY created_at DESC, id LIMIT {MAX_LISTED}""",
        user_id,
        [state.value for state in which.states],
        which.begin,
        which.end,
    )
    return [from_row(row) for row in rows]


async def reword(tx: Connection, meeting_id: str, *, title: str, agenda: str) -> None:
    """Give a meeting another title and agenda."""
    await tx.execute("UPDATE meetings SET title = $2, agenda = $3 WHERE id = $1", meeting_id, title, agenda)


async def set_locked(tx: Connection, meeting_id: str, *, locked: bool) -> None:
    """Lock a meeting, or unlock it."""
    await tx.execute("UPDATE meetings SET locked = $2 WHERE id = $1", meeting_id, locked)


async def set_lobby(tx: Connection, meeting_id: str, policy: LobbyPolicy) -> None:
    """Say for whom a meeting has a lobby."""
    await tx.execute("UPDATE meetings SET lobby = $2 WHERE id = $1", meeting_id, policy.value)


async def by_title(tx: Connection, title: str | None) -> list[Meeting]:
    """Return the meetings of a title (or all) that are not put away, newest first; for operators."""
    rows = await tx.rows(
        f"""SELECT {COLUMNS} FROM {TABLES}
            WHERE state NOT IN ('archived', 'deleted') AND ($1::text IS NULL OR title = $1)
            ORDER BY created_at DESC, id LIMIT {MAX_LISTED}""",
        title,
    )
    return [from_row(row) for row in rows]


async def add_staff(tx: Connection, meeting_id: str, user_id: str, *, let_in_by: str | None = None) -> None:
    """Remember that a member of staff may come in, or came in by themselves; a second time changes nothing."""
    added = await tx.execute(
        "INSERT INTO meeting_staff (meeting_id, user_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", meeting_id, user_id
    )
    if not added:
        return
    row = AuditRow(user_id, Action.STAFF_JOINED, meeting_id)
    if let_in_by is not None:
        row = AuditRow(let_in_by, Action.STAFF_LET_IN, meeting_id, {"user": user_id})
    await audit.append(tx, row)


async def drop_staff(tx: Connection, meeting_id: str, user_id: str) -> None:
    """Forget that somebody was let in, because somebody else took them out of the room: they need a link again."""
    await tx.execute("DELETE FROM meeting_staff WHERE meeting_id = $1 AND user_id = $2", meeting_id, user_id)


async def is_staff_of(tx: Connection, meeting: Meeting, user_id: str) -> bool:
    """Tell whether somebody organises this meeting or was let in before."""
    if meeting.organizer == user_id:
        return True
    return bool(
        await tx.value("SELECT true FROM meeting_staff WHERE meeting_id = $1 AND user_id = $2", meeting.id, user_id)
    )


async def add_partner(
    tx: Connection, meeting_id: MeetingId, user_id: str, *, invite_id: InviteId | None, actor: str
) -> bool:
    """Write down a partner before the Matrix invitation; False when they were already."""
    added = await tx.execute(
        """INSERT INTO partners (meeting_id, user_id, invite_id) VALUES ($1, $2, $3)
           ON CONFLICT (meeting_id, user_id) DO UPDATE SET invite_id = $3, revoked_at = NULL
           WHERE partners.revoked_at IS NOT NULL""",
        meeting_id,
        user_id,
        invite_id,
    )
    if added:
        await audit.append(tx, AuditRow(actor, Action.PARTNER_INVITED, meeting_id, {"user_id": user_id}))
    return bool(added)


async def is_partner(tx: Connection, meeting_id: MeetingId, user_id: str) -> bool:
    """Tell whether a partner was invited before."""
    return bool(await tx.value("SELECT true FROM partners WHERE meeting_id = $1 AND user_id = $2", meeting_id, user_id))


async def drop_partner(tx: Connection, meeting_id: MeetingId, user_id: str) -> None:
    """Take a partner back whose homeserver could not be invited."""
    if await tx.execute("DELETE FROM partners WHERE meeting_id = $1 AND user_id = $2", meeting_id, user_id):
        await audit.append(tx, AuditRow(SYSTEM, Action.PARTNER_FAILED, meeting_id, {"user_id": user_id}))


async def forget_partner(tx: Connection, meeting_id: MeetingId, user_id: UserId) -> None:
    """Forget a partner whom somebody took out of the room: they come by a link that opens, or not at all."""
    await tx.execute("DELETE FROM partners WHERE meeting_id = $1 AND user_id = $2", meeting_id, user_id)
