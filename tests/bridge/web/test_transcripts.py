# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
from typing import Any
from urllib.parse import quote

import pytest

from bridge.domain.transcript_reading import LIVE_QUIET_S, Call, CallState
from bridge.domain.transcripts import JobState
from bridge.settings import TranscriptsSettings
from bridge.web import sweeper
from tests.bridge.web.test_captions import put as put_segment
from tests.bridge.web.test_captions import segment
from tests.bridge.web.test_final_pass import CALL, PASSPORT, document, paragraph
from tests.bridge.web.test_final_pass import put as put_final

HOME = "home.example"


async def get(bridge, meeting: dict[str, Any], headers: dict[str, str], call: str | None = CALL) -> Any:
    tail = "" if call is None else "/" + quote(call, safe="")
    async with bridge.public.get(f"/api/v1/meetings/{meeting['id']}/transcripts{tail}", headers=headers) as response:
        return response.status, await response.json()


async def test_while_the_final_text_is_missing_the_finished_live_lines_stand_in_and_it_says_so(bridge):
    meeting, headers = await bridge.meeting(), await bridge.staff("marie")
    for number, changes in enumerate(({"final": True}, {"final": False}, {"final": True, "text": ""})):
        await put_segment(bridge, segment(meeting["room_id"], number, call_id=CALL, **changes))
    status, answer = await get(bridge, meeting, headers)
    assert (status, answer["state"], answer["final"], answer["model"]) == (200, "live", False, None)
    assert [(one["id"], one["text"], one["display_name"]) for one in answer["paragraphs"]] == [
        ("seg0", "bonjour", "Marie")
    ]
    assert answer["me"] == {"user_id": f"@marie:{HOME}", "host": True}


async def test_the_final_text_takes_the_place_of_the_live_one_and_names_its_model(bridge):
    meeting, headers = await bridge.meeting(), await bridge.staff("marie")
    await put_segment(bridge, segment(meeting["room_id"], call_id=CALL, final=True))
    await put_final(bridge, "transcript", document(meeting["room_id"], paragraph(1)))
    _, answer = await get(bridge, meeting, headers)
    assert (answer["state"], answer["final"], answer["model"], answer["title"]) == ("done", True, PASSPORT, "Team")
    assert [one["text"] for one in answer["paragraphs"]] == ["Bonjour à tous."]
    assert answer["paragraphs"][0]["words"][0] == [1000, 1400, "Bonjour"]


async def test_the_calls_of_a_meeting_are_listed_newest_first_with_their_state(bridge):
    meeting, headers = await bridge.meeting(), await bridge.staff("marie")
    room = meeting["room_id"]
    await put_segment(bridge, segment(room, 1, call_id="$one", final=True))
    await put_segment(bridge, segment(room, 2, call_id="$two", final=True, start_ms=5000, end_ms=6000))
    await put_final(bridge, "progress", {"room_id": room, "state": "running", "done": 0.25}, "$two")
    await put_final(bridge, "progress", {"room_id": room, "state": "queued", "done": 0.0}, "$silent")
    _, answer = await get(bridge, meeting, headers, None)
    found = [(call["call_id"], call["state"], call["done"]) for call in answer["calls"]]
    assert found == [("$silent", "queued", 0.0), ("$two", "running", 0.25), ("$one", "live", 0.0)]
    assert (answer["calls"][1]["started_ms"], answer["calls"][1]["ended_ms"]) == (5000, 6000)


@pytest.mark.parametrize(
    ("job", "quiet_s", "state"),
    [
        (None, 0.0, CallState.LIVE),
        (None, LIVE_QUIET_S, CallState.ENDED),
        (None, None, CallState.ENDED),
        *((job, 0.0, CallState(job.value)) for job in JobState),
    ],
)
def test_a_call_is_live_until_it_was_quiet_for_long_or_a_pass_waits_for_it(job, quiet_s, state: CallState):
    assert Call("c", 0, 1, job, 0.0, False, quiet_s).state is state


async def test_guests_read_what_was_said_since_they_came_and_as_long_as_their_pass_lasts(bridge):
    meeting = await bridge.meeting()
    room, came_ms = meeting["room_id"], int(bridge.clock.now.timestamp() * 1000)
    await put_segment(bridge, segment(room, 1, call_id="$before", final=True))
    for number, at in ((2, came_ms - 60_000), (3, came_ms + 60_000)):
        await put_segment(bridge, segment(room, number, call_id=CALL, final=True, start_ms=at, end_ms=at + 1))
    _, headers = await bridge.guest(meeting)
    _, answer = await get(bridge, meeting, headers, None)
    assert [call["call_id"] for call in answer["calls"]] == [CALL]
    _, answer = await get(bridge, meeting, headers)
    assert [one["id"] for one in answer["paragraphs"]] == ["seg3"]
    assert (await get(bridge, meeting, headers, "$before"))[0] == 404
    bridge.clock.forward(hours=2)
    assert (await get(bridge, meeting, headers, None))[0] == 401


