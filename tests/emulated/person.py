# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""People by the livekit SDK: `python -m tests.emulated.person ROLE URL TOKEN…`, reporting by JSON lines on stdout.

A process of their own, because a network namespace belongs to processes.
"""

import asyncio
import json
import math
import sys
import time

import numpy
from livekit import rtc

RATE = 48_000
BLOCK = RATE // 100
WIDTH, HEIGHT = 1280, 720
NOISE = 4.0  # of 255, standard deviation
TONE = (numpy.sin(numpy.arange(BLOCK) * 2 * math.pi * 500 / RATE) * 9000).astype(numpy.int16)


def say(**fact: object) -> None:
    """Report."""
    print(json.dumps({"at": time.monotonic()} | fact), flush=True)


async def speak(room: rtc.Room) -> None:
    """A tone, for ever."""
    source = rtc.AudioSource(RATE, 1)
    track = rtc.LocalAudioTrack.create_audio_track("voice", source)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    await room.local_participant.publish_track(track, options)
    while True:
        await source.capture_frame(rtc.AudioFrame(TONE.tobytes(), RATE, 1, BLOCK))


async def show(room: rtc.Room) -> None:
    """A moving, noisy picture in three layers, for ever."""
    source = rtc.VideoSource(WIDTH, HEIGHT)
    track = rtc.LocalVideoTrack.create_video_track("camera", source)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_CAMERA, simulcast=True)
    options.video_encoding.max_bitrate = 1_500_000
    options.video_encoding.max_framerate = 20
    options.video_codec = rtc.VideoCodec.VP8
    await room.local_participant.publish_track(track, options)
    # Slopes that move, with some noise: as much as the bitrate carries at this rate (noise alone makes encoders skip).
    slope = numpy.linspace(0, 4 * math.pi, WIDTH)[None, :] + numpy.linspace(0, 2 * math.pi, HEIGHT)[:, None]
    chance = numpy.random.default_rng(1)
    pictures = [
        (110 + 60 * numpy.sin(slope + step * math.pi / 20) + chance.normal(0, NOISE, slope.shape)).astype(numpy.uint8)
        for step in range(40)
    ]
    colours = numpy.full(HEIGHT * WIDTH // 2, 128, dtype=numpy.uint8).tobytes()
    count = 0
    while True:
        picture = pictures[count % len(pictures)].tobytes() + colours
        source.capture_frame(rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.I420, picture))
        count += 1
        await asyncio.sleep(0.05)


async def watch(room: rtc.Room) -> None:
    """Report every second how wide the pictures are, how many came, and how much of the sound."""
    seen = {"width": 0, "pictures": 0, "sounds": 0}
    tasks: list[asyncio.Task[None]] = []

    async def pictures(track: rtc.RemoteVideoTrack) -> None:
        async for event in rtc.VideoStream(track):
            seen["width"] = event.frame.width
            seen["pictures"] += 1

    async def sounds(track: rtc.RemoteAudioTrack) -> None:
        async for event in rtc.AudioStream(track):
            seen["sounds"] += bool(numpy.abs(numpy.frombuffer(event.frame.data, numpy.int16)).max() > 1000)

    def subscribed(track: rtc.Track, *_: object) -> None:
        tasks.append(
            asyncio.ensure_future(
                pictures(track) if isinstance(track, rtc.RemoteVideoTrack) else sounds(track)  # type: ignore[arg-type]
            )
        )

    room.on("track_subscribed", subscribed)
    for event in ("disconnected", "reconnecting", "reconnected"):
        room.on(event, lambda *_, event=event: say(event=event))
    while True:
        await asyncio.sleep(1.0)
        say(**seen)


async def main(role: str, url: str, token: str) -> None:
    """Speak, speak and show, or watch."""
    room = rtc.Room()
    watching = asyncio.ensure_future(watch(room)) if role == "watcher" else None
    await room.connect(url, token)
    say(event="connected")
    if watching is not None:
        await watching
    elif role == "speaker":
        await speak(room)
    else:
        await asyncio.gather(speak(room), show(room))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
