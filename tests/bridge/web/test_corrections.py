# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
from typing import Any
from urllib.parse import quote

import pytest

from bridge.domain import corrections as domain
from bridge.store import audit
from bridge.store import corrections as store
from bridge.web.limits import CORRECTIONS
from tests.bridge.web.test_captions import events, feed, segment
from tests.bridge.web.test_captions import put as put_segment
from tests.bridge.web.test_final_pass import CALL, document, paragraph, stored
from tests.bridge.web.test_final_pass import put as put_final

HOME = "home.example"


async def correct(bridge, meeting: dict[str, Any], headers: dict[str, str], text: str, line: str = "seg1") -> Any:
    url = f"/api/v1/meetings/{meeting['id']}/captions/{line}"
    async with bridge.public.patch(url, json={"text": text}, headers=headers) as response:
        return response.status, await response.json()


async def correct_paragraph(bridge, meeting: dict[str, Any], headers: dict[str, str], text: str) -> Any:
    url = f"/api/v1/meetings/{meeting['id']}/transcripts/{quote(CALL, safe='')}/paragraphs/p1"
    async with bridge.public.patch(url, json={"text": text}, headers=headers) as response:
        return response.status, await response.json()


async def lines(bridge, meeting: dict[str, Any], headers: dict[str, str]) -> list[tuple[str, str]]:
    url = f"/api/v1/meetings/{meeting['id']}/transcripts/{quote(CALL, safe='')}"
    async with bridge.public.get(url, headers=headers) as response:
        answer = await response.json()
    return [(one["text"], one.get("corrected_name", "")) for one in answer["paragraphs"]]


async def said(bridge, **changes: Any) -> dict[str, Any]:
    meeting: dict[str, Any] = await bridge.meeting()
    spoken = {"call_id": CALL, "final": True, "rev": 5, "user_id": f"@ada:{HOME}"} | changes
    await put_segment(bridge, segment(meeting["room_id"], **spoken))
    return meeting


async def test_a_correction_reaches_whoever_listens_and_whoever_reads_with_its_author(bridge):
    meeting, headers = await said(bridge), await bridge.staff("marie")
    bridge.homeserver.join(meeting["room_id"], f"@marie:{HOME}")
    bridge.homeserver.names[f"@marie:{HOME}"] = "Marie"
    async with feed(bridge, meeting, headers) as response:
        (before,) = await events(response, 1)
        status, answer = await correct(bridge, meeting, headers, " bonjour\r\n à \u202etous ")
        (after,) = await events(response, 1)
    assert status == 200
    assert after == answer
    assert before["rev"] < after["rev"]
    assert (after["text"], after["corrected_by"], after["corrected_name"]) == (
        "bonjour à tous",
        f"@marie:{HOME}",
        "Marie",
    )
    assert "corrected_by" not in before
    assert await lines(bridge, meeting, headers) == [("bonjour à tous", "Marie")]


async def test_the_bot_rewrites_no_correction_but_takes_words_back_whose_speaker_withdrew(bridge):
    meeting, headers = await said(bridge), await bridge.staff("marie")
    _, corrected = await correct(bridge, meeting, headers, "Corrected.")
    again = segment(meeting["room_id"], call_id=CALL, final=True, user_id=f"@ada:{HOME}")
    assert await put_segment(bridge, again | {"rev": 9, "text": "Heard again."}) == (200, {"changed": False})
    assert [text for text, _ in await lines(bridge, meeting, headers)] == ["Corrected."]
    async with feed(bridge, meeting, headers) as response:
        await events(response, 1)
        assert await put_segment(bridge, again | {"rev": 6, "text": ""}) == (200, {"changed": True})
        (taken_back,) = await events(response, 1)
    assert (taken_back["text"], "corrected_by" in taken_back) == ("", False)
    assert taken_back["rev"] > corrected["rev"]
    async with bridge.database.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM corrections") == 0
    assert await lines(bridge, meeting, headers) == []


async def test_a_line_may_be_corrected_again_and_the_history_keeps_each_text(bridge):
    meeting, headers = await said(bridge), await bridge.staff("marie")
    revs = [(await correct(bridge, meeting, headers, text))[1]["rev"] for text in ("One.", "Two.", "Two.", "")]
    assert revs == [6, 7, 7, 8]
    async with bridge.database.transaction() as tx:
        rows = await tx.rows("SELECT before, text, by FROM corrections ORDER BY seq")
        written = [row["action"] for row in await audit.about(tx, meeting["id"])]
    assert [(row["before"], row["text"]) for row in rows] == [("bonjour", "One."), ("One.", "Two."), ("Two.", "")]
    assert written.count("caption_corrected") == 3
    assert await lines(bridge, meeting, headers) == [("", f"@marie:{HOME}")]
    assert (await correct(bridge, meeting, headers, "Back."))[1]["text"] == "Back."


