# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How many people can talk at once on two cores? By the clock on the wall, with nothing but the captions running.

Each speaker talks without a stop for a minute; the real pool reads with two workers in this process, which keeps to
two cores. They are carried if what they see keeps the delays asked of one speaker, no final text is lost, and partial
texts never cease.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bots.captions.language import LanguageChoice
from bots.captions.schedule import Level
from bots.captions.segment import Segment
from bots.captions.track import Speaker, TrackCaptions
from bots.demo.report import percentile
from bots.engines.contract import SAMPLE_RATE, VAD_WINDOW, Samples
from bots.engines.vad import SileroDetector
from bots.engines.weights import find_model
from bots.engines.whisper import WhisperEngine
from bots.worker import SpeechPool
from tests.bench.captions.corpus import LANGUAGES, Talk, Word, talks
from tests.bench.captions.measure import MODELS
from tests.bench.captions.report import FINAL_P95_MAX_S, FIRST_P90_MAX_S
from tests.bench.captions.screen import Screened, Shown, judge

CORES = 2
TALK_S = 60.0
TRIED = (8, 7, 6, 5, 4, 3, 2, 1)
_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Speech:
    """What one speaker says in a minute."""

    lang: str
    samples: Samples
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Load:
    """What so many talkers did to the captions."""

    talkers: int
    first_p90_s: float | None
    final_p95_s: float | None
    cores: float
    level: Level
    """The worst that it came to."""
    all_read: bool

    @property
    def carried(self) -> bool:
        """Whether everybody's captions were as prompt as one speaker's ought to be."""
        return (
            self.all_read
            and self.level is not Level.FINALS_ONLY
            and self.first_p90_s is not None
            and self.first_p90_s <= FIRST_P90_MAX_S
            and self.final_p95_s is not None
            and self.final_p95_s <= FINAL_P95_MAX_S
        )


def speeches(count: int, seconds: float) -> list[Speech]:
    """Give each speaker recordings of one language, one after the other, from another one on."""
    found: list[Speech] = []
    for number in range(count):
        known = talks("report", LANGUAGES[number % len(LANGUAGES)])
        found.append(_speech(known, number * len(known) // count, seconds))
    return found


def _speech(known: Sequence[Talk], first: int, seconds: float) -> Speech:
    sound: list[Samples] = []
    words: list[Word] = []
    at, number = 0, first
    while at < seconds * SAMPLE_RATE:
        talk = known[number % len(known)]
        part = talk.samples()
        words += [Word(w.text, w.start_s + at / SAMPLE_RATE, w.end_s + at / SAMPLE_RATE) for w in talk.words]
        sound.append(part)
        at += len(part)
        number += 1
    samples = np.concatenate(sound)[: int(seconds * SAMPLE_RATE)]
    return Speech(known[0].lang, samples, tuple(word for word in words if word.end_s < seconds - 0.3))


async def measure(count: int, seconds: float = TALK_S) -> Load:
    """Let so many people talk at once."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    engine = WhisperEngine(find_model("", MODELS), workers=CORES)
    said = speeches(count, seconds)
    shown: list[list[Shown]] = [[] for _ in said]
    began_ms = 0.0

    def deliver(segment: Segment) -> None:
        shown[int(segment.track_sid)].append(
            Shown(
                time.time() - began_ms / 1000,
                segment.id,
                (segment.start_ms - began_ms) / 1000,
                (segment.end_ms - began_ms) / 1000,
                segment.text,
                segment.text[: segment.stable_chars],
                segment.final,
            )
        )

    pool = SpeechPool(engine, CORES, deliver)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(pool.run())
        await pool.warm()
        began_ms, before = time.time() * 1000, time.process_time()
        levels = await asyncio.gather(*(_talk(pool, str(number), each) for number, each in enumerate(said)))
        spent_s = time.process_time() - before
        all_read = await pool.drained("!talkers", _WAIT_S)
        running.cancel()
    total = Screened()
    for speech, screen in zip(said, shown, strict=True):
        total.add(judge(screen, speech.words, speech.lang, audio_s=seconds, cpu_s=0.0))
    first, final = percentile(total.first_word_s, 0.9), percentile(total.final_s, 0.95)
    return Load(count, first, final, spent_s / seconds, max(levels), all_read)


async def _talk(pool: SpeechPool, sid: str, speech: Speech) -> Level:
    """Feed a speaker's frames as they come; return how far captions were degraded at worst."""
    loop = asyncio.get_running_loop()
    track = TrackCaptions(Speaker("!talkers", "$call", "@u:hs", sid), SileroDetector(), LanguageChoice(("fr", "en")))
    began, worst = loop.time(), Level.USUAL
    for start in range(0, len(speech.samples) - VAD_WINDOW + 1, VAD_WINDOW):
        await asyncio.sleep(began + (start + VAD_WINDOW) / SAMPLE_RATE - loop.time())
        jobs = track.feed(speech.samples[start : start + VAD_WINDOW], time.time() * 1000)
        worst = max(worst, pool.level)
        partial = track.due(pool.interval_s)
        for job in [*jobs, *([partial] if partial else [])]:
            pool.submit(job)
    for job in track.flush():
        pool.submit(job)
    return worst
