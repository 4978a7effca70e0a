# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Moderation on a whole stack: what is said in the room, by whatever client and homeserver, the media server obeys."""

import asyncio
import time
from urllib.parse import quote

import httpx2
import numpy
import pytest
from livekit import rtc

from tests.integration.test_authorisation import Doors, Person

pytestmark = pytest.mark.stack

V3 = "/_matrix/client/v3"
RATE = 48_000
AT_ONCE_S = 1.0
OUT_S = 3.0
LOADED = 5
"""How much slower than promised a machine may be that runs other tests as well; what was measured is printed."""


class Caller:
    """Somebody in the call who speaks, and hears who else does."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.room = rtc.Room()
        self.source = rtc.AudioSource(RATE, 1)
        self.heard: dict[str, float] = {}
        self.tasks: list[asyncio.Task[None]] = []
        self.out = False
        self.room.on("track_subscribed", self._listen)
        self.room.on("disconnected", self._gone)

    async def enter(self, doors: Doors, meeting: dict) -> "Caller":
        answer = await asyncio.to_thread(doors.sfu_get, self.person, meeting["room_id"])
        assert answer.status_code == 200, answer.text
        await self.room.connect(answer.json()["url"], answer.json()["jwt"])
        return self

    async def speak(self) -> "Caller":
        track = rtc.LocalAudioTrack.create_audio_track("microphone", self.source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self.room.local_participant.publish_track(track, options)
        self.tasks.append(asyncio.create_task(self._sound()))
        return self

    async def _sound(self) -> None:
        tone = (8000 * numpy.sin(numpy.arange(RATE // 100) * 2 * numpy.pi * 500 / RATE)).astype(numpy.int16)
        while True:
            await self.source.capture_frame(rtc.AudioFrame(tone.tobytes(), RATE, 1, len(tone)))

    def _listen(self, track: rtc.Track, _: object, who: rtc.RemoteParticipant) -> None:
        async def listen() -> None:
            async for event in rtc.AudioStream(track):
                if numpy.abs(numpy.frombuffer(event.frame.data, numpy.int16)).max() > 1000:
                    self.heard[who.identity] = time.monotonic()

        self.tasks.append(asyncio.create_task(listen()))

    def _gone(self, _: object) -> None:
        self.out = True

    @property
    def identity(self) -> str:
        return self.room.local_participant.identity

    async def leave(self) -> None:
        for task in self.tasks:
            task.cancel()
        await self.room.disconnect()


async def until(condition, what: str, within_s: float = 30.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come about within {within_s} s"
        await asyncio.sleep(0.01)


def post(who: Person, room_id: str, verb: str, body: dict) -> None:
    answer = who.http.post(f"{who.base_url}{V3}/rooms/{quote(room_id)}/{verb}", json=body)
    assert answer.is_success, answer.text


def say(who: Person, room_id: str, text: str) -> None:
    path = f"{V3}/rooms/{quote(room_id)}/send/m.room.message/{time.monotonic_ns()}"
    answer = who.http.put(who.base_url + path, json={"msgtype": "m.text", "body": text})
    assert answer.is_success, answer.text


def change_levels(who: Person, room_id: str, user_id: str, level: int) -> None:
    """What Element does when its user makes somebody a moderator."""
    url = f"{who.base_url}{V3}/rooms/{quote(room_id)}/state/m.room.power_levels"
    content = who.http.get(url).json()
    answer = who.http.put(url, json={**content, "users": content["users"] | {user_id: level}})
    assert answer.is_success, answer.text


async def seconds(act, done, what: str, promised_s: float) -> float:
    """Return how long it took from somebody's act (an HTTP request) to its effect in the media."""
    began = time.monotonic()
    await asyncio.to_thread(act)
    await until(done, what)
    took = time.monotonic() - began
    print(f"{what}: {took:.2f} s (promised: {promised_s} s)")
    assert took < promised_s * LOADED
    return took


async def test_the_media_obey_the_room_whoever_writes_it_and_on_whichever_homeserver(stack):
    """A guest, a partner and staff speak; hosts take microphones and people away by command, Element and federation."""
    doors = Doors(stack)
    meeting = await asyncio.to_thread(doors.meeting)
    room, invite = meeting["room_id"], await asyncio.to_thread(doors.invite, meeting)
    _, marie = await asyncio.to_thread(doors.sign_in)
    assert marie.http.post(f"{marie.base_url}{V3}/join/{quote(room)}", json={}).is_success
    session, jean = await asyncio.to_thread(doors.sign_in, 1)
    staff = {"Authorization": f"Bearer {session['token']}"}
    answer = await asyncio.to_thread(httpx2.post, f"{invite['url']}/staff", json={}, headers=staff, timeout=60)
    assert answer.status_code == 200, answer.text
    _, gina = await asyncio.to_thread(doors.guest, invite)
    pavel = await asyncio.to_thread(doors.partner_comes_in, meeting, invite)
    people = [Caller(who) for who in (marie, jean, gina, pavel)]
    host, colleague, guest, partner = [await caller.enter(doors, meeting) for caller in people]
    try:
        for caller in (colleague, guest, partner):
            await caller.speak()
        speakers = {caller.identity for caller in (colleague, guest, partner)}
        await until(lambda: speakers <= set(host.heard), "everybody is heard", 60)

        def silent(caller: Caller) -> bool:
            return not host.room.remote_participants[caller.identity].track_publications

        await seconds(
            lambda: say(marie, room, "!meet forbid microphone guests"),
            lambda: silent(guest),
            "a guest's microphone is off",
            AT_ONCE_S,
        )
        assert not silent(colleague)
        assert not silent(partner)

        # Element's own way: Marie makes Pavel, of another homeserver, a moderator, and he removes people from there.
        await asyncio.to_thread(change_levels, marie, room, pavel.user_id, 50)

        def removes(who: Person):
            return lambda: post(pavel, room, "kick", {"user_id": who.user_id, "reason": "by Pavel"})

        await until_levels(pavel, room, 50)
        await seconds(removes(gina), lambda: guest.out, "a guest whom a partner removes is out", OUT_S)
        await seconds(removes(jean), lambda: colleague.out, "staff whom a partner removes are out", OUT_S)
        await seconds(lambda: post(pavel, room, "leave", {}), lambda: partner.out, "a partner who leaves is out", OUT_S)
        again = await asyncio.to_thread(doors.sfu_get, jean, room)
        assert again.status_code == 403
    finally:
        for caller in people:
            await caller.leave()
        doors.http.close()


async def until_levels(who: Person, room_id: str, level: int) -> None:
    """Wait until somebody's own homeserver has heard of their level."""
    url = f"{who.base_url}{V3}/rooms/{quote(room_id)}/state/m.room.power_levels"
    await until(lambda: who.http.get(url).json()["users"].get(who.user_id) == level, "the level at their homeserver")
