# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What every speech engine keeps to, whichever it is; real weights, or a server that follows the published protocol."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import jiwer
import numpy as np
import pytest
import soundfile

from bots.captions import guards
from bots.engines.contract import SAMPLE_RATE, SpeechEngine
from bots.engines.kyutai import KyutaiEngine
from bots.engines.whisper import WhisperEngine

SPEECH = Path(__file__).parents[2] / "fixtures" / "speech"


@dataclass
class Recording:
    """The first phrase of a recording, and its words."""

    samples: np.ndarray
    words: list[str]


def plain(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.casefold())


@pytest.fixture(scope="module")
def recording() -> Recording:
    samples, _ = soundfile.read(SPEECH / "guest.flac", dtype="float32")
    return Recording(samples[: int(5.2 * SAMPLE_RATE)], plain((SPEECH / "guest.txt").read_text().splitlines()[0]))


@pytest.fixture(scope="module")
def whisper(model) -> WhisperEngine:
    engine = WhisperEngine(model, workers=2)
    engine.load()
    return engine


@pytest.fixture(params=["whisper", "kyutai"])
def engine(request) -> Iterator[SpeechEngine]:
    if request.param == "whisper":
        yield request.getfixturevalue("whisper")
        return
    server = request.getfixturevalue("kyutai")
    server.script, server.frames_a_word = request.getfixturevalue("recording").words, 3
    engine = KyutaiEngine(server.url, server.token)
    engine.load()
    yield engine
    engine.close()


def test_it_writes_what_is_said(engine, recording):
    decoded = engine.transcribe(recording.samples, "en")
    assert jiwer.wer(" ".join(recording.words), " ".join(plain(decoded.text))) <= 0.1
    assert decoded.score <= 0.0
    assert 0.0 <= decoded.no_speech <= 1.0
    assert decoded.lang in {"", "en"}


def test_silence_gives_no_words(engine):
    decoded = engine.transcribe(np.zeros(SAMPLE_RATE, np.float32), "en")
    assert guards.clean(decoded.text, voiced_ms=1000, score=decoded.score, no_speech=decoded.no_speech) == ""


def test_loading_again_does_nothing(engine, recording):
    engine.load()
    assert engine.transcribe(recording.samples, "en").text


def test_beliefs_about_the_language_are_probabilities_or_nothing(engine, recording):
    belief = engine.identify(recording.samples)
    assert all(re.fullmatch("[a-z]{2,3}", lang) and 0.0 <= p <= 1.0 for lang, p in belief.items())
    assert not belief or (max(belief, key=belief.get), round(sum(belief.values()), 1)) == ("en", 1.0)


def test_an_utterance_that_grows_ends_with_what_one_reading_gives(engine, recording):
    at_once = engine.transcribe(recording.samples, "en").text
    for seconds in (0.6, 2.6):
        part = recording.samples[: int(seconds * SAMPLE_RATE)]
        assert len(engine.transcribe(part, "en", utterance="U1", final=False).text) <= len(at_once) + 10
    assert engine.transcribe(recording.samples, "en", utterance="U1").text == at_once


def test_a_final_reading_may_be_shorter_than_the_last_one(engine, recording):
    half = recording.samples[: int(2.2 * SAMPLE_RATE)]
    engine.transcribe(recording.samples, "en", utterance="U2", final=False)
    cut = engine.transcribe(half, "en", utterance="U2").text
    assert plain(cut) == plain(engine.transcribe(half, "en").text)
    assert len(cut) < len(engine.transcribe(recording.samples, "en").text)


def test_utterances_of_several_people_do_not_mix(engine, recording):
    def read(number: int) -> str:
        part = recording.samples[: 2 * SAMPLE_RATE]
        engine.transcribe(part, "en", utterance=f"U{number}", final=False)
        return engine.transcribe(recording.samples, "en", utterance=f"U{number}").text

    with ThreadPoolExecutor(2) as threads:
        texts = list(threads.map(read, range(2)))
    assert texts == [engine.transcribe(recording.samples, "en").text] * 2
