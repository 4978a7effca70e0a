# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Captions of real calls on a real stack: who is heard, what is written where, and how it ends."""

import asyncio
import json
import os
import re
import signal
import time
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import quote

import aiohttp
import jiwer
import numpy as np
import pytest
import soundfile
from livekit import rtc
from yarl import URL

from bots.call import CallMember
from bots.captions.consent import CONSENT
from bots.captions.thread import CAPTION
from bots.demo import doors
from bots.matrix_rtc import MatrixSession
from bots.notice import NOTICE
from bots.passport import PASSPORT

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]

SPEECH = Path(__file__).parents[1] / "fixtures" / "speech"
RATE = 16_000
FRAME = RATE // 100


class Person:
    """Somebody in the call with a microphone that says what it is told."""

    def __init__(self, account: doors.Account) -> None:
        self.session = MatrixSession(account.user_id, account.device_id, account.access_token, account.base_url)
        self.call: CallMember | None = None
        self._source = rtc.AudioSource(RATE, 1, queue_size_ms=100)
        self._to_say = np.zeros(0, np.int16)
        self._silent = asyncio.Event()
        self._microphone: asyncio.Task | None = None

    async def enter(self, room_id: str) -> None:
        self.call = CallMember(self.session, room_id)
        room = await self.call.join()
        track = rtc.LocalAudioTrack.create_audio_track("microphone", self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await room.local_participant.publish_track(track, options)
        self._microphone = asyncio.create_task(self._speak())

    async def say(self, name: str, start_s: float, end_s: float) -> float:
        """Say part of a recording; returns when it was over (Unix seconds)."""
        samples, _ = soundfile.read(SPEECH / f"{name}.flac", dtype="int16")
        self._to_say = samples[int(start_s * RATE) : int(end_s * RATE)]
        self._silent.clear()
        await self._silent.wait()
        return time.time() + self._source.queued_duration

    async def hang_up(self) -> None:
        if self._microphone:
            self._microphone.cancel()
        if self.call:
            await self.call.leave()
        self.call = self._microphone = None

    async def close(self) -> None:
        await self.hang_up()
        await self.session.close()

    async def _speak(self) -> None:
        while True:
            frame = np.zeros(FRAME, np.int16)
            part, self._to_say = self._to_say[:FRAME], self._to_say[FRAME:]
            frame[: len(part)] = part
            if not len(self._to_say):
                self._silent.set()
            await self._source.capture_frame(rtc.AudioFrame(frame.tobytes(), RATE, 1, FRAME))


class Log:
    """What a person sees in the room and on the feed."""

    def __init__(self, bot: str, http: aiohttp.ClientSession, meeting: str, token: str) -> None:
        self.bot = bot
        self._http, self._meeting, self._headers = http, meeting, {"Authorization": f"Bearer {token}"}
        self.events: list[dict] = []
        self.segments: dict[str, dict] = {}
        self.first_final: dict[str, float] = {}
        self.in_room: dict[str, float] = {}

    async def watch_room(self, session: MatrixSession, room_id: str) -> None:
        async for event in session.timeline(room_id):
            self.events.append(event)
            for entry in event.get("content", {}).get(CAPTION, []):
                self.in_room.setdefault(entry["segment_id"], time.time())

    async def read(self, path: str) -> dict:
        """What the bridge answers them about the meeting."""
        async with self._http.get(self._meeting + path, headers=self._headers) as response:
            assert response.status == 200, path
            return await response.json()

    async def watch_feed(self) -> None:
        timeout = aiohttp.ClientTimeout(total=None)
        async with self._http.get(f"{self._meeting}/captions", headers=self._headers, timeout=timeout) as response:
            assert response.status == 200
            async for line in response.content:
                if line.startswith(b"data:"):
                    segment = json.loads(line[5:])
                    self.segments[segment["id"]] = segment
                    if segment["final"]:
                        self.first_final.setdefault(segment["id"], time.time())

    def from_bot(self, kind: str = "m.room.message") -> list[dict]:
        return [event for event in self.events if event["sender"] == self.bot and event["type"] == kind]

    def notice(self) -> dict | None:
        return next((event for event in self.from_bot() if NOTICE in event["content"]), None)

    def said(self, user_id: str) -> str:
        mine = [s for s in self.segments.values() if s["user_id"] == user_id and s["final"]]
        return " ".join(s["text"] for s in sorted(mine, key=lambda s: s["start_ms"]))

    def files(self) -> list[dict]:
        return [event["content"] for event in self.from_bot() if event["content"].get("msgtype") == "m.file"]


async def until(condition, what: str, within_s: float = 20.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what}"
        await asyncio.sleep(0.05)


def phrase(name: str, *numbers: int) -> str:
    lines = (SPEECH / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    return " ".join(lines[number] for number in numbers)


def wer(reference: str, text: str) -> float:
    plain = jiwer.Compose([jiwer.ToLowerCase(), jiwer.RemovePunctuation(), jiwer.RemoveMultipleSpaces(), jiwer.Strip()])
    return jiwer.wer(plain(reference.replace("-", " ")), plain(text.replace("-", " ")))


@asynccontextmanager
async def meeting(stack):
    """A new meeting with a staff member and a guest in its call, watched by the staff member."""
    url = stack.ready["url"].rstrip("/")
    bot = f"@captions:{stack.ready['homeservers']['home']['name']}"
    async with AsyncExitStack() as cleanup:
        http = await cleanup.enter_async_context(aiohttp.ClientSession())
        signed_in = await doors.staff(http, url, stack.ready["staff"][0]["sub"])
        token = signed_in["token"]
        made = await doors.post(http, f"{url}/api/v1/meetings", {"title": "Budget"}, token)
        room_id = made["room_id"]
        invite = await doors.post(http, f"{url}/api/v1/meetings/{made['id']}/invites", {"uses": 1, "ttl_s": 600}, token)
        visitor = await doors.guest(http, invite["url"], "Anaïs B.")
        staff = Person(doors.Account.from_session(signed_in))
        cleanup.push_async_callback(staff.close)
        guest = Person(doors.Account.from_session(visitor))
        cleanup.push_async_callback(guest.close)
        await staff.session.join(room_id)
        log = Log(bot, http, f"{url}/api/v1/meetings/{made['id']}", token)
        watching = [
            asyncio.create_task(log.watch_room(staff.session, room_id)),
            asyncio.create_task(log.watch_feed()),
        ]
        try:
            yield room_id, staff, guest, log
        finally:
            for task in watching:
                task.cancel()
            await asyncio.wait(watching)


async def ask_captions(session: MatrixSession, room_id: str, log: Log) -> str:
    await session.request("POST", f"/_matrix/client/v3/rooms/{room_id}/invite", body={"user_id": log.bot})
    await until(log.notice, "the bot's notice")
    key = "org.matrix.msc3401.call.member"
    await until(lambda: any(event["content"] for event in log.from_bot(key)), "the bot in the call")
    return log.notice()["event_id"]


async def allow(session: MatrixSession, room_id: str, *, allow: bool) -> None:
    await session.send_state(room_id, CONSENT, session.user_id, {"allow": allow})


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


async def final_transcript(log: Log, within_s: float = 90.0) -> dict:
    """The one that is read anew once the call is over."""
    deadline = time.monotonic() + within_s
    calls: list[dict] = []
    while [call["state"] for call in calls] != ["done"]:
        assert time.monotonic() < deadline, calls
        await asyncio.sleep(0.2)
        calls = (await log.read("/transcripts"))["calls"]
    return await log.read(f"/transcripts/{quote(calls[0]['call_id'], safe='')}")


async def metrics(stack) -> str:
    """What Prometheus would read of the bot."""
    port = URL(stack.ready["url"]).port + 2
    async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{port}/metrics") as response:
        return await response.text()


async def download(session: MatrixSession, mxc: str) -> str:
    path = "/_matrix/client/v1/media/download/" + mxc.removeprefix("mxc://")
    headers = {"Authorization": f"Bearer {session.access_token}"}
    async with session.http.get(session.base_url + path, headers=headers) as response:
        return await response.text()


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
