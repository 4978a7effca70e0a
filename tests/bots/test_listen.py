# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Whose audio is received: the calls made to the SDK, with a room that only records them."""

import asyncio
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from livekit import rtc

from bots import listen
from bots.captions.language import LanguageChoice
from bots.captions.track import Answer, TrackCaptions
from bots.engines.contract import Decoded
from bots.final.spool import Spool
from bots.keepsound import SoundKeeper
from bots.listen import MAX_TRACKS, CallListener, Ears

AUDIO, VIDEO = rtc.TrackKind.KIND_AUDIO, rtc.TrackKind.KIND_VIDEO
MICROPHONE = rtc.TrackSource.SOURCE_MICROPHONE
ALICE, BOB = "@alice:hs:8431:DEV", "@bob:hs:DEV"
OWNERS = {ALICE: "@alice:hs:8431", BOB: "@bob:hs"}


@dataclass
class Publication:
    """A track somebody publishes; remembers what was asked of it."""

    sid: str
    kind: int = AUDIO
    source: int = MICROPHONE
    encryption_type: int = rtc.EncryptionType.NONE
    asked: list[bool] = field(default_factory=list)

    def set_subscribed(self, wanted: bool) -> None:
        self.asked.append(wanted)


@dataclass
class Participant:
    """Somebody in the call."""

    identity: str
    track_publications: dict[str, Publication] = field(default_factory=dict)


class FakeRoom:
    """The part of rtc.Room that a listener uses."""

    def __init__(self) -> None:
        self.remote_participants: dict[str, Participant] = {}
        self._handlers = {}

    def on(self, name, handler):
        self._handlers[name] = handler

    def emit(self, name, *values):
        self._handlers[name](*values)

    def isconnected(self) -> bool:
        return True

    def publish(self, identity: str, sid: str, **changes) -> Publication:
        participant = self.remote_participants.setdefault(identity, Participant(identity))
        publication = participant.track_publications[sid] = Publication(sid, **changes)
        self.emit("track_published", publication, participant)
        return publication

    def subscribed(self, identity: str, publication: Publication) -> None:
        track = SimpleNamespace(kind=publication.kind, sid=publication.sid)
        self.emit("track_subscribed", track, publication, self.remote_participants[identity])


class FakeStream:
    """An audio stream the test speaks into."""

    made: list["FakeStream"]

    def __init__(self, track, **_) -> None:
        self.track = track
        self.frames: asyncio.Queue = asyncio.Queue()
        self.closed = False
        FakeStream.made.append(self)

    def __aiter__(self):
        return self

    async def __anext__(self):
        return await self.frames.get()

    async def aclose(self) -> None:
        self.closed = True

    def say(self, seconds: float) -> None:
        for _ in range(round(seconds * 50)):
            frame = SimpleNamespace(data=np.full(320, 16_000, np.int16).tobytes())
            self.frames.put_nowait(SimpleNamespace(frame=frame))


@pytest.fixture(autouse=True)
def streams(monkeypatch) -> list[FakeStream]:
    FakeStream.made = []
    monkeypatch.setattr(listen.rtc, "AudioStream", FakeStream)
    return FakeStream.made


@dataclass
class Heard:
    """What the listener asked for."""

    jobs: list = field(default_factory=list)
    published: list = field(default_factory=list)
    tracks: list[TrackCaptions] = field(default_factory=list)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def room() -> FakeRoom:
    return FakeRoom()


@pytest.fixture
async def listener(room, heard, tape):
    def captions_of(speaker):
        heard.tracks.append(TrackCaptions(speaker, tape.track.detector, LanguageChoice(("fr",))))
        return heard.tracks[-1]

    ears = Ears(captions_of, heard.jobs.append, heard.published.append, lambda: 1.0)
    listener = CallListener(room, "!room", "$call", ears)
    yield listener
    await listener.close()


async def test_nobody_is_received_before_agreeing(room, listener):
    publication = room.publish(ALICE, "TR_A")
    listener.allow({})
    assert publication.asked == []


