# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The rate of requests."""

from sfu.core.meter import Meter


def test_a_burst_passes_and_then_only_the_rate():
    meter = Meter(rate=10.0, burst=3.0)
    assert [meter.take(100.0) for _ in range(5)] == [True, True, True, False, False]
    assert meter.take(100.11)
    assert not meter.take(100.12)
    assert [meter.take(200.0) for _ in range(4)] == [True, True, True, False]
