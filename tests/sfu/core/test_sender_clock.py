# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Timestamps of different layers, brought together by sender reports."""

from hypothesis import given
from hypothesis import strategies as st

from sfu.core.rtcp import SenderReport
from sfu.core.sender_clock import SenderClock

NTP = 0xE9000000 << 32


def clock(timestamp: int, *, after: float = 0.0, rate: int = 90000) -> SenderClock:
    report = SenderReport(1, NTP + int(after * 2**32), timestamp & 0xFFFFFFFF, 0, 0)
    return SenderClock.of(report, after, rate)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.floats(0, 10), st.floats(-5, 5))
def test_the_same_instant_is_found_in_the_other_stream(one: int, other: int, apart: float, when: float) -> None:
    first, second = clock(one), clock(other, after=apart)
    timestamp = (one + round(when * 90000)) & 0xFFFFFFFF
    expected = other + (when - apart) * 90000
    difference = (first.translate(timestamp, second) - round(expected) + 2**31) % 2**32 - 2**31
    assert abs(difference) <= 2


def test_both_clocks_run_on_from_the_report() -> None:
    ntp, timestamp = clock(2**32 - 10).at(0.5)
    assert ntp == NTP + 2**31
    assert timestamp == 45_000 - 10
