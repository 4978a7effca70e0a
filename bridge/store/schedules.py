# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Schedules of meetings as rows: wall times of their zone stay wall times here."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from bridge.domain.names import MeetingId
from bridge.domain.recurrence import Move, Schedule
from bridge.store.database import Connection, Row

COLUMNS = "uid, start, zone, duration_s, rrule, exdates, moves, sequence, cancelled"


def from_row(row: Row) -> Schedule | None:
    """Return the schedule of a row of `COLUMNS`, or None where a join found none."""
    if row["uid"] is None:
        return None
    return Schedule(
        uid=row["uid"],
        start=row["start"],
        zone=row["zone"],
        duration=timedelta(seconds=row["duration_s"]),
        rrule=row["rrule"],
        exdates=tuple(row["exdates"]),
        moves=tuple(
            Move(datetime.fromisoformat(name), datetime.fromisoformat(start), timedelta(seconds=duration_s))
            for name, start, duration_s in json.loads(row["moves"])
        ),
        sequence=row["sequence"],
        cancelled=row["cancelled"],
    )


async def put(tx: Connection, meeting_id: MeetingId, schedule: Schedule) -> None:
    """Write a meeting's schedule in place of the one before."""
    moves = [
        (move.recurrence_id.isoformat(), move.start.isoformat(), _seconds(move.duration)) for move in schedule.moves
    ]
    await tx.execute(
        """INSERT INTO schedules (meeting_id, uid, start, zone, duration_s, rrule, exdates, moves, sequence, cancelled)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10)
           ON CONFLICT (meeting_id) DO UPDATE SET start = $3, zone = $4, duration_s = $5, rrule = $6, exdates = $7,
               moves = $8::jsonb, sequence = $9, cancelled = $10""",
        meeting_id,
        schedule.uid,
        schedule.start,
        schedule.zone,
        _seconds(schedule.duration),
        schedule.rrule,
        list(schedule.exdates),
        json.dumps(moves),
        schedule.sequence,
        schedule.cancelled,
    )


def _seconds(duration: timedelta) -> int:
    return duration // timedelta(seconds=1)
