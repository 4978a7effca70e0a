# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What goes over the wire to a Kyutai server, and what happens when it does not answer."""

import time
from collections.abc import Callable, Iterator

import msgpack
import numpy as np
import pytest

from bots.engines import kyutai as module
from bots.engines.contract import SAMPLE_RATE
from bots.engines.kyutai import FRAME, LEAD_S, MAX_STREAMS, RATE, KyutaiEngine, ServerAwayError, language_of
from bots.engines.resample import Resampler


def tone(hertz: float, seconds: float) -> np.ndarray:
    at = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.5 * np.sin(2 * np.pi * hertz * at)).astype(np.float32)


def spectrum(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies, and decibels below a full tone."""
    amplitude = np.abs(np.fft.rfft(samples * np.blackman(len(samples)))) / (0.42 * len(samples) / 2)
    return np.fft.rfftfreq(len(samples), 1 / RATE), 20 * np.log10(amplitude + 1e-9)


@pytest.fixture
def engine(kyutai) -> Iterator[KyutaiEngine]:
    kyutai.script = ["one", "two", "three", "four", "five", "six"]
    engine = KyutaiEngine(kyutai.url, kyutai.token)
    engine.load()
    yield engine
    engine.close()


@pytest.fixture
def until() -> Callable[[Callable[[], object]], None]:
    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, "the condition did not come true within 10 s"
            time.sleep(0.01)

    return wait


# ------------------------------------------------------------------------------------------------ the sound


@pytest.mark.parametrize("hertz", [100, 440, 1000, 3000, 6000, 7000])
def test_a_tone_stays_one_tone_at_its_height_and_loudness(hertz):
    resampler, samples = Resampler(), tone(hertz, 1.5)
    blocks = [resampler.push(samples[start : start + 333]) for start in range(0, len(samples), 333)]
    output = np.concatenate(blocks)
    assert len(output) == pytest.approx(1.5 * RATE, abs=2)
    frequencies, decibels = spectrum(output[RATE // 4 : RATE // 4 + RATE])
    assert frequencies[decibels.argmax()] == pytest.approx(hertz, abs=1)
    assert decibels.max() == pytest.approx(20 * np.log10(0.5), abs=0.1)
    assert decibels[np.abs(frequencies - hertz) > 10].max() < -75


def test_blocks_of_any_length_give_the_same_sound():
    samples = np.random.default_rng(1).standard_normal(4000).astype(np.float32)
    whole, resampler, at, parts = Resampler().push(samples), Resampler(), 0, []
    for length in (1, 1, 2, 3, 500, 7, 0, 1286, 2200):
        parts.append(resampler.push(samples[at : at + length]))
        at += length
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)


def test_the_server_hears_the_utterance_once_after_a_second_of_silence_in_whole_frames(engine, kyutai):
    samples = tone(1000, 2.0)
    for seconds in (0.5, 1.1, 1.7):
        engine.transcribe(samples[: int(seconds * SAMPLE_RATE)], "", utterance="U", final=False)
    engine.transcribe(samples, "", utterance="U")
    (frames,) = kyutai.heard
    heard = np.concatenate(frames)
    assert {len(frame) for frame in frames} == {FRAME}
    assert not heard[: int(LEAD_S * RATE)].any()
    speech = heard[int(LEAD_S * RATE) : int((LEAD_S + 2.0) * RATE)]
    np.testing.assert_allclose(speech, Resampler().push(samples), atol=1e-6)
    assert not heard[len(heard) - FRAME :].any()


# ------------------------------------------------------------------------------------------------- the words


def test_words_are_there_as_soon_as_the_server_has_written_them(engine, until):
    samples = tone(1000, 1.5)

    def partial() -> str:
        return engine.transcribe(samples, "", utterance="U", final=False).text

    until(lambda: partial().startswith("one two three"))  # no marker, no further audio
    assert engine.transcribe(samples, "", utterance="U").text == "one two three four five"


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("Merci, veuillez attendre pendant que je tente d'établir la connexion", "fr"),
        ("The person you are calling is not at their desk", "en"),
        ("Madrid", ""),
        ("", ""),
    ],
)
def test_words_tell_their_language(text, lang):
    assert language_of(text) == lang


def test_the_language_that_was_asked_for_stands_where_words_do_not_tell(engine):
    assert engine.transcribe(tone(1000, 0.4), "fr").lang == "fr"


# ------------------------------------------------------------------------------------------------- faults


def test_an_unknown_token_is_named(kyutai):
    engine = KyutaiEngine(kyutai.url, "wrong")
    engine.load()
    with pytest.raises(ServerAwayError, match="does not know the token"):
        engine.transcribe(tone(1000, 1), "")
    engine.close()


def test_a_server_that_is_away_is_left_alone_for_a_while_and_found_again(engine, kyutai, monkeypatch):
    monkeypatch.setattr(module, "BACKOFF_S", (30.0,))
    kyutai.do(kyutai.stop())
    with pytest.raises(ServerAwayError, match="can't be reached"):
        engine.transcribe(tone(1000, 1), "")
    kyutai.do(kyutai.start())
    with pytest.raises(ServerAwayError, match="tried again"):
        engine.transcribe(tone(1000, 1), "")
    assert kyutai.heard == []
    engine._not_before = 0.0
    assert engine.transcribe(tone(1000, 1), "").text.startswith("one")
    assert engine._failures == 0


def test_waits_between_attempts_grow_to_a_limit(engine, kyutai):
    kyutai.do(kyutai.stop())
    waits = []
    for _ in range(len(module.BACKOFF_S) + 1):
        engine._not_before = 0.0
        with pytest.raises(ServerAwayError):
            engine.transcribe(tone(1000, 1), "")
        waits.append(round(engine._not_before - engine._loop.time(), 1))
    assert waits == pytest.approx([*module.BACKOFF_S, module.BACKOFF_S[-1]], abs=0.4)
    kyutai.do(kyutai.start())


@pytest.mark.parametrize("final", [False, True])
def test_a_connection_that_breaks_costs_no_word(engine, kyutai, until, final):
    samples = tone(1000, 2.0)
    engine.transcribe(samples[:SAMPLE_RATE], "", utterance="U", final=False)
    kyutai.break_after_frames = 30
    if not final:
        until(lambda: _tried(engine, samples))
    assert engine.transcribe(samples, "", utterance="U").text == "one two three four five six"
    assert len(kyutai.heard) == 2


def _tried(engine: KyutaiEngine, samples: np.ndarray) -> bool:
    engine.transcribe(samples, "", utterance="U", final=False)
    return engine._streams["U"]._words != []


def test_a_server_without_free_places_is_not_asked_again_at_once(engine, kyutai):
    kyutai.places = 0
    with pytest.raises(ServerAwayError, match=r"no free channels|broke|closed"):
        engine.transcribe(tone(1000, 1), "")
    with pytest.raises(ServerAwayError, match="tried again"):
        engine.transcribe(tone(1000, 1), "")


@pytest.mark.parametrize(
    "babble",
    [
        b"\xc1",
        b"",
        msgpack.packb([1]),
        msgpack.packb({"type": "Word"}),
        msgpack.packb({"type": "Word", "start_time": {}}),
    ],
)
def test_a_server_that_speaks_otherwise_is_an_error_and_nothing_worse(engine, kyutai, babble):
    kyutai.babble, kyutai.mute = babble or b"\x80", True
    with pytest.raises(ServerAwayError):
        engine.transcribe(tone(1000, 1), "")


def test_messages_of_a_later_version_are_passed_over(engine, kyutai):
    kyutai.babble = msgpack.packb({"type": "Mood", "value": 1})
    assert engine.transcribe(tone(1000, 1), "").text == "one two three four"


def test_a_server_that_never_finishes_is_waited_for_only_so_long(engine, kyutai, monkeypatch):
    monkeypatch.setattr(module, "_MARKER_S", 0.2)
    kyutai.mute = True
    with pytest.raises(ServerAwayError, match="reads nothing"):
        engine.transcribe(tone(1000, 1), "")


def test_a_server_that_writes_without_end_is_not_believed(engine, kyutai, monkeypatch):
    monkeypatch.setattr(module, "MAX_WORDS", 5)
    kyutai.babble = msgpack.packb({"type": "Word", "text": "ha", "start_time": 1.1})
    assert engine.transcribe(tone(1000, 1), "").text == "ha ha ha ha ha"


def test_utterances_that_nobody_ends_free_their_places(engine, kyutai, until, monkeypatch):
    monkeypatch.setattr(module, "_UNUSED_S", 0.1)
    engine.transcribe(tone(1000, 1), "", utterance="U", final=False)
    until(lambda: kyutai.heard and kyutai.open == 0)


def test_utterances_without_number_hold_so_many_places_and_no_more(engine, kyutai, until):
    kyutai.places = 1000
    for number in range(MAX_STREAMS + 3):
        engine.transcribe(tone(1000, 0.1), "", utterance=f"U{number}", final=False)
    until(lambda: len(kyutai.heard) == MAX_STREAMS + 3 and kyutai.open == MAX_STREAMS)
