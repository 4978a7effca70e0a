# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What operators measure, what the canary finds, and what rooms learn of it."""

import asyncio
import contextlib

import aiohttp
import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bots import canary as module
from bots.canary import Canary, Recording, shipped
from bots.captions.health import Cause, Health, Readings
from bots.captions.schedule import Level
from bots.engines.contract import Decoded
from bots.matrix_rtc import MatrixError
from bots.metrics import CaptionMetrics
from bots.passport import PASSPORT, Passport
from bots.roomview import RoomView
from bots.settings import SettingsError
from bots.statements import STATUS, RoomStatements
from bots.worker import ATTEMPTS, SpeechPool
from tests.ports import free_ports

RECORDING = Recording(np.zeros(16000, np.float32), "one two three four", "en")
BOT = "@captions:hs"


class ScriptedEngine:
    """Reads what it is told to, or fails."""

    def __init__(self) -> None:
        self.text: str | Exception = RECORDING.text

    def load(self) -> None: ...

    def identify(self, samples: np.ndarray) -> dict[str, float]:
        return {"en": 1.0}

    def transcribe(
        self, samples: np.ndarray, lang: str, *, utterance: str = "", final: bool = True, terms=()
    ) -> Decoded:
        if isinstance(self.text, Exception):
            raise self.text
        return Decoded(self.text, -0.1, 0.0)


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def metrics() -> CaptionMetrics:
    return CaptionMetrics()


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
async def pool(engine, metrics, health):
    pool = SpeechPool(metrics.timed(engine), 1, lambda segment: None)
    metrics.watch(pool, health)
    running = asyncio.create_task(pool.run())
    yield pool
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


