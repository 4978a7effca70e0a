# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Final transcripts by room and call, and how far the pass that writes them is. A document replaces a whole one."""

# ruff: noqa: S608  # only column lists of this module are pasted into statements

from __future__ import annotations

import json
from dataclasses import asdict

from bridge.domain.transcripts import JobState, Paragraph, Passport, Progress, Transcript, passport_json
from bridge.store.database import Connection

_PARAGRAPH = ("id", "start_ms", "end_ms", "user_id", "display_name", "voice", "lang", "text", "words")
_COLUMNS = ", ".join(_PARAGRAPH)
_TYPES = """id text, start_ms bigint, end_ms bigint, user_id text, display_name text, voice text, lang text, text text,
            words jsonb"""


async def put(tx: Connection, transcript: Transcript) -> None:
    """Store a transcript in place of the one before."""
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
    await tx.execute(
        f"""INSERT INTO paragraphs (room_id, call_id, {_COLUMNS})
            SELECT $1, $2, {_COLUMNS} FROM jsonb_to_recordset($3::jsonb) AS given ({_TYPES})""",
        transcript.room_id,
        transcript.call_id,
        json.dumps([asdict(paragraph) for paragraph in transcript.paragraphs]),
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
        tuple(
            Paragraph(**(found | {"words": tuple((word[0], word[1], word[2]) for word in json.loads(found["words"]))}))
            for found in rows
        ),
    )
