# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who corrected what and when, and what stood there; gone with the meeting, or when the words are taken back."""

# ruff: noqa: S608  # only a limit of this module is pasted into statements

from __future__ import annotations

import enum

from bridge.domain.audit import Action, AuditRow
from bridge.domain.corrections import MAX_CORRECTIONS, Correction, Past
from bridge.domain.errors import Refused
from bridge.domain.transcripts import Paragraph
from bridge.store import audit
from bridge.store.database import Connection, Row

MAX_HISTORY = 100
"""Corrections of one line in one answer, the last ones. Stops: two people who correct each other without end."""


class Kind(enum.StrEnum):
    """What was corrected: a live line, or a paragraph of the final text."""

    SEGMENT = "segment"
    PARAGRAPH = "paragraph"


async def append(
    tx: Connection, correction: Correction, *, kind: Kind, meeting_id: str, room_id: str, call_id: str, before: str
) -> None:
    """Write a correction down, or refuse one too many."""
    known = await tx.value("SELECT count(*) FROM corrections WHERE room_id = $1 AND call_id = $2", room_id, call_id)
    if known >= MAX_CORRECTIONS:
        raise Refused(409, "PASSERELLE_TOO_MANY_CORRECTIONS", "This call has more corrections than are kept.")
    await tx.execute(
        """INSERT INTO corrections (room_id, call_id, kind, target, user_id, display_name, voice, lang, start_ms,
               end_ms, before, text, by, by_name, at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)""",
        room_id,
        call_id,
        kind.value,
        correction.target,
        correction.user_id,
        correction.display_name,
        correction.voice,
        correction.lang,
        correction.start_ms,
        correction.end_ms,
        before,
        correction.text,
        correction.by,
        correction.by_name,
        correction.at,
    )
    data = {"call": call_id, kind.value: correction.target}
    await audit.append(tx, AuditRow(correction.by, Action.CAPTION_CORRECTED, meeting_id, data))


async def of_segment(tx: Connection, room_id: str, segment_id: str) -> list[Past]:
    """Return the last corrections of a live line, oldest first."""
    rows = await tx.rows(
        f"""SELECT by, by_name AS name, at, before, text FROM corrections
            WHERE room_id = $1 AND kind = 'segment' AND target = $2 ORDER BY seq DESC LIMIT {MAX_HISTORY}""",
        room_id,
        segment_id,
    )
    return _history(rows)


async def of_paragraph(tx: Connection, room_id: str, call_id: str, paragraph: Paragraph) -> list[Past]:
    """Return the last corrections of a paragraph, oldest first, those of its live lines among them: what the same
    person said meanwhile, as corrections come into the final text.
    """
    rows = await tx.rows(
        f"""SELECT by, by_name AS name, at, before, text FROM corrections
            WHERE room_id = $1 AND call_id = $2 AND (
                (kind = 'paragraph' AND target = $3)
                OR (kind = 'segment' AND user_id = $4
                    AND ((start_ms < $6 AND end_ms > $5) OR (start_ms = $5 AND end_ms = $6)))
            ) ORDER BY seq DESC LIMIT {MAX_HISTORY}""",
        room_id,
        call_id,
        paragraph.id,
        paragraph.user_id,
        paragraph.start_ms,
        paragraph.end_ms,
    )
    return _history(rows)


def _history(newest_first: list[Row]) -> list[Past]:
    return [Past(**row) for row in reversed(newest_first)]


async def of_call(tx: Connection, room_id: str, call_id: str) -> list[Correction]:
    """Return the last correction of each line and paragraph of a call, oldest first."""
    rows = await tx.rows(
        """SELECT * FROM (
               SELECT DISTINCT ON (kind, target) seq, target, user_id, display_name, voice, lang, start_ms, end_ms,
                   text, by, by_name, at
               FROM corrections WHERE room_id = $1 AND call_id = $2 ORDER BY kind, target, seq DESC
           ) AS newest ORDER BY seq""",
        room_id,
        call_id,
    )
    return [Correction(**{name: row[name] for name in Correction.__slots__}) for row in rows]