async def test_somebody_who_agreed_before_is_received_at_once(room, listener):
    listener.allow(OWNERS)
    assert room.publish(ALICE, "TR_A").asked == [True]


async def test_somebody_who_agrees_later_is_received_then(room, listener):
    alice, bob = room.publish(ALICE, "TR_A"), room.publish(BOB, "TR_B")
    listener.allow({BOB: OWNERS[BOB]})
    assert (alice.asked, bob.asked) == ([], [True])


async def test_nothing_is_asked_twice(room, listener):
    publication = room.publish(ALICE, "TR_A")
    for _ in range(3):
        listener.allow(OWNERS)
    assert publication.asked == [True]


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": VIDEO, "source": rtc.TrackSource.SOURCE_CAMERA},
        {"source": rtc.TrackSource.SOURCE_SCREENSHARE_AUDIO},
        {"encryption_type": rtc.EncryptionType.GCM},
    ],
)
async def test_pictures_shared_sound_and_encrypted_tracks_are_left_alone(room, listener, changes):
    listener.allow(OWNERS)
    assert True not in room.publish(ALICE, "TR_A", **changes).asked


async def test_a_stranger_on_the_sfu_is_never_received(room, listener):
    listener.allow(OWNERS)
    assert room.publish("@mallory:hs:DEV", "TR_M").asked == []


async def test_withdrawing_unsubscribes_at_once_and_takes_back_what_was_half_said(
    room, listener, heard, streams, until
):
    listener.allow(OWNERS)
    publication = room.publish(ALICE, "TR_A")
    room.subscribed(ALICE, publication)
    await until(lambda: streams)
    streams[0].say(2.0)
    await until(lambda: heard.jobs)
    job = heard.jobs[0]
    said = job.audio()
    shown = job.track.answered(job, Answer(Decoded("je ne", -0.1, 0.0), "fr", said.voiced_ms, said.end))
    assert shown is not None
    listener.allow({BOB: OWNERS[BOB]})
    assert publication.asked == [True, False]
    assert [(segment.id, segment.text, segment.final) for segment in heard.published] == [(shown.id, "", True)]
    await until(lambda: streams[0].closed)
    assert [job.final for job in heard.jobs] == [False], "nothing more is read"


async def test_a_track_that_arrives_after_consent_ended_is_sent_back(room, listener, streams):
    listener.allow(OWNERS)
    publication = room.publish(ALICE, "TR_A")
    listener.allow({})
    room.subscribed(ALICE, publication)
    assert publication.asked[-1] is False
    assert streams == []


async def test_a_track_that_ends_has_its_last_words_read(room, listener, heard, streams, until):
    listener.allow(OWNERS)
    publication = room.publish(ALICE, "TR_A")
    room.subscribed(ALICE, publication)
    await until(lambda: streams)
    streams[0].say(0.5)
    await until(streams[0].frames.empty)
    room.emit("track_unpublished", publication, room.remote_participants[ALICE])
    await until(lambda: [job.final for job in heard.jobs] == [True])


async def test_a_track_that_falls_silent_without_frames_is_read_after_a_moment(room, listener, heard, streams, until):
    listener.allow(OWNERS)
    room.subscribed(ALICE, room.publish(ALICE, "TR_A"))
    await until(lambda: streams)
    streams[0].say(0.5)
    await until(lambda: any(job.final for job in heard.jobs))


async def test_a_reconnection_asks_anew(room, listener):
    listener.allow(OWNERS)
    publication = room.publish(ALICE, "TR_A")
    room.emit("track_published", publication, room.remote_participants[ALICE])
    assert publication.asked == [True, True]


async def test_captions_carry_their_owner_and_track(room, listener, heard):
    listener.allow(OWNERS)
    room.subscribed(ALICE, room.publish(ALICE, "TR_A"))
    speaker = heard.tracks[0].speaker
    assert (speaker.user_id, speaker.track_sid, speaker.room_id, speaker.call_id) == (
        "@alice:hs:8431",
        "TR_A",
        "!room",
        "$call",
    )


