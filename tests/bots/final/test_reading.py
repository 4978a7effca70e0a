# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The second reading of real speech, by the real model."""

import re
from pathlib import Path

import jiwer
import numpy as np
import pytest
import soundfile

from bots.captions.language import LanguageChoice
from bots.captions.paragraphs import Word, joined
from bots.captions.track import Answer, Speaker, TrackCaptions
from bots.engines.vad import SileroDetector
from bots.engines.weights import find_model
from bots.engines.whisper import WhisperEngine
from bots.engines.words import MAX_HOTWORDS_CHARS, Reading, WordReader, glued, hotwords
from bots.final import recording
from bots.final.reading import PieceLanguage, TrackReader, believed, said
from tests.bench.captions.corpus import talks
from tests.bots.final.conftest import SPEECH

NOBODY_SAID = ["Passerelle", "Ségolène Kerboul", "Légifrance", "Nguyễn Văn An", "AP-HP", "DINUM", "Resana", "LaSuite"]


def plain(text: str) -> str:
    return " ".join(re.sub(r"[^\w' ]", " ", text.replace("’", "'").lower()).split())


def wer(name: str, words: list[Word]) -> float:
    return jiwer.wer(plain((SPEECH / f"{name}.txt").read_text()), plain(joined(words)))


@pytest.mark.parametrize(("name", "lang"), [("guest", "en"), ("partner", "fr")])
def test_a_recording_is_read_in_its_language_with_times_that_grow(reader: WordReader, name: str, lang: str):
    track = TrackReader(reader, ("fr", "en"))
    reads = list(track.read(recording.blocks(SPEECH / f"{name}.flac")))
    words = [word for read in reads for word in read.words]
    assert {read.lang for read in reads if read.words} == {lang}
    assert wer(name, words) < 0.05
    assert joined(words)[0].isupper()
    assert joined(words).count(".") >= 2
    times = [ms for word in words for ms in (word.start_ms, word.end_ms)]
    assert times == sorted(times)
    assert times[-1] <= recording.duration_s(SPEECH / f"{name}.flac") * 1000


def words_heard_live(model: str, name: str, lang: str) -> str:
    """What the live captions make of it: each utterance as soon as it ends, without haste."""
    engine = WhisperEngine(model)
    engine.load()
    track = TrackCaptions(Speaker("!r", "$c", "@m:hs", "TR"), SileroDetector(), LanguageChoice((lang,)))
    samples, _ = soundfile.read(SPEECH / f"{name}.flac", dtype="float32")
    jobs = [
        job for at in range(0, len(samples), 512) for job in track.feed(samples[at : at + 512], (at + 512) / 16)
    ] + track.flush()
    texts = []
    for job in jobs:
        heard = job.audio()
        decoded = engine.transcribe(heard.samples, lang)
        segment = track.answered(job, Answer(decoded, lang, heard.voiced_ms, heard.end))
        texts += [segment.text] if segment is not None else []
    return plain(" ".join(texts))


def test_the_second_reading_makes_no_more_errors_than_the_live_captions(reader: WordReader, models: Path):
    final = live = 0
    for name, lang in (("staff", "en"), ("partner", "fr"), ("tuning/june", "fr")):
        truth = plain((SPEECH / f"{name}.txt").read_text())
        reads = TrackReader(reader, (lang,)).read(recording.blocks(SPEECH / f"{name}.flac"))
        final += errors(truth, plain(joined([word for read in reads for word in read.words])))
        live += errors(truth, words_heard_live(find_model("", models), name, lang))
    assert final <= live


def errors(truth: str, heard: str) -> int:
    counts = jiwer.process_words(truth, heard)
    return counts.substitutions + counts.deletions + counts.insertions


def test_a_speaker_who_changes_language_is_read_in_both(reader: WordReader):
    english, _ = soundfile.read(SPEECH / "guest.flac", dtype="float32", frames=16_000 * 5)
    french, _ = soundfile.read(SPEECH / "partner.flac", dtype="float32", frames=16_000 * 6)
    silence = np.zeros(40_000, dtype=np.float32)
    reads = list(TrackReader(reader, ("fr", "en")).read([english, silence, french]))
    assert [read.lang for read in reads] == ["en", "fr"]
    assert "calling" in joined(reads[0].words)
    assert "connexion" in joined(reads[1].words)
    assert reads[1].words[0].start_ms > 7_000


def test_silence_and_noise_are_no_words(reader: WordReader):
    noise = np.random.default_rng(1).normal(0, 0.05, 16_000 * 20).astype(np.float32)
    assert [word for read in TrackReader(reader, ("fr", "en")).read([noise]) for word in read.words] == []


