# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Meetings, the staff who opened them, and the partners who were brought in."""

# ruff: noqa: S608  # only column lists and limits of this module are pasted into statements

from __future__ import annotations

from bridge.domain.audit import SYSTEM, Action, AuditRow
from bridge.domain.lifecycle import Life, MeetingState
from bridge.domain.meetings import Meeting
from bridge.domain.names import InviteId, MeetingId, RoomId, UserId
from bridge.store import audit
from bridge.store.database import Connection, Row

MAX_LISTED = 200
"""Meetings in one answer. Stops: pages that never end."""

COLUMNS = """id, title, room_id, organizer, created_at, agenda, locked, state, state_since, ended_by, occupied_at,
    starts_at, ends_at, more"""


def from_row(row: Row) -> Meeting:
    """Return the meeting of a row of `COLUMNS`."""
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
        ),
        row["agenda"],
        row["locked"],
    )


async def create(tx: Connection, *, meeting_id: str, title: str, room_id: str, organizer: str, actor: str) -> Meeting:
    """Write down a meeting whose room exists."""
    row = await tx.row(
        f"INSERT INTO meetings (id, title, room_id, organizer) VALUES ($1, $2, $3, $4) RETURNING {COLUMNS}",
        meeting_id,
        title,
        room_id,
        organizer,
    )
    assert row is not None
    await audit.append(tx, AuditRow(actor, Action.MEETING_CREATED, meeting_id, {"room_id": room_id}))
    return from_row(row)


async def by_id(tx: Connection, meeting_id: str) -> Meeting | None:
    """Return a meeting, or None; a deleted one is none."""
    row = await tx.row(f"SELECT {COLUMNS} FROM meetings WHERE id = $1 AND state <> 'deleted'", meeting_id)
    return None if row is None else from_row(row)


async def by_room(tx: Connection, room_id: str) -> Meeting | None:
    """Return the meeting of a room, or None for a room that is none of ours."""
    row = await tx.row(f"SELECT {COLUMNS} FROM meetings WHERE room_id = $1 AND state <> 'deleted'", room_id)
    return None if row is None else from_row(row)


async def of_staff(tx: Connection, user_id: str) -> list[Meeting]:
    """Return what somebody organises or was let into, newest first."""
    rows = await tx.rows(
        f"""SELECT {COLUMNS} FROM meetings WHERE state <> 'deleted' AND
            (organizer = $1 OR id IN (SELECT meeting_id FROM meeting_staff WHERE user_id = $1))
            ORDER BY created_at DESC, id LIMIT {MAX_LISTED}""",
        user_id,
    )
    return [from_row(row) for row in rows]


async def by_title(tx: Connection, title: str | None) -> list[Meeting]:
    """Return the meetings of a title (or all) that are not put away, newest first; for operators."""
    rows = await tx.rows(
        f"""SELECT {COLUMNS} FROM meetings
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
        "INSERT INTO partners (meeting_id, user_id, invite_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        meeting_id,
        user_id,
        invite_id,
    )
    if added:
        await audit.append(tx, AuditRow(actor, Action.PARTNER_INVITED, meeting_id, {"user_id": user_id}))
    return bool(added)


async def drop_partner(tx: Connection, meeting_id: MeetingId, user_id: str) -> None:
    """Take a partner back whose homeserver could not be invited."""
    if await tx.execute("DELETE FROM partners WHERE meeting_id = $1 AND user_id = $2", meeting_id, user_id):
        await audit.append(tx, AuditRow(SYSTEM, Action.PARTNER_FAILED, meeting_id, {"user_id": user_id}))
