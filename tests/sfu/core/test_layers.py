# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which layer lives, which one is followed, how often a key frame is asked for."""

import pytest

from sfu.core.layers import EXPECTED_CYCLES, KeyframeThrottle, LayerState, Liveness, Rung, choose, within

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


def test_a_layer_that_was_asked_for_again_lives_until_it_comes_or_does_not() -> None:
    high = Liveness(2)
    high.cycle(0)
    high.expect()
    assert high.live
    assert [high.cycle(packets) for packets in (0, 0, 20, 20)] == [False] * 4
    high.cycle(0)
    high.expect()
    assert [high.cycle(0) for _ in range(EXPECTED_CYCLES + 1)] == [False] * EXPECTED_CYCLES + [True]
    assert not high.live


LADDER = [Rung(1, quality, quality, temporal) for quality in range(3) for temporal in range(3)]


@pytest.mark.parametrize(
    ("quality", "fps", "expected"),
    [
        (2, 0, (2, 2)),
        (1, 0, (1, 2)),
        (0, 30, (0, 2)),
        (2, 15, (2, 1)),
        (1, 14, (1, 1)),
        (0, 5, (0, 0)),
        (2, 60, (2, 2)),
    ],
)
def test_a_rung_is_no_larger_and_no_faster_than_what_is_shown(
    quality: int, fps: int, expected: tuple[int, int]
) -> None:
    rung = within(LADDER, quality, fps)
    assert (rung.spatial, rung.temporal) == expected
    assert within([Rung(3, 2)], 0) == Rung(3, 2)
