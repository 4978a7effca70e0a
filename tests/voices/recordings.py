# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The recordings at which diarization is measured: one that must go well, and those that are only reported."""

import importlib.util
import tempfile
from pathlib import Path

import soundfile

from bots.captions.turns import Turn
from bots.engines.contract import SAMPLE_RATE, Samples
from bots.engines.diarize import Diarizer
from tests.voices import pipeline
from tests.voices.der import der
from tests.voices.mixes import mix

STAFF, GUEST, PARTNER, MENARDI = "staff", "guest", "partner", "voices/menardi"  # a man and three women
TARGET = 0.15
DISTINCT = {"man_and_woman_1": ((STAFF, GUEST), 11), "man_and_woman_2": ((STAFF, PARTNER), 12)}
REPORTED = {
    "two_women": ((GUEST, PARTNER), 13),
    "three_people": ((STAFF, GUEST, PARTNER), 14),
    "four_people": ((STAFF, GUEST, PARTNER, MENARDI), 15),
}


def phone_call() -> tuple[Samples, list[Turn]]:
    """The conversation that pyannote.audio brings along: 30 s, two people, overlaps; and who speaks when."""
    package = importlib.util.find_spec("pyannote.audio")
    assert package is not None
    assert package.submodule_search_locations
    folder = Path(package.submodule_search_locations[0]) / "sample"
    samples, rate = soundfile.read(folder / "sample.wav", dtype="float32")
    assert rate == SAMPLE_RATE
    lines = [line.split() for line in (folder / "sample.rttm").read_text().splitlines()]
    times = [(float(line[3]), float(line[4]), line[7]) for line in lines]
    return samples, [Turn(round(at * 1000), round((at + long) * 1000), who) for at, long, who in times]


def measure() -> tuple[dict[str, float], dict[str, float]]:
    """Return the strict error rate of each recording with the target, and of each without; about 45 s of processor.

    Wants what ``pipeline.missing`` asks for.
    """
    with tempfile.TemporaryDirectory() as folder:
        diarizer = Diarizer(pipeline.make(Path(folder) / "pipeline"))
        diarizer.load()

        def rate(samples: Samples, reference: list[Turn]) -> float:
            return round(der(reference, diarizer.turns(samples, overlapping=True)), 3)

        with_target = {"pyannote_sample": rate(*phone_call())}
        with_target |= {name: rate(*mix(people, seed)) for name, (people, seed) in DISTINCT.items()}
        reported = {name: rate(*mix(people, seed, 45.0)) for name, (people, seed) in REPORTED.items()}
    return with_target, reported