async def test_somebody_with_tracks_without_end_is_heard_up_to_a_limit(room, listener, heard):
    listener.allow(OWNERS)
    for number in range(MAX_TRACKS + 3):
        room.subscribed(ALICE, room.publish(ALICE, f"TR_{number}"))
    assert len(heard.tracks) == MAX_TRACKS


async def test_the_end_of_the_connection_is_seen(room, listener):
    assert not listener.disconnected.is_set()
    room.emit("disconnected", None)
    assert listener.disconnected.is_set()


async def test_what_somebody_says_is_kept_until_they_withdraw(room, heard, tape, streams, until, tmp_path):
    spool = Spool(tmp_path).call("$call")
    ears = Ears(
        lambda speaker: TrackCaptions(speaker, tape.track.detector, LanguageChoice(("fr",))),
        heard.jobs.append, heard.published.append, lambda: 1.0, partial(SoundKeeper, spool),
    )  # fmt: skip
    listener = CallListener(room, "!room", "$call", ears)
    listener.allow(OWNERS)
    room.subscribed(ALICE, room.publish(ALICE, "TR_A"))
    room.subscribed(BOB, room.publish(BOB, "TR_B"))
    await until(lambda: len(streams) == 2)
    for stream in streams:
        stream.say(7.0)
    await until(lambda: all(stream.frames.empty() for stream in streams))
    assert spool.people() == set(OWNERS.values())
    spool.forget(OWNERS[ALICE])
    listener.allow({BOB: OWNERS[BOB]})
    await listener.close()
    (track,) = spool.tracks()
    assert track.user_id == OWNERS[BOB]
    assert sum(stretch.samples() for stretch in track.stretches) == 7 * 16_000, "to the last sample"


def listen_once(ready, room, heard, tape) -> CallListener:
    """Listen to Alice; what she says waits until it is ready to be read."""
    ears = Ears(
        lambda speaker: TrackCaptions(speaker, tape.track.detector, LanguageChoice(("fr",))),
        heard.jobs.append, heard.published.append, lambda: 1.0, ready=ready,
    )  # fmt: skip
    listener = CallListener(room, "!room", "$call", ears)
    listener.allow(OWNERS)
    room.subscribed(ALICE, room.publish(ALICE, "TR_A"))
    return listener


async def test_what_is_said_while_the_models_load_waits_for_them_and_keeps_its_time(
    room, heard, tape, streams, until, monkeypatch
):
    loaded, now_s = False, 1_000.0
    monkeypatch.setattr(listen, "time", SimpleNamespace(time=lambda: now_s))
    listener = listen_once(lambda: loaded, room, heard, tape)
    await until(lambda: streams)
    streams[0].say(2.0)
    await until(streams[0].frames.empty)
    assert heard.jobs == []
    loaded, now_s = True, 1_005.0
    await until(lambda: any(job.final for job in heard.jobs))
    (said,) = {job.utterance for job in heard.jobs}
    assert len(heard.jobs[-1].frozen.samples) == pytest.approx(2 * 16_000, abs=512), "from the first sample"
    assert abs(said.start_ms - 1_000_000) < 100, "when it was heard, not when it was read"
    await listener.close()


async def test_what_waits_for_models_that_do_not_come_is_bounded(room, heard, tape, streams, until, monkeypatch):
    monkeypatch.setattr(listen, "EARLY_S", 0.32)
    loaded = False
    listener = listen_once(lambda: loaded, room, heard, tape)
    await until(lambda: streams)
    streams[0].say(5.0)
    await until(streams[0].frames.empty)
    loaded = True
    await until(lambda: any(job.final for job in heard.jobs))
    assert len(heard.jobs[-1].frozen.samples) <= 10 * 320, "the newest ten frames"
    await listener.close()
