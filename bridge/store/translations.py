# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Translations of captions: they count for the revision that they were made from, and go with its words."""

from __future__ import annotations

from bridge.domain.segments import REPLAY
from bridge.domain.translations import MAX_LANGUAGES, Translation
from bridge.store.database import Connection


async def put(tx: Connection, translation: Translation) -> bool:
    """Store a translation of a segment as it is now; tell whether that changed anything.

    Another revision than the segment's, an empty segment or one language too many change nothing.
    """
    return bool(
        await tx.execute(
            """INSERT INTO translations (segment_id, lang, rev, text)
               SELECT id, $3, $4, $5 FROM segments
               WHERE id = $1 AND room_id = $2 AND final AND text <> '' AND rev + corrections = $4
                   AND (SELECT count(*) FROM translations WHERE segment_id = $1 AND lang <> $3) < $6
               ON CONFLICT (segment_id, lang) DO UPDATE SET rev = EXCLUDED.rev, text = EXCLUDED.text
               WHERE (translations.rev, translations.text) <> (EXCLUDED.rev, EXCLUDED.text)""",
            translation.segment_id,
            translation.room_id,
            translation.lang,
            translation.rev,
            translation.text,
            MAX_LANGUAGES,
        )
    )


async def forget(tx: Connection, segment_id: str) -> None:
    """Delete the translations of a segment that was taken back: nobody may keep words whose speaker withdrew."""
    await tx.execute("DELETE FROM translations WHERE segment_id = $1", segment_id)


async def latest(tx: Connection, room_id: str) -> list[Translation]:
    """Return the translations of the last segments of a room that still fit them, oldest first."""
    rows = await tx.rows(
        """SELECT translations.segment_id, latest.room_id, translations.lang, translations.rev, translations.text
           FROM (SELECT id, room_id, start_ms, rev + corrections AS rev FROM segments WHERE room_id = $1
                 ORDER BY start_ms DESC, id DESC LIMIT $2) AS latest
           JOIN translations ON translations.segment_id = latest.id AND translations.rev = latest.rev
           ORDER BY latest.start_ms, latest.id, translations.lang""",
        room_id,
        REPLAY,
    )
    return [Translation(**row) for row in rows]
