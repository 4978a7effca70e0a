# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import asyncio
import json
from typing import Any

import pytest

from bridge.domain.errors import Refused
from bridge.domain.segments import REPLAY
from bridge.web import captions, sweeper
from bridge.web.caption_hub import MAX_LISTENERS_PER_ROOM, MAX_LISTENERS_PER_USER, CaptionHub
from tests.bridge.web.test_final_pass import document, paragraph
from tests.bridge.web.test_final_pass import put as put_final

HOME = "home.example"


def segment(room: str, number: int = 1, **changes: Any) -> dict[str, Any]:
    return {
        "id": f"seg{number}",
        "room_id": room,
        "call_id": "",
        "user_id": f"@marie:{HOME}",
        "display_name": "Marie",
        "track_sid": "TR_1",
        "start_ms": 1000 + number,
        "end_ms": 2000 + number,
        "text": "bonjour",
        "stable_chars": 3,
        "lang": "fr",
        "final": False,
        "rev": 1,
        "voice": "",
    } | changes


async def put(bridge, body: dict[str, Any], segment_id: str | None = None) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {bridge.services.settings.internal.token.get_secret_value()}"}
    path = f"/internal/v1/segments/{segment_id or body['id']}"
    async with bridge.internal.put(path, json=body, headers=headers) as response:
        return response.status, await response.json()


async def events(response: Any, count: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    async with asyncio.timeout(10):
        while len(found) < count:
            line = (await response.content.readline()).decode()
            assert line, "the stream ended"
            if line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: ")))
    return found


def feed(bridge, meeting: dict[str, Any], headers: dict[str, str]) -> Any:
    return bridge.public.get(f"/api/v1/meetings/{meeting['id']}/captions", headers=headers)


async def test_a_page_gets_what_was_said_and_then_what_is_said(bridge):
    meeting, headers = await bridge.meeting(), await bridge.staff("marie")
    room = meeting["room_id"]
    assert await put(bridge, segment(room)) == (200, {"changed": True})
    async with feed(bridge, meeting, headers) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        assert response.headers["Cache-Control"] == "no-store"
        assert await events(response, 1) == [segment(room)]
        await put(bridge, segment(room, rev=2, text="bonjour à tous", final=True))
        assert await events(response, 1) == [segment(room, rev=2, text="bonjour à tous", final=True)]


async def test_a_late_page_gets_the_last_segments_in_order(bridge):
    meeting = await bridge.meeting()
    for number in range(REPLAY + 5):
        await put(bridge, segment(meeting["room_id"], number))
    async with feed(bridge, meeting, await bridge.staff("marie")) as response:
        found = await events(response, REPLAY)
    assert [one["start_ms"] for one in found] == [1000 + number for number in range(5, REPLAY + 5)]


async def test_a_guest_gets_what_was_said_since_they_came_in_and_no_correction_of_what_was_before(bridge):
    meeting = await bridge.meeting()
    _, headers = await bridge.guest(meeting)
    now_ms = int(bridge.clock.now.timestamp() * 1000) + 1000
    await put(bridge, segment(meeting["room_id"], 1))
    await put(bridge, segment(meeting["room_id"], 2, start_ms=now_ms, end_ms=now_ms + 1))
    async with feed(bridge, meeting, headers) as response:
        assert [found["id"] for found in await events(response, 1)] == ["seg2"]
        await put(bridge, segment(meeting["room_id"], 1, rev=2))
        await put(bridge, segment(meeting["room_id"], 3, start_ms=now_ms, end_ms=now_ms + 2))
        assert [found["id"] for found in await events(response, 1)] == ["seg3"]


async def test_what_was_said_in_an_earlier_call_stays_out_of_the_next(bridge):
    meeting, headers = await bridge.meeting(), await bridge.staff("marie")
    await put(bridge, segment(meeting["room_id"], 1, call_id="$monday"))
    async with bridge.database.transaction() as tx:
        await tx.execute("UPDATE segments SET updated_at = now() - interval '4 hours'")
    async with feed(bridge, meeting, headers) as response:
        await put(bridge, segment(meeting["room_id"], 2, call_id="$tuesday"))
        assert [found["id"] for found in await events(response, 1)] == ["seg2"]
    await put(bridge, segment(meeting["room_id"], 3, call_id="$tuesday"))
    async with feed(bridge, meeting, headers) as response:
        assert [found["id"] for found in await events(response, 2)] == ["seg2", "seg3"]
    await put_final(bridge, "transcript", document(meeting["room_id"], paragraph(1), call_id="$tuesday"), "$tuesday")
    async with feed(bridge, meeting, headers) as response:
        await put(bridge, segment(meeting["room_id"], 4, call_id="$wednesday"))
        assert [found["id"] for found in await events(response, 1)] == ["seg4"]


async def test_an_older_revision_changes_nothing_and_reaches_nobody(bridge):
    room = (await bridge.meeting())["room_id"]
    assert await put(bridge, segment(room, rev=2)) == (200, {"changed": True})
    assert await put(bridge, segment(room, rev=2, text="again")) == (200, {"changed": False})
    assert await put(bridge, segment(room, rev=1, text="late")) == (200, {"changed": False})


async def test_captions_of_one_room_reach_no_other(bridge):
    one, other = await bridge.meeting("One"), await bridge.meeting("Other")
    async with feed(bridge, other, await bridge.staff("marie")) as response:
        await put(bridge, segment(one["room_id"], 1))
        await put(bridge, segment(other["room_id"], 2))
        assert [found["id"] for found in await events(response, 1)] == ["seg2"]


async def test_what_somebody_says_forges_no_event(bridge):
    meeting = await bridge.meeting()
    text = 'x\n\nevent: segment\ndata: {"forged": true}\r\n\u2028<script>'
    await put(bridge, segment(meeting["room_id"], text=text))
    async with feed(bridge, meeting, await bridge.staff("marie")) as response:
        assert [found["text"] for found in await events(response, 1)] == [text]


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ""},
        {"id": "x" * 256},
        {"id": "a b"},
        {"text": "x" * 4001},
        {"text": 5},
        {"text": "a\u0000b"},
        {"lang": "\u0000"},
        {"start_ms": -1},
        {"start_ms": 5000, "end_ms": 4000},
        {"end_ms": 2**60},
        {"rev": -1},
        {"rev": 2**40},
        {"final": "yes"},
        {"stable_chars": None},
        {"voice": "x" * 33},
    ],
)
async def test_a_segment_that_is_none_is_refused(bridge, changes: dict[str, Any]):
    room = (await bridge.meeting())["room_id"]
    status, answer = await put(bridge, segment(room, **changes), "seg1")
    assert (status, answer["errcode"]) == (400, "M_BAD_JSON")


