# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What would two well-known ways of captioning show of the same recording, on the same weights and processor?

``local_agreement``: whisper_streaming's policy at its usual step of 1 s with its voice activity controller (speech from
Silero above 0.5, to 500 ms of silence; each stretch by itself), showing what is committed and nothing else.
``show_all``: the same stretches and steps, showing each reading whole, whatever stood there before.

Where there is a choice, it falls in the baselines' favour: the language is told, the context is as short as ours
(whisper_streaming always pays for 30 s), and when speech ends, all of it is read once more before it is final
(whisper_streaming's controller shows the rest of the last reading, and loses up to a second of words).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bots.engines.contract import SAMPLE_RATE, VAD_WINDOW, Samples
from bots.engines.vad import SileroDetector
from tests.bench.captions.agreement import Agreement, TimedWord, as_text
from tests.bench.captions.meter import Meter
from tests.bench.captions.reader import TimedReader
from tests.bench.captions.screen import Shown

STEP_S = 1.0
_SPEECH = 0.5
_SILENCE = 0.35
_HANG_S = 0.5
_PAD_S = 0.1
_SHOW_ALL_MAX_S = 27.0
"""Whisper hears 30 s: who shows everything begins anew here."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The voice activity controller's word after another 32 ms: what to read begins and ends here."""

    at_s: float
    begin_s: float
    end_s: float
    over: bool


def heard(samples: Samples) -> Iterator[Heard]:
    """Walk through a recording; yield while somebody speaks, and when they stop."""
    detector, begin_s, voiced_s = SileroDetector(), None, 0.0
    for start in range(0, len(samples) - VAD_WINDOW + 1, VAD_WINDOW):
        at_s = (start + VAD_WINDOW) / SAMPLE_RATE
        probability = detector.probability(samples[start : start + VAD_WINDOW])
        if begin_s is None and probability >= _SPEECH:
            begin_s = max(0.0, start / SAMPLE_RATE - _PAD_S)
        if begin_s is None:
            continue
        if probability >= _SILENCE:
            voiced_s = at_s
        over = at_s - voiced_s >= _HANG_S or start + 2 * VAD_WINDOW > len(samples)
        yield Heard(at_s, begin_s, voiced_s + _PAD_S if over else at_s, over)
        if over:
            begin_s = None


@dataclass(slots=True)
class Processor:
    """One processor: a reading that is asked for while another runs waits, and then hears what came meanwhile."""

    free_s: float = 0.0
    spent_s: float = 0.0

    def work(self, now_s: float, price_s: float) -> float:
        """Work ``price_s`` from ``now_s`` on; return when that is done."""
        self.free_s = max(self.free_s, now_s) + price_s
        self.spent_s += price_s
        return self.free_s


def local_agreement(meter: Meter, reader: TimedReader, samples: Samples, lang: str) -> tuple[list[Shown], float]:
    """Return what LocalAgreement-2 shows, and the processor seconds of it."""
    processor, shown = Processor(), []
    speech: Agreement | None = None
    first_s = read_to_s = 0.0
    for now in heard(samples):
        if speech is None:
            speech = Agreement(now.begin_s)
            first_s = read_to_s = now.begin_s
        if not now.over and (now.end_s - read_to_s <= STEP_S or processor.free_s > now.at_s):
            continue
        read_to_s = now.end_s
        part = _part(samples, speech.begin_s, now.end_s)
        reading, price_s = meter.remembered("read", reader.read, part, lang, speech.prompt())
        done_s = processor.work(now.at_s, price_s)
        fresh = speech.insert([_later(word, speech.begin_s) for word in reading.words])
        if now.over:
            speech.finish()
        if fresh or now.over:
            text = as_text(speech.committed)
            shown.append(Shown(done_s, f"{first_s:.3f}", first_s, now.end_s, text, text, now.over))
        cut_s = speech.trim(now.end_s - speech.begin_s)
        if cut_s is not None:
            speech.cut(cut_s)
        if now.over:
            speech = None
    return shown, processor.spent_s


def show_all(meter: Meter, reader: TimedReader, samples: Samples, lang: str) -> tuple[list[Shown], float]:
    """Return what plain re-decoding shows, and the processor seconds. Nothing but a final text is said to be stable."""
    processor, shown = Processor(), []
    begin_s: float | None = None
    read_to_s = 0.0
    for now in heard(samples):
        if begin_s is None:
            begin_s = read_to_s = now.begin_s
        if not now.over and (now.end_s - read_to_s <= STEP_S or processor.free_s > now.at_s):
            continue
        read_to_s = now.end_s
        reading, _ = meter.remembered("read", reader.read, _part(samples, begin_s, now.end_s), lang, "")
        done_s = processor.work(now.at_s, reading.text_s)
        final = now.over or now.end_s - begin_s > _SHOW_ALL_MAX_S
        stable = reading.text if final else ""
        shown.append(Shown(done_s, f"{begin_s:.3f}", begin_s, now.end_s, reading.text, stable, final))
        if final:
            begin_s = None if now.over else now.end_s
    return shown, processor.spent_s


def _later(word: TimedWord, by_s: float) -> TimedWord:
    return TimedWord(word.start_s + by_s, word.end_s + by_s, word.text)


def _part(samples: Samples, begin_s: float, end_s: float) -> Samples:
    return np.ascontiguousarray(samples[int(begin_s * SAMPLE_RATE) : int(end_s * SAMPLE_RATE)])
