# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Does the engine still read as well as it did? A recording whose words are known is read every few minutes."""

import asyncio
import time
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

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Recording:
    """Speech whose words are known."""

    samples: Samples
    text: str
    lang: str


def shipped() -> Recording:
    """Return the recording that comes with us: a sentence of Jane Austen's, read for LibriVox, public domain."""
    folder = resources.files("bots") / "recordings"
    with (folder / "canary.flac").open("rb") as file:
        samples, rate = soundfile.read(file, dtype="float32")
    assert rate == SAMPLE_RATE
    return Recording(np.asarray(samples), (folder / "canary.txt").read_text(encoding="utf-8").strip(), "en")


class Canary:
    """Reads through the same pool as everybody, when nobody else waits."""

    def __init__(self, pool: SpeechPool, metrics: CaptionMetrics, health: Health, *, max_wer: float) -> None:
        self._pool = pool
        self._metrics = metrics
        self._health = health
        self._max_wer = max_wer

    async def sing(self, recording: Recording) -> float | None:
        """Have the recording read once; return its word error rate, or nothing if it was not read."""
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
        self._metrics.canary_wer.set(wer)
        self._metrics.canary_delay.set(time.monotonic() - began)
        self._health.canary(wer=wer, bound=self._max_wer)
        if wer > self._max_wer:
            log.warning("canary_read_badly", wer=round(wer, 3))
        return wer
