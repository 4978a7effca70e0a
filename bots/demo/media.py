# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A microphone that plays recordings at set times, a camera with a test picture, and ears that measure.

All times are seconds of the wall clock (`time.time()`), which the processes of one machine share.
"""

import asyncio
import time
from collections.abc import Callable

import numpy as np
from livekit import rtc

from bots.demo.hearing import EnvelopeMeter
from bots.demo.speech import RATE, Samples

FRAME_S = 0.01
_FRAME = int(RATE * FRAME_S)
_QUEUE_MS = 100
WIDTH, HEIGHT, FRAMES_PER_S = 640, 360, 15


class Microphone:
    """A microphone track that is silent but for what it is told to say."""

    def __init__(self) -> None:
        self._source = rtc.AudioSource(RATE, 1, queue_size_ms=_QUEUE_MS)
        self.track = rtc.LocalAudioTrack.create_audio_track("microphone", self._source)
        self._queue: list[tuple[float, Samples]] = []
        self.sent: EnvelopeMeter | None = None
        self.spoken: list[tuple[float, float]] = []
        """When each thing said really began and ended."""

    def say(self, at_s: float, samples: Samples) -> None:
        """Play samples (48 kHz mono) at a time that is still to come."""
        self._queue.append((at_s, samples))

    async def run(self) -> None:
        """Send a frame every 10 ms until cancelled."""
        silence = np.zeros(_FRAME, np.int16)
        position, began_s = 0, 0.0
        while True:
            # What is captured now is heard after what is queued already.
            now = time.time() + self._source.queued_duration
            frame = silence
            if self._queue and now >= self._queue[0][0]:
                samples = self._queue[0][1]
                began_s = began_s if position else now
                frame = np.zeros(_FRAME, np.int16)
                part = samples[position : position + _FRAME]
                frame[: len(part)] = part
                position += _FRAME
                if position >= len(samples):
                    self._queue.pop(0)
                    position = 0
                    self.spoken.append((began_s, now + FRAME_S))
            if self.sent:
                self.sent.add(now, frame)
            await self._source.capture_frame(rtc.AudioFrame(frame.tobytes(), RATE, 1, _FRAME))


class Camera:
    """A camera track with a moving test picture."""

    def __init__(self) -> None:
        self._source = rtc.VideoSource(WIDTH, HEIGHT)
        self.track = rtc.LocalVideoTrack.create_video_track("camera", self._source)

    async def run(self) -> None:
        """Send frames until cancelled."""
        bars = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
        colours = ((192, 57, 43), (241, 196, 15), (39, 174, 96), (41, 128, 185), (142, 68, 173))
        for index, colour in enumerate(colours):
            bars[:, index * WIDTH // len(colours) : (index + 1) * WIDTH // len(colours)] = (*colour, 255)
        shift = 0
        while True:
            picture = np.roll(bars, shift, axis=1)
            self._source.capture_frame(rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.RGBA, picture.tobytes()))
            shift = (shift + 8) % WIDTH
            await asyncio.sleep(1 / FRAMES_PER_S)


class Ears:
    """What one person receives of the others."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self.media = asyncio.Event()
        self.first_media_s: float | None = None
        self.video_frames = 0
        self.heard: dict[str, EnvelopeMeter] = {}
        self.begin_s: float | None = None
        """From when on sound is measured; set it before the conversation."""

    async def listen(self, identity: str, track: rtc.Track) -> None:
        """Receive one remote track until it ends."""
        if track.kind == rtc.TrackKind.KIND_VIDEO:
            video = rtc.VideoStream(track)
            async for _ in video:
                self._arrived()
                self.video_frames += 1
            return
        audio = rtc.AudioStream(track, sample_rate=RATE, num_channels=1)
        async for event in audio:
            self._arrived()
            if self.begin_s is not None:
                meter = self.heard.setdefault(identity, EnvelopeMeter(self.begin_s, RATE))
                meter.add(self._now(), np.frombuffer(event.frame.data, np.int16))

    def _arrived(self) -> None:
        if self.first_media_s is None:
            self.first_media_s = self._now()
            self.media.set()
