# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the API answers, as JSON Schema 2020-12 with an example each; tests hold real answers against these."""

from __future__ import annotations

from typing import Any

from bridge.domain.access import OF_A_MEETING, OF_ALL
from bridge.domain.contractors import ContractorState
from bridge.domain.lifecycle import MeetingState
from bridge.domain.lobby import Door, LobbyPolicy
from bridge.domain.powers import Group, Role, Source
from bridge.domain.revocation import Ending, Kind
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


_REVOCATION = {
    "id": "r7Wn1aB_tYqe",
    "kind": "server",
    "subject": "partner.example",
    "asked_at": "2026-12-24T18:00:00.000000+00:00",
    "done_at": "2026-12-24T18:00:00.412000+00:00",
    "seconds": 0.412,
    "people": 3,
    "ends": ["doors", "calls", "rooms"],
}
_ACCESS = {
    "kind": "guest",
    "subject": "@guest-7d1f:home.example",
    "name": "Gina",
    "about": "Lyon",
    "email": "gina@partner.example",
    "by": "@marie.curie:home.example",
    "since": "2026-12-10T09:01:00+00:00",
    "until": "2026-12-10T18:00:00+00:00",
    "used": 0,
    "uses": 0,
    "people": 1,
    "meetings": 1,
    "meeting": {"id": "h9Vt3kQ2x_Zb", "title": "Weekly with Lyon"},
}
_ACCESS_FIELDS: dict[str, Schema] = {
    "kind": {"enum": sorted({kind.value for kind in (*OF_A_MEETING, *OF_ALL)})},
    "subject": {"type": "string", "description": "With `kind`: what a revocation of it is asked with."},
    **dict.fromkeys(("name", "about", "email", "by"), TEXT),
    "since": INSTANT,
    "until": _or_null(INSTANT),
    **dict.fromkeys(("used", "uses", "people", "meetings"), NUMBER),
    "meeting": _or_null(_record(_ACCESS["meeting"], id=TEXT, title=TEXT)),
}
_BARRED_NAME = {"name": "partner.example", "by": "@marie.curie:home.example", "at": "2026-12-24T18:00:00+00:00"}
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
    "lobby": "guests",
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
_WAITING = {
    "id": "kQ2x_Zbh9Vt3",
    "number": 1,
    "display_name": "Ana Silva",
    "organisation": "Port of Lyon",
    "email": "ana@port.example",
    "door": "guest",
    "sponsor": "@marie.curie:home.example",
    "user_id": None,
    "since": "2026-12-10T09:00:03+00:00",
    "away": False,
}
_PERSON = {
    "user_id": "@guest-7d1f:home.example",
    "display_name": "Gina (Guest, Lyon)",
    "role": "member",
    "guest": True,
    "sends": {"camera": "on", "microphone": "muted"},
    "may_send": ["camera", "microphone"],
}
_ROLE: Schema = {"enum": [role.value for role in Role]}
_SOURCE: Schema = {"enum": [source.value for source in Source]}
_BARRED = {
    "user_id": "@guest-7d1f:home.example",
    "display_name": "Gina",
    "barred_by": "@marie.curie:home.example",
    "barred_at": "2026-12-10T09:12:00+00:00",
    "link_shut": True,
}
_HAND = {
    "user_id": "@pavel:partner.example",
    "display_name": "Pavel",
    "raised_at": "2026-12-10T09:10:00+00:00",
}
_HAND_RECORD = _record(_HAND, user_id=TEXT, display_name=TEXT, raised_at=INSTANT)
_GUEST = {
    "user_id": "@guest-7d1f:home.example",
    "display_name": "Gina",
    "organisation": "Lyon",
    "email": "gina@partner.example",
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
        lobby={"enum": [policy.value for policy in LobbyPolicy], "description": "Who waits to be let in."},
        cancelled=FLAG,
        starts_at=_or_null({**INSTANT, "description": "Of the date that runs or is next."}),
        ends_at=_or_null(INSTANT),
        schedule=_or_null(_ref("Schedule")),
    ),
    "Meetings": _list_of("meetings", _ref("Meeting"), _MEETING),
    "Dates": _list_of("dates", _record(_DATE, date=WALL_TIME, starts_at=INSTANT, ends_at=INSTANT), _DATE),
    "Hosts": _list_of("hosts", TEXT, "@marie.curie:home.example"),
    "People": _list_of(
        "people",
        _record(
            _PERSON,
            user_id=TEXT,
            display_name=TEXT,
            role=_ROLE,
            guest=FLAG,
            sends={"type": "object", "additionalProperties": {"enum": ["on", "muted"]}},
            may_send={"type": "array", "items": _SOURCE},
        ),
        _PERSON,
    ),
    "Muted": _record({"muted": 3}, muted=NUMBER),
    "Rules": _record(
        {"microphone": None, "camera": "guests", "screen": "members", "audience": False},
        **{source.value: _or_null({"enum": [group.value for group in Group]}) for source in Source},
        audience=FLAG,
    ),
    "Barred": _list_of(
        "barred",
        _record(_BARRED, user_id=TEXT, display_name=TEXT, barred_by=TEXT, barred_at=INSTANT, link_shut=FLAG),
        _BARRED,
    ),
    "Hands": _list_of("hands", _HAND_RECORD, _HAND),
    "NextHand": _record({"next": _HAND}, next=_or_null(_HAND_RECORD)),
    "NewInviteLink": _record(
        _INVITE | {"url": "https://meet.example/j/…"}, id=TEXT, url=TEXT, uses=NUMBER, expires_at=INSTANT
    ),
    "Invites": _list_of(
        "invites",
        _record(_INVITE | {"used": 3}, id=TEXT, uses=NUMBER, used=NUMBER, expires_at=INSTANT),
        _INVITE | {"used": 3},
    ),
    "Waiting": _list_of(
        "waiting",
        _record(
            _WAITING,
            id=TEXT,
            number={"type": "integer", "description": "By which hosts name them to the bot."},
            display_name=TEXT,
            organisation=TEXT,
            email={"type": "string", "description": "Shown to be theirs by a code; empty where nobody asked."},
            door={"enum": [door.value for door in Door]},
            sponsor=_or_null(TEXT),
            user_id=_or_null(TEXT),
            since=INSTANT,
            away={"type": "boolean", "description": "Whether their page seems to be gone."},
        ),
        _WAITING,
    ),
    "Done": _record({"done": 1}, done={"type": "integer", "description": "For how many this was done."}),
    "Guests": _list_of(
        "guests",
        _record(
            _GUEST,
            user_id=TEXT,
            display_name=TEXT,
            organisation=TEXT,
            email=TEXT,
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
    "Revocation": _record(
        _REVOCATION,
        id=TEXT,
        kind={"enum": [kind.value for kind in Kind]},
        subject=TEXT,
        asked_at=INSTANT,
        done_at=_or_null(INSTANT),
        seconds=_or_null({"type": "number"}),
        people=NUMBER,
        ends={"type": "array", "items": {"enum": [ending.value for ending in Ending]}},
    ),
    "Accesses": _record(
        {"found": [_ACCESS], "next": None},
        found={"type": "array", "items": _record(_ACCESS, **_ACCESS_FIELDS)},
        next=_or_null({"type": "string", "description": "The `after` of the following page."}),
    ),
    "BarredNames": _list_of("barred", _record(_BARRED_NAME, name=TEXT, by=TEXT, at=INSTANT), _BARRED_NAME),
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
