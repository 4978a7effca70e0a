# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Captions, by the id that the bot derives: a higher revision replaces, everything else changes nothing."""

# ruff: noqa: S608  # only column lists and limits of this module are pasted into statements

from __future__ import annotations

from bridge.domain.segments import REPLAY, Segment
from bridge.store.database import Connection

_COLUMNS = ", ".join(Segment.__slots__)
_VALUES = ", ".join(f"${number}" for number in range(1, len(Segment.__slots__) + 1))
_REPLACED = ", ".join(f"{name} = EXCLUDED.{name}" for name in Segment.__slots__ if name != "id")


async def put(tx: Connection, segment: Segment) -> bool:
    """Store a segment; tell whether that changed anything. The room of a known id never changes."""
    return bool(
        await tx.execute(
            f"""INSERT INTO segments ({_COLUMNS}) VALUES ({_VALUES})
                ON CONFLICT (id) DO UPDATE SET {_REPLACED}, updated_at = now()
                WHERE segments.rev < EXCLUDED.rev AND segments.room_id = EXCLUDED.room_id""",
            *(getattr(segment, name) for name in Segment.__slots__),
        )
    )


async def latest(tx: Connection, room_id: str) -> list[Segment]:
    """Return the last segments of a room, oldest first."""
    rows = await tx.rows(
        f"SELECT {_COLUMNS} FROM segments WHERE room_id = $1 ORDER BY start_ms DESC, id DESC LIMIT {REPLAY}", room_id
    )
    return [Segment(**row) for row in reversed(rows)]
