# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How does a calendar file say what a time zone does (VTIMEZONE: RFC 5545, 3.6.5)?

A change that comes every year by the same rule is written as that rule, because Outlook reads no lists; one that does
not (Ramadan in Morocco) is written once for each time. `icalendar` could write these too, but puts the beginning of
summer time an hour late, and uses lists only.
"""

from __future__ import annotations

import itertools
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard, vRecur

from bridge.domain.rrule import WEEKDAYS

_DAY = timedelta(days=1)
_ZERO = timedelta(0)


@dataclass(frozen=True, slots=True)
class _Change:
    """One change of clocks; `onset` is local time as it was before (naive)."""

    onset: datetime
    before: timedelta
    after: timedelta
    name: str
    summer: bool

    @property
    def yearly(self) -> tuple[object, ...]:
        """What the changes of one rule have in common."""
        weekday, month, clock = self.onset.weekday(), self.onset.month, self.onset.time()
        return (weekday, month, clock, self.before, self.after, self.name, self.summer)


@lru_cache(maxsize=256)
def vtimezone(zone: str, first_year: int, last_year: int) -> Timezone:
    """Return the VTIMEZONE of an IANA zone, right for these years (inclusive) and a year around them."""
    first_year, last_year = first_year - 1, last_year + 1
    component = Timezone()
    component.add("tzid", zone)
    start, *changes = _changes(zoneinfo.ZoneInfo(zone), first_year, last_year)
    years = last_year - first_year + 1
    ruled = bool(changes)
    for _, grouped in itertools.groupby(sorted(changes, key=_order), key=lambda change: change.yearly):
        group = list(grouped)
        nth = _common_nth(group)
        if nth and len(group) == years:
            _add(component, group[0], f"FREQ=YEARLY;BYMONTH={group[0].onset.month};BYDAY={nth}{_weekday(group[0])}")
            continue
        ruled = False
        for change in group:
            _add(component, change)
    if not ruled:
        _add(component, start)
    return component


def _order(change: _Change) -> tuple[str, datetime]:
    return repr(change.yearly), change.onset


def _changes(zone: zoneinfo.ZoneInfo, first_year: int, last_year: int) -> Iterator[_Change]:
    """Give what holds at the beginning of the first year, then each change until the end of the last."""
    at, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    known = _offset(zone, at)
    yield _Change(datetime(first_year, 1, 1), known, known, _name(zone, at), _is_summer(zone, at))  # noqa: DTZ001  # local
    while at < end:
        following = at + _DAY
        if _offset(zone, following) != known:
            onset = _bisected(zone, at, following)
            local = (onset + known).replace(tzinfo=None)
            after = _offset(zone, onset)
            yield _Change(local, known, after, _name(zone, onset), _is_summer(zone, onset))
            known = after
            at = onset
        else:
            at = following


def _bisected(zone: zoneinfo.ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the first instant of another offset, to the second."""
    known = _offset(zone, before)
    seconds = int((after - before).total_seconds())
    low, high = 0, seconds
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _offset(zone, before + timedelta(seconds=middle)) == known else (low, middle)
    return before + timedelta(seconds=high)


def _offset(zone: zoneinfo.ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or _ZERO


def _name(zone: zoneinfo.ZoneInfo, at: datetime) -> str:
    return at.astimezone(zone).tzname() or ""


def _is_summer(zone: zoneinfo.ZoneInfo, at: datetime) -> bool:
    return bool(at.astimezone(zone).dst())


def _common_nth(group: list[_Change]) -> int:
    """Return which weekday of its month all changes fall on (-1: the last), or 0."""
    if all((change.onset + 7 * _DAY).month != change.onset.month for change in group):
        return -1
    numbers = {(change.onset.day - 1) // 7 + 1 for change in group}
    return numbers.pop() if len(numbers) == 1 else 0


def _weekday(change: _Change) -> str:
    return WEEKDAYS[change.onset.weekday()]


def _add(component: Timezone, change: _Change, rrule: str | None = None) -> None:
    observance = TimezoneDaylight() if change.summer else TimezoneStandard()
    observance.add("dtstart", change.onset)
    observance.add("tzoffsetfrom", change.before)
    observance.add("tzoffsetto", change.after)
    observance.add("tzname", change.name)
    if rrule is not None:
        observance.add("rrule", vRecur.from_ical(rrule))
    component.add_component(observance)
