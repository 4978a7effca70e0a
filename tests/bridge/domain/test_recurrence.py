# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0

# ruff: noqa: DTZ001  # wall times of a zone that stands beside them

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bridge.domain.errors import Refused
from bridge.domain.recurrence import (
    MAX_DURATION,
    MAX_EXCEPTIONS,
    MAX_LISTED,
    MAX_PAST,
    MIN_DURATION,
    Move,
    Schedule,
    cancel_all,
    cancel_one,
    ends_at,
    move_all,
    move_one,
    new_schedule,
    occurrences,
    parse_local,
)
from bridge.domain.rrule import HORIZON

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
MONDAY = datetime(2027, 3, 15, 10, 0)
HOUR = timedelta(hours=1)
WEEK = timedelta(7)
WEEKLY = "FREQ=WEEKLY;COUNT=4"


def schedule(rrule: str | None = WEEKLY, **terms) -> Schedule:
    given = {"start": MONDAY, "zone": "Europe/Paris", "duration": HOUR} | terms
    return new_schedule("meeting@example", rrule=rrule, now=NOW, **given)


def begins(of: Schedule, after: datetime = NOW) -> list[str]:
    return [f"{occurrence.begin:%m%dT%H%M}" for occurrence in occurrences(of, after)]


@pytest.mark.parametrize(
    ("zone", "start", "expected"),
    [
        ("Europe/Paris", MONDAY, "0315T0900 0322T0900 0329T0800 0405T0800"),
        ("America/New_York", datetime(2027, 3, 8, 10), "0308T1500 0315T1400 0322T1400 0329T1400"),
        ("Europe/Paris", datetime(2027, 10, 18, 10), "1018T0800 1025T0800 1101T0900 1108T0900"),
        ("America/New_York", datetime(2027, 10, 25, 10), "1025T1400 1101T1400 1108T1500 1115T1500"),
        ("Asia/Kolkata", MONDAY, "0315T0430 0322T0430 0329T0430 0405T0430"),
        ("UTC", MONDAY, "0315T1000 0322T1000 0329T1000 0405T1000"),
    ],
)
def test_wall_time_stays_when_clocks_change(zone: str, start: datetime, expected: str):
    series = schedule(zone=zone, start=start)
    assert " ".join(begins(series)) == expected
    for occurrence in occurrences(series, NOW):
        assert occurrence.begin.astimezone(ZoneInfo(zone)).time() == start.time()
        assert occurrence.end - occurrence.begin == HOUR


def test_an_hour_that_is_left_out_is_the_next_one_and_one_that_comes_twice_is_the_first():
    night = schedule("FREQ=DAILY;COUNT=3", start=datetime(2027, 3, 27, 2, 30))
    assert begins(night) == ["0327T0130", "0328T0130", "0329T0030"]
    assert occurrences(night, NOW)[1].begin.astimezone(ZoneInfo("Europe/Paris")).hour == 3
    autumn = schedule("FREQ=DAILY;COUNT=3", start=datetime(2027, 10, 30, 2, 30))
    assert begins(autumn) == ["1030T0030", "1031T0030", "1101T0130"]


def test_what_runs_is_still_listed_and_what_ended_is_not():
    series, end = schedule(), datetime(2027, 3, 15, 10, tzinfo=UTC)
    assert begins(series, end - timedelta(seconds=1))[0] == "0315T0900"
    assert begins(series, end)[0] == "0322T0900"
    assert ends_at(series) == datetime(2027, 4, 5, 9, tzinfo=UTC)
    assert begins(series, datetime(2027, 4, 5, 9, tzinfo=UTC)) == []


def test_a_list_has_an_end():
    daily = schedule("FREQ=DAILY")
    assert len(occurrences(daily, NOW, limit=10**9)) == MAX_LISTED
    assert len(occurrences(daily, NOW, limit=2)) == 2


def test_one_occurrence_moves_and_moves_again_under_its_first_name():
    series = schedule()
    moved = move_one(series, MONDAY, datetime(2027, 3, 30, 15), 2 * HOUR)
    assert begins(moved) == ["0322T0900", "0329T0800", "0330T1300", "0405T0800"]
    assert moved.sequence == 1
    again = move_one(moved, MONDAY, datetime(2027, 3, 14, 9), HOUR)
    assert begins(again)[0] == "0314T0800"
    assert again.moves == (Move(MONDAY, datetime(2027, 3, 14, 9), HOUR),)
    assert again.sequence == 2
    assert begins(cancel_one(again, MONDAY)) == begins(series)[1:]


def test_one_occurrence_is_cancelled_once_and_the_last_takes_the_series_with_it():
    series = cancel_one(schedule("FREQ=WEEKLY;COUNT=2"), MONDAY)
    assert begins(series) == ["0322T0900"]
    assert (series.exdates, series.sequence, series.cancelled) == ((MONDAY,), 1, False)
    with pytest.raises(Refused, match="does not take place"):
        cancel_one(series, MONDAY)
    with pytest.raises(Refused, match="does not take place"):
        move_one(series, MONDAY + timedelta(1), MONDAY, HOUR)
    over = cancel_one(series, MONDAY + WEEK)
    assert (over.cancelled, over.sequence, begins(over), ends_at(over)) == (True, 2, [], None)


def test_a_single_meeting_moves_and_is_cancelled_as_a_whole():
    meeting = schedule(None)
    moved = move_one(meeting, MONDAY, MONDAY + timedelta(1), 2 * HOUR)
    assert moved == replace(meeting, start=MONDAY + timedelta(1), duration=2 * HOUR, sequence=1)
    assert cancel_one(moved, moved.start).cancelled


