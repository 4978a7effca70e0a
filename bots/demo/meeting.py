# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The meeting of the demo: three people come in through three doors, talk, and read the captions."""

import asyncio
import contextlib
import re
import time
from collections.abc import Sequence
from typing import Any

import aiohttp
from livekit import rtc

from bots import notice
from bots.captions.commands import Command, text_of
from bots.captions.consent import CONSENT
from bots.demo import doors, feed
from bots.demo.doors import DoorError
from bots.demo.hearing import EnvelopeMeter, similarity
from bots.demo.media import Camera
from bots.demo.person import Person
from bots.demo.report import Caption, Observed, Packets, Spoken
from bots.demo.schedule import arrange
from bots.demo.screen import Screen
from bots.demo.speech import RATE, Recording, phrases
from bots.matrix_rtc import Json

DOORS = ("staff", "partner", "guest")
GUEST_NAME = "Gwenaëlle Le Goff"
AGREED = "✅"

_INVITED_S = 20.0
_MEDIA_S = 20.0
_BOT_S = 60.0
_SETTLE_S = 1.5
"""Between the last consent and the first word, as people would leave."""
_TAIL_S = 12.0
_TRANSCRIPT_S = 30.0


def assign(recordings: Sequence[Recording]) -> dict[str, Recording]:
    """Give each recording a door: one named like a door goes there, the others fill the free ones in order."""
    named = {recording.name: recording for recording in recordings if recording.name in DOORS}
    others = iter(recording for recording in recordings if recording.name not in DOORS)
    chosen = {door: named.get(door) or next(others, None) for door in DOORS}
    return {door: recording for door, recording in chosen.items() if recording is not None}


