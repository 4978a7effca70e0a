# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Unwrapping, replay windows, reception statistics."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.core.seqnum import WINDOW, Reception, ReplayWindow, extend


@given(st.integers(0, 2**40), st.integers(-0x7FFF, 0x7FFF))
def test_extending_finds_the_nearest_number(highest: int, distance: int) -> None:
    assert extend((highest + distance) & 0xFFFF, highest) == highest + distance


def take(window: ReplayWindow, seq: int) -> bool:
    index = window.index(seq & 0xFFFF)
    if not window.fresh(index):
        return False
    window.commit(index)
    return True


def test_the_rollover_counter_rises_at_the_wrap() -> None:
    window = ReplayWindow()
    for seq in range(65000, 65000 + 200_000, 100):
        assert take(window, seq)
    assert window.highest >> 16 == (65000 + 200_000 - 100) >> 16


@given(st.lists(st.integers(0, 3000), max_size=300))
def test_nothing_is_accepted_twice(steps: list[int]) -> None:
    window = ReplayWindow()
    accepted: set[int] = set()
    for step in steps:
        index = 10_000 + step
        expected = index not in accepted and (not accepted or max(accepted) - index < WINDOW)
        assert window.fresh(index) == expected
        if expected:
            window.commit(index)
            accepted.add(index)


def test_asking_moves_nothing() -> None:
    window = ReplayWindow()
    take(window, 100)
    state = (window.highest, window.mask)
    for seq in range(0, 65536, 7):
        window.fresh(window.index(seq))
    assert (window.highest, window.mask) == state


def test_before_the_first_packet_there_is_no_negative_index() -> None:
    window = ReplayWindow()
    take(window, 5)
    assert not window.fresh(window.index(65530))


@pytest.mark.parametrize("lost_every", [2, 10, 100])
def test_loss_is_reported_per_interval_and_in_total(lost_every: int) -> None:
    reception = Reception(90000)
    for index in range(1000, 2001):
        if index % lost_every != 1:
            reception.arrived(index, index * 3000, index / 30)
    lost = len([index for index in range(1000, 2001) if index % lost_every == 1])
    first_missing = 0 if 1000 % lost_every != 1 else 1
    assert reception.lost == lost - first_missing
    assert reception.interval_fraction() == pytest.approx(256 / lost_every, abs=2)
    assert reception.interval_fraction() == 0


def test_steady_arrival_has_no_jitter_and_unsteady_has() -> None:
    steady, unsteady = Reception(48000), Reception(48000)
    for index in range(500):
        steady.arrived(index, index * 960, index * 0.02)
        unsteady.arrived(index, index * 960, index * 0.02 + (0.01 if index % 2 else 0))
    assert steady.jitter < 1
    assert unsteady.jitter == pytest.approx(480, rel=0.05)


def test_a_timestamp_wrap_is_no_jitter() -> None:
    reception = Reception(90000)
    for index in range(100):
        reception.arrived(index, (2**32 - 150_000 + index * 3000) & 0xFFFFFFFF, index / 30)
    assert reception.jitter < 10
