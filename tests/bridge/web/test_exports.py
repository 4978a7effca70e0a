# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import io
import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from odf import teletype
from odf import text as odf_text
from odf.opendocument import load

from bridge.store import audit
from bridge.web.exports import FORMATS, attachment
from tests.bridge.web.test_final_pass import CALL, document, paragraph
from tests.bridge.web.test_final_pass import put as put_final

MODEL = (
    f"Transcription\u00a0: faster-whisper-large-v3 1, faster-whisper 1.2.1, SHA-256 {'ab' * 32}, MIT, "
    "speech.home.example, sans usage pour l’entraînement"
)
STARTED_MS = 1_795_338_000_000  # 2026-11-22, 09:00 UTC


async def export(bridge, meeting: dict[str, Any], wanted: str, query: str = "") -> tuple[bytes, Any]:
    url = f"/api/v1/meetings/{meeting['id']}/transcripts/{quote(CALL, safe='')}/export?format={wanted}{query}"
    async with bridge.public.get(url, headers=await bridge.staff("marie")) as response:
        return await response.read(), response


async def spoken(bridge, title: str = "Réunion d'équipe", **changes: Any) -> dict[str, Any]:
    meeting: dict[str, Any] = await bridge.meeting(title)
    said = [
        paragraph(number, start_ms=STARTED_MS + 1000 * number, end_ms=STARTED_MS + 1000 * number + 900, words=[])
        for number in (0, 1)
    ]
    said[1] |= {"user_id": "@ada:home.example", "display_name": "Ada", "text": "Hello."}
    whole = document(meeting["room_id"], *said, started_ms=STARTED_MS, ended_ms=STARTED_MS + 3_600_000)
    await put_final(bridge, "transcript", whole | changes)
    return meeting


async def test_a_text_names_the_meeting_its_time_its_people_and_its_model(bridge):
    meeting = await spoken(bridge)
    body, response = await export(bridge, meeting, "txt", "&tz=Europe/Paris&lang=fr")
    assert body.decode().splitlines() == [
        "Réunion d'équipe",
        "Date\u00a0: 22/11/2026 10:00–11:00 (CET, UTC+01:00)",
        "Personnes\u00a0: Marie, Ada",
        MODEL,
        "",
        "[10:00:00] Marie:",
        "    Bonjour à tous.",
        "",
        "[10:00:01] Ada:",
        "    Hello.",
    ]
    assert response.headers["Content-Disposition"] == (
        'attachment; filename="Reunion-d\'equipe-2026-11-22.txt"; '
        "filename*=UTF-8''R%C3%A9union%20d%27%C3%A9quipe%202026-11-22.txt"
    )
    assert response.headers["Cache-Control"] == "no-store"


async def test_every_format_is_served_as_what_it_is_and_leaves_an_audit_row(bridge):
    meeting = await spoken(bridge)
    for wanted, (content_type, _) in FORMATS.items():
        body, response = await export(bridge, meeting, wanted)
        assert response.status == 200
        assert response.headers["Content-Type"] == content_type
        assert body
    async with bridge.database.transaction() as tx:
        rows = [row for row in await audit.about(tx, meeting["id"]) if row["action"] == "transcript_exported"]
    assert [json.loads(row["data"])["format"] for row in rows] == list(FORMATS)
    assert "Bonjour" not in str(rows)


async def test_the_document_opens_with_its_heading_and_paragraphs(bridge):
    body, _ = await export(bridge, await spoken(bridge), "odt", "&lang=en")
    opened = load(io.BytesIO(body))
    assert [teletype.extractText(one) for one in opened.getElementsByType(odf_text.H)] == ["Réunion d'équipe"]
    paragraphs = [teletype.extractText(one) for one in opened.getElementsByType(odf_text.P)]
    assert paragraphs[0] == "Date: 2026-11-22 09:00–10:00 (UTC, UTC+00:00)"
    assert paragraphs[3:] == ["Marie  09:00:00", "Bonjour à tous.", "Ada  09:00:01", "Hello."]


async def test_a_live_text_says_that_it_is_one(bridge):
    meeting = await spoken(bridge)
    async with bridge.database.transaction() as tx:
        await tx.execute("UPDATE transcripts SET model = NULL")
        await tx.execute(
            """INSERT INTO segments (id, room_id, call_id, user_id, display_name, track_sid, start_ms, end_ms, text,
                   stable_chars, lang, final, rev)
               VALUES ('s', $1, $2, '@a:s', 'Ada', 'T', 1, 2, 'Live.', 0, 'en', true, 1)""",
            meeting["room_id"],
            CALL,
        )
    body, _ = await export(bridge, meeting, "txt", "&lang=en")
    assert "These are the live captions; the final text is not there." in body.decode()
    assert "Live." in body.decode()


@pytest.mark.parametrize(
    "query",
    [
        "",
        "format=exe",
        *(f"format=txt&tz={zone}" for zone in ("", "Mars/Base", "../../etc/passwd", "x" * 65, "%00")),
    ],
)
async def test_a_format_or_zone_that_is_none_is_refused(bridge, query: str):
    meeting = await spoken(bridge)
    url = f"/api/v1/meetings/{meeting['id']}/transcripts/{quote(CALL, safe='')}/export?{query}"
    async with bridge.public.get(url, headers=await bridge.staff("marie")) as response:
        assert response.status == 400


@pytest.mark.parametrize(
    "title",
    ['"; filename="evil.exe', "a\r\nX-Evil: 1", "../../etc/passwd", "\u202egpj.exe", "会议", "...", "%22%0d%0a", "🎉"],
)
def test_no_title_leaves_its_place_in_the_header(title: str):
    header = attachment(title, "txt")
    plain, full = r"[\w'!#$&()+,@=^`{}~\[\]-]+", r"(?:[\w.~-]|%[0-9A-F]{2})+"
    pattern = rf"attachment; filename=\"({plain})\.txt\"; filename\*=UTF-8''({full})\.txt"
    found = re.fullmatch(pattern, header, re.ASCII)
    assert found, header
    assert not {"%2F", "%5C", "%0D", "%0A", "%22"} & set(re.findall("%..", found[2]))
