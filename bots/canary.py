# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Does the engine still read as well as it did? Recordings whose words are known are read every few minutes."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
import soundfile
import structlog

from bots.captions.health import Health
from bots.captions.wer import word_error_rate
from bots.engines.contract import FAILURES, SAMPLE_RATE, Samples
from bots.metrics import CaptionMetrics
from bots.worker import SpeechPool

PATIENCE_S = 60.0
"""An engine that has no time for a minute is overloaded, which is seen elsewhere; the canary is not at fault."""
SHIPPED = ("en", "fr")
"""The languages of which a recording comes with us; ``bots/recordings/README.md`` has who speaks, and the licences."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Recording:
    """Speech whose words are known."""

    samples: Samples
    text: str
    lang: str


def shipped(languages: Sequence[str]) -> tuple[Recording, ...]:
    """Return the recordings that come with us in these languages; the English one if there is none in any of them."""
    return tuple(_read(lang) for lang in SHIPPED if lang in languages) or (_read("en"),)


def _read(lang: str) -> Recording:
    folder = resources.files("bots") / "recordings"
    with (folder / f"canary.{lang}.flac").open("rb") as file:
        samples, rate = soundfile.read(file, dtype="float32")
    assert rate == SAMPLE_RATE
    return Recording(np.asarray(samples), (folder / f"canary.{lang}.txt").read_text(encoding="utf-8").strip(), lang)


class Canary:
    """Reads through the same pool as everybody, when nobody else waits."""

    def __init__(self, pool: SpeechPool, metrics: CaptionMetrics, health: Health, *, max_wer: float) -> None:
        self._pool = pool
        self._metrics = metrics
        self._health = health
        self._max_wer = max_wer

    async def sing(self, recordings: Sequence[Recording]) -> dict[str, float]:
        """Have each recording read once; return the word error rates of those that were read, by language.

        One language that is read badly is enough to call captions worse: its speakers have no others.
        """
        rates: dict[str, float] = {}
        for recording in recordings:
            wer = await self._read(recording)
            if wer is not None:
                rates[recording.lang] = wer
        if rates:
            self._health.canary(wer=max(rates.values()), bound=self._max_wer)
        return rates

    async def _read(self, recording: Recording) -> float | None:
        began = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE_S):
                decoded = await self._pool.read_when_idle(recording.samples, recording.lang)
        except TimeoutError:
            self._metrics.canary_runs.labels("no_time").inc()
            return None
        except FAILURES as error:
            log.warning("canary_failed", reason=type(error).__name__)
            self._metrics.canary_runs.labels("failed").inc()
            return None
        wer = word_error_rate(recording.text, decoded.text)
        self._metrics.canary_runs.labels("read").inc()
        self._metrics.canary_wer.labels(recording.lang).set(wer)
        self._metrics.canary_delay.labels(recording.lang).set(time.monotonic() - began)
        if wer > self._max_wer:
            log.warning("canary_read_badly", lang=recording.lang, wer=round(wer, 3))
        return wer
