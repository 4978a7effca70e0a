# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
from datetime import UTC, datetime, timedelta

import pytest

from bridge.domain.errors import Refused
from bridge.domain.planning import MAX_AGENDA, Times, clean_agenda, plan, reworded

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(hour: int) -> Times:
    return Times(datetime(2026, 11, 22, hour), "Europe/Paris", HOUR)  # noqa: DTZ001  # a wall time


def test_an_agenda_keeps_its_lines_and_loses_what_cannot_be_seen():
    assert clean_agenda(" # Budget\r\n- one\r- two\x00\x1b\n\te\u0301 ") == "# Budget\n- one\n- two\n\té"
    assert len(clean_agenda("x" * MAX_AGENDA)) == MAX_AGENDA
    with pytest.raises(Refused):
        clean_agenda("x" * (MAX_AGENDA + 1))


def test_each_plan_after_the_first_raises_the_sequence():
    first = plan(None, at(14), uid="u@home", now=NOW)
    second = plan(first, at(15), uid="ignored", now=NOW)
    assert (first.uid, first.sequence, second.uid, second.sequence) == ("u@home", 0, "u@home", 1)
    assert reworded(second).sequence == 2


def test_a_meeting_that_would_be_over_already_is_refused_and_one_that_runs_is_not():
    plan(None, at(10), uid="u", now=NOW + HOUR / 2)  # ten in Paris is nine here
    with pytest.raises(Refused) as refused:
        plan(None, at(9), uid="u", now=NOW)
    assert "over" in refused.value.error
