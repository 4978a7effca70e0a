# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Captions, by the id that the bot derives: a higher revision replaces, everything else changes nothing.

The column `rev` is the bot's own; what leaves here counts the corrections, too, so that each of them is newer than all
before. What somebody corrected the bot cannot rewrite, but it can take it back: words whose speaker withdrew go.
"""

# ruff: noqa: S608  # only column lists and limits of this module are pasted into statements

from __future__ import annotations

from collections.abc import Iterable

from bridge.domain.segments import REPLAY, SPOKEN, Segment
from bridge.store.database import Connection, Row

MAX_LINES = 20_000
"""Live lines of one call that are read; over a day of talk. Stops: a page that never ends."""
MAX_CORRECTED = 200
"""Corrected lines that a bot gets first when it begins to listen. Stops: an answer without end."""

OVER_S = 3 * 3600
"""Of a call that was silent for so long nothing is shown beside the next one; its transcript has it."""
MAX_RECALLED = 500
"""Lines of a call that a bot gets back which died; half an hour of many people. Stops: an answer without end."""
ABANDONED_S = 30
"""A line without a new revision for so long will not be finished: its bot died. Longer than an utterance takes."""

_WRITTEN = ", ".join(SPOKEN)
_VALUES = ", ".join(f"${number}" for number in range(1, len(SPOKEN) + 1))
_REPLACED = ", ".join(f"{name} = EXCLUDED.{name}" for name in SPOKEN if name != "id")
_READ = ", ".join(
    "segments.rev + segments.corrections AS rev" if name == "rev" else f"segments.{name}" for name in Segment.__slots__
)
_TAKEN_BACK = "EXCLUDED.final AND EXCLUDED.text = ''"


async def put(tx: Connection, segment: Segment) -> Segment | None:
    """Store what the bot says; return the segment as it is now, or None when that changed nothing.

    The room of a known id never changes.
    """
    row = await tx.row(
        f"""INSERT INTO segments ({_WRITTEN}) VALUES ({_VALUES})
            ON CONFLICT (id) DO UPDATE SET {_REPLACED}, updated_at = now(),
                corrected_by = '', corrected_name = '', corrected_at = 0
            WHERE segments.rev < EXCLUDED.rev AND segments.room_id = EXCLUDED.room_id
                AND (segments.corrections = 0 OR ({_TAKEN_BACK}))
            RETURNING {_READ}, corrections""",
        *(getattr(segment, name) for name in SPOKEN),
    )
    if row is None:
        return None
    if row.pop("corrections"):
        await tx.execute("DELETE FROM corrections WHERE kind = 'segment' AND target = $1", segment.id)
    return Segment(**row)


async def latest(tx: Connection, room_id: str) -> list[Segment]:
    """Return the last segments of a room's call, oldest first; none of a call that is over."""
    rows = await tx.rows(
        f"""WITH newest AS (
                SELECT call_id, updated_at FROM segments WHERE room_id = $1 ORDER BY start_ms DESC, id DESC LIMIT 1
            ), going AS (
                SELECT call_id FROM newest
                WHERE updated_at > now() - interval '{OVER_S} seconds' AND NOT EXISTS (
                    SELECT FROM transcripts
                    WHERE room_id = $1 AND transcripts.call_id = newest.call_id AND model IS NOT NULL
                )
            )
            SELECT {_READ} FROM segments WHERE room_id = $1 AND call_id = (SELECT call_id FROM going)
            ORDER BY start_ms DESC, id DESC LIMIT {REPLAY}""",
        room_id,
    )
    return _segments(reversed(rows))


async def find(tx: Connection, room_id: str, segment_id: str) -> Segment | None:
    """Return a segment of a room, held for a change, or None."""
    row = await tx.row(f"SELECT {_READ} FROM segments WHERE id = $1 AND room_id = $2 FOR UPDATE", segment_id, room_id)
    return None if row is None else Segment(**row)


async def correct(tx: Connection, segment_id: str, *, text: str, by: str, name: str, at: int) -> Segment:
    """Put a person's text in place of what was heard; whoever calls has written down what stood there."""
    row = await tx.row(
        f"""UPDATE segments SET text = $2, stable_chars = char_length($2), corrections = corrections + 1,
                corrected_by = $3, corrected_name = $4, corrected_at = $5
            WHERE id = $1 RETURNING {_READ}""",
        segment_id,
        text,
        by,
        name,
        at,
    )
    assert row is not None
    return Segment(**row)


async def of_call(tx: Connection, room_id: str, call_id: str) -> list[Segment]:
    """Return the finished lines of a call in the order of speech, those that were struck out and those that a bot
    which died left behind among them.
    """
    rows = await tx.rows(
        f"""SELECT {_READ} FROM segments
            WHERE room_id = $1 AND call_id = $2
                AND (final OR updated_at < now() - interval '{ABANDONED_S} seconds')
                AND (text <> '' OR corrected_by <> '')
            ORDER BY start_ms, id LIMIT {MAX_LINES}""",
        room_id,
        call_id,
    )
    return _segments(rows)


async def newest(tx: Connection, room_id: str, call_id: str) -> list[Segment]:
    """Return the newest lines of a call as they stand, finished or not, oldest first."""
    rows = await tx.rows(
        f"""SELECT {_READ} FROM segments WHERE room_id = $1 AND call_id = $2 AND text <> ''
            ORDER BY start_ms DESC, id DESC LIMIT {MAX_RECALLED}""",
        room_id,
        call_id,
    )
    return _segments(reversed(rows))


async def corrected(tx: Connection, room_id: str) -> list[Segment]:
    """Return the lines of a room that were corrected last, oldest first."""
    rows = await tx.rows(
        f"""SELECT {_READ} FROM segments WHERE room_id = $1 AND corrected_by <> ''
            ORDER BY corrected_at DESC, id LIMIT {MAX_CORRECTED}""",
        room_id,
    )
    return _segments(reversed(rows))


def _segments(rows: Iterable[Row]) -> list[Segment]:
    return [Segment(**row) for row in rows]
