# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The pool of readers, with an engine that does what the test says."""

import asyncio
import contextlib
import os
import sys
import threading
import time
from dataclasses import dataclass, field

import numpy as np
import pytest

from bots.captions.schedule import Level
from bots.captions.track import Job
from bots.engines.contract import Decoded
from bots.worker import READER_NICE, SpeechPool


@dataclass
class FakeEngine:
    """Reads every utterance as the same words."""

    loads: int = 0
    reads: int = 0
    error: Exception | None = None
    threads: set[int] = field(default_factory=set)
    nice: set[int] = field(default_factory=set)
    gate: threading.Event | None = None
    belief: dict[str, float] = field(default_factory=lambda: {"fr": 0.99})
    heard: str = ""
    terms: tuple[str, ...] = ()
    readings: list[tuple[str, bool]] = field(default_factory=list)

    def load(self) -> None:
        self.loads += 1

    def identify(self, samples: np.ndarray) -> dict[str, float]:
        return self.belief

    def transcribe(
        self, samples: np.ndarray, lang: str, *, utterance: str = "", final: bool = True, terms=()
    ) -> Decoded:
        assert lang == ("fr" if self.belief else "")
        self.readings.append((utterance, final))
        self.terms = terms
        self.threads.add(threading.get_ident())
        self.nice.add(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        if self.gate:
            assert self.gate.wait(5)
        self.reads += 1
        if self.error:
            error, self.error = self.error, None
            raise error
        return Decoded("bonjour à tous", -0.1, 0.0, self.heard)


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
async def delivered() -> asyncio.Queue:
    return asyncio.Queue()


@pytest.fixture
async def pool(engine, delivered):
    pool = SpeechPool(engine, 2, delivered.put_nowait)
    running = asyncio.create_task(pool.run())
    yield pool
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def next_of(queue: asyncio.Queue):
    async with asyncio.timeout(5):
        return await queue.get()


async def test_utterances_are_read_off_the_event_loop(pool, engine, delivered, tape):
    for job in tape.play((2, True), (1, False)):
        pool.submit(job)
    segment = await next_of(delivered)
    assert (segment.text, segment.lang, segment.final) == ("bonjour à tous", "fr", True)
    assert threading.get_ident() not in engine.threads


@pytest.mark.skipif(sys.platform != "linux", reason="a thread has no priority of its own there")
async def test_readers_give_way_to_what_hears_and_sends(pool, engine, delivered, tape):
    for job in tape.play((2, True), (1, False)):
        pool.submit(job)
    await next_of(delivered)
    assert engine.nice == {min(19, os.getpriority(os.PRIO_PROCESS, 0) + READER_NICE)}


async def test_an_engine_that_fails_once_costs_no_text(pool, engine, delivered, tape):
    engine.error = RuntimeError("out of tokens")
    for job in tape.play((2, True), (1, False), (2, True), (1, False)):
        pool.submit(job)
    assert (await next_of(delivered)).text == "bonjour à tous"
    assert await pool.drained("!room", 5)
    assert engine.reads == 3
    assert (await next_of(delivered)).final
    assert delivered.empty()


async def test_an_engine_that_hangs_ends_the_process_which_is_the_only_way_out(engine, delivered, tape):
    ended = asyncio.Event()
    engine.gate = threading.Event()
    pool = SpeechPool(engine, 1, delivered.put_nowait, stuck_s=0.2, end=ended.set)
    running = asyncio.create_task(pool.run())
    try:
        for job in tape.play((2, True), (1, False)):
            pool.submit(job)
        async with asyncio.timeout(5):
            await ended.wait()
    finally:
        engine.gate.set()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_an_engine_that_gives_up_waiting_by_itself_has_failed_and_does_not_hang(engine, delivered, tape):
    engine.error = TimeoutError()
    pool = SpeechPool(engine, 1, delivered.put_nowait, end=lambda: pytest.fail("the process was ended"))
    running = asyncio.create_task(pool.run())
    for job in tape.play((2, True), (1, False)):
        pool.submit(job)
    assert (await next_of(delivered)).text == "bonjour à tous"
    assert pool.counts.failed == 1
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_after_a_failure_the_open_utterance_is_read_again(pool, engine, delivered, tape, track):
    engine.error = RuntimeError("once")
    tape.play((2, True))
    pool.submit(track.due(1.0))
    assert await pool.drained("!room", 5)
    tape.play((1.1, True))
    pool.submit(track.due(1.0))
    assert (await next_of(delivered)).final is False


async def test_a_room_is_drained_when_its_utterances_are_read_and_not_before(pool, engine, tape):
    engine.gate = threading.Event()
    (job,) = tape.play((2, True), (1, False))
    pool.submit(job)
    assert not await pool.drained("!room", 0.2)
    assert await pool.drained("!another", 0.2)
    engine.gate.set()
    assert await pool.drained("!room", 5)


async def test_a_partial_reading_hears_everything_said_until_its_turn(pool, engine, tape, track, until):
    engine.gate = threading.Event()
    for _ in range(2):
        (job,) = tape.play((2, True), (1, False))
        pool.submit(job)
    await until(lambda: len(engine.threads) == 2)
    tape.play((1, True))
    partial = track.due(1.0)
    pool.submit(partial)
    tape.play((1, True))
    heard = len(Job(track, partial.utterance, final=False).audio().samples)
    assert heard > 1.9 * 16000
    engine.gate.set()
    assert await pool.drained("!room", 5)


async def test_late_reading_makes_the_pool_ask_for_less_level_by_level(engine, delivered, tape, monkeypatch):
    levels: list[Level] = []
    pool = SpeechPool(engine, 1, delivered.put_nowait)
    running = asyncio.create_task(pool.run())
    clock = time.monotonic()
    for late_s in (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0):
        (job,) = tape.play((2, True), (1, False))
        monkeypatch.setattr("bots.worker.time.monotonic", lambda now=clock: now)
        pool.submit(job)
        clock += late_s
        monkeypatch.setattr("bots.worker.time.monotonic", lambda now=clock: now)
        assert await pool.drained("!room", 5)
        levels.append(pool.level)
    assert levels == sorted(levels)
    assert set(levels) == set(Level)
    assert pool.interval_s == float("inf")
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_the_engine_learns_which_utterance_it_reads_and_when_it_ends(pool, engine, tape, track):
    tape.play((2, True))
    partial = track.due(1.0)
    pool.submit(partial)
    assert await pool.drained("!room", 5)
    (last,) = tape.play((1, False))
    pool.submit(last)
    assert await pool.drained("!room", 5)
    assert engine.readings == [(partial.utterance.id, False), (partial.utterance.id, True)]


async def test_an_utterance_that_was_read_in_its_last_pause_is_not_read_again(pool, engine, delivered, tape, track):
    track.language.pinned = "fr"
    tape.play((2, True), (0.2, False))
    pool.submit(track.due(1.0))
    assert not (await next_of(delivered)).final
    (last,) = tape.play((1, False))
    pool.submit(last)
    assert delivered.get_nowait().final
    assert (engine.reads, pool.counts.finals) == (1, 1)


async def test_a_reading_under_way_as_its_utterance_ends_is_not_done_twice(engine, delivered, tape, track, until):
    track.language.pinned = "fr"
    engine.gate = threading.Event()
    pool = SpeechPool(engine, 1, delivered.put_nowait)
    running = asyncio.create_task(pool.run())
    tape.play((2, True), (0.2, False))
    pool.submit(track.due(1.0))
    await until(lambda: engine.readings)
    (last,) = tape.play((1, False))
    pool.submit(last)
    engine.gate.set()
    assert await pool.drained("!room", 5)
    assert delivered.get_nowait().final
    assert delivered.empty()
    assert (engine.reads, pool.counts.finals) == (1, 1)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_an_engine_that_reads_all_languages_alike_names_the_one_it_heard(pool, engine, delivered, tape):
    engine.belief, engine.heard = {}, "en"
    for job in tape.play((2, True), (1, False)):
        pool.submit(job)
    assert (await next_of(delivered)).lang == "en"


async def test_what_is_read_for_ourselves_waits_for_everybodys_words(pool, engine, tape, until):
    engine.gate = threading.Event()
    for job in tape.play(*[(2, True), (1, False)] * 3):
        pool.submit(job)
    own = asyncio.create_task(pool.read_when_idle(np.zeros(16000, np.float32), "fr"))
    await until(lambda: len(engine.threads) == 2)
    engine.gate.set()
    assert (await own).text == "bonjour à tous"
    assert await pool.drained("!room", 5)
    assert len(engine.readings) == 4
    assert engine.readings.index(("", True)) >= 2  # beside the last of the three, at the earliest


async def test_what_is_read_for_ourselves_tells_of_a_failure(pool, engine):
    engine.error = MemoryError()
    with pytest.raises(MemoryError):
        await pool.read_when_idle(np.zeros(16000, np.float32), "fr")
    assert (await pool.read_when_idle(np.zeros(16000, np.float32), "fr")).text == "bonjour à tous"


async def test_the_engine_gets_the_terms_that_count_when_it_reads(pool, engine, tape, track):
    track.terms = terms = ["Anaïs"]
    (job,) = tape.play((2, True), (1, False))
    terms[:] = ["Anaïs", "Synapse"]
    pool.submit(job)
    assert await pool.drained("!room", 5)
    assert list(engine.terms) == ["Anaïs", "Synapse"]
