# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""People in a real call on a real stack, and what they see of its captions."""

import asyncio
import json
import time
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import jiwer
import numpy as np
import soundfile
from livekit import rtc
from yarl import URL

from bots.call import CallMember
from bots.captions.consent import CONSENT
from bots.captions.thread import CAPTION
from bots.demo import doors
from bots.matrix_rtc import MatrixSession
from bots.notice import NOTICE

SPEECH = Path(__file__).parents[1] / "fixtures" / "speech"
RATE = 16_000
FRAME = RATE // 20


class Person:
    """Somebody in the call with a microphone that says what it is told."""

    def __init__(self, account: doors.Account) -> None:
        self.session = MatrixSession(account.user_id, account.device_id, account.access_token, account.base_url)
        self.call: CallMember | None = None
        self.room: rtc.Room | None = None
        self.began = 0.0
        """When what is being said began (Unix seconds)."""
        self._source = rtc.AudioSource(RATE, 1, queue_size_ms=100)
        self._to_say = np.zeros(0, np.int16)
        self._silent = asyncio.Event()
        self._microphone: asyncio.Task | None = None

    async def enter(self, room_id: str, *, listens: bool = True) -> None:
        self.call = CallMember(self.session, room_id, auto_subscribe=listens)
        self.room = await self.call.join()
        track = rtc.LocalAudioTrack.create_audio_track("microphone", self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self.room.local_participant.publish_track(track, options)
        self._microphone = asyncio.create_task(self._speak())

    async def say(self, name: str, start_s: float, end_s: float) -> float:
        """Say part of a recording; returns when it was over (Unix seconds)."""
        samples, _ = soundfile.read(SPEECH / f"{name}.flac", dtype="int16")
        self.begin(samples[int(start_s * RATE) : int(end_s * RATE)])
        await self._silent.wait()
        return time.time() + self._source.queued_duration

    def begin(self, samples: np.ndarray) -> None:
        """Begin to say something; what was being said ends here."""
        self._to_say, self.began = samples, time.time() + self._source.queued_duration
        self._silent.clear()

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
        self.shown: list[tuple[float, dict]] = []
        """Every version of a segment that the feed brought, and when."""
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
                if line.startswith(b"data: "):  # `live` has none
                    segment = json.loads(line[5:])
                    self.segments[segment["id"]] = segment
                    self.shown.append((time.time(), segment))
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
async def meeting(stack, guests: int = 1):
    """A new meeting with a staff member and guests, watched by the staff member: the room's id, they, and the log."""
    url = stack.ready["url"].rstrip("/")
    bot = f"@captions:{stack.ready['homeservers']['home']['name']}"
    async with AsyncExitStack() as cleanup:
        http = await cleanup.enter_async_context(aiohttp.ClientSession())
        signed_in = await doors.staff(http, url, stack.ready["staff"][0]["sub"])
        token = signed_in["token"]
        made = await doors.post(http, f"{url}/api/v1/meetings", {"title": "Budget"}, token)
        room_id = made["room_id"]
        terms = {"uses": guests, "ttl_s": 600}
        invite = await doors.post(http, f"{url}/api/v1/meetings/{made['id']}/invites", terms, token)
        visitors = [await doors.guest(http, invite["url"], f"Anaïs {chr(66 + number)}.") for number in range(guests)]
        staff, *others = (Person(doors.Account.from_session(session)) for session in (signed_in, *visitors))
        for person in (staff, *others):
            cleanup.push_async_callback(person.close)
        await staff.session.join(room_id)
        log = Log(bot, http, f"{url}/api/v1/meetings/{made['id']}", token)
        watching = [
            asyncio.create_task(log.watch_room(staff.session, room_id)),
            asyncio.create_task(log.watch_feed()),
        ]
        try:
            yield room_id, staff, *others, log
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
