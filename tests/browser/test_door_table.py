# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The table of doors fails when it must: a click more, a slow guest; and says what it saw."""

from __future__ import annotations

import json

import pytest

from tests.browser.door_table import CLICKS, DoorTable, Visit, over_budget, percentile


def row(clicks, p95=1.0):
    return {"clicks": clicks, "seconds_p50": 1.0, "seconds_p95": p95, "seconds_cold": 3.0}


@pytest.mark.parametrize(("door", "most"), CLICKS.items())
def test_one_click_more_than_the_budget_fails_whether_times_count_or_not(door, most):
    for times in (False, True):
        assert over_budget(door, row(most), times=times) == []
        assert len(over_budget(door, row(most + 1), times=times)) == 1


def test_a_slow_guest_fails_only_where_times_count():
    assert over_budget("guest", row(2, p95=5.01), times=False) == []
    assert "5.01 s" in over_budget("guest", row(2, p95=5.01), times=True)[0]
    assert over_budget("guest", row(2, p95=5.0), times=True) == []


@pytest.mark.parametrize(("percent", "wanted"), [(50, 10), (95, 19), (100, 20)])
def test_percentiles_are_values_that_were_seen(percent, wanted):
    assert percentile([float(value) for value in range(20, 0, -1)], percent) == wanted
    assert percentile([7.0], percent) == 7.0


def test_the_worst_clicks_and_the_median_of_cold_starts_stand_in_the_file(tmp_path):
    table = DoorTable()
    table.visits["guest"] = [Visit(2, 1.0), Visit(3, 4.0)]
    table.cold_s["guest"] = [2.0, 9.0, 3.0]
    table.axe(0)
    table.axe(2)
    table.write(tmp_path / "browser" / "doors.json")
    written = json.loads((tmp_path / "browser" / "doors.json").read_text())
    assert written["guest"] == {"clicks": 3, "seconds_p50": 1.0, "seconds_p95": 4.0, "seconds_cold": 3.0}
    assert written["axe_violations"] == 2
    assert written["profiles"] == {"guest": 2}


def test_a_run_without_cold_starts_says_that_it_knows_nothing_of_them():
    table = DoorTable()
    table.visits["guest"] = [Visit(2, 1.0)]
    assert table.doors()["guest"]["seconds_cold"] is None
    assert str(table).splitlines()[1].split() == ["guest", "2", "1.0", "1.0"]
