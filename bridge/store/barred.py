# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who is let in nowhere: homeservers and people, and the rooms that do not know it yet."""

# ruff: noqa: S608  # only column lists and limits of this module are pasted into statements

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bridge.domain.audit import Action, AuditRow
from bridge.domain.meetings import Meeting
from bridge.domain.names import MeetingId
from bridge.domain.revocation import MAX_LISTED, Barred
from bridge.store import audit
from bridge.store.database import Connection
from bridge.store.meetings import COLUMNS, TABLES, from_row

BATCH = 50
"""Rooms that are brought in line in one go; the next one goes on."""


@dataclass(frozen=True, slots=True)
class Due:
    """A room that may hold somebody who is barred, or an old list; `changes` is what `in_line` has to be told."""

    meeting: Meeting
    changes: int


async def bar(tx: Connection, name: str, *, actor: str, now: datetime) -> None:
    """Let a homeserver or a person in nowhere."""
    await tx.execute("LOCK TABLE meetings IN SHARE ROW EXCLUSIVE MODE")  # a meeting that is being made counts, too
    await tx.execute(
        "INSERT INTO barred (name, barred_by, barred_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", name, actor, now
    )
    await _rooms_are_due(tx)


async def let_in_again(tx: Connection, name: str, *, actor: str) -> bool:
    """Let a homeserver or a person in again; False when they were not barred."""
    await tx.execute("LOCK TABLE meetings IN SHARE ROW EXCLUSIVE MODE")
    if not await tx.execute("DELETE FROM barred WHERE name = $1", name):
        return False
    await _rooms_are_due(tx)
    await audit.append(tx, AuditRow(actor, Action.LET_IN_AGAIN, name))
    return True


async def _rooms_are_due(tx: Connection) -> None:
    await tx.execute("UPDATE meetings SET bars_due = bars_due + 1 WHERE state <> 'deleted'")


async def is_barred(tx: Connection, names: Sequence[str]) -> bool:
    """Tell whether one of these names (`bridge.domain.revocation.names_of`) is barred."""
    return bool(await tx.value("SELECT true FROM barred WHERE name = ANY($1) LIMIT 1", list(names)))


async def every_name(tx: Connection) -> frozenset[str]:
    """Return all that are barred."""
    return frozenset(row["name"] for row in await tx.rows("SELECT name FROM barred"))


async def listed(tx: Connection) -> list[Barred]:
    """Return who is barred, since when, and by whom, the newest first."""
    rows = await tx.rows(
        f"SELECT name, barred_by, barred_at FROM barred ORDER BY barred_at DESC, name LIMIT {MAX_LISTED}"
    )
    return [Barred(row["name"], row["barred_by"], row["barred_at"]) for row in rows]


async def room_is_due(tx: Connection, meeting_id: MeetingId) -> None:
    """Have a room looked at: somebody who is barred was invited, or came in."""
    await tx.execute("UPDATE meetings SET bars_due = bars_due + 1 WHERE id = $1", meeting_id)


async def due(tx: Connection) -> list[Due]:
    """Return rooms that have to be looked at, running calls first, else in no order."""
    rows = await tx.rows(
        f"""SELECT {COLUMNS}, bars_due FROM {TABLES} WHERE bars_due > 0 AND state <> 'deleted'
            ORDER BY state <> 'live', random() LIMIT {BATCH}"""
    )
    return [Due(from_row(row), row["bars_due"]) for row in rows]


async def in_line(tx: Connection, looked_at: Due) -> None:
    """Write down that a room is as it should be, unless something changed since it was looked at."""
    await tx.execute(
        "UPDATE meetings SET bars_due = 0 WHERE id = $1 AND bars_due = $2", looked_at.meeting.id, looked_at.changes
    )
