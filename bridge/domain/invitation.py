# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does a calendar get to read about a meeting (RFC 5545, 5546 and 7986)?

REQUEST invites one person or tells how the meeting is now, CANCEL takes it back, PUBLISH is a calendar to subscribe to
or a file to keep. A change of one occurrence of a series is told with the whole series: whoever missed a message has it
all with the next.

Each message names its one reader as attendee: nobody's address is shown to others, and its size does not grow with
the meeting.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, vCalAddress, vRecur, vText, vUri

from bridge.domain.errors import Refused
from bridge.domain.plain import one_line
from bridge.domain.recurrence import Move, Schedule, instant, rule_of
from bridge.domain.rrule import HORIZON
from bridge.domain.vtimezone import vtimezone

PRODUCT = "-//Passerelle//Passerelle//EN"
REFRESH = timedelta(hours=1)
"""How often a subscribed calendar is asked to look again."""
MAX_ADDRESS = 254
"""Bytes of a mail address (RFC 5321, 4.5.3.1.3)."""
_UNSAFE_IN_PARAMETERS = str.maketrans('"\\', "'/")
"""No parameter may hold a quotation mark (RFC 5545, 3.2), and readers make something of their own of a backslash."""
MAX_DESCRIPTION = 8000
"""Characters; what is longer is cut off. Stops: calendars of megabytes."""

_ADDRESS = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@([A-Za-z0-9-]{1,63}\.)*[A-Za-z0-9-]{1,63}\Z"
)


class Method(enum.StrEnum):
    """What a calendar shall do (RFC 5546)."""

    REQUEST = "REQUEST"
    CANCEL = "CANCEL"
    PUBLISH = "PUBLISH"


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Somebody who can be written to."""

    address: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Entry:
    """A meeting as a calendar shows it. `url` is where to join; `description`, text with line breaks, says so again."""

    title: str
    description: str
    url: str
    organizer: Mailbox
    schedule: Schedule
    service: str
    """What the service is called here."""
    reads_answers: bool = False
    """Whether somebody reads at the organiser's address who accepted; without, calendars are not asked to answer."""


def clean_address(raw: str) -> str:
    """Return a mail address, or refuse what is none. Stops: headers and further recipients in an address."""
    address = raw.strip()
    if len(address) > MAX_ADDRESS or not _ADDRESS.match(address):
        raise Refused(400, "PASSERELLE_BAD_ADDRESS", "This is no mail address. One looks like name@example.org.")
    return address


def uid_of(meeting_id: str, host: str) -> str:
    """Return the UID by which calendars know a meeting for ever; `host` is that of our public URL."""
    return f"{meeting_id}@{host}"


def request(entry: Entry, reader: Mailbox, now: datetime) -> bytes:
    """Invite, or tell how the meeting is now: moved and cancelled occurrences of a series are in it."""
    return _message(Method.REQUEST, entry, _events(entry, now), reader)


def cancellation(entry: Entry, reader: Mailbox, now: datetime) -> bytes:
    """Take the whole back."""
    event = _event(entry, now, None)
    event["STATUS"] = "CANCELLED"
    return _message(Method.CANCEL, entry, [event], reader)


def publication(entries: Iterable[Entry], now: datetime, *, name: str) -> bytes:
    """Return a calendar of meetings, without anybody's address but the organisers'."""
    known = list(entries)
    calendar = _calendar(Method.PUBLISH, [entry.schedule for entry in known])
    calendar.add("name", _Plain(one_line(name)))
    calendar.add("x-wr-calname", _Plain(one_line(name)))
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", "PT1H")
    for entry in known:
        for event in _events(entry, now):
            calendar.add_component(event)
    return bytes(calendar.to_ical())


def _message(method: Method, entry: Entry, events: list[Event], reader: Mailbox) -> bytes:
    calendar = _calendar(method, [entry.schedule])
    for event in events:
        attendee = _address(reader)
        attendee.params["CUTYPE"] = "INDIVIDUAL"
        attendee.params["ROLE"] = "REQ-PARTICIPANT"
        attendee.params["PARTSTAT"] = "NEEDS-ACTION"
        attendee.params["RSVP"] = "TRUE" if entry.reads_answers and method is Method.REQUEST else "FALSE"
        event.add("attendee", attendee)
        calendar.add_component(event)
    return bytes(calendar.to_ical())


