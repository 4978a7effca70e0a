# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Runs every way of captioning over talks: ours, the two baselines and the offline decode, on the same audio."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bots.engines import vad
from bots.engines.contract import SAMPLE_RATE, Samples
from bots.engines.weights import find_model
from bots.engines.whisper import WhisperEngine
from tests.bench.captions import baselines, live
from tests.bench.captions.corpus import Talk
from tests.bench.captions.meter import Meter
from tests.bench.captions.reader import TimedReader, read_offline
from tests.bench.captions.screen import Screened, Shown, final_text, judge
from tests.bench.captions.wer import Errors, errors

MODELS = Path("build/models")
OURS, LOCAL_AGREEMENT, SHOW_ALL, OFFLINE = "ours", "local_agreement", "show_all", "offline"
WAYS = (OURS, LOCAL_AGREEMENT, SHOW_ALL, OFFLINE)


@dataclass(slots=True)
class Row:
    """What one way of captioning made of one talk under one condition; the offline decode has no ``screened``."""

    way: str
    lang: str
    condition: str
    talk: str
    errors: list[Errors]
    text: str
    screened: Screened | None = None
    shown: list[Shown] = field(default_factory=list)


class Bench:
    """Holds the models; one a process."""

    def __init__(self) -> None:
        self.engine = WhisperEngine(find_model("", MODELS))
        self.engine.load()
        vad.load()
        self._reader = TimedReader(self.engine)

    def run(self, talk: Talk, condition: str, ways: Sequence[str] = WAYS) -> Iterator[Row]:
        """Caption one talk in each way; the readings of one talk that are the same are made once."""
        samples, meter = talk.samples(condition), Meter(self.engine)
        captioning: dict[str, Callable[[Samples], tuple[list[Shown], float]]] = {
            OURS: lambda heard: live.caption(meter, heard),
            LOCAL_AGREEMENT: lambda heard: baselines.local_agreement(meter, self._reader, heard, talk.lang),
            SHOW_ALL: lambda heard: baselines.show_all(meter, self._reader, heard, talk.lang),
        }
        for way in ways:
            if way == OFFLINE:
                text = read_offline(self.engine, samples, talk.lang)
                yield Row(way, talk.lang, condition, talk.name, errors(talk, text), text)
                continue
            shown, cpu_s = captioning[way](samples)
            text = final_text(shown)
            screened = judge(shown, talk.words, talk.lang, audio_s=len(samples) / SAMPLE_RATE, cpu_s=cpu_s)
            yield Row(way, talk.lang, condition, talk.name, errors(talk, text), text, screened, shown)
