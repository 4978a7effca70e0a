# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Speech that needs no model, and segments to pass around."""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
import pytest

from bots.captions.language import LanguageChoice
from bots.captions.segment import Segment
from bots.captions.track import Speaker, TrackCaptions

WINDOW = 512


class LoudnessDetector:
    """A voice detector for test tones: loud is speech."""

    def probability(self, window: np.ndarray) -> float:
        return 0.9 if np.abs(window).max() > 0.1 else 0.05


class Tape:
    """Feeds a track with tones and silence, in frames of 20 ms, from a fixed time on."""

    START_MS = 1_700_000_000_000

    def __init__(self, track: TrackCaptions) -> None:
        self.track = track
        self.samples = 0

    def play(self, *parts: tuple[float, bool]) -> list:
        jobs = []
        for seconds, voiced in parts:
            for _ in range(round(seconds * 50)):
                frame = np.full(320, 0.5 if voiced else 0.0, np.float32)
                self.samples += 320
                jobs += self.track.feed(frame, self.START_MS + self.samples / 16)
        return jobs


@pytest.fixture
def until() -> Callable[[Callable[[], object]], Awaitable[None]]:
    """Wait for a condition, ten seconds at most."""

    async def wait(condition: Callable[[], object]) -> None:
        for _ in range(1000):
            if condition():
                return
            await asyncio.sleep(0.01)
        pytest.fail("the condition did not come true within 10 s")

    return wait


@pytest.fixture
def track() -> TrackCaptions:
    speaker = Speaker("!room", "$call", "@marie:hs", "TR_1")
    return TrackCaptions(speaker, LoudnessDetector(), LanguageChoice(("fr", "en")))


@pytest.fixture
def tape(track) -> Tape:
    return Tape(track)


@pytest.fixture
def segment() -> Callable[..., Segment]:
    def make(number: int = 0, **changes) -> Segment:
        values = {
            "id": f"S{number}",
            "room_id": "!room",
            "call_id": "$call",
            "user_id": "@marie:hs",
            "display_name": "Marie",
            "track_sid": "TR_1",
            "start_ms": 1_700_000_000_000 + 1000 * number,
            "end_ms": 1_700_000_000_900 + 1000 * number,
            "text": f"phrase {number}",
            "stable_chars": 0,
            "lang": "fr",
            "final": True,
            "rev": 1,
        }
        return Segment(**values | changes)

    return make
