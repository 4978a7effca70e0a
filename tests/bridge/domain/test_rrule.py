# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0

# ruff: noqa: DTZ001  # wall times of a zone that stands beside them

import contextlib
import datetime as calendar_module
import time
from datetime import date, datetime, timedelta
from itertools import islice
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import dateutil.rrule
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.domain.errors import Refused
from bridge.domain.rrule import HORIZON, MAX_COUNT, MAX_INTERVAL, MAX_RULE, WEEKDAYS, Frequency, parse_rule

MONDAY = datetime(2026, 11, 23, 10, 0)
PARIS = ZoneInfo("Europe/Paris")


def days(text: str, start: datetime = MONDAY) -> list[date]:
    return list(parse_rule(text, start, PARIS).days(start.date()))


@pytest.mark.parametrize(
    ("text", "stored", "expected"),
    [
        ("FREQ=DAILY;COUNT=3", "FREQ=DAILY;COUNT=3", "1123 1124 1125"),
        ("rrule:freq=weekly;count=3", "FREQ=WEEKLY;COUNT=3", "1123 1130 1207"),
        (
            "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;COUNT=4",
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=MO,TH",
            "1123 1126 1207 1210",
        ),
        ("FREQ=MONTHLY;BYDAY=4MO;COUNT=2", "FREQ=MONTHLY;COUNT=2;BYDAY=4MO", "1123 1228"),
        ("FREQ=MONTHLY;BYDAY=-2MO;COUNT=2", "FREQ=MONTHLY;COUNT=2;BYDAY=-2MO", "1123 1221"),
        (
            "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR;UNTIL=20261130",
            "FREQ=DAILY;UNTIL=20261130;BYDAY=MO,TU,WE,TH,FR",
            "1123 1124 1125 1126 1127 1130",
        ),
    ],
)
def test_a_rule_falls_on_the_days_that_it_says_and_is_stored_in_one_form(text, stored, expected):
    rule = parse_rule(text, MONDAY, PARIS)
    assert rule.text() == stored
    assert parse_rule(stored, MONDAY, PARIS) == rule
    assert " ".join(f"{day:%m%d}" for day in days(text)) == expected


@st.composite
def rules(draw: st.DrawFn) -> tuple[str, datetime]:
    start = datetime(2024, 1, 1, 9, 30) + timedelta(draw(st.integers(0, 1500)))
    frequency = draw(st.sampled_from(Frequency))
    monthly = frequency in {Frequency.MONTHLY, Frequency.YEARLY}
    parts = [f"FREQ={frequency}", f"INTERVAL={draw(st.integers(1, 4))}", f"WKST={draw(st.sampled_from(WEEKDAYS))}"]
    by_day = draw(st.sampled_from(["", "plain", "numbered"] if monthly else ["", "plain"]))
    if by_day == "plain":
        some = draw(st.sets(st.sampled_from(WEEKDAYS), max_size=4))
        parts.append(f"BYDAY={','.join({WEEKDAYS[start.weekday()], *some})}")
    elif by_day == "numbered":
        nth = (start.day - 1) // 7 + 1
        if frequency is Frequency.YEARLY:
            parts.append(f"BYMONTH={start.month}")
        parts.append(f"BYDAY={nth}{WEEKDAYS[start.weekday()]},{draw(st.sampled_from([1, 2, -1, -2]))}FR")
    if frequency is not Frequency.WEEKLY and by_day != "numbered" and draw(st.booleans()):
        some = draw(st.sets(st.sampled_from([1, 15, 28, 31, -1, -3]), max_size=3))
        parts.append(f"BYMONTHDAY={','.join(map(str, {start.day, *some}))}")
    if "BYMONTH=" not in ";".join(parts) and draw(st.booleans()):
        some = draw(st.sets(st.integers(1, 12), max_size=4))
        parts.append(f"BYMONTH={','.join(map(str, {start.month, *some}))}")
    if monthly and "BY" in ";".join(parts) and draw(st.booleans()):
        parts.append(f"BYSETPOS={draw(st.sampled_from(['1', '2', '-1', '1,-1', '3,1']))}")
    if draw(st.booleans()):
        parts.append(f"COUNT={draw(st.integers(1, 12))}")
    return ";".join(parts), start


@pytest.fixture(scope="module", autouse=True)
def _dateutil_looks_no_further_than_we_do():
    """Left alone it searches for a day until the year 9999: minutes for some of the rules below."""
    bounded = SimpleNamespace(**vars(calendar_module) | {"MAXYEAR": 2034})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dateutil.rrule, "datetime", bounded)
        yield


