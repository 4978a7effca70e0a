# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the API answers, as JSON Schema 2020-12 with an example each; tests hold real answers against these."""

from __future__ import annotations

from typing import Any

from bridge.domain.contractors import ContractorState
from bridge.domain.lifecycle import MeetingState
from bridge.domain.scopes import Scope

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
INSTANT: Schema = {"type": "string", "format": "date-time"}
WALL_TIME: Schema = {"type": "string", "description": "A wall time of the meeting's time zone: 2026-12-24T18:00."}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _record(example: Any, /, **properties: Schema) -> Schema:  # noqa: ANN401  # JSON
    return {"type": "object", "properties": properties, "required": list(properties), "examples": [example]}


def _list_of(key: str, item: Schema, example: Any) -> Schema:  # noqa: ANN401  # JSON
    return _record({key: [example]}, **{key: {"type": "array", "items": item}})


_MOVED = {"date": "2026-12-24T10:00", "start": "2026-12-23T15:00", "duration_minutes": 45}
_SCHEDULE = {
    "start": "2026-12-10T10:00",
    "time_zone": "Europe/Paris",
    "duration_minutes": 45,
    "rrule": "FREQ=WEEKLY;COUNT=10",
    "cancelled_dates": ["2026-12-31T10:00"],
    "moved_dates": [_MOVED],
    "sequence": 2,
}
_MEETING = {
    "id": "h9Vt3kQ2x_Zb",
    "title": "Weekly with Lyon",
    "room_id": "!Zr4Jb0oZq3yPZpQm1v5hDkG2nXw8sTfUcLeYiA6mRxE",
    "organizer": "@marie.curie:home.example",
    "url": "https://meet.example/m/h9Vt3kQ2x_Zb",
    "state": "scheduled",
    "agenda": "1. Budget\n2. Any other business",
    "locked": False,
    "cancelled": False,
    "starts_at": "2026-12-10T09:00:00Z",
    "ends_at": "2026-12-10T09:45:00Z",
    "schedule": _SCHEDULE,
}
_INVITE = {"id": "q3Xx1Zk9_aBc", "uses": 10, "expires_at": "2026-12-10T18:00:00+00:00"}
_SESSION = {
    "id": "0f3a5c7e9b1d2f40",
    "browser": "Firefox, Linux",
    "created_at": "2026-12-24T08:00:00+00:00",
    "seen_at": "2026-12-24T08:30:00+00:00",
    "current": True,
}
_SESSION_FIELDS: dict[str, Schema] = {
    "id": TEXT,
    "browser": TEXT,
    "created_at": INSTANT,
    "seen_at": INSTANT,
    "current": {"type": "boolean"},
}
_TOKEN = {
    "id": "Tk9_aBcq3Xx1",
    "name": "Room display, 2nd floor",
    "scopes": ["meetings:read"],
    "created_at": "2026-11-22T09:00:00+00:00",
    "expires_at": "2027-11-22T09:00:00+00:00",
    "used_at": None,
}
_GUEST = {
    "user_id": "@guest-7d1f:home.example",
    "display_name": "Gina",
    "organisation": "Lyon",
    "sponsor": "@marie.curie:home.example",
    "since": "2026-12-10T09:01:00+00:00",
    "expires_at": "2026-12-10T18:00:00+00:00",
}
_CONTRACTOR: dict[str, Any] = {
    "id": "c8Wk2Lm4_dEf",
    "display_name": "Ada L.",
    "organisation": "ACME",
    "sponsor": "@marie.curie:home.example",
    "state": "valid",
    "ends_at": "2027-03-31T18:00:00+00:00",
    "meetings": [{"id": "h9Vt3kQ2x_Zb", "title": "Weekly with Lyon"}],
}
_INVITEE = {
    "id": "q3Xx1Zk9_aBc",
    "address": "claire@partner.example",
    "name": "Claire",
    "language": "fr",
    "state": "sent",
}
_DATE = {"date": "2026-12-24T10:00", "starts_at": "2026-12-23T14:00:00Z", "ends_at": "2026-12-23T14:45:00Z"}

_TOKEN_FIELDS: dict[str, Schema] = {
    "id": TEXT,
    "name": TEXT,
    "scopes": {"type": "array", "items": {"enum": [scope.value for scope in Scope]}},
    "created_at": INSTANT,
    "expires_at": INSTANT,
    "used_at": _or_null(INSTANT),
}

_CONTRACTOR_FIELDS: dict[str, Schema] = {
    "id": TEXT,
    "display_name": TEXT,
    "organisation": TEXT,
    "sponsor": TEXT,
    "state": {"enum": [state.value for state in ContractorState]},
    "ends_at": INSTANT,
    "meetings": {"type": "array", "items": _record(_CONTRACTOR["meetings"][0], id=TEXT, title=TEXT)},
}