def test_exceptions_stay_with_their_day_when_the_whole_series_moves():
    series = move_one(cancel_one(schedule(), MONDAY), MONDAY + WEEK, datetime(2027, 3, 24, 16), HOUR)
    later = move_all(series, start=datetime(2027, 3, 15, 14), zone=series.zone, duration=HOUR, rrule=WEEKLY, now=NOW)
    assert begins(later) == ["0324T1500", "0329T1200", "0405T1200"]
    assert later.sequence == 3
    tuesdays = move_all(series, start=datetime(2027, 3, 16, 10), zone="UTC", duration=HOUR, rrule=WEEKLY, now=NOW)
    assert begins(tuesdays) == ["0316T1000", "0323T1000", "0330T1000", "0406T1000"]
    assert (tuesdays.exdates, tuesdays.moves) == ((), ())
    single = move_all(series, start=MONDAY, zone="UTC", duration=HOUR, rrule=None, now=NOW)
    assert begins(single) == ["0315T1000"]


def test_the_end_of_a_series_does_not_cut_off_its_last_day_when_it_moves_to_a_later_hour():
    series = schedule("FREQ=WEEKLY;UNTIL=20270405T080000Z")
    later = move_all(
        series, start=MONDAY.replace(hour=20), zone=series.zone, duration=HOUR, rrule=series.rrule, now=NOW
    )
    assert begins(later)[-1] == "0405T1800"


def test_a_series_of_which_nothing_would_be_left_is_refused():
    series = cancel_one(cancel_one(schedule("FREQ=DAILY;COUNT=3"), MONDAY), MONDAY + timedelta(1))
    with pytest.raises(Refused, match="Nothing would be left"):
        move_all(series, start=MONDAY, zone="UTC", duration=HOUR, rrule="FREQ=DAILY;COUNT=2", now=NOW)


def test_nothing_happens_to_a_meeting_that_was_cancelled():
    over = cancel_all(schedule())
    assert over.sequence == 1
    for change in (
        lambda: cancel_all(over),
        lambda: cancel_one(over, MONDAY),
        lambda: move_one(over, MONDAY, MONDAY, HOUR),
        lambda: move_all(over, start=MONDAY, zone="UTC", duration=HOUR, rrule=None, now=NOW),
    ):
        with pytest.raises(Refused) as refused:
            change()
        assert refused.value.status == 409


def test_a_series_has_only_so_many_exceptions():
    series = schedule("FREQ=DAILY")
    days = [MONDAY + timedelta(n) for n in range(MAX_EXCEPTIONS + 1)]
    full = replace(series, exdates=tuple(days[:100]), moves=tuple(Move(day, day, HOUR) for day in days[100:-1]))
    with pytest.raises(Refused, match="change the series"):
        cancel_one(full, days[-1])
    assert len(cancel_one(full, days[150]).exdates) == 101


@pytest.mark.parametrize(
    ("terms", "hint"),
    [
        ({"zone": "Paris"}, "IANA"),
        ({"zone": "../../etc/passwd"}, "IANA"),
        ({"zone": "posix/Europe/Paris"}, "IANA"),
        ({"zone": "localtime"}, "IANA"),
        ({"zone": "Europe/Paris\r\nX:1"}, "IANA"),
        ({"start": MONDAY.replace(tzinfo=UTC)}, "local time"),
        ({"start": MONDAY.replace(second=1)}, "full minute"),
        ({"start": datetime(2027, 3, 1, 13) - MAX_PAST - timedelta(minutes=1)}, "between now"),
        ({"start": datetime(2027, 3, 1, 13) + HORIZON + timedelta(minutes=1)}, "between now"),
        ({"duration": MIN_DURATION / 2}, "one minute"),
        ({"duration": MAX_DURATION + MIN_DURATION}, "24 hours"),
        ({"duration": timedelta(seconds=90)}, "whole minutes"),
        ({"duration": -HOUR}, "one minute"),
    ],
)
def test_a_schedule_that_cannot_be_is_refused_with_what_to_do(terms, hint: str):
    with pytest.raises(Refused) as refused:
        schedule(None, **terms)
    assert (refused.value.status, refused.value.errcode) == (400, "PASSERELLE_BAD_SCHEDULE")
    assert hint in refused.value.error


def test_one_occurrence_moves_only_within_reason():
    for start in (
        MONDAY + HORIZON + timedelta(1),
        datetime(9999, 12, 31),
        datetime(1, 1, 1),
        MONDAY.replace(tzinfo=UTC),
    ):
        with pytest.raises(Refused):
            move_one(schedule(), MONDAY, start, HOUR)
    with pytest.raises(Refused):
        move_one(schedule(), MONDAY, MONDAY, 2 * MAX_DURATION)


@pytest.mark.parametrize("text", ["2027-03-15T10:00", "2027-03-15T10:00:00"])
def test_a_local_time_is_read(text: str):
    assert parse_local(text) == MONDAY


@pytest.mark.parametrize(
    "text", ["", "2027-03-15", "2027-03-15T10:00Z", "2027-03-15T10:00+01:00", "2027-02-30T10:00", "x"]
)
def test_anything_else_than_a_local_time_is_refused(text: str):
    with pytest.raises(Refused, match="2026-12-24T18:00"):
        parse_local(text)
