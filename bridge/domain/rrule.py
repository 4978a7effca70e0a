# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which rules of recurrence somebody may give, and on which days they fall (RFC 5545, 3.3.10)?

Our own, as libraries look for the next day until the year 9999 when a stranger's rule has none (30 February). Here a
rule is a question asked of each day between the first and the last, and there are never more days than `HORIZON`.

Taken: daily to yearly with INTERVAL, COUNT or UNTIL, BYMONTH, BYMONTHDAY, BYDAY, BYSETPOS, WKST. Not taken: what makes
several meetings of one day (hours, minutes), and BYWEEKNO and BYYEARDAY, which calendars read differently.
"""

from __future__ import annotations

import calendar
import enum
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from bridge.domain.errors import Refused

MAX_RULE = 250
"""Characters. Stops: parsing pages of text."""
HORIZON = timedelta(days=5 * 366)
"""How long a series lasts at most; one that never ends gets this as its end. Stops: series, and the work and mail for
them, that outlive everybody who asked for them."""
MAX_COUNT = HORIZON.days + 1
MAX_INTERVAL = 260
"""Days, weeks, months or years between two occurrences: five years of weeks."""

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?\Z", re.ASCII)
_ON_DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)\Z", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,4}\Z", re.ASCII)


class Frequency(enum.StrEnum):
    """How often, before INTERVAL."""

    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


@dataclass(frozen=True, slots=True)
class OnDay:
    """One entry of BYDAY: a weekday (0: Monday), and which of the month's or year's (0: every)."""

    weekday: int
    nth: int = 0

    def __str__(self) -> str:
        return f"{self.nth or ''}{WEEKDAYS[self.weekday]}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that was checked. `until` is the last local date, so that no change of hour or zone cuts a series off."""

    frequency: Frequency
    interval: int = 1
    count: int | None = None
    until: date | None = None
    months: tuple[int, ...] = ()
    month_days: tuple[int, ...] = ()
    on_days: tuple[OnDay, ...] = ()
    positions: tuple[int, ...] = ()
    week_start: int = 0

    def text(self, until: str | None = None) -> str:
        """Return the rule as it is stored; or with this text as its UNTIL, as a calendar wants it (a UTC time)."""
        if until is None and self.until is not None:
            until = f"{self.until:%Y%m%d}"
        parts = (
            ("FREQ", self.frequency.value),
            ("INTERVAL", "" if self.interval == 1 else str(self.interval)),
            ("COUNT", "" if self.count is None else str(self.count)),
            ("UNTIL", until or ""),
            ("BYMONTH", _joined(self.months)),
            ("BYMONTHDAY", _joined(self.month_days)),
            ("BYDAY", _joined(self.on_days)),
            ("BYSETPOS", _joined(self.positions)),
            ("WKST", WEEKDAYS[self.week_start] if self.week_start else ""),
        )
        return ";".join(f"{name}={value}" for name, value in parts if value)

    def days(self, first: date) -> Iterator[date]:
        """Give the days of the series that starts on `first`, in order, never past the horizon."""
        last = min(first + HORIZON, self.until or date.max)
        left = self.count or MAX_COUNT
        for start, length in _PERIODS[self.frequency](first, self.interval, self.week_start):
            if start > last:
                return
            found = [day for day in (start + timedelta(n) for n in range(length)) if self._falls_on(day, first)]
            for day in self._chosen(found):
                if day > last or not left:
                    return
                if day >= first:
                    left -= 1
                    yield day

    def _falls_on(self, day: date, first: date) -> bool:
        """Tell whether a day fits; what the rule leaves open is taken from the first day (RFC 5545, 3.3.10)."""
        months, month_days, weekdays = self.months, self.month_days, self.on_days
        if not month_days and not weekdays:
            match self.frequency:
                case Frequency.WEEKLY:
                    weekdays = (OnDay(first.weekday()),)
                case Frequency.MONTHLY:
                    month_days = (first.day,)
                case Frequency.YEARLY:
                    months, month_days = months or (first.month,), (first.day,)
                case Frequency.DAILY:
                    pass
        if months and day.month not in months:
            return False
        if month_days:
            from_end = day.day - calendar.monthrange(day.year, day.month)[1] - 1
            if day.day not in month_days and from_end not in month_days:
                return False
        return not weekdays or any(self._is(on_day, day) for on_day in weekdays)

    def _is(self, on_day: OnDay, day: date) -> bool:
        if day.weekday() != on_day.weekday:
            return False
        if not on_day.nth:
            return True
        if self.frequency is Frequency.YEARLY and not self.months:
            number, length = day.timetuple().tm_yday, 366 if calendar.isleap(day.year) else 365
        else:
            number, length = day.day, calendar.monthrange(day.year, day.month)[1]
        return on_day.nth in ((number - 1) // 7 + 1, -((length - number) // 7 + 1))

    def _chosen(self, found: list[date]) -> list[date]:
        if not self.positions:
            return found
        size = len(found)
        wanted = {at - 1 if at > 0 else size + at for at in self.positions}
        return [day for index, day in enumerate(found) if index in wanted]


_Periods = Iterator[tuple[date, int]]


def _daily(first: date, interval: int, _week_start: int) -> _Periods:
    while True:
        yield first, 1
        first += timedelta(interval)


def _weekly(first: date, interval: int, week_start: int) -> _Periods:
    first -= timedelta((first.weekday() - week_start) % 7)
    while True:
        yield first, 7
        first += timedelta(7 * interval)


def _monthly(first: date, interval: int, _week_start: int) -> _Periods:
    month = 12 * first.year + first.month - 1
    while True:
        begin = date(month // 12, month % 12 + 1, 1)
        yield begin, calendar.monthrange(begin.year, begin.month)[1]
        month += interval


def _yearly(first: date, interval: int, _week_start: int) -> _Periods:
    year = first.year
    while True:
        yield date(year, 1, 1), 366 if calendar.isleap(year) else 365
        year += interval


_PERIODS: dict[Frequency, Callable[[date, int, int], _Periods]] = {
    Frequency.DAILY: _daily,
    Frequency.WEEKLY: _weekly,
    Frequency.MONTHLY: _monthly,
    Frequency.YEARLY: _yearly,
}


def parse_rule(raw: str, start: datetime, zone: tzinfo) -> Rule:
    """Read somebody's RRULE for a series whose first local wall time is `start` (naive), or refuse it."""
    text = raw.strip().upper().removeprefix("RRULE:")
    if len(raw) > MAX_RULE:
        raise refusal(f"This rule of recurrence is too long: at most {MAX_RULE} characters, please.")
    parts = dict(_part(part) for part in text.split(";"))
    if len(parts) != text.count(";") + 1:
        raise refusal("This rule of recurrence says something twice. Please give each part once.")
    frequency = parts.pop("FREQ", "")
    if frequency not in set(Frequency):
        raise refusal("Please say how often: FREQ must be DAILY, WEEKLY, MONTHLY or YEARLY.")
    if "COUNT" in parts and "UNTIL" in parts:
        raise refusal("Please give COUNT or UNTIL, not both.")
    rule = Rule(
        frequency=Frequency(frequency),
        interval=_number(parts.pop("INTERVAL", "1"), "INTERVAL", MAX_INTERVAL),
        count=_number(parts.pop("COUNT"), "COUNT", MAX_COUNT) if "COUNT" in parts else None,
        until=_until(parts.pop("UNTIL"), start, zone) if "UNTIL" in parts else None,
        months=tuple(_number(value, "BYMONTH", 12) for value in _values(parts, "BYMONTH")),
        month_days=tuple(_signed(value, "BYMONTHDAY", 31) for value in _values(parts, "BYMONTHDAY")),
        on_days=tuple(_on_day(value) for value in _values(parts, "BYDAY")),
        positions=tuple(_signed(value, "BYSETPOS", 366) for value in _values(parts, "BYSETPOS")),
        week_start=_weekday(parts.pop("WKST", "MO")),
    )
    if parts:
        raise refusal(f"{', '.join(sorted(parts))[:40]} is not taken here. Please use BYDAY, BYMONTHDAY or BYMONTH.")
    _require_sense(rule)
    return _with_end(rule, start.date())


def refusal(error: str) -> Refused:
    """Return the answer to a schedule that cannot be."""
    return Refused(400, "PASSERELLE_BAD_SCHEDULE", error)


def _require_sense(rule: Rule) -> None:
    if any(on_day.nth for on_day in rule.on_days):
        if rule.frequency not in {Frequency.MONTHLY, Frequency.YEARLY}:
            raise refusal("Numbered weekdays (2MO) need FREQ=MONTHLY or FREQ=YEARLY.")
        if rule.month_days:
            raise refusal("Please give numbered weekdays (2MO) or BYMONTHDAY, not both.")
    if rule.frequency is Frequency.WEEKLY and rule.month_days:
        raise refusal("BYMONTHDAY does not go with FREQ=WEEKLY. Please use FREQ=MONTHLY.")
    if rule.positions and rule.frequency not in {Frequency.MONTHLY, Frequency.YEARLY}:
        raise refusal("BYSETPOS needs FREQ=MONTHLY or FREQ=YEARLY.")  # calendars read it differently in a first week
    if rule.positions and not (rule.on_days or rule.month_days or rule.months):
        raise refusal("BYSETPOS chooses among days: please give BYDAY, BYMONTHDAY or BYMONTH too.")


def _with_end(rule: Rule, first: date) -> Rule:
    """Refuse a rule that ends too late or does not begin on its first day; give one without an end the horizon's."""
    if rule.count is None and rule.until is None:
        rule = Rule(**{name: getattr(rule, name) for name in Rule.__slots__} | {"until": first + HORIZON})
    days = 0
    for day in rule.days(first):
        if not days and day != first:
            break
        days += 1
    if not days:
        raise refusal("The first date is not one that the rule falls on. Please start on one of its days.")
    if days < (rule.count or 0) or (rule.until is not None and rule.until > first + HORIZON):
        raise refusal("This series ends too late: five years after its first date at most, please.")
    return rule


def _part(part: str) -> tuple[str, str]:
    name, equals, value = part.partition("=")
    if not equals or not value:
        raise refusal("This is no rule of recurrence. One looks like FREQ=WEEKLY;BYDAY=MO;COUNT=10.")
    return name, value


def _values(parts: dict[str, str], name: str) -> list[str]:
    value = parts.pop(name, None)
    return [] if value is None else value.split(",")


def _signed(value: str, name: str, most: int) -> int:
    number = int(value) if _NUMBER.match(value) else 0
    if not 1 <= abs(number) <= most:
        raise refusal(f"{name} must be between 1 and {most}, or counted from the end as -1 to -{most}.")
    return number


def _number(value: str, name: str, most: int) -> int:
    number = int(value) if _NUMBER.match(value) else 0
    if not 1 <= number <= most:
        raise refusal(f"{name} must be between 1 and {most}.")
    return number


def _on_day(value: str) -> OnDay:
    match = _ON_DAY.match(value)
    nth = int(match[1] or 0) if match else 0
    if match is None or abs(nth) > 53 or (match[1] and not nth):
        raise refusal("BYDAY holds weekdays as MO, TU, WE, TH, FR, SA, SU, or numbered ones as 1MO and -1FR.")
    return OnDay(WEEKDAYS.index(match[2]), nth)


def _weekday(value: str) -> int:
    if value not in WEEKDAYS:
        raise refusal("WKST must be one of MO, TU, WE, TH, FR, SA, SU.")
    return WEEKDAYS.index(value)


def _until(value: str, start: datetime, zone: tzinfo) -> date:
    """Return the last local date on which an occurrence still begins in time."""
    match = _UNTIL.match(value)
    try:
        if match is None:
            raise ValueError
        day = datetime.strptime(match[1], "%Y%m%d").date()  # noqa: DTZ007  # a date
        if match[2] is None:
            return day
        until = datetime.combine(day, time(int(match[2][:2]), int(match[2][2:4]), int(match[2][4:])))
        if match[3]:
            until = until.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
        return until.date() if until.time() >= start.time() else until.date() - timedelta(1)
    except (ValueError, OverflowError):
        raise refusal("UNTIL must be a date (20271231) or a time in UTC (20271231T170000Z).") from None


def _joined(values: tuple[object, ...]) -> str:
    return ",".join(map(str, values))