SCHEMAS: dict[str, Schema] = {
    "Error": _record(
        {"errcode": "M_FORBIDDEN", "error": "Only the host of this meeting may do this."}, errcode=TEXT, error=TEXT
    ),
    "Empty": {"type": "object", "examples": [{}]},
    "Schedule": _record(
        _SCHEDULE,
        start=WALL_TIME,
        time_zone={"type": "string", "description": "Its IANA name."},
        duration_minutes=NUMBER,
        rrule=_or_null({"type": "string", "description": "RFC 5545, 3.3.10; null for a single meeting."}),
        cancelled_dates={"type": "array", "items": WALL_TIME},
        moved_dates={
            "type": "array",
            "items": _record(_MOVED, date=WALL_TIME, start=WALL_TIME, duration_minutes=NUMBER),
        },
        sequence={"type": "integer", "description": "Rises with each change that invitees see (RFC 5546)."},
    ),
    "Calendar": _record({"created_at": "2026-11-22T09:00:00+00:00"}, created_at=_or_null(INSTANT)),
    "File": {"type": "string", "description": "A file in its own format.", "examples": ["BEGIN:VCALENDAR…"]},
    "CalendarAddress": _record({"url": "https://meet.example/calendar/kJ2….ics"}, url=TEXT),
    "Invitees": _record(
        {"mail": True, "invitees": [_INVITEE]},
        mail={"type": "boolean", "description": "Whether this server sends mail."},
        invitees={
            "type": "array",
            "items": _record(
                _INVITEE,
                id=TEXT,
                address=TEXT,
                name=TEXT,
                language=TEXT,
                state={"enum": ["waiting", "sent", "failed"], "description": "What is with their newest letter."},
            ),
        },
    ),
    "Meeting": _record(
        _MEETING,
        id=TEXT,
        title=TEXT,
        room_id=TEXT,
        organizer=TEXT,
        url=TEXT,
        state={"enum": [state.value for state in MeetingState]},
        agenda={"type": "string", "description": "Plain text or Markdown."},
        locked=FLAG,
        cancelled=FLAG,
        starts_at=_or_null({**INSTANT, "description": "Of the date that runs or is next."}),
        ends_at=_or_null(INSTANT),
        schedule=_or_null(_ref("Schedule")),
    ),
    "Meetings": _list_of("meetings", _ref("Meeting"), _MEETING),
    "Dates": _list_of("dates", _record(_DATE, date=WALL_TIME, starts_at=INSTANT, ends_at=INSTANT), _DATE),
    "Hosts": _list_of("hosts", TEXT, "@marie.curie:home.example"),
    "NewInviteLink": _record(
        _INVITE | {"url": "https://meet.example/j/…"}, id=TEXT, url=TEXT, uses=NUMBER, expires_at=INSTANT
    ),
    "Invites": _list_of(
        "invites",
        _record(_INVITE | {"used": 3}, id=TEXT, uses=NUMBER, used=NUMBER, expires_at=INSTANT),
        _INVITE | {"used": 3},
    ),
    "Guests": _list_of(
        "guests",
        _record(
            _GUEST,
            user_id=TEXT,
            display_name=TEXT,
            organisation=TEXT,
            sponsor=TEXT,
            since=INSTANT,
            expires_at=INSTANT,
        ),
        _GUEST,
    ),
    "Contractors": _list_of("contractors", _record(_CONTRACTOR, **_CONTRACTOR_FIELDS), _CONTRACTOR),
    "NewContractorLink": _record(_CONTRACTOR | {"url": "https://meet.example/c/…"}, **_CONTRACTOR_FIELDS, url=TEXT),
    "Invitation": _record(
        {
            "room_id": "!Zr4Jb0oZq3yP",
            "matrix_to": "https://matrix.to/#/%21Zr4Jb0oZq3yP?via=home.example",
            "matrix_uri": "matrix:roomid/Zr4Jb0oZq3yP?via=home.example&action=join",
        },
        room_id=TEXT,
        matrix_to=TEXT,
        matrix_uri=TEXT,
    ),
    "Tokens": _list_of("tokens", _record(_TOKEN, **_TOKEN_FIELDS), _TOKEN),
    "Sessions": _list_of("sessions", _record(_SESSION, **_SESSION_FIELDS), _SESSION),
    "NewTokenSecret": _record(_TOKEN | {"token": "pslt_…"}, **_TOKEN_FIELDS, token=TEXT),
    "Calls": _record(
        {"title": "Weekly", "calls": []}, title=TEXT, calls={"type": "array", "items": {"type": "object"}}
    ),
    "Transcript": {"type": "object", "description": "The Reading of docs/ARCHITECTURE.md.", "examples": [{}]},
    "Line": {"type": "object", "description": "The corrected line.", "examples": [{}]},
    "Corrections": {"type": "object", "description": "Its earlier texts, and whose they are.", "examples": [{}]},
    "Terms": _list_of("terms", TEXT, "Passerelle"),
    "Hits": _record(
        {"hits": [], "next": None}, hits={"type": "array", "items": {"type": "object"}}, next=_or_null(TEXT)
    ),
}
