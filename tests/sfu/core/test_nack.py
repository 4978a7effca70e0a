# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Asking for what is missing, and giving up."""

import itertools

import pytest

from sfu.core.limits_media import MAX_NACK_PENDING, MAX_NACK_TRIES
from sfu.core.nack import DEFAULT_RTT_S, FIRST_DELAY_S, MAX_INTERVAL_S, NackList


def test_reordering_is_not_asked_for() -> None:
    nacks = NackList()
    nacks.gap(10, 12, 0.0)
    assert nacks.due(FIRST_DELAY_S / 2) == []
    nacks.arrived(10, 0.004)
    nacks.arrived(11, 0.004)
    assert nacks.due(1.0) == []
    assert nacks.lost == 0


def test_requests_are_spaced_out_and_end() -> None:
    nacks = NackList()
    nacks.gap(10, 11, 0.0)
    asked = [now / 100 for now in range(600) if nacks.due(now / 100)]
    assert len(asked) == MAX_NACK_TRIES
    waits = [after - before for before, after in itertools.pairwise(asked)]
    assert waits == sorted(waits)
    assert 0.07 <= waits[0] <= waits[-1] <= MAX_INTERVAL_S + 0.01
    assert (len(nacks), nacks.lost) == (0, 1)


@pytest.mark.parametrize("rtt", [0.025, 0.2, 1.2])
def test_the_way_to_the_publisher_and_back_is_learnt_from_its_answers(rtt) -> None:
    nacks = NackList()
    asked: dict[int, float] = {}
    requests = 0
    for tick in range(6000):
        now = tick / 100
        if tick % 10 == 0:
            nacks.gap(tick, tick + 1, now)
        for index in nacks.due(now):
            requests += tick > 3000
            asked.setdefault(index, now)
        for index in [index for index, at in asked.items() if now - at >= rtt]:
            nacks.arrived(index, now)
            del asked[index]
    assert nacks.lost == 0
    assert nacks.rtt == pytest.approx(rtt, abs=0.02)
    assert requests < 2 * 300


def test_reordering_says_nothing_of_the_way() -> None:
    nacks = NackList()
    nacks.gap(10, 11, 0.0)
    nacks.arrived(10, 0.005)
    assert nacks.rtt == DEFAULT_RTT_S


def test_a_jump_of_the_sequence_keeps_the_newest_only() -> None:
    nacks = NackList()
    nacks.gap(0, 20_000, 0.0)
    assert nacks.due(1.0) == list(range(20_000 - MAX_NACK_PENDING, 20_000))
    assert nacks.lost == 20_000 - MAX_NACK_PENDING


def test_many_small_gaps_stay_within_the_cap() -> None:
    nacks = NackList()
    for first in range(0, 4000, 2):
        nacks.gap(first, first + 1, 0.0)
    assert len(nacks) == MAX_NACK_PENDING
    assert nacks.lost == 2000 - MAX_NACK_PENDING
