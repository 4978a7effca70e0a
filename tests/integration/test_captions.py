# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Captions of real calls on a real stack: who is heard, what is written where, and how it ends."""

import asyncio
import os
import re
import signal
import time
from urllib.parse import quote

import aiohttp
import psutil
import pytest

from bots.demo import doors
from bots.matrix_rtc import MatrixSession
from bots.passport import PASSPORT
from tests.integration.captioned_call import Log, allow, ask_captions, download, meeting, metrics, phrase, until, wer

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]


async def test_only_those_who_agreed_are_written_down_under_their_names_and_the_room_gets_the_transcript(stack):
    restarts = stack.status()["bots"]["restarts"]
    async with meeting(stack) as (room_id, staff, guest, log):
        await allow(staff.session, room_id, allow=True)
        await staff.enter(room_id)
        await guest.enter(room_id)
        notice = await ask_captions(staff.session, room_id, log)
        assert "Marie Curie" in log.notice()["content"]["body"]
        (passport,) = log.from_bot(PASSPORT)
        assert passport["state_key"] == log.bot
        assert (passport["content"]["name"], passport["content"]["not_used_for_training"]) == ("whisper-base", True)

        await guest.say("guest", 0.3, 5.3)
        ended = await staff.say("staff", 0.0, 7.4)
        await until(lambda: log.said(staff.session.user_id), "the staff member's caption")
        feed_delay = min(log.first_final.values()) - ended
        await until(lambda: log.in_room, "the caption in the room")
        room_delay = min(log.in_room.values()) - ended
        assert wer(phrase("staff", 0), log.said(staff.session.user_id)) <= 0.15
        assert log.said(guest.session.user_id) == ""
        print(f"delay to the feed {feed_delay:.2f} s, to the room {room_delay:.2f} s")
        assert feed_delay < 6  # under 2 s on a quiet machine

        reaction = await guest.session.send_event(
            room_id,
            "m.reaction",
            {"m.relates_to": {"rel_type": "m.annotation", "event_id": notice, "key": "✅"}},
            "agree",
        )
        await until(lambda: any(event["event_id"] == reaction for event in log.events), "the reaction")
        await asyncio.gather(guest.say("guest", 5.7, 9.3), staff.say("staff", 8.0, 11.6))
        await until(lambda: log.said(guest.session.user_id), "the guest's caption")
        assert wer(phrase("guest", 1), log.said(guest.session.user_id)) <= 0.15
        names = {s["user_id"]: s["display_name"] for s in log.segments.values() if s["final"]}
        assert names[staff.session.user_id] == "Marie Curie"
        assert names[guest.session.user_id].startswith("Anaïs B.")

        path = f"/_matrix/client/v3/rooms/{room_id}/redact/{reaction}/withdraw"
        await guest.session.request("PUT", path, body={})
        await until(lambda: any(event["type"] == "m.room.redaction" for event in log.events), "the redaction")
        before = log.said(guest.session.user_id)
        await guest.say("guest", 9.5, 13.3)
        await staff.say("staff", 11.8, 17.5)
        await until(lambda: "selfish" in log.said(staff.session.user_id), "the next caption of the staff member")
        assert log.said(guest.session.user_id) == before

        await staff.hang_up()
        await guest.hang_up()
        await until(lambda: len(log.files()) == 2, "text and WebVTT in the room", 40)
        await until(
            lambda: any(
                event["state_key"] == log.bot and event["content"]["membership"] == "leave"
                for event in log.from_bot("m.room.member")
            ),
            "the bot's leaving",
        )
        finals = {s["id"] for s in log.segments.values() if s["final"] and s["text"]}
        assert set(log.in_room) == finals
        assert stack.status()["bots"]["restarts"] == restarts, stack.logs()
        text, vtt = [await download(staff.session, file["url"]) for file in log.files()]
        assert "Marie Curie: " in text
        assert text.startswith("whisper-base 1.0.0 (MIT, SHA-256 ")
        assert passport["content"]["sha256"] in vtt
        figures = await metrics(stack)
        counted = re.search(r"^passerelle_captions_delay_seconds_count (\S+)$", figures, re.MULTILINE)
        assert counted is not None
        assert float(counted[1]) >= len(finals)
        assert 'passerelle_captions_degraded{cause="engine"} 0.0' in figures
        assert vtt.startswith("WEBVTT")
        assert vtt.count("-->") == len(finals)

        final = await final_transcript(log)
        assert final["model"]["sha256"] == passport["content"]["sha256"]
        said = {user: " ".join(p["text"] for p in final["paragraphs"] if p["user_id"] == user) for user in names}
        assert wer(phrase("staff", 0, 1, 2), said[staff.session.user_id]) <= 0.15
        assert said[guest.session.user_id] == "", "the sound of who withdraws goes at once"
        assert not list(stack.data.glob("**/spool/**/*.flac")), "the sound goes when the words are there"
        nice = {name: psutil.Process(service["pid"]).nice() for name, service in stack.status().items()}
        assert nice["sfu"] < nice["bots"] < nice["worker"], "what is said comes before what is written"


