# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Final transcripts by room and call, and how far the pass that writes them is. A document replaces a whole one."""

# ruff: noqa: S608  # only column lists of this module are pasted into statements

from __future__ import annotations

import json
from dataclasses import asdict

from bridge.domain.corrections import apply
from bridge.domain.segments import CORRECTED
from bridge.domain.transcript_reading import Call
from bridge.domain.transcripts import JobState, Paragraph, Passport, Progress, Transcript, passport_json
from bridge.store import corrections
from bridge.store.database import Connection, Row

_PARAGRAPH = ("id", "start_ms", "end_ms", "user_id", "display_name", "voice", "lang", "text", "words", *CORRECTED)
_COLUMNS = ", ".join(_PARAGRAPH)
_TYPES = """id text, start_ms bigint, end_ms bigint, user_id text, display_name text, voice text, lang text, text text,
            words jsonb, corrected_by text, corrected_name text, corrected_at bigint"""

PURGE_BATCH = 20
"""Calls that one sweep forgets. Stops: one long deletion holding everybody else's statements up."""
MAX_CALLS = 200
"""Calls of one meeting in one answer. Stops: pages that never end."""


async def put(tx: Connection, transcript: Transcript, *, withdrawn: frozenset[str] = frozenset()) -> None:
    """Store a transcript in place of the one before.

    What people corrected is carried into it, but not in the words of those who have withdrawn.
    """
    await tx.execute(
        """INSERT INTO transcripts (room_id, call_id, state, done, started_ms, ended_ms, model)
           VALUES ($1, $2, $3, 1, $4, $5, $6::jsonb)
           ON CONFLICT (room_id, call_id) DO UPDATE SET state = $3, done = 1, started_ms = $4, ended_ms = $5,
               model = $6::jsonb, updated_at = now()""",
        transcript.room_id,
        transcript.call_id,
        JobState.DONE.value,
        transcript.started_ms,
        transcript.ended_ms,
        json.dumps(passport_json(transcript.model)),
    )
    await tx.execute(
        "DELETE FROM paragraphs WHERE room_id = $1 AND call_id = $2", transcript.room_id, transcript.call_id
    )
    corrected = await corrections.of_call(tx, transcript.room_id, transcript.call_id)
    merged = apply(transcript.paragraphs, [one for one in corrected if one.user_id not in withdrawn])
    await tx.execute(
        f"""INSERT INTO paragraphs (room_id, call_id, {_COLUMNS})
            SELECT $1, $2, {_COLUMNS} FROM jsonb_to_recordset($3::jsonb) AS given ({_TYPES})""",
        transcript.room_id,
        transcript.call_id,
        json.dumps([asdict(paragraph) for paragraph in merged]),
    )


async def put_progress(tx: Connection, progress: Progress) -> None:
    """Write down how far the final pass is; a document that is there stays."""
    await tx.execute(
        """INSERT INTO transcripts (room_id, call_id, state, done) VALUES ($1, $2, $3, $4)
           ON CONFLICT (room_id, call_id) DO UPDATE SET state = $3, done = $4, updated_at = now()""",
        progress.room_id,
        progress.call_id,
        progress.state.value,
        progress.done,
    )


async def progress_of(tx: Connection, room_id: str, call_id: str) -> Progress | None:
    """Return how far the final pass of a call is, or None when there was none."""
    row = await tx.row("SELECT state, done FROM transcripts WHERE room_id = $1 AND call_id = $2", room_id, call_id)
    return None if row is None else Progress(room_id, call_id, JobState(row["state"]), row["done"])


async def find(tx: Connection, room_id: str, call_id: str) -> Transcript | None:
    """Return the final transcript of a call, or None while there is none."""
    row = await tx.row(
        """SELECT started_ms, ended_ms, model FROM transcripts
           WHERE room_id = $1 AND call_id = $2 AND model IS NOT NULL""",
        room_id,
        call_id,
    )
    if row is None:
        return None
    rows = await tx.rows(
        f"SELECT {_COLUMNS} FROM paragraphs WHERE room_id = $1 AND call_id = $2 ORDER BY start_ms, id",
        room_id,
        call_id,
    )
    return Transcript(
        room_id,
        call_id,
        row["started_ms"],
        row["ended_ms"],
        Passport(**json.loads(row["model"])),
        tuple(_paragraph(found) for found in rows),
    )


