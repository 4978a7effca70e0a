# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Listens for voices in a thread of its own: captions never wait for it, and nothing of it is ever written down."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import structlog

from bots.captions.microphones import Heard
from bots.captions.turns import Turn
from bots.captions.voices import Likeness, Voiceprint
from bots.engines import silent_pyannote
from bots.engines.contract import SAMPLE_RATE, Samples
from bots.engines.diarize import Diarizer, PipelineError
from bots.engines.silent_pyannote import DiarizationMissing
from bots.settings import Settings, SettingsError

MAX_WAITING = 32
"""stops: audio waiting for a model that is slower than people speak, at most 25 MB. The oldest goes unlabelled."""

_FAILURES = (RuntimeError, ValueError, OSError, MemoryError, ArithmeticError, DiarizationMissing)

log = structlog.get_logger(__name__)


class VoiceEngine(Protocol):
    """Blocking calls, made from one thread."""

    def load(self) -> None:
        """Bring the model into memory; later calls do nothing."""

    def turns(self, samples: Samples) -> list[Turn]:
        """Tell who speaks when, in milliseconds from the first sample."""

    def voiceprint(self, samples: Samples) -> Voiceprint | None:
        """Tell what the one voice in these samples sounds like."""


@dataclass(frozen=True, slots=True, eq=False)
class Listening:
    """An utterance at one person's microphone, and who wants to know how it sounds."""

    room_id: str
    owner: str
    segment_id: str
    start_ms: int
    samples: Samples
    tell: "Callable[[Listening, Heard], None]"


class VoicePool:
    """One voice engine for all meetings. ``tell`` of each utterance is called on the event loop."""

    def __init__(self, engine: VoiceEngine, likeness: Likeness, *, look: bool) -> None:
        self.likeness = likeness
        self.look = look
        self._engine = engine
        self._waiting: deque[Listening] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Condition()
        self._busy: Counter[str] = Counter()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="voices")
        self.dropped = 0

    def submit(self, utterance: Listening) -> None:
        """Queue an utterance; never blocks."""
        if len(self._waiting) >= MAX_WAITING:
            self._waiting.popleft()
            self.dropped += 1
            log.warning("voices_unheard", total=self.dropped)
        self._waiting.append(utterance)
        self._wake.set()

    def forget(self, room_id: str, owner: str | None = None) -> None:
        """Drop what waits of a room, or of one person in it."""
        kept = [item for item in self._waiting if item.room_id != room_id or owner not in {None, item.owner}]
        self._waiting = deque(kept)

    async def drained(self, room_id: str, timeout_s: float) -> bool:
        """Wait until a room's utterances are listened to; False if that takes too long."""
        try:
            async with asyncio.timeout(timeout_s), self._idle:
                await self._idle.wait_for(lambda: not self._busy[room_id] and not self._holds(room_id))
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Work until cancelled. The model is loaded at once: importing torch in a call would hold up its captions."""
        try:
            await self._load()
            while True:
                if not self._waiting:
                    self._wake.clear()
                    await self._wake.wait()
                    continue
                utterance = self._waiting.popleft()
                self._busy[utterance.room_id] += 1
                try:
                    await self._listen(utterance)
                finally:
                    self._busy[utterance.room_id] -= 1
                    async with self._idle:
                        self._idle.notify_all()
        finally:
            self._waiting.clear()
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _load(self) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.load)
        except _FAILURES as error:
            log.error("voices_not_loaded", reason=str(error)[:200])

    def _holds(self, room_id: str) -> bool:
        return any(item.room_id == room_id for item in self._waiting)

    async def _listen(self, utterance: Listening) -> None:
        """Listen to one utterance; a failure of the model costs its label, never the worker."""
        loop = asyncio.get_running_loop()
        try:
            heard = await loop.run_in_executor(self._thread, hear, self._engine, utterance.samples)
        except _FAILURES as error:
            log.error("listening_failed", reason=type(error).__name__)
        else:
            utterance.tell(utterance, heard)


def voices_of(settings: Settings) -> VoicePool | None:
    """Make what the settings ask for; nothing if they ask for nothing. The model is loaded when first used.

    Raises:
        SettingsError: the pipeline is not whole, or passerelle[diarization] is not installed.
    """
    wanted = settings.diarization
    if wanted is None:
        return None
    if not silent_pyannote.installed():
        raise SettingsError("[diarization] wants passerelle[diarization] to be installed: torch first, then that")
    try:
        engine = Diarizer(wanted.pipeline)
    except PipelineError as error:
        raise SettingsError(str(error)) from error
    return VoicePool(engine, Likeness(wanted.same, wanted.other, wanted.clear), look=wanted.look)


def hear(engine: VoiceEngine, samples: Samples) -> Heard:
    """Tell the voices of one utterance apart. Blocks: about a tenth of the time that was spoken, or more."""
    engine.load()
    turns = tuple(engine.turns(samples))
    prints: dict[str, Voiceprint | None] = {}
    for voice in {turn.voice for turn in turns}:
        parts = [samples[_at(turn.start_ms) : _at(turn.end_ms)] for turn in turns if turn.voice == voice]
        prints[voice] = engine.voiceprint(np.concatenate(parts))
    return Heard(turns, prints)


def _at(ms: int) -> int:
    return ms * SAMPLE_RATE // 1000
