# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Reads utterances in threads of their own, so that the event loop never waits for a model."""

import asyncio
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import ParamSpec, TypeVar

import structlog

from bots.captions.schedule import DecodeQueue, Level
from bots.captions.segment import Segment
from bots.captions.track import Answer, Job
from bots.engines import vad
from bots.engines.contract import FAILURES, SAMPLE_RATE, Decoded, Samples, SpeechEngine

_NOTHING = Decoded("", 0.0, 1.0)
ATTEMPTS = 8
"""stops: an utterance that no engine can read coming back for ever. An engine may be down for a quarter of a minute."""
READER_NICE = 5
"""So much lower is the priority of threads that read than the process's own."""
PAUSE_S = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Before the next reading while the engine keeps failing: it is down, or being loaded again."""
STUCK_S = 120.0
"""stops: an engine that hangs keeping its reader for ever. A thread cannot be ended from outside, so the process is; a
supervisor starts it again, and it goes back to its calls."""

P = ParamSpec("P")
T = TypeVar("T")

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class _Errand:
    """A reading that belongs to no track."""

    samples: Samples
    lang: str
    done: asyncio.Future[Decoded]


@dataclass(slots=True)
class Counts:
    """Readings since the start: asked for, of whole utterances, those that the engine failed at, and those given up."""

    asked: int = 0
    finals: int = 0
    failed: int = 0
    failed_in_row: int = 0
    lost: int = 0


def _end_process() -> None:
    os._exit(os.EX_SOFTWARE)  # no way of ending in order gets past a thread that does not return


def _give_way() -> None:
    """Have a thread that reads run after those that hear and send: these need little, but at once."""
    if sys.platform == "linux":  # elsewhere a thread has no priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), os.nice(0) + READER_NICE)


class SpeechPool:
    """Shares one engine among all tracks of all calls. ``deliver`` gets every segment, on the event loop."""

    def __init__(
        self,
        engine: SpeechEngine,
        workers: int,
        deliver: Callable[[Segment], None],
        *,
        stuck_s: float = STUCK_S,
        end: Callable[[], object] = _end_process,
    ) -> None:
        self._stuck_s = stuck_s
        self._end = end
        self._engine = engine
        self._workers = workers
        self._deliver = deliver
        self._queue = DecodeQueue()
        self._wake = asyncio.Event()
        self._idle = asyncio.Condition()
        self._reading: Counter[str] = Counter()
        self._errand: _Errand | None = None
        self.counts = Counts()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="speech", initializer=_give_way)

    @property
    def interval_s(self) -> float:
        """How often open utterances may be read now."""
        return self._queue.load.interval_s

    @property
    def level(self) -> Level:
        """How far captions are degraded for want of time."""
        return self._queue.load.level

    @property
    def waiting(self) -> int:
        """How many readings wait."""
        return len(self._queue)

    @property
    def dropped(self) -> int:
        """How many final readings were given up since the start."""
        return self._queue.dropped_finals + self.counts.lost

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            async with asyncio.TaskGroup() as workers:
                for _ in range(self._workers):
                    workers.create_task(self._work())
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def warm(self) -> None:
        """Load the models before anything is fed or read: the event loop would wait for them.

        An engine that can't be loaded now is loaded again for each reading.
        """
        await asyncio.get_running_loop().run_in_executor(self._threads, vad.load)
        try:
            await self._load()
        except FAILURES as error:
            self._failed()
            log.error("engine_not_loaded", reason=type(error).__name__)

    def submit(self, job: Job) -> None:
        """Queue an utterance; what is known already is delivered at once."""
        self.counts.asked += 1
        if (known := job.known) is not None:
            self._answer(job, known)
            return
        dropped = self._queue.dropped_finals
        self._queue.push(job, time.monotonic())
        if self._queue.dropped_finals > dropped:
            log.warning("utterance_dropped", total=self._queue.dropped_finals)
        self._wake.set()

    async def drained(self, room_id: str, timeout_s: float) -> bool:
        """Wait until a room's utterances are read; False if that takes too long."""
        try:
            async with asyncio.timeout(timeout_s), self._idle:
                await self._idle.wait_for(lambda: not self._reading[room_id] and not self._queue.holds(room_id))
        except TimeoutError:
            return False
        return True

    async def read_when_idle(self, samples: Samples, lang: str) -> Decoded:
        """Read something for ourselves, as soon as nobody's words wait. One caller at a time.

        Raises what the engine raises.
        """
        errand = _Errand(samples, lang, asyncio.get_running_loop().create_future())
        self._errand = errand
        self._wake.set()
        try:
            return await errand.done
        finally:
            if self._errand is errand:
                self._errand = None

    async def _work(self) -> None:
        while True:
            level = self.level
            job = self._queue.pop(time.monotonic())
            if self.level is not level:
                log.warning("load_changed", level=self.level.name.lower(), waiting=len(self._queue))
            if job is None:
                self._wake.clear()
                async with self._idle:  # partial readings that came too late were dropped on the way
                    self._idle.notify_all()
                errand, self._errand = self._errand, None
                if errand is None:
                    await self._wake.wait()
                else:
                    await self._run(errand)
                continue
            room_id = job.track.speaker.room_id
            self._reading[room_id] += 1
            try:
                await self._read(job)
            finally:
                self._reading[room_id] -= 1
                async with self._idle:
                    self._idle.notify_all()
            await asyncio.sleep(self._pause_s)

    async def _load(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._threads, self._engine.load)

    async def _ask(self, what: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Have the engine answer, off the event loop."""
        try:
            async with asyncio.timeout(self._stuck_s) as limit:
                call = partial(what, *args, **kwargs)
                return await asyncio.get_running_loop().run_in_executor(self._threads, call)
        except TimeoutError:
            if limit.expired():
                log.critical("engine_hangs", seconds=self._stuck_s)
                self._end()
            raise

    async def _run(self, errand: _Errand) -> None:
        try:
            await self._load()
            decoded = await self._ask(self._engine.transcribe, errand.samples, errand.lang)
        except FAILURES as error:
            self._failed()
            if not errand.done.done():
                errand.done.set_exception(error)
        else:
            self.counts.failed_in_row = 0
            if not errand.done.done():
                errand.done.set_result(decoded)

    async def _read(self, job: Job) -> None:
        """Read one utterance. An utterance that ended and was not read is tried again, behind what waits already."""
        if job.utterance.settled:
            self.counts.finals += job.final
            return
        heard = job.audio()
        lang, decoded = "", _NOTHING
        if len(heard.samples):
            language = job.track.language
            try:
                await self._load()
                seconds = len(heard.samples) / SAMPLE_RATE
                lang, utterance = language.pinned or "", job.utterance.id
                if language.asks(seconds, utterance=utterance, final=job.final) and (
                    belief := await self._ask(self._engine.identify, heard.samples)
                ):
                    lang = language.observe(belief, seconds, utterance=utterance, final=job.final)
                decoded = await self._ask(
                    self._engine.transcribe,
                    heard.samples,
                    lang,
                    utterance=utterance,
                    final=job.final,
                    terms=tuple(job.track.terms),
                )
                lang = decoded.lang or lang
                self.counts.failed_in_row = 0
            except FAILURES as error:
                self._failed()
                log.error("reading_failed", reason=type(error).__name__, final=job.final, attempt=job.attempt)
                if not job.final:
                    job.track.skipped(job)
                    return
                if job.attempt < ATTEMPTS:
                    self._queue.push(replace(job, attempt=job.attempt + 1), time.monotonic() + self._pause_s)
                    return
                self.counts.lost += 1
                decoded = Decoded(job.utterance.text, 0.0, 0.0)
        self._answer(job, Answer(decoded, lang, heard.voiced_ms, heard.end))

    def _answer(self, job: Job, answer: Answer) -> None:
        self.counts.finals += job.final
        segment = job.track.answered(job, answer)
        if segment is not None:
            self._deliver(segment)

    @property
    def _pause_s(self) -> float:
        failed = self.counts.failed_in_row
        return PAUSE_S[min(failed, len(PAUSE_S)) - 1] if failed else 0.0

    def _failed(self) -> None:
        self.counts.failed += 1
        self.counts.failed_in_row += 1
