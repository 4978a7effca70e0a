# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which layer lives, which one is followed, how often a key frame is asked for."""

import pytest

from sfu.core.layers import KeyframeThrottle, LayerState, Liveness, choose

LIVE = [LayerState(1, 0, True), LayerState(2, 1, True), LayerState(3, 2, True)]


@pytest.mark.parametrize(
    ("layers", "max_quality", "current", "expected"),
    [
        (LIVE, 2, None, 3),
        (LIVE, 1, 3, 2),
        (LIVE, 0, 3, 1),
        ([*LIVE[:2], LayerState(3, 2, False)], 2, 3, 2),
        (LIVE[1:], 0, None, 2),
        ([LayerState(1, 0, False), LIVE[2]], 0, 1, 3),
        ([LayerState(1, 0, False), LayerState(2, 1, False)], 2, 1, 1),
        ([LayerState(1, 0, False), LayerState(2, 1, False)], 2, None, 2),
        ([LayerState(2, 1, False)], 0, None, 2),
        ([], 2, None, None),
        ([], 2, 7, None),
    ],
)
def test_the_best_live_layer_within_the_wish_is_followed(
    layers: list[LayerState], max_quality: int, current: int | None, expected: int | None
) -> None:
    assert choose(reversed(layers), max_quality, current) == expected


def test_a_still_screen_share_lives_on_one_packet_in_two_seconds() -> None:
    screen = Liveness(2, screen_share=True)
    assert not any(screen.cycle(packets) for packets in (0, 0, 0, 1, 0, 0, 0, 1))
    assert [screen.cycle(0) for _ in range(4)] == [False, False, False, True]
    assert not screen.live
    assert screen.cycle(1)
    assert screen.live


def test_one_poor_cycle_stops_a_layer_and_several_good_ones_bring_it_back() -> None:
    high = Liveness(2)
    assert high.live
    assert high.cycle(4)
    assert not high.live
    changes = [high.cycle(5) for _ in range(4)]
    assert changes == [False, False, False, True]
    assert high.live


def test_the_low_layer_lives_on_one_packet_a_cycle() -> None:
    low = Liveness(0)
    assert not low.cycle(1)
    assert low.cycle(0)
    assert not low.cycle(1)
    assert low.cycle(1)


def test_an_interruption_starts_the_count_anew() -> None:
    high = Liveness(2)
    high.cycle(0)
    for packets in (9, 9, 9, 0, 9, 9, 9):
        high.cycle(packets)
        assert not high.live
    assert high.cycle(9)


@pytest.mark.parametrize(("quality", "expected"), [(0, 20), (1, 10), (2, 10)])
def test_key_frame_requests_are_throttled(quality: int, expected: int) -> None:
    throttle = KeyframeThrottle(quality)
    assert sum(throttle.allow(now / 100) for now in range(1000)) == expected
