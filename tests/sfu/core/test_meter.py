# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The rate of requests."""

from sfu.core import limits
from sfu.core.meter import Meter


def test_a_burst_passes_and_then_only_the_rate():
    meter = Meter(rate=10.0, burst=3.0)
    assert [meter.take(100.0) for _ in range(5)] == [True, True, True, False, False]
    assert meter.take(100.11)
    assert not meter.take(100.12)
    assert [meter.take(200.0) for _ in range(4)] == [True, True, True, False]


def test_two_hundred_requests_a_second_are_soon_too_many_and_fifty_never():
    meter = Meter(limits.REQUESTS_PER_SECOND, limits.REQUESTS_BURST)
    taken = 0
    while meter.take(100.0 + taken / 200):
        taken += 1
    assert limits.REQUESTS_BURST < taken < 4 * 200
    steady = Meter(limits.REQUESTS_PER_SECOND, limits.REQUESTS_BURST)
    assert all(steady.take(100.0 + number / 50) for number in range(60 * 50))
