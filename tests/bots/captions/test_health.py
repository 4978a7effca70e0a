# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""When captions are called degraded, and when people hear of it."""

import itertools

import pytest

from bots.captions.health import (
    FAILURES_IN_ROW,
    NOTICE_INTERVAL_S,
    TABLE,
    Belief,
    Cause,
    Health,
    Notices,
    Readings,
    Telling,
)
from bots.captions.schedule import Level


def test_every_belief_has_an_answer_to_every_observation():
    assert set(TABLE) == set(itertools.product(Belief, (True, False)))


@pytest.mark.parametrize("belief", list(Belief))
def test_two_observations_in_a_row_decide_whatever_was_believed(belief):
    assert TABLE[TABLE[belief, True], True] is Belief.DEGRADED
    assert TABLE[TABLE[belief, False], False] is Belief.FINE


@pytest.mark.parametrize(("before", "bad"), [(Belief.FINE, True), (Belief.DEGRADED, False)])
def test_one_observation_alone_changes_nothing_that_people_see(before, bad):
    seen = {Belief.FINE: False, Belief.DOUBTFUL: False, Belief.DEGRADED: True, Belief.RECOVERING: True}
    assert seen[TABLE[before, bad]] is seen[before]
    assert TABLE[TABLE[before, bad], not bad] is before


def looked(*readings: tuple[int, int, int]) -> list[Cause | None]:
    health, causes = Health(), []
    for asked, failed_in_row, level in readings:
        health.look(Readings(asked, failed_in_row, Level(level)))
        causes.append(health.cause)
    return causes


def test_only_final_texts_for_two_looks_is_overload_and_usual_work_for_two_looks_ends_it():
    full, half = Level.FINALS_ONLY, Level.SLOWER
    assert looked((1, 0, full), (2, 0, full), (3, 0, half), (4, 0, 0), (5, 0, 0)) == [
        None,
        Cause.OVERLOAD,
        Cause.OVERLOAD,
        Cause.OVERLOAD,
        None,
    ]


def test_slower_words_alone_are_no_overload():
    assert looked(*((number, 0, 1) for number in range(10))) == [None] * 10


def test_a_load_that_nobody_feels_any_more_ends():
    assert looked((1, 0, 2), (2, 0, 2), (2, 0, 2), (2, 0, 2))[-2:] == [Cause.OVERLOAD, None]


def test_an_engine_that_keeps_failing_is_the_gravest_cause():
    down = FAILURES_IN_ROW
    assert looked((1, down, 2), (2, down, 2), (3, 0, 2), (4, 0, 2)) == [
        None,
        Cause.ENGINE,
        Cause.ENGINE,
        Cause.OVERLOAD,
    ]


def test_a_single_failure_is_bad_luck():
    assert looked(*((number, FAILURES_IN_ROW - 1, 0) for number in range(5))) == [None] * 5


def test_a_canary_read_badly_twice_running_is_drift():
    health = Health()
    for wer, cause in ((0.5, None), (0.1, None), (0.5, None), (0.5, Cause.DRIFT), (0.3, Cause.DRIFT), (0.3, None)):
        health.canary(wer=wer, bound=0.3)
        assert health.cause is cause


def test_a_room_is_told_once_and_once_when_it_is_over():
    notices = Notices()
    told = [notices.look(degraded=degraded, now=now) for now, degraded in enumerate((False, True, True, False, False))]
    assert told == [None, Telling.BEGINS, None, Telling.OVER, None]


def test_a_room_is_not_told_more_often_than_it_bears():
    notices = Notices()
    for now in (0.0, 2.0, 4.0):
        notices.look(degraded=True, now=now)
        told = notices.look(degraded=False, now=now + 1)
        assert told is (Telling.OVER if now == 0.0 else None)
    assert notices.look(degraded=True, now=NOTICE_INTERVAL_S - 1) is None
    assert notices.look(degraded=True, now=NOTICE_INTERVAL_S) is Telling.BEGINS
