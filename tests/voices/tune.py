# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""``python -m tests.voices.tune``: how the thresholds of the test pipeline were set, on ``speech/tuning`` alone.

The smallest threshold within one standard error of the best: a voice that is split can be named twice, two voices in
one can't be parted.
"""

import statistics
import tempfile
from pathlib import Path

import numpy as np

from bots.captions.turns import Turn
from bots.engines.contract import Samples
from bots.engines.diarize import Diarizer
from tests.voices import pipeline
from tests.voices.der import der
from tests.voices.mixes import mix

CARDS, FLORA, JUNE, ALLISON = "voices/cards", "voices/flora", "tuning/june", "tuning/allison"
PEOPLE = ((CARDS, FLORA), (CARDS, JUNE), (CARDS, ALLISON), (FLORA, JUNE), (FLORA, ALLISON), (JUNE, ALLISON))
SEEDS = (1, 2, 3)
THRESHOLDS = (0.18, 0.20, 0.22, 0.24, 0.26, 0.28, 0.30, 0.32)


def main() -> None:
    mixes = [mix(people, seed) for people in PEOPLE for seed in SEEDS]
    with tempfile.TemporaryDirectory() as folder:
        diarizer = Diarizer(pipeline.make(Path(folder) / "pipeline"))
        diarizer.load()
        same, other = likeness(diarizer, mixes)
        for name, cosines in (("the same", same), ("another", other)):
            print(f"cosine, {name}, percentiles 1 5 50 95 99:", np.percentile(cosines, [1, 5, 50, 95, 99]).round(3))
        for threshold in THRESHOLDS:
            rates = [der(turns, found(diarizer, samples, threshold)) for samples, turns in mixes]
            error = statistics.stdev(rates) / len(rates) ** 0.5
            print(f"clustering threshold {threshold}: DER {statistics.mean(rates):.3f} ± {error:.3f}", flush=True)


def found(diarizer: Diarizer, samples: Samples, threshold: float) -> list[Turn]:
    """Diarize with another threshold than the directory says."""
    parameters = {"clustering": pipeline.AGGLOMERATIVE["clustering"] | {"threshold": threshold}}
    diarizer._pipeline.instantiate({"segmentation": pipeline.SEGMENTATION} | parameters)
    return diarizer.turns(samples, overlapping=True)


def likeness(diarizer: Diarizer, mixes: list[tuple[Samples, list[Turn]]]) -> tuple[list[float], list[float]]:
    """Return the cosines between turns of one person, and of different people, of one conversation each."""
    same: list[float] = []
    other: list[float] = []
    for samples, turns in mixes:
        prints = [
            (turn.voice, diarizer.voiceprint(samples[turn.start_ms * 16 : turn.end_ms * 16]))
            for turn in turns
            if turn.end_ms - turn.start_ms >= 1000
        ]
        for number, (one, first) in enumerate(prints):
            for two, second in prints[:number]:
                (same if one == two else other).append(float(first @ second))
    return same, other


if __name__ == "__main__":
    main()
