# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Looking for words in what was said: final paragraphs, and live lines where there is no final text.

Each line was indexed by the dictionary of its language. Since nobody says in which language they search, the words are
read by every dictionary: any of the readings finds candidates by the index, that of the line's own language decides.
The readings, and the rooms that somebody may read, are worked out first, so that PostgreSQL plans with what it knows of
each word. What somebody may not read is neither found nor counted.
"""

# ruff: noqa: S608  # only this module's own text is pasted into the statement

from __future__ import annotations

from bridge.domain.search import MARK_BEGIN, MARK_END, PAGE, Hit, Query
from bridge.store.database import Connection

_READINGS = """
SELECT french::text, english::text, simple::text, (french || english || simple)::text AS whichever
FROM search_plain($1) AS words, LATERAL (SELECT websearch_to_tsquery('french', words) AS french,
    websearch_to_tsquery('english', words) AS english, websearch_to_tsquery('simple', words) AS simple) AS read
"""
_ROOMS = """
SELECT room_id, id, title FROM meetings WHERE ($3::text IS NULL OR id = $3) AND CASE WHEN $2::text IS NULL
    THEN organizer = $1 OR id IN (SELECT meeting_id FROM meeting_staff WHERE user_id = $1) ELSE id = $2 END
"""
_OWN_READING = """CASE left(line.lang, 2) WHEN 'fr' THEN $3::text::tsquery WHEN 'en' THEN $4::text::tsquery
    ELSE $5::text::tsquery END"""
_LINE = "line.room_id, line.call_id, line.id, line.start_ms, line.display_name, line.lang, line.text"
_WANTED = f"""line.room_id = ANY($1::text[]) AND line.search @@ $2::text::tsquery AND line.search @@ {_OWN_READING}
    AND line.end_ms >= $6 AND line.start_ms >= $8 AND line.start_ms < $9
    AND ($7 = '' OR line.user_id = $7 OR strpos(search_plain(line.display_name), search_plain($7)) > 0)
    AND (line.start_ms, line.id) < ($10, $11)"""
_NEWEST = f"ORDER BY start_ms DESC, id DESC LIMIT {PAGE + 1}"

STATEMENT = f"""
WITH line AS (
    (SELECT {_LINE} FROM paragraphs AS line WHERE {_WANTED} {_NEWEST})
    UNION ALL
    (SELECT {_LINE} FROM segments AS line WHERE line.final AND line.call_id <> '' AND {_WANTED} AND NOT EXISTS (
         SELECT FROM transcripts AS done
         WHERE done.room_id = line.room_id AND done.call_id = line.call_id AND done.model IS NOT NULL
     ) {_NEWEST})
    {_NEWEST}
)
SELECT line.*, ts_headline(search_dictionary(line.lang), search_plain(line.text), {_OWN_READING},
    'HighlightAll=true, StartSel={MARK_BEGIN}, StopSel={MARK_END}') AS marked
FROM line {_NEWEST}
"""


async def values(tx: Connection, query: Query, rooms: list[str], *, since_ms: int) -> list[object]:
    """Return what STATEMENT wants."""
    read = await tx.row(_READINGS, query.words)
    assert read is not None
    return [
        rooms,
        read["whichever"],
        read["french"],
        read["english"],
        read["simple"],
        since_ms,
        query.person,
        query.from_ms,
        query.to_ms,
        *query.before,
    ]


async def find(
    tx: Connection, query: Query, *, user_id: str, guest_of: str | None, since_ms: int
) -> tuple[list[Hit], bool]:
    """Return the newest lines that fit, and whether there are more.

    `guest_of` is the one meeting that a guest may search, None for staff.
    """
    meetings = {row["room_id"]: row for row in await tx.rows(_ROOMS, user_id, guest_of, query.meeting_id)}
    if not meetings:
        return [], False
    # A plan for any word suits none: after five searches a kept plan would walk through all that was ever said.
    await tx.execute("SET LOCAL plan_cache_mode = force_custom_plan")
    rows = await tx.rows(STATEMENT, *await values(tx, query, list(meetings), since_ms=since_ms))
    hits = []
    for row in rows[:PAGE]:
        meeting = meetings[row.pop("room_id")]
        hits.append(Hit(meeting_id=meeting["id"], title=meeting["title"], **row))
    return hits, len(rows) > PAGE
