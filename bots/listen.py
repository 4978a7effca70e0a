# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Receives the audio of those who agreed, and of nobody else."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import structlog
from livekit import rtc

from bots.captions.segment import Segment
from bots.captions.track import Job, Speaker, TrackCaptions
from bots.engines.contract import SAMPLE_RATE, Samples
from bots.keepsound import SoundKeeper

_FRAME_MS = 32
_FRAMES_WAITING = 64
"""stops: audio piling up behind a busy event loop; two seconds, then the oldest goes."""
EARLY_S = 10.0
"""stops: sound that waits for models which do not come, 0.7 MB a track; the oldest goes."""
_GAP_S = 0.6
"""A track that sends nothing for this long (muted, or its network is gone) ends what is being said."""
_CLOSE_S = 2.0
_VOICES = frozenset({rtc.TrackSource.SOURCE_MICROPHONE, rtc.TrackSource.SOURCE_UNKNOWN})
MAX_TRACKS = 64
"""stops: somebody who publishes track after track taking every processor; later ones get no captions."""

log = structlog.get_logger(__name__)


def _keep_nothing(speaker: Speaker) -> SoundKeeper:
    return SoundKeeper(None, speaker)


@dataclass(frozen=True, slots=True)
class Ears:
    """What a listener gives its findings to, and asks for new work. Until ``ready``, sound waits in memory."""

    captions_of: Callable[[Speaker], TrackCaptions]
    read: Callable[[Job], None]
    publish: Callable[[Segment], None]
    interval_s: Callable[[], float]
    keep: Callable[[Speaker], SoundKeeper] = _keep_nothing
    ready: Callable[[], bool] = lambda: True


@dataclass(slots=True, eq=False)
class _Heard:
    """One track that is being listened to."""

    user_id: str
    captions: TrackCaptions
    sound: SoundKeeper
    task: asyncio.Task[None]


@dataclass(slots=True)
class _Early:
    """Frames that nobody listened to yet, and when each was heard (Unix ms)."""

    frames: deque[tuple[Samples, float]] = field(
        default_factory=lambda: deque(maxlen=round(EARLY_S * 1000 / _FRAME_MS))
    )


