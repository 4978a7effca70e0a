# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""When does a meeting take place: once or as a series, in whose local time, and with which exceptions?

A schedule keeps wall time: ten o'clock in Paris stays ten o'clock in Paris when summer time begins. Times of `Schedule`
are therefore naive local ones of its zone; times of `Occurrence` are instants (UTC). Each change returns a new schedule
with SEQUENCE raised by one, as RFC 5546, 2.1.4 wants it.
"""

from __future__ import annotations

import heapq
import re
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache

from bridge.domain.errors import Refused
from bridge.domain.rrule import HORIZON, Rule, parse_rule, refusal

MIN_DURATION = timedelta(minutes=1)
MAX_DURATION = timedelta(hours=24)
"""Stops: occurrences of one series that run into one another."""
MAX_PAST = timedelta(days=1)
"""How long ago a new schedule may have begun: a meeting that runs, not last year's."""
MAX_EXCEPTIONS = 200
"""Occurrences of one series that are moved or cancelled. Stops: invitations and pages that swell with them."""
MAX_LISTED = 100
"""Occurrences in one answer."""

_ZONE = re.compile(r"UTC\Z|[A-Za-z_]+(/[A-Za-z0-9_+-]+){1,2}\Z")
_INSTANT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d)(:00)?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Move:
    """One occurrence at another time. `recurrence_id` is its local time by the rule: the name that it keeps."""

    recurrence_id: datetime
    start: datetime
    duration: timedelta


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a meeting is. `rrule` is None for a single meeting, else what `parse_rule` gave back as text.

    `exdates` are the cancelled occurrences, in order, by the local time that the rule gives them; `moves` the moved.
    """

    uid: str
    start: datetime
    zone: str
    duration: timedelta
    rrule: str | None = None
    exdates: tuple[datetime, ...] = ()
    moves: tuple[Move, ...] = ()
    sequence: int = 0
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that people meet. `recurrence_id` names it within its series, wherever it was moved."""

    recurrence_id: datetime
    begin: datetime
    end: datetime


def new_schedule(
    uid: str, *, start: datetime, zone: str, duration: timedelta, rrule: str | None, now: datetime
) -> Schedule:
    """Check what somebody asks for, or refuse it with a sentence for them. `start` is naive local time."""
    return _checked(Schedule(uid, start, zone, duration, rrule), now)


def parse_local(text: str) -> datetime:
    """Read a local wall time as pages and API give it: 2026-12-24T18:00."""
    match = _INSTANT.match(text)
    try:
        return datetime.fromisoformat(match[1] if match else "")
    except ValueError:
        raise refusal("Please give the time as year-month-dayThour:minute, for example 2026-12-24T18:00.") from None


def zone_of(name: str) -> zoneinfo.ZoneInfo:
    """Return a time zone by its IANA name, or refuse it."""
    if not _ZONE.match(name) or name not in _zones():
        raise refusal("Please give the time zone by its IANA name, for example Europe/Paris.")
    return zoneinfo.ZoneInfo(name)


def instant(local: datetime, zone: str) -> datetime:
    """Return the instant (UTC) of a local wall time.

    An hour that happens twice is the first of the two. One that is left out counts from before the change (RFC 5545,
    3.3.5): half past two is half past three then. 3.3.10 would leave out such an occurrence of a series; the calendars
    that people have show it, so people come.
    """
    return local.replace(tzinfo=zoneinfo.ZoneInfo(zone), fold=0).astimezone(UTC)


def occurrences(schedule: Schedule, after: datetime, limit: int = MAX_LISTED) -> list[Occurrence]:
    """Return those that end after an instant, by begin: what is running or still to come. At most `MAX_LISTED`."""
    found = (occurrence for occurrence in _all(schedule) if occurrence.end > after)
    return heapq.nsmallest(min(limit, MAX_LISTED), found, key=lambda occurrence: occurrence.begin)


def ends_at(schedule: Schedule) -> datetime | None:
    """Return when the last occurrence ends, or None when none is left."""
    return max((occurrence.end for occurrence in _all(schedule)), default=None)


def rule_of(schedule: Schedule) -> Rule | None:
    """Return the rule of a series, None for a single meeting."""
    return None if schedule.rrule is None else _parsed(schedule.rrule, schedule.start, schedule.zone)


def move_one(schedule: Schedule, recurrence_id: datetime, start: datetime, duration: timedelta) -> Schedule:
    """Move one occurrence, which may have been moved before. `start` is naive local time."""
    _require_occurrence(schedule, recurrence_id)
    if schedule.rrule is None:
        return _raised(replace(schedule, start=start, duration=_duration(duration)))
    if start.tzinfo is not None or abs(start - recurrence_id) > HORIZON:
        raise refusal("This is too far from the day that it was on. Please choose a nearer one.")
    others = tuple(move for move in schedule.moves if move.recurrence_id != recurrence_id)
    moves = (*others, Move(recurrence_id, start, _duration(duration)))
    return _raised(replace(schedule, moves=tuple(sorted(moves, key=lambda move: move.recurrence_id))))