async def history(bridge, meeting: dict[str, Any], headers: dict[str, str], line: str = "captions/seg1") -> Any:
    async with bridge.public.get(f"/api/v1/meetings/{meeting['id']}/{line}/corrections", headers=headers) as response:
        answer = await response.json()
    return response.status, [(one["name"], one["before"], one["text"]) for one in answer.get("corrections", [])]


async def test_whoever_may_correct_a_line_reads_who_wrote_what_and_when_and_nobody_else(bridge, monkeypatch):
    meeting, headers = await said(bridge), await bridge.staff("marie")
    for name in ("ada", "jean"):
        bridge.homeserver.join(meeting["room_id"], f"@{name}:{HOME}")
        bridge.homeserver.names[f"@{name}:{HOME}"] = name.title()
    ada, marie = await bridge.staff("ada"), f"@marie:{HOME}"
    assert await history(bridge, meeting, headers) == (200, [])
    await correct(bridge, meeting, ada, "One.")
    await correct(bridge, meeting, headers, "")
    both = [("Ada", "bonjour", "One."), (marie, "One.", "")]
    assert await history(bridge, meeting, headers) == (200, both)
    assert await history(bridge, meeting, ada) == (200, both)
    assert await history(bridge, meeting, await bridge.staff("jean")) == (403, [])
    assert (await history(bridge, meeting, headers, "captions/other"))[0] == 404
    monkeypatch.setattr(store, "MAX_HISTORY", 1)
    assert await history(bridge, meeting, headers) == (200, both[1:])


async def test_a_paragraph_has_the_history_of_its_live_lines_too(bridge):
    meeting, headers = await said(bridge, start_ms=2000, end_ms=2400), await bridge.staff("marie")
    await correct(bridge, meeting, headers, "Bonsoir")
    ada = f"@ada:{HOME}"
    final = document(meeting["room_id"], paragraph(1, user_id=ada), paragraph(2, user_id=ada), paragraph(3))
    await put_final(bridge, "transcript", final)
    paragraphs = f"transcripts/{quote(CALL, safe='')}/paragraphs"
    marie = f"@marie:{HOME}"
    assert await history(bridge, meeting, headers, f"{paragraphs}/p2") == (200, [(marie, "bonjour", "Bonsoir")])
    assert await history(bridge, meeting, headers, f"{paragraphs}/p1") == (200, [])
    await correct_paragraph(bridge, meeting, headers, "Adieu.")
    assert await history(bridge, meeting, headers, f"{paragraphs}/p1") == (200, [(marie, "Bonjour à tous.", "Adieu.")])
    assert (await history(bridge, meeting, headers, f"{paragraphs}/p9"))[0] == 404


async def test_everybody_corrects_their_own_words_hosts_all_and_nobody_anothers(bridge):
    meeting, room = await said(bridge), None
    room = meeting["room_id"]
    for name in ("ada", "jean"):
        bridge.homeserver.join(room, f"@{name}:{HOME}")
    ada, jean = await bridge.staff("ada"), await bridge.staff("jean")
    assert (await correct(bridge, meeting, ada, "Mine."))[0] == 200
    status, answer = await correct(bridge, meeting, jean, "Not mine.")
    assert (status, answer["errcode"]) == (403, "M_FORBIDDEN")
    bridge.homeserver.levels[room][f"@jean:{HOME}"] = 50
    assert (await correct(bridge, meeting, jean, "As a host."))[0] == 200
    await put_segment(bridge, segment(room, 2, final=True, user_id=f"@ada:{HOME}", voice="voice-1"))
    assert (await correct(bridge, meeting, ada, "Somebody at my microphone.", "seg2"))[0] == 403


async def test_guests_correct_what_they_said_themselves(bridge):
    meeting = await bridge.meeting()
    user_id, headers = await bridge.guest(meeting)
    now_ms = int(bridge.clock.now.timestamp() * 1000) + 1000
    times = {"start_ms": now_ms, "end_ms": now_ms + 1, "final": True}
    await put_segment(bridge, segment(meeting["room_id"], user_id=user_id, **times))
    assert (await correct(bridge, meeting, headers, "Mine."))[0] == 200
    await put_segment(bridge, segment(meeting["room_id"], 2, user_id=user_id, final=True))
    assert (await correct(bridge, meeting, headers, "From before I came.", "seg2"))[0] == 404


@pytest.mark.parametrize(
    ("changes", "status", "errcode"),
    [
        ({"final": False}, 409, "PASSERELLE_NOT_FINAL"),
        ({"text": ""}, 409, "PASSERELLE_NOT_FINAL"),
        ({"id": "other"}, 404, "M_NOT_FOUND"),
    ],
)
async def test_a_line_that_is_not_there_to_correct_is_refused(bridge, changes, status: int, errcode: str):
    meeting = await said(bridge, **changes)
    assert (await correct(bridge, meeting, await bridge.staff("marie"), "x"))[0] == status
    assert (await correct(bridge, meeting, await bridge.staff("marie"), "x"))[1]["errcode"] == errcode


