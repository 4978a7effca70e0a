# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A receiver's path is shared among its tracks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.core.allocator import RAISE_MARGIN, Demand, allocate, cost
from sfu.core.layers import Rung

LADDER = tuple(Rung(stream, stream, bitrate_bps=rate) for stream, rate in enumerate((150_000, 500_000, 1_700_000)))


def demand(track, rungs=LADDER, **fields):
    return Demand(track, rungs, **fields)


def qualities(allocation):
    return {track: None if rung is None else rung.quality for track, rung in allocation.rungs.items()}


def test_without_a_limit_everybody_gets_the_best():
    shared = allocate([demand("a"), demand("b")], None)
    assert qualities(shared) == {"a": 2, "b": 2}
    assert shared.need == 0


def test_everybody_gets_the_least_before_anybody_gets_more():
    assert qualities(allocate([demand("a"), demand("b"), demand("c")], 500_000)) == {"a": 0, "b": 0, "c": 0}
    assert qualities(allocate([demand("a"), demand("b")], 1_000_000)) == {"a": 1, "b": 0}
    assert qualities(allocate([demand("a"), demand("b")], 2_000_000)) == {"a": 1, "b": 1}


def test_a_screen_share_comes_first():
    shared = allocate([demand("camera"), demand("screen", screen_share=True)], 2_100_000)
    assert qualities(shared) == {"camera": 0, "screen": 2}
    shared = allocate([demand("camera"), demand("screen", screen_share=True)], 170_000, allow_pause=True)
    assert qualities(shared) == {"camera": None, "screen": 0}


def test_the_least_flows_where_pausing_is_not_allowed():
    assert qualities(allocate([demand("a"), demand("b")], 10_000)) == {"a": 0, "b": 0}
    assert qualities(allocate([demand("a"), demand("b")], -10_000)) == {"a": 0, "b": 0}


def test_the_need_is_what_the_next_improvement_takes():
    assert allocate([demand("a")], 400_000).need == 500_000 * RAISE_MARGIN
    assert allocate([demand("a"), demand("b")], 10_000, allow_pause=True).need == 150_000 * RAISE_MARGIN


def test_going_up_takes_more_than_staying():
    assert qualities(allocate([demand("a", current=LADDER[0])], 510_000)) == {"a": 0}
    assert qualities(allocate([demand("a", current=LADDER[1])], 510_000)) == {"a": 1}
    assert qualities(allocate([demand("a", current=LADDER[2])], 510_000)) == {"a": 1}


def test_a_rung_that_costs_no_more_is_taken_with_the_one_below():
    odd = (Rung(0, 0, bitrate_bps=150_000), Rung(1, 1, bitrate_bps=600_000), Rung(2, 2, bitrate_bps=400_000))
    assert qualities(allocate([demand("a", odd)], 500_000)) == {"a": 2}


def test_unmeasured_rungs_have_a_nominal_price():
    rungs = tuple(Rung(stream, stream) for stream in range(3))
    assert qualities(allocate([demand("a", rungs)], 1_000_000)) == {"a": 1}


RUNGS = st.lists(st.integers(10_000, 3_000_000), min_size=1, max_size=4).map(
    lambda rates: tuple(Rung(n, min(n, 2), bitrate_bps=rate) for n, rate in enumerate(sorted(rates)))
)


@given(st.lists(st.tuples(RUNGS, st.booleans()), max_size=8), st.integers(0, 20_000_000), st.booleans())
def test_what_is_spent_fits_and_what_is_needed_is_more(tracks, budget, allow_pause):
    demands = [demand(str(n), rungs, screen_share=share) for n, (rungs, share) in enumerate(tracks)]
    shared = allocate(demands, budget, allow_pause=allow_pause)
    assert shared.rungs.keys() == {one.track for one in demands}
    spent = sum(cost(rung) for rung in shared.rungs.values() if rung is not None)
    least = sum(cost(one.rungs[0]) for one in demands)
    assert spent <= budget or (not allow_pause and spent == least)
    best = all(shared.rungs[one.track] == one.rungs[-1] for one in demands)
    assert best == (shared.need == 0)
    assert shared.need == 0 or shared.need > spent
    enough = allocate(demands, sum(cost(one.rungs[-1]) for one in demands) * RAISE_MARGIN + 1, allow_pause=allow_pause)
    assert enough.need == pytest.approx(0)
