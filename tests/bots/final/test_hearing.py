# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Recordings that are heard in parts."""

import numpy as np
import pytest

from bots.captions.parts import Part, Speakers
from bots.captions.turns import Turn, same_voices
from bots.engines.contract import SAMPLE_RATE
from bots.engines.diarize import Diarizer
from bots.final.hearing import LongHearing
from tests.voices import pipeline


class Counting:
    """A diarizer that remembers what it was given and hears one voice throughout, which is the first sample's."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, Speakers]] = []

    def load(self) -> None: ...

    def hear(self, samples: np.ndarray, speakers: Speakers) -> Part:
        self.heard.append((len(samples) / SAMPLE_RATE, speakers))
        direction = np.array([np.cos(samples[0]), np.sin(samples[0])])
        return Part((Turn(0, len(samples) // 16, "V"),), {"V": direction})


def blocks(*seconds: float, value: float = 0.0) -> list[np.ndarray]:
    return [np.full(int(part * SAMPLE_RATE), value, np.float32) for part in seconds]


def test_a_short_recording_is_heard_in_one_go_with_all_that_is_known_of_it():
    diarizer = Counting()
    turns = LongHearing(diarizer, 0.9, part_s=10).turns(blocks(4, 5), 9 * SAMPLE_RATE, Speakers(2, 3))
    assert diarizer.heard == [(9.0, Speakers(2, 3))]
    assert turns == [Turn(0, 9_000, "V")]


def test_a_longer_one_is_heard_in_even_parts_which_need_not_hold_everybody():
    diarizer = Counting()
    turns = LongHearing(diarizer, 0.9, part_s=10).turns(
        [*blocks(7, 3, 8), *blocks(6.1, value=1.5)], 24 * SAMPLE_RATE, Speakers(1, 3)
    )
    assert [length for length, _ in diarizer.heard] == pytest.approx([8, 8, 8.1])
    assert {speakers for _, speakers in diarizer.heard} == {Speakers(0, 3)}
    assert [(turn.start_ms, turn.end_ms) for turn in turns] == [(0, 8_000), (8_000, 16_000), (16_000, 24_100)]
    assert len({turn.voice for turn in turns}) == 1


def test_a_length_that_was_told_wrong_loses_nothing_and_silence_has_no_turns():
    diarizer = Counting()
    turns = LongHearing(diarizer, 0.9, part_s=10).turns(blocks(9, 9), 12 * SAMPLE_RATE)
    assert turns[-1].end_ms == 18_000
    assert LongHearing(diarizer, 0.9).turns([], 0) == []


@pytest.mark.skipif(bool(pipeline.missing()), reason=pipeline.missing() or "all is installed")
def test_two_people_stay_two_through_the_parts_of_a_real_conversation(tmp_path):
    from tests.voices.der import der
    from tests.voices.mixes import mix

    samples, reference = mix(("tuning/june", "voices/cards"), seed=3, seconds=55)
    hearing = LongHearing(Diarizer(pipeline.make(tmp_path / "pipeline")), pipeline.LIKENESS.same, part_s=30)
    found = hearing.turns([samples], len(samples), Speakers(2, 2))
    assert sorted(same_voices(found, reference).values()) == ["tuning/june", "voices/cards"]
    late = len(samples) // 32
    assert {turn.voice for turn in found if turn.start_ms > late} == {turn.voice for turn in found}
    assert der(reference, found) < 0.25, "one speaker at a time, so overlaps are missed"