async def test_a_line_of_another_meeting_is_not_there(bridge):
    await said(bridge)
    assert (await correct(bridge, await bridge.meeting("Other"), await bridge.staff("marie"), "x"))[0] == 404


@pytest.mark.parametrize("text", ["x" * (domain.MAX_CORRECTION + 1), "a\u0000b", None, 5])
async def test_a_text_that_is_none_is_refused(bridge, text: object):
    meeting = await said(bridge)
    assert (await correct(bridge, meeting, await bridge.staff("marie"), text))[0] == 400  # type: ignore[arg-type]


async def test_corrections_have_a_limit_in_time_and_in_number(bridge, monkeypatch: pytest.MonkeyPatch):
    meeting, headers = await said(bridge), await bridge.staff("marie")
    monkeypatch.setattr(store, "MAX_CORRECTIONS", 2)
    for number in range(2):
        assert (await correct(bridge, meeting, headers, str(number)))[0] == 200
    assert (await correct(bridge, meeting, headers, "too many"))[1]["errcode"] == "PASSERELLE_TOO_MANY_CORRECTIONS"
    for _ in range(CORRECTIONS.burst):
        bridge.services.limits.count(CORRECTIONS, f"@marie:{HOME}")
    assert (await correct(bridge, meeting, headers, "too fast"))[0] == 429


async def test_corrections_survive_the_final_pass_and_each_of_its_repetitions(bridge):
    meeting, headers = await said(bridge, start_ms=2000, end_ms=2400), await bridge.staff("marie")
    await correct(bridge, meeting, headers, "Bonsoir")
    for _ in range(2):
        await put_final(bridge, "transcript", document(meeting["room_id"], paragraph(2, user_id=f"@ada:{HOME}")))
        assert await lines(bridge, meeting, headers) == [("Bonsoir à tous.", f"@marie:{HOME}")]


async def test_paragraphs_of_the_final_text_are_corrected_there_and_stay_so(bridge):
    meeting, headers = await said(bridge), await bridge.staff("marie")
    await put_final(bridge, "transcript", document(meeting["room_id"], paragraph(1), paragraph(2)))
    assert (await correct(bridge, meeting, headers, "x"))[1]["errcode"] == "PASSERELLE_FINAL_TEXT"
    status, answer = await correct_paragraph(bridge, meeting, headers, "Bonjour à toutes et à tous.")
    assert (status, answer["text"], answer["words"]) == (200, "Bonjour à toutes et à tous.", [])
    await put_final(bridge, "transcript", document(meeting["room_id"], paragraph(1, text="Heard anew."), paragraph(2)))
    assert [text for text, _ in await lines(bridge, meeting, headers)] == [
        "Bonjour à toutes et à tous.",
        "Bonjour à tous.",
    ]


async def test_the_bot_hears_of_corrections_old_and_new_and_of_nothing_else(bridge):
    meeting, headers = await said(bridge), await bridge.staff("marie")
    await correct(bridge, meeting, headers, "Old.")
    internal = {"Authorization": f"Bearer {bridge.services.settings.internal.token.get_secret_value()}"}
    url = f"/internal/v1/rooms/{quote(meeting['room_id'], safe='')}/corrections"
    async with bridge.internal.get(url, headers=internal) as response:
        assert [one["text"] for one in await events(response, 1)] == ["Old."]
        await put_segment(bridge, segment(meeting["room_id"], 2, final=True))
        await correct(bridge, meeting, headers, "New.", "seg2")
        assert [(one["id"], one["text"]) for one in await events(response, 1)] == [("seg2", "New.")]
    async with bridge.internal.get("/internal/v1/rooms/!none/corrections", headers=internal) as response:
        assert response.status == 404
    async with bridge.internal.get(url, headers=headers) as response:
        assert response.status == 403


async def test_what_was_corrected_in_the_words_of_somebody_who_withdrew_does_not_come_back(bridge):
    meeting, headers = await bridge.meeting(), await bridge.staff("marie")
    room = meeting["room_id"]
    for number, user in ((1, "@marie:home.example"), (2, "@pavel:home.example")):
        await put_segment(bridge, segment(room, number, call_id=CALL, final=True, user_id=user))
        assert (await correct(bridge, meeting, headers, f"Corrected {number}.", f"seg{number}"))[0] == 200
    assert (await put_final(bridge, "transcript", document(room, withdrawn=["@pavel:home.example"])))[0] == 200
    found = await stored(bridge, room)
    assert found is not None
    assert [one.text for one in found.paragraphs] == ["Corrected 1."]