def figures(text: str) -> dict[str, float]:
    return {
        sample.name + "".join(f"{{{value}}}" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


# ------------------------------------------------------------------------------------------------ metrics


async def test_the_figures_are_served_on_this_machine(pool, metrics, engine, tape, monkeypatch):
    monkeypatch.setattr("bots.worker.PAUSE_S", (0.01,))
    for job in tape.play((2, True), (1, False)):
        pool.submit(job)
    assert await pool.drained("!room", 5)
    engine.text = RuntimeError("out of memory")
    for job in tape.play((2, True), (1, False)):
        pool.submit(job)
    assert await pool.drained("!room", 20)
    metrics.delay.observe(0.7)
    port = free_ports()[0]
    url = f"http://127.0.0.1:{port}/metrics"
    async with metrics.served(port), aiohttp.ClientSession() as http, http.get(url) as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        found = figures(await response.text())
        with pytest.raises(SettingsError, match=f"port {port}"):
            await CaptionMetrics().served(port).__aenter__()
    assert found["passerelle_captions_utterances_total"] == 2
    assert found["passerelle_captions_failed_total"] == ATTEMPTS
    assert found["passerelle_captions_dropped_total"] == 1
    assert found["passerelle_captions_waiting"] == 0
    assert found["passerelle_captions_level"] == 0
    assert found["passerelle_captions_reading_seconds_count{yes}"] == 1
    assert found["passerelle_captions_delay_seconds_count"] == 1
    assert {found[f"passerelle_captions_degraded{{{cause.value}}}"] for cause in Cause} == {0.0}


async def test_nothing_listens_unless_it_is_asked_for(metrics, monkeypatch):
    monkeypatch.setattr("bots.metrics.web.TCPSite", None)
    async with metrics.served(0):
        pass


async def test_degraded_captions_are_a_figure_with_their_cause(pool, metrics, health):
    for asked in (1, 2):
        health.look(Readings(asked, failed_in_row=9, level=Level.USUAL))
    assert figures(metrics.render().decode())["passerelle_captions_degraded{engine}"] == 1
    assert figures(metrics.render().decode())["passerelle_captions_degraded{overload}"] == 0


# ------------------------------------------------------------------------------------------------- canary


async def test_a_canary_read_well_leaves_its_figures(pool, metrics, health):
    assert await Canary(pool, metrics, health, max_wer=0.3).sing([RECORDING]) == {"en": 0.0}
    found = figures(metrics.render().decode())
    assert found["passerelle_captions_canary_wer{en}"] == 0
    assert 0 < found["passerelle_captions_canary_delay_seconds{en}"] < 5
    assert found["passerelle_captions_canary_runs_total{read}"] == 1
    assert health.cause is None


async def test_an_engine_that_reads_worse_and_worse_is_found_out(pool, metrics, health, engine):
    canary = Canary(pool, metrics, health, max_wer=0.3)
    engine.text = "one two tree for"
    assert [await canary.sing([RECORDING]), await canary.sing([RECORDING])] == [{"en": 0.5}] * 2
    assert health.cause is Cause.DRIFT
    engine.text = RECORDING.text
    await canary.sing([RECORDING])
    await canary.sing([RECORDING])
    assert health.cause is None


async def test_a_canary_that_can_not_be_read_is_counted_and_blames_the_engine_not_its_ear(
    pool, metrics, health, engine
):
    engine.text = MemoryError()
    canary = Canary(pool, metrics, health, max_wer=0.3)
    assert [await canary.sing([RECORDING]) for _ in range(3)] == [{}] * 3
    assert figures(metrics.render().decode())["passerelle_captions_canary_runs_total{failed}"] == 3
    assert pool.counts.failed_in_row == 3


async def test_a_canary_waits_its_turn_and_not_longer_than_it_has_patience(pool, metrics, health, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE_S", 0.05)
    monkeypatch.setattr(pool, "read_when_idle", lambda samples, lang: asyncio.sleep(60))
    assert await Canary(pool, metrics, health, max_wer=0.3).sing([RECORDING]) == {}
    assert figures(metrics.render().decode())["passerelle_captions_canary_runs_total{no_time}"] == 1


# ------------------------------------------------------------------------------------------------- rooms


class FakeSession:
    """Remembers what was written into the room; refuses as told."""

    user_id = BOT

    def __init__(self) -> None:
        self.states: list[tuple[str, str, dict]] = []
        self.said: list[str] = []
        self.refusal: Exception | None = None

    async def send_state(self, room_id: str, kind: str, key: str, content: dict) -> str:
        self.states.append((kind, key, content))
        if self.refusal:
            raise self.refusal
        return "$s"

    async def send_event(self, room_id: str, kind: str, content: dict, txn_id: str) -> str:
        self.said.append(content["body"])
        return "$e"


def view(*state: dict) -> RoomView:
    return RoomView("!r", state)


def stated(kind: str, content: dict) -> dict:
    return {"type": kind, "state_key": BOT, "sender": BOT, "content": content}


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


async def test_a_room_learns_of_trouble_and_of_its_end_once(session):
    statements = RoomStatements(session, view())
    for now, cause in enumerate((None, Cause.OVERLOAD, Cause.OVERLOAD, Cause.ENGINE, None, None)):
        await statements.show_health(cause, float(now))
    assert session.states == [
        (STATUS, BOT, {"degraded": True, "reason": "overload"}),
        (STATUS, BOT, {"degraded": True, "reason": "engine"}),
        (STATUS, BOT, {"degraded": False}),
    ]
    assert len(session.said) == 2
    assert "sentence by sentence" in session.said[0]
    assert "phrase par phrase" in session.said[0]
    assert "as usual again" in session.said[1]


async def test_trouble_from_before_a_restart_is_taken_back(session):
    statements = RoomStatements(session, view(stated(STATUS, {"degraded": True, "reason": "engine"})))
    await statements.show_health(None, 0.0)
    assert session.states == [(STATUS, BOT, {"degraded": False})]


async def test_a_passport_that_stands_there_is_not_written_again(session):
    passport = Passport("m", "1", "abc", "MIT", "hs", "e")
    await RoomStatements(session, view(stated(PASSPORT, passport.content()))).show_passport(passport)
    assert session.states == []
    await RoomStatements(session, view()).show_passport(passport)
    assert session.states == [(PASSPORT, BOT, passport.content())]


@pytest.mark.parametrize(
    ("refusal", "attempts"),
    [
        (MatrixError(403, "M_FORBIDDEN", "no"), 1),
        (MatrixError(429, "M_LIMIT_EXCEEDED", "later"), 3),
        (MatrixError(502, "M_UNKNOWN", "later"), 3),
        (aiohttp.ClientError(), 3),
    ],
)
async def test_a_room_that_refuses_is_not_asked_for_ever_and_an_outage_is_waited_out(session, refusal, attempts):
    session.refusal = refusal
    statements = RoomStatements(session, view())
    for now in range(3):
        await statements.show_health(Cause.DRIFT, float(now))
    assert len(session.states) == attempts


def test_every_cause_has_words_in_every_language():
    from bots import notice
    from bots.captions.health import Telling

    texts = {notice.health(Telling.BEGINS, cause) for cause in Cause}
    assert len(texts) == len(Cause)
    assert all("\nSous-titrage dégradé" in text and "\nDie Untertitel sind" in text for text in texts)


def test_the_recordings_that_come_along_are_speech_with_its_words():
    for recording, words in zip(shipped(["fr", "en"]), ("And Mr. John Dashwood", "Tous nos"), strict=True):
        assert 5 * 16000 < len(recording.samples) < 12 * 16000
        assert recording.text.startswith(words)


def test_a_canary_sings_in_the_languages_that_are_spoken_and_else_in_english():
    assert [recording.lang for recording in shipped(["fr", "de"])] == ["fr"]
    assert [recording.lang for recording in shipped(["de"])] == ["en"]


async def test_one_language_that_is_read_badly_is_found_beside_another_that_is_read_well(pool, metrics, health, engine):
    canary = Canary(pool, metrics, health, max_wer=0.3)
    french = Recording(RECORDING.samples, "un deux trois quatre", "fr")
    for _ in range(2):
        assert await canary.sing([french, RECORDING]) == {"fr": 1.0, "en": 0.0}
    assert health.cause is Cause.DRIFT
    assert figures(metrics.render().decode())["passerelle_captions_canary_wer{fr}"] == 1
