# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Real speech through the real model, as it comes in a call, in virtual time."""

import functools
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import jiwer
import numpy as np
import pytest
import soundfile

from bots.captions.language import LanguageChoice
from bots.captions.schedule import DecodeQueue
from bots.captions.segment import Segment
from bots.captions.track import Speaker, TrackCaptions
from bots.engines.contract import SAMPLE_RATE
from bots.engines.vad import SileroDetector

SPEECH = Path(__file__).parents[2] / "fixtures" / "speech"
START_MS = 1_700_000_000_000
FRAME = 320


@dataclass
class Outcome:
    """What a streamed recording gave."""

    segments: list[Segment] = field(default_factory=list)
    language: str | None = None
    reading_s: float = 0.0

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments if segment.final)


def stream(engine, samples: np.ndarray, *, reading_takes_s: float = 0.2) -> Outcome:
    """Feed frames of 20 ms to a track; one reader, each reading as long as said."""
    track = TrackCaptions(Speaker("!r", "$c", "@u:hs", "TR"), SileroDetector(), LanguageChoice(("fr", "en")))
    queue, free_at, outcome = DecodeQueue(), 0.0, Outcome()
    samples = np.concatenate([samples, np.zeros(SAMPLE_RATE, np.float32)]).astype(np.float32)
    for start in range(0, len(samples), FRAME):
        now = (start + FRAME) / SAMPLE_RATE
        jobs = track.feed(samples[start : start + FRAME], START_MS + now * 1000)
        partial = track.due(queue.load.interval_s)
        for job in [*jobs, *([partial] if partial else [])]:
            queue.push(job, now)
        if free_at <= now and (job := queue.pop(now)) is not None:
            heard, voiced_ms = job.audio()
            began = time.process_time()
            lang = track.language.pinned
            if lang is None:
                lang = track.language.observe(engine.identify(heard), len(heard) / SAMPLE_RATE, final=job.final)
            segment = track.answered(job, engine.transcribe(heard, lang), lang, voiced_ms)
            outcome.reading_s += time.process_time() - began
            free_at = now + reading_takes_s
            if segment is not None:
                outcome.segments.append(segment)
    outcome.language = track.language.pinned
    return outcome


@pytest.fixture(scope="module")
def streamed(engine) -> Callable[[str], Outcome]:
    """Each recording is streamed once for all tests."""
    return functools.cache(lambda name: stream(engine, recording(name)[0]))


def recording(name: str) -> tuple[np.ndarray, str]:
    samples, rate = soundfile.read(SPEECH / f"{name}.flac", dtype="float32")
    assert rate == SAMPLE_RATE
    return samples, (SPEECH / f"{name}.txt").read_text(encoding="utf-8")


def plain(text: str) -> str:
    words = re.findall(r"[\w']+", text.lower().replace("mr.", "mister").replace("-", " ").replace("’", "'"))
    return " ".join({"1": "one", "4": "four"}.get(word, word) for word in words)


@pytest.mark.parametrize(("name", "language"), [("staff", "en"), ("partner", "fr"), ("guest", "en")])
def test_streamed_speech_is_written_right_and_its_language_recognised(streamed, name, language, record_property):
    samples, text = recording(name)
    outcome = streamed(name)
    error = jiwer.wer(plain(text), plain(outcome.text))
    record_property("word_error_rate", round(error, 3))
    record_property("cpu_per_audio_second", round(outcome.reading_s / (len(samples) / SAMPLE_RATE), 3))
    assert error <= 0.10
    assert outcome.language == language


def test_words_appear_while_they_are_said_and_every_utterance_ends_with_a_final_text(streamed):
    outcome = streamed("partner")
    by_id: dict[str, list[Segment]] = {}
    for segment in outcome.segments:
        by_id.setdefault(segment.id, []).append(segment)
    assert len(by_id) == 3, "three phrases"
    for versions in by_id.values():
        assert [version.rev for version in versions] == list(range(1, len(versions) + 1))
        assert [version.final for version in versions] == [False] * (len(versions) - 1) + [True]
        assert len(versions) >= 3
    starts = sorted((versions[-1].start_ms - START_MS) / 1000 for versions in by_id.values())
    assert starts == pytest.approx([0.3, 6.8, 10.4], abs=0.4)


def test_a_reader_that_is_far_too_slow_still_gives_every_final_text(engine):
    samples, text = recording("guest")
    outcome = stream(engine, samples, reading_takes_s=1.6)
    assert jiwer.wer(plain(text), plain(outcome.text)) <= 0.15


def noises() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    seconds = np.arange(12 * SAMPLE_RATE) / SAMPLE_RATE
    bursts = rng.normal(0, 0.3, len(seconds)) * (np.sin(seconds * 9) > 0.97)
    return {
        "silence": np.zeros(len(seconds)),
        "white noise": rng.normal(0, 0.05, len(seconds)),
        "loud noise": rng.normal(0, 0.3, len(seconds)),
        "hum": 0.2 * np.sin(2 * np.pi * 50 * seconds),
        "typing": bursts,
        "tone": 0.3 * np.sin(2 * np.pi * 440 * seconds) * (np.sin(seconds * 3) > 0),
    }


@pytest.mark.parametrize("name", sorted(noises()))
def test_noise_without_words_gives_no_words(engine, name):
    assert stream(engine, noises()[name]).segments == []


def test_short_phrases_are_not_written_twice(streamed):
    """On these clips Whisper repeats itself when its context is too short."""
    _, text = recording("tuning/allison")
    outcome = streamed("tuning/allison")
    assert len(plain(outcome.text).split()) <= 1.1 * len(plain(text).split())
    assert jiwer.wer(plain(text), plain(outcome.text)) <= 0.15


def test_other_speech_of_the_same_french_speaker_is_written_right(streamed):
    _, text = recording("tuning/june")
    outcome = streamed("tuning/june")
    assert jiwer.wer(plain(text), plain(outcome.text)) <= 0.15


def test_a_model_asked_to_read_noise_as_speech_is_not_believed(engine):
    """Past the voice detector, the guards are what is left."""
    from bots.captions import guards

    rng = np.random.default_rng(3)
    for seconds in (1, 3, 8):
        noise = rng.normal(0, 0.1, seconds * SAMPLE_RATE).astype(np.float32)
        decoded = engine.transcribe(noise, "en")
        text = guards.clean(decoded.text, voiced_ms=96, score=decoded.score, no_speech=decoded.no_speech)
        assert text == ""
