# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Scores of connections: LiveKit's figures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.core.quality import (
    AUDIO_LOSS_WEIGHT,
    BEST,
    VIDEO_LOSS_WEIGHT,
    ConnectionQuality,
    Window,
    mean_opinion,
    quality_of,
    smoothed,
    window_score,
)


@pytest.mark.parametrize(
    ("lost", "quality"),
    [(0, ConnectionQuality.EXCELLENT), (26, ConnectionQuality.GOOD), (76, ConnectionQuality.POOR)],
)
def test_a_microphone_is_good_from_2_5_percent_loss_and_poor_from_7_5(lost, quality):
    score = window_score(Window(1000, lost, AUDIO_LOSS_WEIGHT))
    assert quality_of(score) is quality


def test_each_missing_layer_costs_a_grade():
    grades = [quality_of(window_score(Window(100, 0, VIDEO_LOSS_WEIGHT, missing_layers=n))) for n in range(3)]
    assert grades == [ConnectionQuality.EXCELLENT, ConnectionQuality.GOOD, ConnectionQuality.POOR]


def test_delay_and_jitter_count():
    assert window_score(Window(100, 0, 1, rtt=0.1)) == pytest.approx(BEST - 50 / 40)
    assert window_score(Window(100, 0, 1, rtt=0.6, jitter=0.05)) == pytest.approx(BEST - (400 - 120) / 10)


def test_silence_is_no_bad_news():
    assert window_score(Window(0, 0, 10)) is None


def test_bad_news_travels_faster():
    assert smoothed(100, 0) == pytest.approx(20)
    assert smoothed(0, 100) == pytest.approx(40)


@given(st.integers(1, 10_000), st.integers(-100, 20_000), st.floats(0, 5), st.floats(0, 5), st.integers(0, 2))
def test_scores_stay_in_bounds(expected, lost, rtt, jitter, missing):
    score = window_score(Window(expected, lost, VIDEO_LOSS_WEIGHT, rtt, jitter, missing))
    assert 0 <= score <= BEST
    assert 1 <= mean_opinion(score) <= 4.5
    assert quality_of(score) is not ConnectionQuality.LOST
