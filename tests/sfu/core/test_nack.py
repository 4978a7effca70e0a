# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Asking for what is missing, and giving up."""

import itertools

from sfu.core.limits_media import MAX_NACK_PENDING, MAX_NACK_TRIES
from sfu.core.nack import FIRST_DELAY_S, MAX_INTERVAL_S, NackList


def test_reordering_is_not_asked_for() -> None:
    nacks = NackList()
    nacks.gap(10, 12, 0.0)
    assert nacks.due(FIRST_DELAY_S / 2) == []
    nacks.arrived(10)
    nacks.arrived(11)
    assert nacks.due(1.0) == []
    assert nacks.lost == 0


def test_requests_are_spaced_out_and_end() -> None:
    nacks = NackList()
    nacks.gap(10, 11, 0.0)
    asked = [now / 100 for now in range(400) if nacks.due(now / 100)]
    assert len(asked) == MAX_NACK_TRIES
    waits = [after - before for before, after in itertools.pairwise(asked)]
    assert waits == sorted(waits)
    assert 0.07 <= waits[0] <= waits[-1] <= MAX_INTERVAL_S + 0.01
    assert (len(nacks), nacks.lost) == (0, 1)


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
