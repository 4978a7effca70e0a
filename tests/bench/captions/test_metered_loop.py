# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""In virtual time a reading takes what the meter says, whatever this machine does."""

import asyncio
import contextlib

import numpy as np
import pytest

from bots.engines.contract import SAMPLE_RATE, Decoded
from tests.bench.captions import live
from tests.bench.captions.meter import Meter
from tests.bench.captions.metered_loop import MeteredLoop


class Loud:
    """A voice detector for test tones: loud is speech."""

    def probability(self, window):
        return 0.9 if np.abs(window).max() > 0.1 else 0.05


class Engine:
    def load(self):
        pass

    def identify(self, samples):
        return {"en": 1.0}

    def transcribe(self, samples, lang, **named):
        return Decoded("yes yes", -0.1, 0.0)


class PricedMeter(Meter):
    """Every reading costs the same."""

    def __init__(self, price_s):
        super().__init__(Engine())
        self.price_s = price_s

    def remembered(self, name, call, samples, *rest, **named):
        return call(samples, *rest, **named), self.price_s if name == "transcribe" else 0.0


def test_a_loop_jumps_to_the_next_timer_and_a_call_takes_its_price():
    meter = PricedMeter(0.25)

    async def work():
        loop = asyncio.get_running_loop()
        await asyncio.sleep(100)
        read = lambda: meter.transcribe(np.zeros(5), "en")  # noqa: E731
        await asyncio.gather(loop.run_in_executor(None, read), loop.run_in_executor(None, read))
        return loop.time()

    with contextlib.closing(MeteredLoop(meter)) as loop:
        assert loop.run_until_complete(work()) == pytest.approx(100.25)


def test_an_error_of_a_call_reaches_its_caller():
    async def fail():
        await asyncio.get_running_loop().run_in_executor(None, lambda: 1 / 0)

    with contextlib.closing(MeteredLoop(PricedMeter(0))) as loop, pytest.raises(ZeroDivisionError):
        loop.run_until_complete(fail())


def test_a_program_in_which_everybody_waits_is_reported_and_does_not_hang():
    async def wait():
        await asyncio.Event().wait()

    with contextlib.closing(MeteredLoop(PricedMeter(0))) as loop, pytest.raises(RuntimeError, match="everybody waits"):
        loop.run_until_complete(wait())


def spoken(seconds):
    return np.concatenate([np.full(int(seconds * SAMPLE_RATE), 0.5), np.zeros(2 * SAMPLE_RATE)]).astype(np.float32)


@pytest.fixture(autouse=True)
def detector(monkeypatch):
    monkeypatch.setattr(live, "SileroDetector", Loud)


def test_a_final_text_comes_its_reading_later(monkeypatch):
    finals = []
    for price_s in (0.0, 0.05):
        shown, _ = live.caption(PricedMeter(price_s), spoken(0.4))
        finals.append(shown[-1].at_s)
        assert shown[-1].final
    assert finals[1] - finals[0] == pytest.approx(0.05)


def test_one_worker_reads_two_speakers_one_after_the_other_and_two_workers_at_once():
    ends = {}
    for workers in (1, 2):
        both, _ = live.caption_together(PricedMeter(0.4), [spoken(0.4)] * 2, workers=workers)
        ends[workers] = sorted(shown[-1].at_s for shown in both)
    assert ends[2][1] - ends[2][0] == pytest.approx(0)
    assert ends[1][1] - ends[1][0] == pytest.approx(0.4)


def test_the_same_reading_is_made_once_and_paid_each_time():
    calls = []

    class Counting(Engine):
        def transcribe(self, samples, lang, **named):
            calls.append(lang)
            return super().transcribe(samples, lang)

    meter = Meter(Counting())
    sound = np.ones(9, np.float32)
    meter.transcribe(sound, "en")
    once = meter.spent_s
    meter.transcribe(sound.copy(), "en")
    assert calls == ["en"]
    assert meter.spent_s == pytest.approx(2 * once)
    meter.transcribe(sound, "fr")
    assert calls == ["en", "fr"]
