# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Voices across the hours of one recording, in two dimensions: a voice is a direction."""

import numpy as np
import pytest

from bots.captions.parts import MAX_SPEAKERS, Part, Speakers, join
from bots.captions.turns import Turn

SAME = 0.8
ANY = Speakers()


def part(number: int, **voices: float | None) -> Part:
    """A part of ten seconds in which each voice (its direction in degrees) speaks for one."""
    prints = {
        name: None if degrees is None else np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
        for name, degrees in voices.items()
    }
    begin = number * 10_000
    return Part(
        tuple(Turn(begin + at * 1000, begin + at * 1000 + 1000, name) for at, name in enumerate(voices)), prints
    )


def names(turns: list[Turn]) -> list[int]:
    """Who speaks in each turn, numbered as they first speak."""
    order: dict[str, int] = {}
    return [order.setdefault(turn.voice, len(order)) for turn in turns]


def test_a_voice_is_one_person_throughout_whatever_each_part_calls_it():
    turns = join([part(0, A=0, B=90), part(1, A=92, B=3), part(2, C=1)], SAME, ANY)
    assert names(turns) == [0, 1, 1, 0, 0]
    assert [turn.start_ms for turn in turns] == [0, 1000, 10_000, 11_000, 20_000]


def test_two_voices_of_one_part_stay_two_people_however_alike_they_are():
    assert names(join([part(0, A=0, B=2), part(1, A=1.5)], SAME, ANY)) == [0, 1, 1]


def test_voices_that_are_not_alike_enough_are_two_people_unless_fewer_speak():
    parts = [part(0, A=0, B=90), part(1, A=50)]
    assert names(join(parts, SAME, ANY)) == [0, 1, 2]
    assert names(join(parts, SAME, Speakers(2, 2))) == [0, 1, 1]


def test_alike_voices_stay_apart_where_more_people_speak():
    assert names(join([part(0, A=0), part(1, A=1)], SAME, Speakers(least=2))) == [0, 1]


def test_who_said_too_little_to_be_known_is_nobody():
    assert names(join([part(0, A=0, B=None), part(1, A=1)], SAME, ANY)) == [0, 0]
    assert join([part(0, A=None)], SAME, ANY) == []
    assert join([], SAME, ANY) == []


def test_a_drift_over_the_hours_is_followed_by_whom_it_is_nearest_to():
    parts = [part(0, A=0, B=120), part(1, A=20, B=140), part(2, A=40, B=160)]
    assert names(join(parts, SAME, ANY)) == [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize("bounds", [(3, 2), (0, MAX_SPEAKERS + 1), (MAX_SPEAKERS + 1, 0), (-1, 0)])
def test_numbers_that_can_not_be_are_refused(bounds):
    with pytest.raises(ValueError, match="speakers"):
        Speakers(*bounds)