def test_names_of_the_glossary_are_spelled_as_they_stand_there(reader: WordReader):
    samples, _ = soundfile.read(SPEECH / "staff.flac", dtype="float32", frames=16_000 * 9)
    read = list(TrackReader(reader, ("en",), hotwords(["Jon Dashwoode"])).read([samples]))
    assert "Dashwoode" in joined(read[0].words)


def test_names_that_nobody_said_do_not_come_in(reader: WordReader):
    """Of twenty names, base wrote some six into a telephone prompt, once over and over."""
    talk = talks("tuning", "fr")[0]
    heard = talk.samples("telephone")
    named = TrackReader(reader, ("fr",), hotwords(NOBODY_SAID))
    text = joined([word for piece in named.read([heard]) for word in piece.words])
    assert not [name for name in NOBODY_SAID if name in text]


@pytest.mark.parametrize(
    ("named", "chosen"),
    [
        (Reading((Word(0, 1, "Kerboul"),), -0.4, 0.1), True),
        (Reading((Word(0, 1, "Kerboul"),), -0.6, 0.1), False),
        (Reading((Word(0, 1, "Kerboul"),), -0.2, 0.7), False),
        (Reading((), 0.0, 1.0), False),
    ],
)
def test_a_reading_with_names_is_believed_unless_it_is_more_doubtful(named: Reading, chosen: bool):
    plain = Reading((Word(0, 1, "kerboule"),), -0.3, 0.2)
    assert believed(plain, named) is (named if chosen else plain)


def test_a_piece_that_is_not_sure_of_its_language_goes_with_the_rest():
    language = PieceLanguage(("fr", "en"))
    assert language.choose({"fr": 0.9, "en": 0.05, "de": 0.05}, 8_000) == "fr"
    assert language.choose({"fr": 0.3, "en": 0.45, "cy": 0.25}, 3_000) == "fr", "doubtful"
    assert language.choose({"fr": 0.02, "en": 0.95}, 900) == "fr", "too short"
    assert language.choose({"fr": 0.02, "en": 0.95}, 4_000) == "en"
    assert PieceLanguage(()).choose({"de": 0.9, "en": 0.1}, 4_000) == "de"


def test_a_loop_is_broken_and_doubt_is_no_text():
    words = tuple(Word(n * 100, n * 100 + 100, f" {word}") for n, word in enumerate(["I", "see."] * 12))
    assert len(said(Reading(words, -0.3, 0.0), 4_000)) <= 6
    assert said(Reading(words[:2], -1.9, 0.1), 4_000) == []
    assert said(Reading((), 0.0, 1.0), 4_000) == []


def test_words_with_apostrophes_and_hyphens_are_one():
    parts = (Word(0, 100, " d"), Word(100, 300, "'établir"), Word(300, 400, " rendez"), Word(400, 500, "-vous"))
    assert glued(parts) == (Word(0, 300, " d'établir"), Word(300, 500, " rendez-vous"))


def test_a_glossary_has_a_limit_and_keeps_what_comes_first():
    terms = [f"terme{number}" for number in range(1000)]
    assert len(hotwords(terms)) <= MAX_HOTWORDS_CHARS
    assert hotwords(terms).startswith("terme0, terme1")
    assert hotwords(["  a\n b ", ""]) == "a b"
    assert hotwords([]) == ""


def test_what_is_no_recording_is_refused_with_its_reason(tmp_path: Path):
    text = tmp_path / "a.wav"
    text.write_text("no sound")
    for path, reason in ((text, "no recording"), (tmp_path / "b.wav", "does not exist"), (tmp_path, "is a folder")):
        with pytest.raises(recording.RecordingError, match=reason):
            list(recording.blocks(path))


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
def test_any_format_and_rate_becomes_the_same_sound(tmp_path: Path, kind: str):
    rate = 44_100
    tone = np.sin(np.arange(rate * 2) * 440 * 2 * np.pi / rate).astype(np.float32) * 0.5
    path = tmp_path / f"tone.{kind.lower()}"
    soundfile.write(path, np.stack([tone, tone], axis=1), rate, format=kind)
    samples = np.concatenate(list(recording.blocks(path)))
    assert len(samples) == pytest.approx(32_000, abs=1_500)
    assert np.abs(np.fft.rfft(samples[:16_000])).argmax() == pytest.approx(440, abs=3)
    assert recording.duration_s(path) == pytest.approx(2.0, abs=0.1)