async def test_a_segment_of_no_meeting_or_of_another_id_is_refused(bridge):
    room = (await bridge.meeting())["room_id"]
    assert (await put(bridge, segment("!none")))[0] == 404
    assert (await put(bridge, segment(room), "other"))[0] == 400


async def test_the_stream_of_a_guest_ends_with_the_guest(bridge):
    meeting = await bridge.meeting()
    invite = await bridge.invite(meeting)
    async with bridge.public.post(invite["path"], json={"display_name": "Gina"}) as response:
        session = await response.json()
    async with feed(bridge, meeting, {"Authorization": f"Bearer {session['token']}"}) as response:
        await response.content.readline()
        async with bridge.public.delete(f"/api/v1/invites/{invite['id']}", headers=await bridge.staff("marie")):
            pass
        await sweeper.sweep(bridge.services)
        async with asyncio.timeout(10):
            while await response.content.readline():
                pass


async def test_a_stream_looks_again_whether_its_page_may_listen(bridge, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(captions, "KEEP_ALIVE_S", 0.05)
    meeting = await bridge.meeting()
    bridge.homeserver.join(meeting["room_id"], f"@ada:{HOME}")
    async with feed(bridge, meeting, await bridge.staff("ada")) as response:
        await response.content.readuntil(b": still here\n")
        bridge.homeserver.join(meeting["room_id"], f"@ada:{HOME}", "ban")
        bridge.services.rooms.forget(meeting["room_id"], f"@ada:{HOME}")
        async with asyncio.timeout(10):
            while await response.content.readline():
                pass


def test_streams_have_an_end_for_a_user_and_for_a_room():
    hub = CaptionHub()
    import contextlib

    with contextlib.ExitStack() as stack:
        for _ in range(MAX_LISTENERS_PER_USER):
            stack.enter_context(hub.listen("!r", "@u:s"))
        with pytest.raises(Refused), hub.listen("!r", "@u:s"):
            pass
        for number in range(MAX_LISTENERS_PER_ROOM - MAX_LISTENERS_PER_USER):
            stack.enter_context(hub.listen("!r", f"@u{number}:s"))
        with pytest.raises(Refused), hub.listen("!r", "@new:s"):
            pass
    with hub.listen("!r", "@new:s"):
        pass
    assert hub._rooms == {}
