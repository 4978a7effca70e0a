# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""An engine that dies, fails or falls behind: what people have said is read all the same."""

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from bots.captions.health import Cause, Health, Readings
from bots.captions.schedule import BRISK_S
from bots.engines.contract import Decoded
from bots.engines.kyutai import KyutaiEngine
from bots.worker import ATTEMPTS, SpeechPool
from tests.ports import free_ports

BACK_S = 15.0
"""Captions are back within this time after an engine is (goal of operations)."""


class FailingEngine:
    """Fails as long as it is told to, at everything or at loud speech alone."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.poison: float | None = None
        self.gate: threading.Event | None = None
        self.readings: list[bool] = []
        self.unloadable = 0

    def load(self) -> None:
        self.unloadable -= 1
        if self.unloadable >= 0:
            raise MemoryError

    def identify(self, samples: np.ndarray) -> dict[str, float]:
        return {"fr": 0.99}

    def transcribe(
        self, samples: np.ndarray, lang: str, *, utterance: str = "", final: bool = True, terms=()
    ) -> Decoded:
        self.readings.append(final)
        if self.gate:
            assert self.gate.wait(20)
        if self.error:
            raise self.error
        if final and self.poison is not None and len(samples) > self.poison * 16000:
            raise RuntimeError("poison")
        return Decoded("bonjour à tous", -0.1, 0.0)


@pytest.fixture
def delivered() -> list:
    return []


@contextlib.asynccontextmanager
async def running(engine, delivered, workers: int = 1):
    pool = SpeechPool(engine, workers, delivered.append)
    task = asyncio.create_task(pool.run())
    try:
        yield pool
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def engine():
    return FailingEngine()


@pytest.fixture
async def pool(engine, delivered):
    async with running(engine, delivered) as pool:
        yield pool


@pytest.fixture
def server():
    """Start and kill a speech server that is a process of its own."""
    port, alive = free_ports()[0], []

    def start() -> None:
        command = [sys.executable, "-m", "tests.bots.engines.fake_kyutai", f"ws://127.0.0.1:{port}"]
        alive.append(subprocess.Popen(command))
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(0.05)
        pytest.fail("the server did not start")

    def kill() -> None:
        process = alive.pop()
        process.send_signal(signal.SIGKILL)
        process.wait(5)

    yield type("Server", (), {"url": f"ws://127.0.0.1:{port}", "start": start, "kill": kill})
    while alive:
        kill()


async def test_an_engine_killed_in_mid_sentence_costs_no_sentence(server, delivered, tape, track, until):
    await asyncio.to_thread(server.start)
    engine = KyutaiEngine(server.url, "token")
    async with running(engine, delivered, workers=2) as pool:
        tape.play((1.5, True))
        pool.submit(track.due(1.0))
        assert await pool.drained("!room", 10)
        await asyncio.to_thread(server.kill)
        for job in tape.play((0.5, True), (1, False), (2, True), (1, False)):
            pool.submit(job)
        await until(lambda: pool.counts.failed >= 2)
        assert [segment for segment in delivered if segment.final] == []
        await asyncio.to_thread(server.start)
        back = time.monotonic()
        assert await pool.drained("!room", 30)
        assert time.monotonic() - back < BACK_S
        assert [segment.text for segment in delivered if segment.final] == ["bonjour à tous"] * 2
        assert pool.dropped == 0
    await asyncio.to_thread(engine.close)


async def test_memory_that_runs_out_for_a_while_costs_nothing_and_is_seen(engine, pool, delivered, tape, until):
    engine.error = MemoryError()
    for job in tape.play((2, True), (1, False), (2, True), (1, False)):
        pool.submit(job)
    health = Health()
    await until(lambda: pool.counts.failed_in_row >= 3)
    for asked in (1, 2):
        health.look(Readings(asked, pool.counts.failed_in_row, pool.level))
    assert health.cause is Cause.ENGINE
    engine.error = None
    assert await pool.drained("!room", BACK_S)
    assert [segment.final for segment in delivered] == [True, True]
    assert (pool.counts.failed_in_row, pool.dropped) == (0, 0)


async def test_a_model_that_finds_no_memory_at_first_keeps_nobody_from_captions(engine, pool, delivered, tape):
    engine.unloadable = 2
    await pool.warm()
    assert pool.counts.failed_in_row == 1
    for job in tape.play((2, True), (1, False)):
        pool.submit(job)
    assert await pool.drained("!room", BACK_S)
    assert [segment.text for segment in delivered] == ["bonjour à tous"]


async def test_an_utterance_that_no_engine_can_read_is_given_up_alone_and_keeps_what_was_shown(
    engine, pool, delivered, tape, track, monkeypatch
):
    monkeypatch.setattr("bots.worker.PAUSE_S", (0.01,))
    engine.poison = 2.9
    tape.play((3, True))
    pool.submit(track.due(1.0))
    assert await pool.drained("!room", 10)
    for job in tape.play((1, False), (2, True), (1, False)):
        pool.submit(job)
    assert await pool.drained("!room", 10)
    first, second, last = delivered
    assert (first.final, second.final, last.final) == (False, True, True)
    assert (last.id, last.text) == (first.id, first.text)  # it was read after the others, as far as that went
    assert pool.counts.failed == ATTEMPTS
    assert pool.dropped == 1


async def test_a_backlog_of_ten_seconds_costs_no_final_text_and_slows_the_partial_ones(
    engine, pool, delivered, tape, track, until, monkeypatch
):
    engine.gate = threading.Event()
    finals = tape.play(*[(2, True), (1, False)] * 20)
    for job in finals:
        pool.submit(job)
    await until(lambda: engine.readings)
    tape.play((2, True))
    pool.submit(track.due(1.0))
    real = time.monotonic
    monkeypatch.setattr("bots.worker.time.monotonic", lambda: real() + 12)
    engine.gate.set()
    assert await pool.drained("!room", 30)
    assert engine.readings[:20] == [True] * 20
    assert len({segment.id for segment in delivered if segment.final}) == 20
    assert pool.dropped == 0
    assert pool.interval_s > BRISK_S
