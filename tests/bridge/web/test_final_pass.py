# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
from typing import Any
from urllib.parse import quote

import pytest

from bridge.domain.transcripts import JobState, Progress, Transcript
from bridge.store import transcripts
from bridge.web.final_pass import MAX_PARAGRAPH, MAX_PARAGRAPHS, MAX_WORDS

CALL = "$call/1+2"
PASSPORT = {
    "name": "faster-whisper-large-v3",
    "version": "1",
    "sha256": "ab" * 32,
    "licence": "MIT",
    "host": "speech.home.example",
    "engine": "faster-whisper 1.2.1",
    "not_used_for_training": True,
}


def paragraph(number: int = 1, **changes: Any) -> dict[str, Any]:
    start = 1000 * number
    return {
        "id": f"p{number}",
        "start_ms": start,
        "end_ms": start + 900,
        "user_id": "@marie:home.example",
        "display_name": "Marie",
        "voice": "",
        "lang": "fr",
        "text": "Bonjour à tous.",
        "words": [
            [start, start + 400, "Bonjour"],
            [start + 400, start + 500, "à"],
            [start + 500, start + 900, "tous."],
        ],
    } | changes


def document(room: str, *paragraphs: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "room_id": room,
        "call_id": CALL,
        "started_ms": 1000,
        "ended_ms": 60_000,
        "model": PASSPORT,
        "paragraphs": list(paragraphs),
    } | changes


async def put(bridge, what: str, body: dict[str, Any], call: str = CALL) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {bridge.services.settings.internal.token.get_secret_value()}"}
    path = f"/internal/v1/calls/{quote(call, safe='')}/{what}"
    async with bridge.internal.put(path, json=body, headers=headers) as response:
        return response.status, await response.json()


async def stored(bridge, room: str) -> Transcript | None:
    async with bridge.database.transaction() as tx:
        return await transcripts.find(tx, room, CALL)


async def progress(bridge, room: str) -> Progress | None:
    async with bridge.database.transaction() as tx:
        return await transcripts.progress_of(tx, room, CALL)


async def test_a_whole_document_is_stored_and_given_back_in_the_order_of_speech(bridge):
    room = (await bridge.meeting())["room_id"]
    assert await put(bridge, "transcript", document(room, paragraph(2, voice="voice-1"), paragraph(1))) == (
        200,
        {"paragraphs": 2},
    )
    found = await stored(bridge, room)
    assert found is not None
    assert [(one.id, one.voice, one.words[0]) for one in found.paragraphs] == [
        ("p1", "", (1000, 1400, "Bonjour")),
        ("p2", "voice-1", (2000, 2400, "Bonjour")),
    ]
    assert found.model.sha256 == "ab" * 32
    assert await progress(bridge, room) == Progress(room, CALL, JobState.DONE, 1.0)


async def test_the_same_document_again_changes_nothing_and_a_new_one_replaces_it_whole(bridge):
    room = (await bridge.meeting())["room_id"]
    for _ in range(2):
        await put(bridge, "transcript", document(room, paragraph(1), paragraph(2)))
    first = await stored(bridge, room)
    await put(bridge, "transcript", document(room, paragraph(3, text="")))
    second = await stored(bridge, room)
    assert first is not None
    assert second is not None
    assert [one.id for one in first.paragraphs] == ["p1", "p2"]
    assert [one.id for one in second.paragraphs] == ["p3"]


async def test_progress_is_kept_and_takes_no_document_away(bridge):
    room = (await bridge.meeting())["room_id"]
    for state, done in (("queued", 0.0), ("running", 0.4), ("failed", 0.4)):
        assert (await put(bridge, "progress", {"room_id": room, "state": state, "done": done}))[0] == 200
        assert await progress(bridge, room) == Progress(room, CALL, JobState(state), done)
    assert await stored(bridge, room) is None
    await put(bridge, "transcript", document(room, paragraph()))
    await put(bridge, "progress", {"room_id": room, "state": "running", "done": 0.1})
    assert await stored(bridge, room) is not None


async def test_one_rooms_document_never_replaces_anothers(bridge):
    one, other = (await bridge.meeting("One"))["room_id"], (await bridge.meeting("Other"))["room_id"]
    await put(bridge, "transcript", document(one, paragraph(text="one")))
    await put(bridge, "transcript", document(other, paragraph(text="other")))
    found = await stored(bridge, one)
    assert found is not None
    assert [paragraph.text for paragraph in found.paragraphs] == ["one"]


@pytest.mark.parametrize(
    "changes",
    [
        {"started_ms": 70_000},
        {"model": PASSPORT | {"sha256": 5}},
        {"model": None},
        {"paragraphs": [paragraph(1), paragraph(1)]},
        {"paragraphs": [paragraph(end_ms=1)]},
        {"paragraphs": [paragraph(text="a\u0000b")]},
        {"paragraphs": [paragraph(text="x" * (MAX_PARAGRAPH + 1))]},
        {"paragraphs": [paragraph(words=[[2000, 1000, "x"]])]},
        {"paragraphs": [paragraph(words=[[0, 1, "x", "y"]])]},
        {"paragraphs": [paragraph(words=[["0", 1, "x"]])]},
        {"paragraphs": [paragraph(words=[[0, 1, "x" * 256]])]},
        {"paragraphs": [paragraph(words=[[0, 1, "x"]] * (MAX_WORDS + 1))]},
        {"paragraphs": [{}] * (MAX_PARAGRAPHS + 1)},
        {"call_id": "$other"},
    ],
)
async def test_a_document_that_is_none_is_refused_and_nothing_is_stored(bridge, changes: dict[str, Any]):
    room = (await bridge.meeting())["room_id"]
    status, answer = await put(bridge, "transcript", document(room, paragraph(2)) | changes)
    assert (status, answer["errcode"]) == (400, "M_BAD_JSON")
    assert await stored(bridge, room) is None


@pytest.mark.parametrize(
    "changes", [{"state": "bored"}, {"done": 1.1}, {"done": -0.1}, {"done": None}, {"room_id": ""}]
)
async def test_progress_that_is_none_is_refused(bridge, changes: dict[str, Any]):
    room = (await bridge.meeting())["room_id"]
    status, _ = await put(bridge, "progress", {"room_id": room, "state": "queued", "done": 0.0} | changes)
    assert status == 400


async def test_a_document_of_the_largest_size_is_stored_in_time(bridge):
    room = (await bridge.meeting())["room_id"]
    many = [paragraph(number, words=[]) for number in range(1, MAX_PARAGRAPHS + 1)]
    assert await put(bridge, "transcript", document(room, *many)) == (200, {"paragraphs": MAX_PARAGRAPHS})


async def test_what_belongs_to_no_meeting_is_refused(bridge):
    assert (await put(bridge, "transcript", document("!none", paragraph())))[0] == 404
    assert (await put(bridge, "progress", {"room_id": "!none", "state": "queued", "done": 0.0}))[0] == 404
    assert (await put(bridge, "progress", {"room_id": "!none", "state": "queued", "done": 0.0}, "\u00e9"))[0] == 400


async def test_nobody_hands_in_a_transcript_without_the_internal_token(bridge):
    meeting = await bridge.meeting()
    headers = await bridge.staff("marie")
    for client, status in ((bridge.internal, 403), (bridge.public, 404)):
        for what in ("transcript", "progress"):
            path = f"/internal/v1/calls/c/{what}"
            async with client.put(path, json=document(meeting["room_id"]), headers=headers) as response:
                assert response.status == status
