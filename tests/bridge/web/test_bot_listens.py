# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The bot's own clients of what the bridge knows, at the real bridge."""

import asyncio
from contextlib import asynccontextmanager

from bots.corrections import Corrections
from bots.past import Past
from tests.bridge.web.test_captions import put, segment
from tests.bridge.web.test_corrections import CALL, HOME, correct, said


@asynccontextmanager
async def following(bridge, room_id, *, call_id=CALL):
    """Let the bot listen; give what it hears."""
    heard: asyncio.Queue = asyncio.Queue()
    url = str(bridge.internal.make_url("")).rstrip("/")
    token = bridge.services.settings.internal.token.get_secret_value()
    task = asyncio.create_task(Corrections(url, token).follow(room_id, call_id, heard.put_nowait))
    try:
        yield heard, task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_the_bot_hears_of_corrections_from_before_and_of_those_that_come(bridge):
    meeting, headers = await said(bridge), await bridge.staff("marie")
    bridge.homeserver.join(meeting["room_id"], f"@marie:{HOME}")
    await correct(bridge, meeting, headers, "Bonjour à tous.")
    async with following(bridge, meeting["room_id"]) as (heard, _):
        first = await asyncio.wait_for(heard.get(), 10)
        assert (first.id, first.text, first.final) == ("seg1", "Bonjour à tous.", True)
        assert first.rev > 5, "newer than what the bot said itself"
        await correct(bridge, meeting, headers, "Bonjour à toutes.")
        second = await asyncio.wait_for(heard.get(), 10)
        assert second.text == "Bonjour à toutes."
        assert second.rev > first.rev


async def test_what_was_corrected_in_another_call_of_the_room_is_not_for_this_one(bridge):
    meeting, headers = await said(bridge), await bridge.staff("marie")
    bridge.homeserver.join(meeting["room_id"], f"@marie:{HOME}")
    other = segment(meeting["room_id"], id="seg2", call_id="$other", final=True, rev=5, user_id=f"@ada:{HOME}")
    await put(bridge, other)
    await correct(bridge, meeting, headers, "Of this call.")
    await correct(bridge, meeting, headers, "Of the other.", line="seg2")
    async with following(bridge, meeting["room_id"], call_id="$other") as (heard, _):
        assert (await asyncio.wait_for(heard.get(), 10)).id == "seg2"
        assert heard.empty()


async def test_in_a_room_that_is_no_meeting_nothing_is_waited_for(bridge):
    async with following(bridge, "!none:hs") as (_, task):
        await asyncio.wait_for(task, 10)


async def test_the_stream_is_opened_again_when_the_bridge_was_away(bridge):
    meeting, headers = await said(bridge), await bridge.staff("marie")
    bridge.homeserver.join(meeting["room_id"], f"@marie:{HOME}")
    await correct(bridge, meeting, headers, "One.")
    async with following(bridge, meeting["room_id"]) as (heard, _):
        await asyncio.wait_for(heard.get(), 10)
        bridge.services.hub.close()
        assert (await asyncio.wait_for(heard.get(), 10)).text == "One.", "told again from the beginning"


def past(bridge):
    token = bridge.services.settings.internal.token.get_secret_value()
    return Past(str(bridge.internal.make_url("")).rstrip("/"), token)


async def test_a_bot_that_comes_back_learns_what_it_said_in_this_call_finished_or_not(bridge):
    room = (await bridge.meeting())["room_id"]
    await put(bridge, segment(room, 1, call_id="$call/1", final=True, rev=2))
    await put(bridge, segment(room, 2, call_id="$call/1", text="je voulais", rev=3))
    await put(bridge, segment(room, 3, call_id="$call/1", text="", final=True))
    await put(bridge, segment(room, 4, call_id="$other"))
    first, second = await past(bridge).lines(room, "$call/1")
    assert (first.id, first.final) == ("seg1", True)
    assert (second.id, second.text, second.final, second.rev) == ("seg2", "je voulais", False, 3)


async def test_a_room_that_is_no_meeting_has_no_past(bridge):
    assert await past(bridge).lines("!none:hs", "$call") == []


async def test_of_a_long_call_the_newest_lines_are_told(bridge, monkeypatch):
    monkeypatch.setattr("bridge.store.segments.MAX_RECALLED", 3)
    room = (await bridge.meeting())["room_id"]
    for number in range(1, 6):
        await put(bridge, segment(room, number, call_id="$call"))
    assert [line.id for line in await past(bridge).lines(room, "$call")] == ["seg3", "seg4", "seg5"]
