# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The thread that listens for voices: order, limits, failures, forgetting."""

import asyncio
import threading

import numpy as np
import pytest

from bots.captions.turns import Turn
from bots.settings import Settings, SettingsError
from bots.voices import MAX_WAITING, Listening, VoicePool, hear, voices_of
from tests.bots.captions.test_voices import LIKENESS

TOKEN = "0123456789abcdefghijklmnopqrstuv"


class Engine:
    """Hears two voices by turns of a second; waits where it is told to."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.failing = False

    def load(self) -> None:
        pass

    def turns(self, samples: np.ndarray) -> list[Turn]:
        assert self.go.wait(10)
        if self.failing:
            raise RuntimeError("out of memory")
        return [Turn(1000 * second, 1000 * second + 1000, "AB"[second % 2]) for second in range(len(samples) // 16_000)]

    def voiceprint(self, samples: np.ndarray) -> np.ndarray:
        return np.array([samples.mean(), len(samples)], np.float32)


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
async def pool(engine):
    pool = VoicePool(engine, LIKENESS, look=True)
    working = asyncio.create_task(pool.run())
    yield pool
    engine.go.set()
    working.cancel()
    await asyncio.wait([working])


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def utterance(told):
    def make(number: int, room: str = "!room", owner: str = "@salle:hs") -> Listening:
        return Listening(
            room, owner, f"S{number}", 0, np.zeros(32_000, np.float32), lambda it, _: told.append(it.segment_id)
        )

    return make


def test_each_voice_is_heard_in_all_its_turns_and_in_no_others():
    samples = np.repeat(np.array([0.1, 0.5, 0.1, 0.5], np.float32), 16_000)
    heard = hear(Engine(), samples)
    assert [turn.voice for turn in heard.turns] == ["A", "B", "A", "B"]
    assert {voice: list(found) for voice, found in heard.prints.items()} == {
        "A": pytest.approx([0.1, 32_000]),
        "B": pytest.approx([0.5, 32_000]),
    }


async def test_utterances_are_heard_in_order_off_the_event_loop(pool, utterance, told):
    for number in range(3):
        pool.submit(utterance(number))
    assert await pool.drained("!room", 10)
    assert told == ["S0", "S1", "S2"]


async def test_a_model_that_is_too_slow_loses_the_oldest_and_holds_up_nobody(pool, engine, utterance, told, until):
    engine.go.clear()
    pool.submit(utterance(0))
    await until(lambda: not pool._waiting)
    for number in range(1, MAX_WAITING + 3):
        pool.submit(utterance(number))
    assert pool.dropped == 2
    assert not await pool.drained("!room", 0.01)
    engine.go.set()
    assert await pool.drained("!room", 10)
    assert told == ["S0", *(f"S{number}" for number in range(3, MAX_WAITING + 3))]


async def test_a_failure_costs_one_label_and_not_the_worker(pool, engine, utterance, told):
    engine.failing = True
    pool.submit(utterance(0))
    assert await pool.drained("!room", 10)
    engine.failing = False
    pool.submit(utterance(1))
    assert await pool.drained("!room", 10)
    assert told == ["S1"]


async def test_a_model_that_does_not_load_costs_labels_and_not_the_bot(engine, utterance, told, monkeypatch):
    def load():
        raise OSError("no such file")

    monkeypatch.setattr(engine, "load", load)
    pool = VoicePool(engine, LIKENESS, look=True)
    working = asyncio.create_task(pool.run())
    pool.submit(utterance(0))
    assert await pool.drained("!room", 10)
    assert not told
    assert not working.done()
    working.cancel()
    await asyncio.wait([working])


async def test_what_waits_of_somebody_who_withdrew_is_dropped(pool, engine, utterance, told, until):
    engine.go.clear()
    pool.submit(utterance(0, room="!other"))
    await until(lambda: not pool._waiting)
    pool.submit(utterance(1))
    pool.submit(utterance(2, owner="@anne:hs"))
    pool.submit(utterance(3, room="!other"))
    pool.forget("!room", "@salle:hs")
    engine.go.set()
    assert await pool.drained("!room", 10)
    assert await pool.drained("!other", 10)
    assert told == ["S0", "S2", "S3"]
    engine.go.clear()
    pool.submit(utterance(4))
    pool.forget("!room")
    assert not pool._holds("!room")


def settings(**diarization) -> Settings:
    rest = {
        "homeserver": {"client_url": "http://hs", "user_id": "@bot:hs", "password": TOKEN, "device_id": "CAPTIONS"},
        "bridge": {"internal_url": "http://bridge", "internal_token": TOKEN},
        "speech": {"model_cache": "/models"},
        "call": {"livekit_service_url": "http://rtc"},
    }
    return Settings.model_validate(rest | ({"diarization": diarization} if diarization else {}))


def test_without_the_section_there_are_no_voices():
    assert voices_of(settings()) is None


def test_a_pipeline_that_is_not_there_stops_the_start_and_says_what_to_put_there(tmp_path, monkeypatch):
    monkeypatch.setattr("bots.engines.silent_pyannote.installed", lambda: True)
    with pytest.raises(SettingsError, match="community-1"):
        voices_of(settings(pipeline=str(tmp_path)))


def test_without_the_extra_the_start_stops_and_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr("bots.engines.silent_pyannote.installed", lambda: False)
    with pytest.raises(SettingsError, match=r"passerelle\[diarization\]"):
        voices_of(settings(pipeline=str(tmp_path)))


def test_limits_of_likeness_that_contradict_each_other_are_refused(tmp_path):
    with pytest.raises(ValueError, match="must rise in this order"):
        settings(pipeline=str(tmp_path), same=0.2, other=0.4)