async def test_a_guest_whose_pass_was_revoked_reads_nothing_even_before_the_session_ends(bridge):
    meeting = await bridge.meeting()
    user_id, headers = await bridge.guest(meeting)
    async with bridge.database.transaction() as tx:
        await tx.execute("UPDATE guests SET state = 'ending' WHERE user_id = $1", user_id)
    assert (await get(bridge, meeting, headers, None))[0] == 403


async def test_a_policy_keeps_transcripts_from_the_people_of_a_server(bridge, monkeypatch):
    meeting, headers = await bridge.meeting(), await bridge.staff("marie")
    policy = TranscriptsSettings(deny_servers=frozenset({HOME}))
    monkeypatch.setitem(vars(bridge.services.settings), "transcripts", policy)
    status, answer = await get(bridge, meeting, headers, None)
    assert (status, answer["errcode"]) == (403, "PASSERELLE_POLICY")


@pytest.mark.parametrize("call", ["$none", "%", "x" * 300, "a\u0000b"])
async def test_a_call_that_is_not_there_is_not_found(bridge, call: str):
    assert (await get(bridge, await bridge.meeting(), await bridge.staff("marie"), call))[0] == 404


async def test_without_the_homeserver_one_reads_and_is_no_host(bridge):
    meeting = await bridge.meeting()
    room = meeting["room_id"]
    await put_segment(bridge, segment(room, call_id=CALL, final=True))
    bridge.homeserver.join(room, f"@ada:{HOME}")
    headers = await bridge.staff("ada")
    async with bridge.public.get(f"/api/v1/meetings/{meeting['id']}", headers=headers):
        pass  # lets Ada in, for good
    bridge.homeserver.broken = lambda _path: True
    status, answer = await get(bridge, meeting, headers)
    assert (status, answer["me"]["host"]) == (200, False)


async def test_what_was_said_is_forgotten_after_thirty_days_or_when_the_operator_says_and_readers_are_told(
    bridge, monkeypatch
):
    meeting, headers = await bridge.meeting(), await bridge.staff("marie")
    room, now_ms = meeting["room_id"], int(bridge.clock.now.timestamp() * 1000)
    for number, call in ((1, "$old"), (2, "$new")):
        at = now_ms - (40 if call == "$old" else 1) * 86_400_000
        times = {"start_ms": at, "end_ms": at + 900}
        await put_segment(bridge, segment(room, number, call_id=call, final=True, **times))
        url = f"/api/v1/meetings/{meeting['id']}/captions/seg{number}"
        async with bridge.public.patch(url, json={"text": "Corrected."}, headers=headers) as response:
            assert response.status == 200
        whole = document(room, paragraph(**times, words=[]), call_id=call, started_ms=at, ended_ms=at + 900)
        assert (await put_final(bridge, "transcript", whole, call))[0] == 200
    by_default = bridge.services.settings.transcripts
    monkeypatch.setitem(vars(bridge.services.settings), "transcripts", TranscriptsSettings(keep_days=0))
    await sweeper.sweep(bridge.services)
    assert len((await get(bridge, meeting, headers, None))[1]["calls"]) == 2
    assert (await get(bridge, meeting, headers, "$new"))[1]["delete_at_ms"] is None
    monkeypatch.setitem(vars(bridge.services.settings), "transcripts", by_default)
    assert (await get(bridge, meeting, headers, "$new"))[1]["delete_at_ms"] == now_ms + 29 * 86_400_000 + 900
    await sweeper.sweep(bridge.services)
    assert [call["call_id"] for call in (await get(bridge, meeting, headers, None))[1]["calls"]] == ["$new"]
    async with bridge.database.transaction() as tx:
        for table in ("segments", "transcripts", "paragraphs", "corrections"):
            assert await tx.rows(f"SELECT DISTINCT call_id FROM {table}") == [{"call_id": "$new"}]


async def test_what_was_said_goes_with_its_meeting(bridge):
    meeting, headers = await bridge.meeting(), await bridge.staff("marie")
    room = meeting["room_id"]
    await put_segment(bridge, segment(room, call_id=CALL, final=True))
    url = f"/api/v1/meetings/{meeting['id']}/captions/seg1"
    async with bridge.public.patch(url, json={"text": "Corrected."}, headers=headers):
        pass
    await put_final(bridge, "transcript", document(room, paragraph()))
    async with bridge.database.transaction() as tx:
        await tx.execute("DELETE FROM meetings WHERE id = $1", meeting["id"])
        for table in ("segments", "transcripts", "paragraphs", "corrections"):
            assert await tx.value(f"SELECT count(*) FROM {table}") == 0