def _calendar(method: Method, schedules: list[Schedule]) -> Calendar:
    calendar = Calendar()
    calendar.add("prodid", PRODUCT)
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method.value)
    years: dict[str, list[int]] = {}
    for schedule in schedules:
        rule, moved = rule_of(schedule), [move.start.year for move in schedule.moves]
        last = schedule.start if rule is None else rule.until or schedule.start + HORIZON
        years.setdefault(schedule.zone, []).extend((schedule.start.year, last.year, *moved))
    for zone in sorted(years.keys() - {"UTC"}):
        calendar.add_component(vtimezone(zone, min(years[zone]), max(years[zone])))
    return calendar


def _events(entry: Entry, now: datetime) -> list[Event]:
    """Return the event, and one more for each occurrence that was moved (RECURRENCE-ID)."""
    return [_event(entry, now, None), *(_event(entry, now, move) for move in entry.schedule.moves)]


def _event(entry: Entry, now: datetime, move: Move | None) -> Event:
    schedule = entry.schedule
    start, duration = schedule.start, schedule.duration
    event = Event()
    event.add("uid", schedule.uid)
    event.add("dtstamp", now.astimezone(UTC))
    event.add("sequence", schedule.sequence)
    if move is None:
        rule = rule_of(schedule)
        if rule is not None:
            until = rule.until and instant(datetime.combine(rule.until, start.time()), schedule.zone)
            event.add("rrule", vRecur.from_ical(rule.text(f"{until:%Y%m%dT%H%M%SZ}" if until else None)))
        if schedule.exdates:
            event.add("exdate", [_local(schedule, day) for day in schedule.exdates])
    else:
        start, duration = move.start, move.duration
        event.add("recurrence-id", _local(schedule, move.recurrence_id))
    event.add("dtstart", _local(schedule, start))
    event.add("dtend", _local(schedule, _ended(schedule, start, duration)))
    event.add("summary", _Plain(one_line(entry.title)))
    event.add("description", _Plain(_text(entry.description)))
    event.add("location", entry.url)
    event.add("url", vUri(entry.url))
    conference = vUri(
        entry.url,
        params={
            "VALUE": "URI",
            "FEATURE": ["AUDIO", "VIDEO"],
            "LABEL": one_line(entry.service).translate(_UNSAFE_IN_PARAMETERS),
        },
    )
    event.add("conference", conference)
    if entry.organizer.address:  # a published calendar of a server without mail has none
        event.add("organizer", _address(entry.organizer))
    event.add("status", "CANCELLED" if schedule.cancelled else "CONFIRMED")
    event.add("transp", "OPAQUE")
    return event


def _local(schedule: Schedule, wall: datetime) -> datetime:
    return wall.replace(tzinfo=UTC if schedule.zone == "UTC" else ZoneInfo(schedule.zone))


def _ended(schedule: Schedule, start: datetime, duration: timedelta) -> datetime:
    """Return the local end of what lasts this long in real time, also over a change of clocks."""
    end = instant(start, schedule.zone) + duration
    return end.astimezone(ZoneInfo(schedule.zone)).replace(tzinfo=None)


class _Plain(vText):
    """Text whose every sign is meant as it stands (RFC 5545, 3.3.11); `vText` takes a written `\\N` for a new line."""

    def to_ical(self) -> bytes:
        escaped = self.replace("\\", "\\\\").replace(";", r"\;").replace(",", r"\,").replace("\n", r"\n")
        return escaped.encode()


def _text(description: str) -> str:
    return "\n".join(one_line(line) for line in description[:MAX_DESCRIPTION].splitlines())


def _address(mailbox: Mailbox) -> vCalAddress:
    address = vCalAddress(f"mailto:{mailbox.address}")
    name = one_line(mailbox.name).translate(_UNSAFE_IN_PARAMETERS)
    if name:
        address.params["CN"] = name
    return address