@settings(max_examples=60, deadline=None)
@given(rules())
def test_its_days_are_those_that_dateutil_finds(rule_and_start: tuple[str, datetime]):
    text, start = rule_and_start
    others = (at.date() for at in dateutil.rrule.rrulestr(text, dtstart=start))
    try:
        found = days(text, start)
    except Refused:
        count = int(text.partition("COUNT=")[2] or 0)
        theirs = list(islice(others, max(1, count)))
        assert theirs[:1] != [start.date()] or theirs[-1] > start.date() + HORIZON or len(theirs) < count
        return
    theirs = list(islice(others, len(found) + 1))
    assert found == theirs[: len(found)]
    assert theirs[len(found) :] == [] or theirs[-1] > start.date() + HORIZON


@pytest.mark.parametrize(
    ("until", "last"),
    [
        ("20261130", "1130"),
        ("20261130T090000Z", "1130"),  # ten o'clock in Paris
        ("20261130T085959Z", "1123"),
        ("20261130T100000", "1130"),
        ("20261130T095900", "1123"),
    ],
)
def test_an_end_is_the_last_date_on_which_the_meeting_still_begins_in_time(until: str, last: str):
    assert f"{days(f'FREQ=WEEKLY;UNTIL={until}')[-1]:%m%d}" == last


def test_a_series_without_an_end_gets_one_that_everybody_can_read():
    rule = parse_rule("FREQ=DAILY", MONDAY, PARIS)
    assert rule.until == MONDAY.date() + HORIZON
    assert len(list(rule.days(MONDAY.date()))) == MAX_COUNT


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "looks like"),
        ("FREQ=WEEKLY;", "looks like"),
        ("FREQ=WEEKLY;FREQ=DAILY", "twice"),
        ("BYDAY=MO", "how often"),
        ("FREQ=HOURLY;COUNT=2", "how often"),
        ("FREQ=WEEKLY;BYHOUR=1,2", "BYHOUR"),
        ("FREQ=YEARLY;BYWEEKNO=48", "BYWEEKNO"),
        ("FREQ=WEEKLY;X-SECRET\r\nDTSTART=1", "not taken"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        (f"FREQ=DAILY;INTERVAL={MAX_INTERVAL + 1}", "INTERVAL"),
        ("FREQ=DAILY;COUNT=0", "COUNT"),
        (f"FREQ=DAILY;COUNT={MAX_COUNT + 1}", "COUNT"),
        ("FREQ=DAILY;COUNT=٣", "COUNT"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "not both"),
        ("FREQ=DAILY;UNTIL=20261322", "UNTIL"),
        ("FREQ=DAILY;UNTIL=2026-12-22", "UNTIL"),
        ("FREQ=DAILY;UNTIL=00010101T000000Z", "UNTIL"),
        ("FREQ=DAILY;UNTIL=99991231T235959Z", "UNTIL"),
        ("FREQ=DAILY;UNTIL=20261122", "first date"),
        ("FREQ=WEEKLY;BYDAY=TU", "first date"),
        ("FREQ=WEEKLY;BYDAY=XX", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=0MO", "BYDAY"),
        ("FREQ=MONTHLY;BYDAY=54MO", "BYDAY"),
        ("FREQ=WEEKLY;BYDAY=1MO", "MONTHLY"),
        ("FREQ=MONTHLY;BYDAY=4MO;BYMONTHDAY=23", "not both"),
        ("FREQ=WEEKLY;BYMONTHDAY=23", "WEEKLY"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "BYMONTHDAY"),
        ("FREQ=YEARLY;BYMONTH=13", "BYMONTH"),
        ("FREQ=YEARLY;BYMONTH=-1", "BYMONTH"),
        ("FREQ=MONTHLY;BYSETPOS=1", "BYSETPOS"),
        ("FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=1", "MONTHLY"),
        ("FREQ=WEEKLY;WKST=1", "WKST"),
        ("FREQ=WEEKLY;COUNT=300", "five years"),
        ("FREQ=YEARLY;UNTIL=20400101", "five years"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "first date"),
        (f"FREQ=WEEKLY;BYDAY={','.join(['MO'] * MAX_RULE)}", "too long"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_what_to_do(text: str, hint: str):
    with pytest.raises(Refused) as refused:
        parse_rule(text, MONDAY, PARIS)
    assert refused.value.status == 400
    assert hint in refused.value.error


@given(st.text(alphabet="FREQDAILYMONTHWKBYSETPOSUNTIL=;,-+0123456789TZ \r\n", max_size=MAX_RULE))
def test_no_text_does_more_than_be_refused(text: str):
    with contextlib.suppress(Refused):
        parse_rule(text, MONDAY, PARIS)


def test_a_rule_that_never_falls_on_a_second_day_costs_no_more_than_one_that_does():
    begun = time.process_time()
    rule = "FREQ=DAILY;BYDAY=MO;BYMONTHDAY=29;BYMONTH=2"
    assert days(rule, datetime(2044, 2, 29, 10)) == [date(2044, 2, 29)]
    assert time.process_time() - begun < 1