class CallListener:
    """Follows one connection to the SFU, which must have automatic subscription off.

    ``allow`` sets whose audio is received; a person missing there is unsubscribed before it returns, and what they
    had not finished saying is forgotten.
    """

    def __init__(self, room: rtc.Room, room_id: str, call_id: str, ears: Ears) -> None:
        self._room = room
        self._room_id = room_id
        self._call_id = call_id
        self._ears = ears
        self._owners: Mapping[str, str] = {}
        self._heard: dict[str, _Heard] = {}
        self._asked: set[str] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self.disconnected = asyncio.Event()
        room.on("track_published", self._on_published)
        room.on("track_unpublished", self._on_unpublished)
        room.on("track_subscribed", self._on_subscribed)
        room.on("track_unsubscribed", self._on_unsubscribed)
        room.on("disconnected", self._on_disconnected)
        if not room.isconnected():
            self.disconnected.set()

    def allow(self, owners: Mapping[str, str]) -> None:
        """Receive the audio of these SFU identities, which belong to these users, and of nobody else."""
        self._owners = dict(owners)
        for sid, heard in list(self._heard.items()):
            if heard.user_id not in self._owners.values():
                self._forget(sid, heard)
        self._consider_all()

    async def close(self) -> None:
        """Stop listening, and receiving; what was said until now is read to its end."""
        self._owners = {}
        if self._room.isconnected():
            self._consider_all()
        for heard in list(self._heard.values()):
            heard.task.cancel()
        tasks = [heard.task for heard in self._heard.values()] + list(self._ending)
        if tasks:
            await asyncio.wait(tasks)
        self._heard.clear()

    def _consider_all(self) -> None:
        for participant in self._room.remote_participants.values():
            for publication in participant.track_publications.values():
                self._consider(publication, participant)

    def _consider(self, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant) -> None:
        """Subscribe to a track or not, as its owner decided."""
        if publication.kind != rtc.TrackKind.KIND_AUDIO or publication.source not in _VOICES:
            return
        wanted = participant.identity in self._owners
        if wanted and publication.encryption_type != rtc.EncryptionType.NONE:
            log.warning("track_encrypted", room_id=self._room_id)
            wanted = False
        if wanted is not (publication.sid in self._asked):
            self._ask(publication, wanted=wanted)

    def _ask(self, publication: rtc.RemoteTrackPublication, *, wanted: bool) -> None:
        """Tell the SFU; the SDK's own flag lags behind until the track comes, so ours counts."""
        if wanted:
            self._asked.add(publication.sid)
        else:
            self._asked.discard(publication.sid)
        publication.set_subscribed(wanted)

    def _on_published(self, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant) -> None:
        self._asked.discard(publication.sid)  # after a reconnection the SFU knows nothing of what was asked before
        self._consider(publication, participant)

    def _on_unpublished(self, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant) -> None:
        self._asked.discard(publication.sid)
        self._stop(publication.sid)

    def _on_subscribed(
        self, track: rtc.Track, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        """Consent may have ended between asking for the track and getting it."""
        if track.kind != rtc.TrackKind.KIND_AUDIO:
            return
        if participant.identity not in self._owners or publication.sid not in self._asked:
            self._ask(publication, wanted=False)
        elif publication.sid not in self._heard:
            self._listen(track, publication, participant)

    def _on_unsubscribed(
        self, track: rtc.Track, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        self._stop(publication.sid)

    def _stop(self, sid: str) -> None:
        """The track is gone: what was being said is read to its end."""
        heard = self._heard.pop(sid, None)
        if heard is not None:
            heard.task.cancel()

    def _on_disconnected(self, _reason: object = None) -> None:
        self.disconnected.set()

    def _listen(
        self, track: rtc.Track, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        if len(self._heard) >= MAX_TRACKS:
            log.warning("too_many_tracks", room_id=self._room_id)
            return
        user_id = self._owners[participant.identity]
        sid = publication.sid
        speaker = Speaker(self._room_id, self._call_id, user_id, sid)
        captions, sound = self._ears.captions_of(speaker), self._ears.keep(speaker)
        heard = _Heard(user_id, captions, sound, asyncio.create_task(self._follow(track, captions, sound)))
        self._heard[sid] = heard
        self._ending.add(heard.task)
        heard.task.add_done_callback(self._ending.discard)
        log.info("listening", room_id=self._room_id, track_sid=sid)

    def _forget(self, sid: str, heard: _Heard) -> None:
        """Consent ended: nothing more is received, kept or read."""
        del self._heard[sid]
        for segment in heard.captions.withdraw():
            self._ears.publish(segment)
        heard.sound.discard()
        heard.task.cancel()
        log.info("no_longer_listening", room_id=self._room_id, track_sid=sid)

    async def _follow(self, track: rtc.Track, captions: TrackCaptions, sound: SoundKeeper) -> None:
        stream = rtc.AudioStream(
            track,
            sample_rate=SAMPLE_RATE,
            num_channels=1,
            capacity=_FRAMES_WAITING,
            frame_size_ms=_FRAME_MS,
        )
        frames = aiter(stream)
        early = _Early()
        try:
            while True:
                try:
                    async with asyncio.timeout(_GAP_S):
                        event = await anext(frames)
                except TimeoutError:
                    if self._ears.ready():
                        self._hear(captions, early)
                        self._read_all(captions.flush())
                    continue
                except StopAsyncIteration:
                    return
                samples, now_ms = _samples(event.frame), time.time() * 1000
                sound.write(samples, now_ms)
                early.frames.append((samples, now_ms))
                if self._ears.ready():
                    self._hear(captions, early)
        finally:
            self._read_all(captions.flush())
            sound.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await stream.aclose()

    def _hear(self, captions: TrackCaptions, early: _Early) -> None:
        while early.frames:
            self._read_all(captions.feed(*early.frames.popleft()))
        job = captions.due(self._ears.interval_s())
        if job is not None:
            self._ears.read(job)

    def _read_all(self, jobs: list[Job]) -> None:
        for job in jobs:
            self._ears.read(job)


def _samples(frame: rtc.AudioFrame) -> Samples:
    return np.frombuffer(frame.data, dtype=np.int16).astype(np.float32) / 32768.0
