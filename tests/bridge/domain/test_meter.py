# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.meter import MAX_KEYS, Meter, Rate

RATE = Rate("test", burst=3, per_second=0.5)


def test_a_burst_passes_and_then_time_has_to():
    meter = Meter(RATE)
    for _ in range(3):
        assert meter.wait_s("a", 10.0) == 0
        meter.take("a", 10.0)
    assert meter.wait_s("a", 10.0) == 2.0
    assert meter.wait_s("b", 10.0) == 0
    assert meter.wait_s("a", 11.0) == 1.0
    assert meter.wait_s("a", 12.0) == 0


def test_a_clock_that_goes_backwards_frees_nobody():
    meter = Meter(RATE)
    for _ in range(3):
        meter.take("a", 100.0)
    assert meter.wait_s("a", 50.0) > 0


def test_a_stranger_cannot_grow_a_meter_without_end():
    meter = Meter(RATE)
    for number in range(MAX_KEYS + 500):
        meter.take(str(number), 0.0)
    assert len(meter) == MAX_KEYS


@given(st.lists(st.floats(0, 100), max_size=60))
def test_no_more_pass_than_the_rate_allows(gaps: list[float]):
    meter, now, passed = Meter(RATE), 0.0, 0
    for gap in gaps:
        now += gap
        if meter.wait_s("a", now) <= 1e-9:
            meter.take("a", now)
            passed += 1
    assert passed <= RATE.burst + now * RATE.per_second + 1e-6
