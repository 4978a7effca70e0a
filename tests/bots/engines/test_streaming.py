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

from bots.captions import guards
from bots.captions.language import LanguageChoice
from bots.captions.schedule import DecodeQueue
from bots.captions.segment import Segment
from bots.captions.track import Answer, Speaker, TrackCaptions
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
            heard = job.audio()
            began = time.process_time()
            seconds, lang = len(heard.samples) / SAMPLE_RATE, track.language.pinned
            asked = {"utterance": job.utterance.id, "final": job.final}
            if track.language.asks(seconds, **asked):
                lang = track.language.observe(engine.identify(heard.samples), seconds, **asked)
            decoded = engine.transcribe(heard.samples, lang)
            segment = track.answered(job, Answer(decoded, lang, heard.voiced_ms, heard.end))
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


def pink(rng: np.random.Generator, length: int) -> np.ndarray:
    """Noise with as much power in every octave."""
    spectrum = np.fft.rfft(rng.normal(0, 1, length))
    shaped = np.fft.irfft(spectrum / np.sqrt(np.maximum(1, np.arange(len(spectrum)))), length)
    return shaped / np.abs(shaped).max()


def music(rng: np.random.Generator, seconds: np.ndarray) -> np.ndarray:
    """Four chords with an arpeggio above them and drums below, two beats a second."""
    chords = ((220, 277.2, 329.6), (196, 246.9, 293.7), (174.6, 220, 261.6), (196, 246.9, 293.7))
    beat, sixteenth = (seconds * 2).astype(int), (seconds * 8).astype(int)
    since_beat, since_sixteenth = seconds - beat / 2, seconds - sixteenth / 8
    notes = np.array(chords)[beat // 4 % 4]
    song = np.zeros(len(seconds))
    for voice in range(3):
        for harmonic in (1, 2, 3, 4):
            song += np.exp(-4 * since_beat) * np.sin(2 * np.pi * notes[:, voice] * harmonic * seconds) / harmonic / 5
    lead = notes[np.arange(len(seconds)), sixteenth % 3]
    song += 0.3 * np.exp(-12 * since_sixteenth) * np.sin(2 * np.pi * 4 * lead * seconds)
    song += np.where(beat % 2, 0, 0.8 * np.exp(-20 * since_beat) * np.sin(2 * np.pi * 80 * since_beat))
    song += np.where(beat % 2, 0.4 * np.exp(-40 * since_beat) * rng.normal(0, 1, len(seconds)), 0)
    return 0.5 * song / np.abs(song).max()


def sung_vowel(rng: np.random.Generator, seconds: np.ndarray) -> np.ndarray:
    """An "ah" without consonants, in tune, with vibrato: music at its closest to speech."""
    tune = np.interp(seconds * 2, np.arange(40), rng.choice([220, 247, 262, 294, 330], 40))
    pitch = tune * (1 + 0.01 * np.sin(2 * np.pi * 5.5 * seconds))
    phase, song = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE, np.zeros(len(seconds))
    for harmonic in range(1, 12):
        for formant, strength in ((700, 1.0), (1200, 0.5)):
            song += strength * np.sin(harmonic * phase) * np.exp(-(((harmonic * pitch - formant) / 300) ** 2))
    return 0.4 * song / np.abs(song).max()


def noises() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(7)
    seconds = np.arange(12 * SAMPLE_RATE) / SAMPLE_RATE
    typing = rng.normal(0, 0.3, len(seconds)) * np.exp(-150 * (seconds % 0.17))
    return {
        "silence": np.zeros(len(seconds)),
        "white noise": rng.normal(0, 0.05, len(seconds)),
        "loud noise": rng.normal(0, 0.3, len(seconds)),
        "pink noise": 0.3 * pink(rng, len(seconds)),
        "hum": 0.2 * np.sin(2 * np.pi * 50 * seconds) + 0.05 * np.sin(2 * np.pi * 150 * seconds),
        "typing": typing,
        "breath": 0.3 * pink(rng, len(seconds)) * np.clip(np.sin(2 * np.pi * 0.3 * seconds), 0, 1) ** 2,
        "tone": 0.3 * np.sin(2 * np.pi * 440 * seconds) * (np.sin(seconds * 3) > 0),
        "music": music(rng, seconds),
        "a sung vowel": sung_vowel(rng, seconds),
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


@pytest.mark.parametrize("name", ["white noise", "pink noise", "music", "a sung vowel", "typing", "hum"])
@pytest.mark.parametrize("language", ["en", "fr"])
def test_a_model_asked_to_read_noise_as_speech_is_not_believed(engine, name, language):
    """Past a voice detector that took all of it for a voice, the guards are what is left."""
    decoded = engine.transcribe(noises()[name][: 8 * SAMPLE_RATE].astype(np.float32), language)
    assert guards.clean(decoded.text, voiced_ms=8000, score=decoded.score, no_speech=decoded.no_speech) == ""


def test_a_model_caught_in_a_loop_is_not_believed(engine):
    """The repetition trap: sure of itself, endless, and not stopped by the doubts that guard against other noise."""
    decoded = engine.transcribe(noises()["a sung vowel"][: 8 * SAMPLE_RATE].astype(np.float32), "fr")
    assert len(decoded.text) > 100
    assert len(set(decoded.text.casefold()) - set(" ,.-!")) <= 2, "this model is caught by this sound"
    assert decoded.score > -0.5
    assert guards.clean(decoded.text, voiced_ms=8000, score=decoded.score, no_speech=decoded.no_speech) == ""


def test_a_speaker_who_changes_language_is_read_in_each(engine):
    """French, English and French again on one track, half a minute."""
    (french, said), (english, answered) = recording("tuning/june"), recording("tuning/allison")
    one, other = french[: int(8.2 * SAMPLE_RATE)], english[: int(8.2 * SAMPLE_RATE)]
    outcome = stream(engine, np.concatenate([one, other, one]))
    by_language = [(s.lang, plain(s.text)) for s in outcome.segments if s.final]
    assert [lang for lang, _ in by_language] == ["fr", "en", "fr"], by_language
    first = {"fr": plain(said.splitlines()[0]), "en": plain(answered.splitlines()[0])}
    for lang, text in by_language:
        assert jiwer.wer(first[lang], text) <= 0.25


def test_asking_for_the_language_of_what_is_read_next_encodes_it_once(engine, monkeypatch):
    samples, _ = recording("guest")
    encodings, real = [], engine._encode
    monkeypatch.setattr(engine, "_encode", lambda audio: encodings.append(len(audio)) or real(audio))
    heard, again = samples[: 3 * SAMPLE_RATE], samples[: 3 * SAMPLE_RATE]
    engine.identify(heard)
    assert engine.transcribe(heard, "en") == engine.transcribe(again, "en")
    assert len(encodings) == 2


def test_a_name_of_the_glossary_is_spelled_as_it_stands_there(engine):
    samples = recording("staff")[0][: 7 * SAMPLE_RATE]
    assert "Dashwoode" not in engine.transcribe(samples, "en").text
    assert "Dashwoode" in engine.transcribe(samples, "en", terms=["Jon Dashwoode"]).text


def test_a_glossary_makes_no_text_where_nobody_speaks(engine):
    names = ["Anaïs Bérenger", "Marie Curie", "Passerelle", "Kovačević", "Asterisk", "Nguyen"]
    for name in ("silence", "pink noise", "hum", "music"):
        samples = noises()[name][: 5 * SAMPLE_RATE].astype(np.float32)
        decoded = engine.transcribe(samples, "fr", terms=names)
        text = guards.clean(decoded.text, voiced_ms=5000, score=decoded.score, no_speech=decoded.no_speech)
        assert text == "", name


def test_a_glossary_takes_no_more_than_its_share_of_a_reading(engine, monkeypatch):
    prompts, real = [], engine._model.get_prompt
    monkeypatch.setattr(engine._model, "get_prompt", lambda *a, **k: prompts.append(real(*a, **k)) or prompts[-1])
    engine.transcribe(noises()["silence"][:SAMPLE_RATE].astype(np.float32), "fr", terms=["Anticonstitutionnel"] * 1000)
    assert len(prompts[0]) < 120
