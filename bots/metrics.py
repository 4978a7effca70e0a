# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What do operators measure of captions? Prometheus text on a port of its own, on this machine only."""

import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bots.captions.health import Cause, Health
from bots.engines.contract import Decoded, Samples, SpeechEngine
from bots.settings import SettingsError
from bots.worker import SpeechPool

HOST = "127.0.0.1"
_DELAYS_S = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
_READING_S = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0)
_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class CaptionMetrics:
    """The measures of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.delay = Histogram(
            "passerelle_captions_delay_seconds",
            "From the end of an utterance, 0.16 s after its last voiced window, until its final text is stored.",
            buckets=_DELAYS_S,
            registry=self._registry,
        )
        self._reading = Histogram(
            "passerelle_captions_reading_seconds",
            "Time that the engine takes for one reading.",
            ["final"],
            buckets=_READING_S,
            registry=self._registry,
        )
        self.canary_wer = Gauge(
            "passerelle_captions_canary_wer",
            "Word error rate of the canary's last reading in a language.",
            ["lang"],
            registry=self._registry,
        )
        self.canary_delay = Gauge(
            "passerelle_captions_canary_delay_seconds",
            "Time that the canary's last reading in a language took, waiting for its turn included.",
            ["lang"],
            registry=self._registry,
        )
        self.canary_runs = Counter(
            "passerelle_captions_canary_runs",
            "Readings of the canary by how they ended.",
            ["outcome"],
            registry=self._registry,
        )

    def timed(self, engine: SpeechEngine) -> SpeechEngine:
        """Return the same engine, whose readings are timed."""
        return _TimedEngine(engine, self._reading)

    def watch(self, pool: SpeechPool, health: Health) -> None:
        """Measure these too, whenever somebody asks."""
        self._registry.register(_Standing(pool, health))

    def render(self) -> bytes:
        """Write everything down."""
        return generate_latest(self._registry)

    @asynccontextmanager
    async def served(self, port: int) -> AsyncIterator[None]:
        """Answer ``GET /metrics`` while the block lasts; not at all if the port is 0.

        Raises:
            SettingsError: somebody else has the port.
        """
        if not port:
            yield
            return
        app = web.Application()
        app.router.add_get("/metrics", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        try:
            try:
                await web.TCPSite(runner, HOST, port).start()
            except OSError as error:
                raise SettingsError(f"[metrics] port {port} can't be opened: {error.strerror}") from error
            yield
        finally:
            await runner.cleanup()

    async def _answer(self, _request: web.Request) -> web.Response:
        return web.Response(body=self.render(), headers={"Content-Type": _CONTENT_TYPE})


class _TimedEngine:
    def __init__(self, engine: SpeechEngine, seconds: Histogram) -> None:
        self._engine = engine
        self._seconds = seconds

    def load(self) -> None:
        self._engine.load()

    def identify(self, samples: Samples) -> Mapping[str, float]:
        return self._engine.identify(samples)

    def transcribe(
        self, samples: Samples, lang: str, *, utterance: str = "", final: bool = True, terms: Sequence[str] = ()
    ) -> Decoded:
        began = time.perf_counter()
        decoded = self._engine.transcribe(samples, lang, utterance=utterance, final=final, terms=terms)
        self._seconds.labels("yes" if final else "no").observe(time.perf_counter() - began)
        return decoded


class _Standing(Collector):
    """What needs no bookkeeping of ours: it is read off when asked for."""

    def __init__(self, pool: SpeechPool, health: Health) -> None:
        self._pool = pool
        self._health = health

    def collect(self) -> Iterator[Metric]:
        pool, counts = self._pool, self._pool.counts
        yield GaugeMetricFamily("passerelle_captions_waiting", "Readings that wait.", pool.waiting)
        yield GaugeMetricFamily(
            "passerelle_captions_level", "Load: 0 usual, 1 words come later, 2 only final texts.", pool.level
        )
        yield CounterMetricFamily("passerelle_captions_utterances", "Utterances read to their end.", counts.finals)
        yield CounterMetricFamily("passerelle_captions_dropped", "Utterances given up for want of time.", pool.dropped)
        yield CounterMetricFamily("passerelle_captions_failed", "Readings that the engine failed at.", counts.failed)
        degraded = GaugeMetricFamily(
            "passerelle_captions_degraded", "1 while captions are worse than promised, by cause.", labels=["cause"]
        )
        for cause in Cause:
            degraded.add_metric([cause.value], float(self._health.cause is cause))
        yield degraded
