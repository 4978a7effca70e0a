# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0

# ruff: noqa: DTZ001  # wall times of a zone that stands beside them

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from icalendar import Calendar, Event

from bridge.domain.errors import Refused
from bridge.domain.invitation import (
    MAX_ADDRESS,
    MAX_DESCRIPTION,
    Entry,
    Mailbox,
    cancellation,
    clean_address,
    publication,
    request,
    uid_of,
)
from bridge.domain.plain import one_line
from bridge.domain.recurrence import cancel_all, cancel_one, move_one, new_schedule

NOW = datetime(2026, 11, 22, 7, 30, tzinfo=UTC)
START = datetime(2027, 3, 15, 10, 0)
HOUR = timedelta(hours=1)
READER = Mailbox("claire@partner.example", "Claire")
SERIES = Entry(
    "Comité",
    "Rejoindre : https://meet.example/m/x",
    "https://meet.example/m/x",
    Mailbox("meet@meet.example", "Anne"),
    new_schedule(
        uid_of("x", "meet.example"), start=START, zone="Europe/Paris", duration=HOUR, rrule="FREQ=WEEKLY", now=NOW
    ),
    'Visio, "Lyon"',
)


def events(calendar: bytes) -> list[Event]:
    return Calendar.from_ical(calendar).events


def test_the_call_is_labelled_with_what_the_service_is_called():
    (event,) = events(request(SERIES, READER, NOW))
    assert event["CONFERENCE"].params["LABEL"] == "Visio, 'Lyon'"


def test_an_invitation_has_all_that_calendars_ask_for():
    calendar = Calendar.from_ical(request(SERIES, READER, NOW))
    assert (calendar["METHOD"], calendar["VERSION"]) == ("REQUEST", "2.0")
    assert [zone.tz_name for zone in calendar.timezones] == ["Europe/Paris"]
    (event,) = calendar.events
    assert (event["UID"], event["SEQUENCE"], event["STATUS"]) == ("x@meet.example", 0, "CONFIRMED")
    assert event.decoded("dtstamp") == NOW
    assert event["DTSTART"].params["TZID"] == "Europe/Paris"
    assert event["DTEND"].dt.replace(tzinfo=None) == START + HOUR
    assert event["RRULE"]["UNTIL"] == [datetime(2032, 3, 18, 9, 0, tzinfo=UTC)]
    assert event["ORGANIZER"].params["CN"] == "Anne"
    assert event["ATTENDEE"] == "mailto:claire@partner.example"
    assert event["ATTENDEE"].params["RSVP"] == "FALSE"
    assert event["CONFERENCE"].params["FEATURE"] == ["AUDIO", "VIDEO"]


def test_calendars_answer_only_where_somebody_reads_it():
    (event,) = events(request(replace(SERIES, reads_answers=True), READER, NOW))
    assert event["ATTENDEE"].params["RSVP"] == "TRUE"
    (event,) = events(cancellation(replace(SERIES, reads_answers=True), READER, NOW))
    assert event["ATTENDEE"].params["RSVP"] == "FALSE"


def test_a_change_keeps_the_uid_and_raises_the_sequence():
    moved = move_one(SERIES.schedule, START, START + timedelta(1), HOUR)
    whole, only = events(request(replace(SERIES, schedule=moved), READER, NOW))
    assert {event["UID"] for event in (whole, only)} == {"x@meet.example"}
    assert {event["SEQUENCE"] for event in (whole, only)} == {1}
    assert "RRULE" in whole
    assert "RRULE" not in only
    assert only["RECURRENCE-ID"].dt.replace(tzinfo=None) == START
    assert only["DTSTART"].dt.replace(tzinfo=None) == START + timedelta(1)


def test_one_occurrence_is_left_out_or_the_whole_taken_back():
    dropped = replace(SERIES, schedule=cancel_one(SERIES.schedule, START))
    (event,) = events(request(dropped, READER, NOW))
    assert [day.dt.replace(tzinfo=None) for day in event["EXDATE"].dts] == [START]
    calendar = Calendar.from_ical(cancellation(replace(SERIES, schedule=cancel_all(SERIES.schedule)), READER, NOW))
    (event,) = calendar.events
    assert calendar["METHOD"] == "CANCEL"
    assert (event["STATUS"], event["SEQUENCE"], "RECURRENCE-ID" in event) == ("CANCELLED", 1, False)


def test_a_published_calendar_names_no_attendee_and_each_zone_once():
    calendar = Calendar.from_ical(publication([SERIES, SERIES], NOW, name="Meetings\r\nX:1"))
    assert len(calendar.timezones) == 1
    assert [event.get("ATTENDEE") for event in calendar.events] == [None, None]
    assert calendar["NAME"] == calendar["X-WR-CALNAME"] == "Meetings X:1"
    assert calendar["REFRESH-INTERVAL"].dt == HOUR


@settings(max_examples=40, deadline=None)
@given(title=st.text(max_size=120), name=st.text(max_size=80), description=st.text(max_size=300))
@example(title="C:\\New; \\n, \\", name="a\\Nb", description="\\N\n\\\\N")
def test_no_text_becomes_more_than_text(title: str, name: str, description: str):
    raw = request(replace(SERIES, title=title, description=description), Mailbox(READER.address, name), NOW)
    lines = raw.split(b"\r\n")
    assert lines.pop() == b""
    assert all(0 < len(line) <= 75 for line in lines)
    assert not set(raw.decode()) & {*map(chr, range(9)), "\x7f", "\u2028"}
    assert b"\n" not in raw.replace(b"\r\n", b"")
    (event,) = events(raw)
    assert set(event) == set(events(request(SERIES, READER, NOW))[0])
    assert event["SUMMARY"] == one_line(title)
    assert event["DESCRIPTION"] == "\n".join(one_line(line) for line in description.splitlines())
    assert event["ATTENDEE"].params.get("CN", "") == one_line(name).replace('"', "'").replace("\\", "/")


def test_a_description_has_an_end():
    (event,) = events(request(replace(SERIES, description="é" * 2 * MAX_DESCRIPTION), READER, NOW))
    assert len(event["DESCRIPTION"]) == MAX_DESCRIPTION


@pytest.mark.parametrize(
    "raw", ["a@b", " anne.martin+x@ministere.example ", "o'neil@xn--bcher-kva.example", "x@localhost"]
)
def test_an_address_is_taken(raw: str):
    assert clean_address(raw) == raw.strip()


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "anne",
        "a@b@c",
        "a@b,c@d",
        "a b@c",
        "a@b\r\nBcc: c@d",
        "<a@b>",
        '"a"@b',
        ".a@b",
        "a..b@c",
        "é@b",
        "a@[127.0.0.1]",
        "a@b." + "c" * 64,
        "a@" + "b." * MAX_ADDRESS,
    ],
)
def test_what_is_no_address_is_refused(raw: str):
    with pytest.raises(Refused, match="name@example"):
        clean_address(raw)