class Meeting:
    """One run of the demo's meeting against a stack that is ready.

    Args:
        ready: what `passerelle up` wrote to `ready.json`.
        recordings: what is said, by door.
    """

    def __init__(self, ready: dict[str, Any], recordings: dict[str, Recording], screen: Screen) -> None:
        self._ready = ready
        self._recordings = recordings
        self._screen = screen
        self._url = str(ready["url"]).rstrip("/")
        self._people: dict[str, Person] = {}
        self._seconds: dict[str, float | None] = dict.fromkeys(DOORS)
        self._log = feed.CaptionLog(self._show)
        self._notice = asyncio.get_running_loop().create_future()
        self._bot_in_call = asyncio.Event()

    async def hold(self) -> Observed:
        """Hold the whole meeting.

        Raises:
            DoorError: a door did not open, or the bot did not come.
        """
        async with contextlib.AsyncExitStack() as stack:
            http = await stack.enter_async_context(aiohttp.ClientSession())
            before = await self._packets(http)
            began = time.time()
            session = await doors.staff(http, self._url, str(self._ready["staff"][0]["sub"]))
            staff = Person("staff", doors.Account.from_session(session))
            self._people["staff"] = await stack.enter_async_context(staff)
            signed_in_s = time.time() - began
            token = str(session["token"])
            meeting, link = await self._arrange_meeting(http, token)
            room_id = str(meeting["room_id"])
            background = await stack.enter_async_context(asyncio.TaskGroup())
            watching = [
                background.create_task(self._watch_room(staff, room_id)),
                background.create_task(self._watch_feed(http, f"{self._api}/meetings/{meeting['id']}/captions", token)),
            ]
            stack.callback(lambda: [task.cancel() for task in watching])
            async with asyncio.TaskGroup() as arriving:
                arriving.create_task(self._staff_comes(staff, room_id, signed_in_s))
                arriving.create_task(self._partner_comes(stack, http, room_id))
                arriving.create_task(self._guest_comes(stack, http, link))
            await self._captions_on(room_id)
            await self._talk()
            await staff.session.send_event(
                room_id, "m.room.message", {"msgtype": "m.text", "body": text_of(Command.OFF)}, "off"
            )
            self._screen.say("the staff user ended the captions; the bot writes the transcript")
            await self._log.wait_for(lambda: len(self._log.files) >= 2, _TRANSCRIPT_S)
            await asyncio.gather(*(person.hang_up() for person in self._people.values()))
            return self._observed(before, await self._packets(http))

    @property
    def _api(self) -> str:
        return f"{self._url}/api/v1"

    async def _arrange_meeting(self, http: aiohttp.ClientSession, token: str) -> tuple[Json, str]:
        meeting = await doors.post(http, f"{self._api}/meetings", {"title": "Demo"}, token)
        await doors.post(
            http,
            f"{self._api}/meetings/{meeting['id']}/partners",
            {"user_id": self._ready["partner_user"]["user_id"]},
            token,
        )
        invite = await doors.post(
            http, f"{self._api}/meetings/{meeting['id']}/invites", {"uses": 1, "ttl_s": 3600}, token
        )
        self._screen.say("a meeting, an invitation to the partner's server, and a link for one guest")
        return meeting, str(invite["url"])

    async def _staff_comes(self, staff: Person, room_id: str, signed_in_s: float) -> None:
        await self._enter(staff, room_id, time.time() - signed_in_s, "single sign-on")

    async def _partner_comes(self, stack: contextlib.AsyncExitStack, http: aiohttp.ClientSession, room_id: str) -> None:
        began = time.time()
        credentials, server = self._ready["partner_user"], self._ready["homeservers"]["partner"]
        account = await doors.partner(http, server["client_url"], credentials["user_id"], credentials["password"])
        partner = Person("partner", account)
        self._people["partner"] = await stack.enter_async_context(partner)
        async with asyncio.timeout(_INVITED_S):
            since: str | None = None
            while True:
                answer = await partner.session.sync(since, 0 if since is None else 5_000)
                if room_id in answer.get("rooms", {}).get("invite", {}):
                    break
                since = str(answer["next_batch"])
        await partner.session.join(room_id, (str(self._ready["homeservers"]["home"]["name"]),))
        await self._enter(partner, room_id, began, f"their own homeserver, {server['name']}")

    async def _guest_comes(self, stack: contextlib.AsyncExitStack, http: aiohttp.ClientSession, link: str) -> None:
        began = time.time()
        session = await doors.guest(http, link, GUEST_NAME)
        guest = Person("guest", doors.Account.from_session(session), Camera())
        self._people["guest"] = await stack.enter_async_context(guest)
        await self._enter(
            guest, str(session["meeting"]["room_id"]), began, "the invite link, with a name and nothing else"
        )

    async def _enter(self, person: Person, room_id: str, began_s: float, how: str) -> None:
        room = await person.enter(room_id)
        if person.door == "staff":
            room.on("participant_connected", self._connected)
        first = await person.first_media(_MEDIA_S)
        self._seconds[person.door] = None if first is None else first - began_s
        after = "no media came" if first is None else f"media after {first - began_s:.1f} s"
        self._screen.say(f"[bold]{person.door}[/] came in by {how}: {after}")

    def _connected(self, other: rtc.RemoteParticipant) -> None:
        if other.identity.startswith(f"{self._ready['captions']['user_id']}:"):
            self._bot_in_call.set()

    async def _captions_on(self, room_id: str) -> None:
        """The organiser asks the bot in; each person agrees: by room state, the guest by a reaction to the notice."""
        staff = self._people["staff"].session
        bot = str(self._ready["captions"]["user_id"])
        await staff.request("POST", f"/_matrix/client/v3/rooms/{room_id}/invite", body={"user_id": bot})
        try:
            async with asyncio.timeout(_BOT_S):
                asked = await self._notice
                await self._bot_in_call.wait()
        except TimeoutError:
            raise DoorError(f"the caption bot {bot} was asked in and did not come within {_BOT_S:.0f} s") from None
        self._screen.say("the staff user asked the caption bot in; its notice is in the room")
        for person in self._people.values():
            if person.door == "guest":
                relation = {"rel_type": "m.annotation", "event_id": asked, "key": AGREED}
                await person.session.send_event(room_id, "m.reaction", {"m.relates_to": relation}, "agreed")
            else:
                await person.session.send_state(room_id, CONSENT, person.session.user_id, {"allow": True})
        self._screen.say("everybody agreed to be captioned")
        await asyncio.sleep(_SETTLE_S)

    async def _talk(self) -> None:
        cuts = {door: phrases(recording.samples) for door, recording in self._recordings.items()}
        turns = arrange({door: [(cut.end - cut.start) / RATE for cut in found] for door, found in cuts.items()})
        begin_s = time.time() + 0.5
        for person in self._people.values():
            person.ears.begin_s = begin_s
            person.microphone.sent = EnvelopeMeter(begin_s, RATE)
        for turn in turns:
            cut = cuts[turn.speaker][turn.phrase]
            samples = self._recordings[turn.speaker].samples[cut.start : cut.end]
            self._people[turn.speaker].microphone.say(begin_s + turn.start_s, samples)
        lasts_s = max(turn.end_s for turn in turns)
        self._screen.say(f"they talk for {lasts_s:.0f} s")
        await asyncio.sleep(begin_s + lasts_s - time.time())
        if not await self._log.wait_for(self._all_captioned, _TAIL_S):
            self._screen.say("[red]some phrases were never captioned[/]")

    def _all_captioned(self) -> bool:
        """Whether each phrase has a final caption that ends where it ends or later, in the feed and in the room."""
        owners = {person.session.user_id: person for person in self._people.values()}
        ends: dict[str, float] = {}
        for identifier, segment in self._log.segments.items():
            if identifier in self._log.room_s and segment["user_id"] in owners:
                door = owners[segment["user_id"]].door
                ends[door] = max(ends.get(door, 0.0), segment["end_ms"] / 1000)
        return all(
            len(self._people[door].microphone.spoken) > 0
            and ends.get(door, 0.0) > self._people[door].microphone.spoken[-1][1] - 1.0
            for door in self._recordings
        )

    async def _watch_room(self, staff: Person, room_id: str) -> None:
        bot = str(self._ready["captions"]["user_id"])
        async for event in staff.session.timeline(room_id):
            if event.get("sender") != bot:
                continue
            if notice.NOTICE in event.get("content", {}) and not self._notice.done():
                self._notice.set_result(str(event["event_id"]))
            await self._log.from_room(event)

    async def _watch_feed(self, http: aiohttp.ClientSession, url: str, token: str) -> None:
        async for segment in feed.live(http, url, token):
            await self._log.from_feed(segment)

    def _show(self, segment: Json) -> None:
        door = self._door_of(str(segment["user_id"]))
        self._screen.caption(door, str(segment["display_name"]), str(segment["text"]))

    def _door_of(self, user_id: str) -> str:
        return next((door for door, one in self._people.items() if one.session.user_id == user_id), user_id)

    async def _packets(self, http: aiohttp.ClientSession) -> Packets:
        async with http.get(f"{self._ready['sfu']['api_url']}/metrics") as response:
            text = await response.text()
        return Packets(
            received=_counter(text, 'livekit_packet_total{direction="incoming",transmission="initial"}'),
            sent=_counter(text, 'livekit_packet_total{direction="outgoing",transmission="initial"}'),
            lost=_counter(text, 'livekit_packet_loss_total{direction="incoming"}'),
        )

    def _observed(self, before: Packets, after: Packets) -> Observed:
        heard: dict[tuple[str, str], float] = {}
        for door in self._recordings:
            speaker = self._people[door]
            sent = speaker.microphone.sent
            for listener in self._people.values():
                if listener is not speaker and sent is not None:
                    meter = listener.ears.heard.get(speaker.identity)
                    received = meter.envelope() if meter else sent.envelope()[:0]
                    heard[door, listener.door] = similarity(sent.envelope(), received)
        return Observed(
            seconds_to_media=self._seconds,
            texts={door: recording.text for door, recording in self._recordings.items()},
            spoken=[Spoken(door, *when) for door in self._recordings for when in self._people[door].microphone.spoken],
            captions=[
                Caption(
                    speaker=self._door_of(str(segment["user_id"])),
                    text=str(segment["text"]),
                    lang=str(segment["lang"]),
                    start_s=segment["start_ms"] / 1000,
                    end_s=segment["end_ms"] / 1000,
                    live_s=self._log.live_s[identifier],
                    room_s=self._log.room_s.get(identifier),
                )
                for identifier, segment in self._log.segments.items()
            ],
            similarity=heard,
            video_frames={door: one.ears.video_frames for door, one in self._people.items() if door != "guest"},
            packets=Packets(after.received - before.received, after.sent - before.sent, after.lost - before.lost),
            files=tuple(self._log.files),
        )


def _counter(text: str, sample: str) -> int:
    """One sample of Prometheus' text format; 0 where there is none."""
    found = re.search(rf"^{re.escape(sample)} ([0-9.e+]+)$", text, re.MULTILINE)
    return int(float(found[1])) if found else 0