async def purge(tx: Connection, said_before_ms: int) -> int:
    """Forget the calls that ended before a moment, live lines, final text and corrections; return how many calls.

    A few at a time, the oldest first: the next sweep goes on.
    """
    ended = await tx.rows(
        f"""SELECT room_id, call_id FROM (
                SELECT room_id, call_id, max(end_ms) AS ended_ms FROM segments GROUP BY room_id, call_id
                UNION ALL
                SELECT room_id, call_id, coalesce(ended_ms, (extract(epoch FROM updated_at) * 1000)::bigint)
                FROM transcripts
            ) AS said GROUP BY room_id, call_id HAVING max(ended_ms) < $1 ORDER BY max(ended_ms) LIMIT {PURGE_BATCH}""",
        said_before_ms,
    )
    for call in ended:
        for table in ("corrections", "transcripts", "segments"):  # paragraphs go with their transcript
            await tx.execute(
                f"DELETE FROM {table} WHERE room_id = $1 AND call_id = $2", call["room_id"], call["call_id"]
            )
    return len(ended)


async def is_final(tx: Connection, room_id: str, call_id: str) -> bool:
    """Tell whether the final text of a call is there."""
    return bool(
        await tx.value(
            "SELECT true FROM transcripts WHERE room_id = $1 AND call_id = $2 AND model IS NOT NULL", room_id, call_id
        )
    )


async def find_paragraph(tx: Connection, room_id: str, call_id: str, paragraph_id: str) -> Paragraph | None:
    """Return a paragraph of a final transcript, held for a change, or None."""
    row = await tx.row(
        f"SELECT {_COLUMNS} FROM paragraphs WHERE room_id = $1 AND call_id = $2 AND id = $3 FOR UPDATE",
        room_id,
        call_id,
        paragraph_id,
    )
    return None if row is None else _paragraph(row)


async def correct(
    tx: Connection, room_id: str, call_id: str, paragraph_id: str, *, text: str, by: str, name: str, at: int
) -> Paragraph:
    """Put a person's text in place of a paragraph's; whoever calls has written down what stood there."""
    row = await tx.row(
        f"""UPDATE paragraphs SET text = $4, words = '[]', corrected_by = $5, corrected_name = $6, corrected_at = $7
            WHERE room_id = $1 AND call_id = $2 AND id = $3 RETURNING {_COLUMNS}""",
        room_id,
        call_id,
        paragraph_id,
        text,
        by,
        name,
        at,
    )
    assert row is not None
    return _paragraph(row)


async def calls(tx: Connection, room_id: str, *, call_id: str | None = None) -> list[Call]:
    """Return the calls of a room (or one of them) of which there is a text or will be one, newest first."""
    rows = await tx.rows(
        f"""WITH live AS (
                SELECT call_id, min(start_ms) AS started_ms, max(end_ms) AS ended_ms, max(updated_at) AS heard_at
                FROM segments
                WHERE room_id = $1 AND call_id <> '' AND ($2::text IS NULL OR call_id = $2) GROUP BY call_id
            ), pass AS (
                SELECT * FROM transcripts WHERE room_id = $1 AND ($2::text IS NULL OR call_id = $2)
            )
            SELECT call_id,
                coalesce(pass.started_ms, live.started_ms, queued_ms) AS started_ms,
                coalesce(pass.ended_ms, live.ended_ms, queued_ms) AS ended_ms,
                pass.state AS job, coalesce(pass.done, 0) AS done, pass.model IS NOT NULL AS final,
                extract(epoch FROM now() - live.heard_at)::double precision AS quiet_s
            FROM live FULL JOIN pass USING (call_id)
            CROSS JOIN LATERAL (SELECT (extract(epoch FROM pass.updated_at) * 1000)::bigint AS queued_ms) AS stamp
            ORDER BY started_ms DESC, call_id LIMIT {MAX_CALLS}""",
        room_id,
        call_id,
    )
    return [Call(**(row | {"job": None if row["job"] is None else JobState(row["job"])})) for row in rows]


def _paragraph(row: Row) -> Paragraph:
    words = tuple((word[0], word[1], word[2]) for word in json.loads(row["words"]))
    return Paragraph(**(row | {"words": words}))