def cancel_one(schedule: Schedule, recurrence_id: datetime) -> Schedule:
    """Cancel one occurrence; with the last one the whole is cancelled."""
    _require_occurrence(schedule, recurrence_id)
    changed = replace(
        schedule,
        exdates=tuple(sorted((*schedule.exdates, recurrence_id))),
        moves=tuple(move for move in schedule.moves if move.recurrence_id != recurrence_id),
    )
    return cancel_all(schedule) if ends_at(changed) is None else _raised(changed)


def move_all(
    schedule: Schedule, *, start: datetime, zone: str, duration: timedelta, rrule: str | None, now: datetime
) -> Schedule:
    """Give the whole meeting a new time or rule.

    Exceptions stay with their day: what was cancelled or moved stays so where the new rule falls on that day too.
    """
    _require_not_cancelled(schedule)
    changed = _checked(replace(schedule, start=start, zone=zone, duration=duration, rrule=rrule), now)
    rule = rule_of(changed)
    days = set() if rule is None else set(rule.days(changed.start.date()))
    changed = replace(
        changed,
        exdates=tuple(_at(start, day.date()) for day in schedule.exdates if day.date() in days),
        moves=tuple(
            replace(move, recurrence_id=_at(start, move.recurrence_id.date()))
            for move in schedule.moves
            if move.recurrence_id.date() in days
        ),
    )
    if ends_at(changed) is None:
        raise refusal("Nothing would be left of this series: all of its days are cancelled.")
    return _raised(changed)


def cancel_all(schedule: Schedule) -> Schedule:
    """Cancel the meeting with all its occurrences."""
    _require_not_cancelled(schedule)
    return _raised(replace(schedule, cancelled=True))


@lru_cache(maxsize=1024)
def _parsed(rrule: str, start: datetime, zone: str) -> Rule:
    return parse_rule(rrule, start, zoneinfo.ZoneInfo(zone))


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def _checked(schedule: Schedule, now: datetime) -> Schedule:
    zone = zone_of(schedule.zone)
    if schedule.start.tzinfo is not None:
        raise refusal("Please give the start as local time, without an offset, and the time zone beside it.")
    if schedule.start.second or schedule.start.microsecond:
        raise refusal("Please start on a full minute.")
    local_now = now.astimezone(zone).replace(tzinfo=None)
    if not local_now - MAX_PAST <= schedule.start <= local_now + HORIZON:
        raise refusal("Please choose a start between now and five years from now.")
    _duration(schedule.duration)
    if schedule.rrule is None:
        return schedule
    return replace(schedule, rrule=parse_rule(schedule.rrule, schedule.start, zone).text())


def _duration(duration: timedelta) -> timedelta:
    if not MIN_DURATION <= duration <= MAX_DURATION or duration % MIN_DURATION:
        raise refusal("A meeting lasts between one minute and 24 hours, in whole minutes.")
    return duration


def _all(schedule: Schedule) -> Iterator[Occurrence]:
    """Give every occurrence, in the order of the rule."""
    if schedule.cancelled:
        return
    gone = frozenset(schedule.exdates)
    moves = {move.recurrence_id: move for move in schedule.moves}
    for recurrence_id in _by_rule(schedule):
        if recurrence_id in gone:
            continue
        move = moves.get(recurrence_id)
        start, duration = (recurrence_id, schedule.duration) if move is None else (move.start, move.duration)
        begin = instant(start, schedule.zone)
        yield Occurrence(recurrence_id, begin, begin + duration)


def _by_rule(schedule: Schedule) -> Iterator[datetime]:
    rule = rule_of(schedule)
    if rule is None:
        yield schedule.start
        return
    for day in rule.days(schedule.start.date()):
        yield _at(schedule.start, day)


def _at(start: datetime, day: date) -> datetime:
    return datetime.combine(day, start.time())


def _require_occurrence(schedule: Schedule, recurrence_id: datetime) -> None:
    _require_not_cancelled(schedule)
    if recurrence_id in schedule.exdates or recurrence_id not in set(_by_rule(schedule)):
        raise Refused(404, "M_NOT_FOUND", "This meeting does not take place at that time. It may have been cancelled.")
    changed = {*schedule.exdates, *(move.recurrence_id for move in schedule.moves), recurrence_id}
    if len(changed) > MAX_EXCEPTIONS:
        raise refusal(f"{MAX_EXCEPTIONS} occurrences of this series were changed. Please change the series instead.")


def _require_not_cancelled(schedule: Schedule) -> None:
    if schedule.cancelled:
        raise Refused(409, "PASSERELLE_CANCELLED", "This meeting was cancelled. Please make a new one.")


def _raised(schedule: Schedule) -> Schedule:
    return replace(schedule, sequence=schedule.sequence + 1)