async def final_transcript(log: Log, within_s: float = 90.0) -> dict:
    """The one that is read anew once the call is over."""
    deadline = time.monotonic() + within_s
    calls: list[dict] = []
    while [call["state"] for call in calls] != ["done"]:
        assert time.monotonic() < deadline, calls
        await asyncio.sleep(0.2)
        calls = (await log.read("/transcripts"))["calls"]
    return await log.read(f"/transcripts/{quote(calls[0]['call_id'], safe='')}")


async def test_a_bot_that_dies_comes_back_to_its_call_and_keeps_who_withdrew(stack):
    async with meeting(stack) as (room_id, staff, guest, log):
        await staff.enter(room_id)
        await guest.enter(room_id)
        notice = await ask_captions(staff.session, room_id, log)
        relation = {"m.relates_to": {"rel_type": "m.annotation", "event_id": notice, "key": "✅"}}
        await staff.session.send_event(room_id, "m.reaction", relation, "agree-1")
        await allow(guest.session, room_id, allow=True)
        await allow(guest.session, room_id, allow=False)
        await staff.say("staff", 0.0, 7.6)
        await until(lambda: log.in_room, "a caption in the room")
        first = set(log.in_room)

        pid, restarts = stack.status()["bots"]["pid"], stack.status()["bots"]["restarts"]
        os.kill(pid, signal.SIGKILL)
        killed = time.monotonic()
        await until(lambda: stack.status()["bots"]["pid"] not in {None, pid}, "another bot", 30)
        deadline = time.monotonic() + 60
        while set(log.in_room) == first:
            assert time.monotonic() < deadline, "no caption after the restart"
            await asyncio.gather(guest.say("guest", 0.3, 5.3), staff.say("staff", 11.8, 17.5))
        assert log.said(guest.session.user_id) == ""
        await until(lambda: time.monotonic() > killed + 21, "the time when the dead bot's scheduled leave came", 25)
        await until(lambda: log.from_bot("org.matrix.msc3401.call.member")[-1]["content"], "the bot as a member", 5)

        await staff.session.send_event(room_id, "m.room.message", {"msgtype": "m.text", "body": "!captions off"}, "off")
        await until(lambda: len(log.files()) == 2, "text and WebVTT in the room", 40)
        assert stack.status()["bots"]["restarts"] == restarts + 1, stack.logs()
        text = await download(staff.session, log.files()[0]["url"])
        assert "prudently" in text
        assert "selfish" in text


async def test_somebody_without_the_power_to_ask_gets_no_captions(stack):
    restarts = stack.status()["bots"]["restarts"]
    async with meeting(stack) as (_, staff, _guest, log):
        made = await staff.session.request(
            "POST",
            "/_matrix/client/v3/createRoom",
            body={
                "preset": "private_chat",
                "invite": [stack.ready["staff"][1]["user_id"]],
                "power_level_content_override": {"invite": 0},
            },
        )
        room_id = made["room_id"]
        url = stack.ready["url"].rstrip("/")
        async with aiohttp.ClientSession() as http:
            colleague = doors.Account.from_session(await doors.staff(http, url, stack.ready["staff"][1]["sub"]))
        async with MatrixSession(
            colleague.user_id, colleague.device_id, colleague.access_token, colleague.base_url
        ) as session:
            await session.join(room_id)
            watching = asyncio.create_task(log.watch_room(session, room_id))
            await session.request("POST", f"/_matrix/client/v3/rooms/{room_id}/invite", body={"user_id": log.bot})
            await until(
                lambda: any(event["content"]["membership"] == "leave" for event in log.from_bot("m.room.member")),
                "the bot's leaving",
            )
            watching.cancel()
            await asyncio.wait([watching])
        assert log.notice() is None
        assert stack.status()["bots"]["restarts"] == restarts, stack.logs()
        assert log.from_bot("org.matrix.msc3401.call.member") == []
