# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which operations the public API has: one table, from which come the OpenAPI document and what a token may do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from bridge.domain.lifecycle import MeetingState
from bridge.domain.scopes import Scope
from bridge.web.access import Search
from bridge.web.api_schemas import SCHEMAS, TEXT, Schema
from bridge.web.body import Body
from bridge.web.context import API_SCOPES, SERVICES
from bridge.web.contractors import NewContractor, NewEnd, NewMeetings
from bridge.web.corrections import NewText
from bridge.web.exports import FORMATS
from bridge.web.glossary import NewTerms
from bridge.web.invitees import NewInvitees
from bridge.web.meetings import MeetingChange, NewHost, NewInvite, NewMeeting, NewPartner, NewTime
from bridge.web.moderation import NewRole, NewRules
from bridge.web.revocations import NewRevocation
from bridge.web.tokens import NewToken
from bridge.web.waiting import Admission

VERSION = "1"
DOCUMENT = "/api/v1/openapi.json"

_ABOUT = """Meetings as Matrix rooms. Errors are always `errcode` and `error`, a sentence that says what to do.
API tokens are made here, with a session, and reach as far as their scopes and their person do."""
_ONE = "/api/v1/meetings/{meeting_id}"
_CALL = f"{_ONE}/transcripts/{{call_id}}"
_CONTRACTOR = "/api/v1/contractors/{contractor_id}"
_PERSON = f"{_ONE}/people/{{user_id}}"
_INVITES, _REVOKE = Scope.INVITES_WRITE, Scope.ACCESS_REVOKE
_READ, _WRITE = Scope.MEETINGS_READ, Scope.MEETINGS_WRITE
_REFUSALS = {
    "400": "The request is not as it should be.",
    "401": "No token, or one that has ended.",
    "403": "This person, or this API token, may not do it.",
    "404": "There is no such thing, or this person does not know of it.",
    "409": "As things stand this cannot be done.",
    "429": "Too many requests; `Retry-After` says how many seconds to wait.",
    "503": "Something that we need does not answer; nothing was changed.",
}
_DESCRIPTIONS = {
    "meeting_id": "A meeting's id.",
    "name": "A homeserver's name, or a user id.",
    "revocation_id": "A revocation's id.",
    "date": "The wall time by which the schedule names a date: 2026-12-24T18:00.",
    "user_id": "A Matrix user id.",
    "state": f"Some of {', '.join(state.value for state in MeetingState)}; all but archived ones without it.",
    "from": "What ends after this instant, or has no time.",
    "to": "What begins before this instant, or has no time.",
    "format": f"One of {', '.join(FORMATS)}.",
}


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one route. `scope` is what an API token needs; None: it takes a session only."""

    method: str
    path: str
    summary: str
    scope: Scope | None
    answer: str
    body: type[Body] | None = None
    status: int = 200
    query: tuple[str, ...] = ()
    media_type: str = "application/json"


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET", "/api/v1/meetings", "List one's meetings, newest first", _READ, "Meetings", query=("state", "from", "to")
    ),
    Operation("POST", "/api/v1/meetings", "Make a meeting", _WRITE, "Meeting", NewMeeting, 201),
    Operation("GET", _ONE, "Read a meeting", _READ, "Meeting"),
    Operation("PATCH", _ONE, "Change title, agenda or times", _WRITE, "Meeting", MeetingChange),
    Operation("DELETE", _ONE, "Delete a meeting, its room and what was said in it (organiser)", _WRITE, "Empty"),
    Operation("POST", f"{_ONE}/cancel", "Cancel a meeting with all its dates", _WRITE, "Meeting"),
    Operation("POST", f"{_ONE}/end", "End a meeting for all; a series goes on at its next date", _WRITE, "Meeting"),
    Operation("POST", f"{_ONE}/open", "Open a meeting before its time, or again", _WRITE, "Meeting"),
    Operation("POST", f"{_ONE}/archive", "Put an ended meeting away: to read only (organiser)", _WRITE, "Meeting"),
    Operation("PUT", f"{_ONE}/lock", "Let nobody new in by a link", _WRITE, "Meeting"),
    Operation("DELETE", f"{_ONE}/lock", "Let people in by links again", _WRITE, "Meeting"),
    Operation("GET", f"{_ONE}/dates", "List the dates that run or are to come", _READ, "Dates"),
    Operation("PATCH", f"{_ONE}/dates/{{date}}", "Move one date", _WRITE, "Meeting", NewTime),
    Operation("DELETE", f"{_ONE}/dates/{{date}}", "Cancel one date", _WRITE, "Meeting"),
    Operation(
        "GET",
        f"{_ONE}/host",
        "Follow what hosts have to know, as server-sent events: one whole snapshot a section",
        None,
        "Meeting",
        media_type="text/event-stream",
    ),
    Operation("GET", f"{_ONE}/waiting", "List who waits to be let in", _INVITES, "Waiting"),
    Operation(
        "POST", f"{_ONE}/waiting/admit", "Let in all who wait, or all from one place", _INVITES, "Done", Admission
    ),
    Operation("POST", f"{_ONE}/waiting/{{place_id}}/admit", "Let somebody in", _INVITES, "Done"),
    Operation("POST", f"{_ONE}/waiting/{{place_id}}/refuse", "Refuse somebody", _INVITES, "Done"),
    Operation("GET", f"{_ONE}/hosts", "List the hosts, the organiser first", _READ, "Hosts"),
    Operation("POST", f"{_ONE}/hosts", "Make somebody a host (organiser)", _WRITE, "Hosts", NewHost),
    Operation("DELETE", f"{_ONE}/hosts/{{user_id}}", "Make a host a member again (organiser)", _WRITE, "Hosts"),
    Operation("GET", f"{_ONE}/people", "List who is in the call, what they send and may send", _READ, "People"),
    Operation("POST", f"{_ONE}/people/mute", "Mute everybody who is no host", _WRITE, "Muted"),
    Operation("POST", f"{_PERSON}/mute", "Mute somebody; they may unmute themselves", _WRITE, "Muted"),
    Operation("PUT", f"{_PERSON}/role", "Make somebody a member, a speaker or a host", _WRITE, "Empty", NewRole),
    Operation("DELETE", _PERSON, "Take somebody out of the room and the call", _WRITE, "Empty"),
    Operation("GET", f"{_ONE}/rules", "Read what is forbidden to whom, and if members only listen", _READ, "Rules"),
    Operation("PATCH", f"{_ONE}/rules", "Change that; what is left out stays", _WRITE, "Rules", NewRules),
    Operation("GET", f"{_ONE}/barred", "List who may not come back", _READ, "Barred"),
    Operation("PUT", f"{_ONE}/barred/{{user_id}}", "Take somebody out for good", _WRITE, "Empty"),
    Operation("DELETE", f"{_ONE}/barred/{{user_id}}", "Let somebody come again", _WRITE, "Empty"),
    Operation("GET", f"{_ONE}/hands", "List the raised hands, the first one first", _READ, "Hands"),
    Operation("PUT", f"{_ONE}/hand", "Raise one's hand", None, "Hands"),
    Operation("DELETE", f"{_ONE}/hand", "Lower one's hand", None, "Hands"),
    Operation("POST", f"{_ONE}/hands/next", "Lower the first hand and let its owner speak", _WRITE, "NextHand"),
    Operation("DELETE", f"{_ONE}/hands/{{user_id}}", "Lower somebody's hand", _WRITE, "Hands"),
    Operation("GET", f"{_ONE}/invites", "List the links that still open", Scope.INVITES_WRITE, "Invites"),
    Operation(
        "POST",
        f"{_ONE}/invites",
        "Make a link; its url is shown once",
        Scope.INVITES_WRITE,
        "NewInviteLink",
        NewInvite,
        201,
    ),
    Operation("DELETE", "/api/v1/invites/{invite_id}", "Withdraw a link", Scope.INVITES_WRITE, "Empty"),
    Operation("GET", f"{_ONE}/guests", "List the guests who are in", Scope.INVITES_WRITE, "Guests"),
    Operation("DELETE", f"{_ONE}/guests/{{user_id}}", "Send a guest away", Scope.INVITES_WRITE, "Empty"),
    Operation(
        "GET",
        f"{_ONE}/access",
        "List what lets people in, the newest first: links, guests or partner organisations",
        _INVITES,
        "Accesses",
        query=("kind", "after"),
    ),
    Operation("GET", "/api/v1/contractors", "List the contractors one answers for", _INVITES, "Contractors"),
    Operation(
        "POST",
        "/api/v1/contractors",
        "Give somebody a pass; its url is shown once",
        _INVITES,
        "NewContractorLink",
        NewContractor,
        201,
    ),
    Operation("PUT", f"{_CONTRACTOR}/end", "Renew or shorten a pass", _INVITES, "Empty", NewEnd),
    Operation("PUT", f"{_CONTRACTOR}/meetings", "Say which meetings a pass opens", _INVITES, "Empty", NewMeetings),
    Operation("DELETE", _CONTRACTOR, "Withdraw a pass", _INVITES, "Empty"),
    Operation("GET", "/api/v1/calendar", "Tell since when one's calendar can be subscribed to", None, "Calendar"),
    Operation(
        "POST",
        "/api/v1/calendar",
        "Make a secret address to subscribe to; shown once, ends the one before",
        None,
        "CalendarAddress",
        status=201,
    ),
    Operation("DELETE", "/api/v1/calendar", "Withdraw that address", None, "Empty"),
    Operation("GET", f"{_ONE}/calendar.ics", "Read a meeting as iCalendar", _READ, "File", media_type="text/calendar"),
    Operation("GET", f"{_ONE}/invitees", "List those who are invited by mail", Scope.INVITES_WRITE, "Invitees"),
    Operation("POST", f"{_ONE}/invitees", "Invite people by mail", Scope.INVITES_WRITE, "Invitees", NewInvitees, 201),
    Operation(
        "DELETE", f"{_ONE}/invitees/{{invite_id}}", "Take a mailed invitation back", Scope.INVITES_WRITE, "Invitees"
    ),
    Operation("POST", f"{_ONE}/partners", "Invite a Matrix user", Scope.INVITES_WRITE, "Invitation", NewPartner),
    Operation(
        "GET",
        f"{_ONE}/captions",
        "Follow the captions as server-sent events",
        None,
        "Line",
        media_type="text/event-stream",
    ),
    Operation(
        "PATCH", f"{_ONE}/captions/{{segment_id}}", "Correct a caption", Scope.TRANSCRIPTS_WRITE, "Line", NewText
    ),
    Operation(
        "GET",
        f"{_ONE}/captions/{{segment_id}}/corrections",
        "Read what a caption said before",
        Scope.TRANSCRIPTS_READ,
        "Corrections",
    ),
    Operation(
        "GET",
        f"{_CALL}/paragraphs/{{paragraph_id}}/corrections",
        "Read what a paragraph said before",
        Scope.TRANSCRIPTS_READ,
        "Corrections",
    ),
    Operation("GET", f"{_ONE}/transcripts", "List a meeting's calls", Scope.TRANSCRIPTS_READ, "Calls"),
    Operation("GET", _CALL, "Read what was said in a call", Scope.TRANSCRIPTS_READ, "Transcript"),
    Operation(
        "GET",
        f"{_CALL}/export",
        "Download what was said in a call",
        Scope.TRANSCRIPTS_READ,
        "Transcript",
        query=("format", "tz", "lang"),
        media_type="*/*",
    ),
    Operation(
        "PATCH",
        f"{_CALL}/paragraphs/{{paragraph_id}}",
        "Correct a paragraph of a final transcript",
        Scope.TRANSCRIPTS_WRITE,
        "Line",
        NewText,
    ),
    Operation("GET", f"{_ONE}/glossary", "Read the meeting's names and terms", Scope.TRANSCRIPTS_READ, "Terms"),
    Operation("PUT", f"{_ONE}/glossary", "Write them", Scope.TRANSCRIPTS_WRITE, "Terms", NewTerms),
    Operation(
        "GET",
        "/api/v1/search",
        "Search what was said",
        Scope.TRANSCRIPTS_READ,
        "Hits",
        query=("q", "meeting", "person", "from_ms", "to_ms", "after"),
    ),
    Operation("GET", "/api/v1/tokens", "List one's API tokens", None, "Tokens"),
    Operation("POST", "/api/v1/tokens", "Make an API token; it is shown once", None, "NewTokenSecret", NewToken, 201),
    Operation("DELETE", "/api/v1/tokens/{token_id}", "Revoke an API token", None, "Empty"),
    Operation(
        "POST",
        "/api/v1/revocations",
        "Revoke something: all that it opened ends",
        _REVOKE,
        "Revocation",
        NewRevocation,
        201,
    ),
    Operation("GET", "/api/v1/revocations/{revocation_id}", "Tell how far a revocation is", _REVOKE, "Revocation"),
    Operation(
        "GET",
        "/api/v1/barred",
        "List homeservers and people who are let in nowhere (operators)",
        _REVOKE,
        "BarredNames",
    ),
    Operation("DELETE", "/api/v1/barred/{name}", "Let one of them in again (operators)", _REVOKE, "Empty"),
    Operation(
        "POST",
        "/api/v1/access",
        "Look through what lets people in anywhere: links, guests, organisations, sign-ins (operators)",
        _REVOKE,
        "Accesses",
        Search,
    ),
    Operation("GET", "/api/v1/sessions", "List where one is signed in", None, "Sessions"),
    Operation(
        "DELETE",
        "/api/v1/sessions",
        "Sign out everywhere, and end one's API tokens and calendar address",
        None,
        "Empty",
    ),
    Operation("DELETE", "/api/v1/sessions/{session_id}", "Sign out there", None, "Empty"),
)


def install(app: web.Application) -> None:
    """Serve the document, and tell `bridge.web.sessions` what a token needs where."""
    app[API_SCOPES] = {(known.method, known.path): known.scope for known in OPERATIONS if known.scope is not None}
    app.router.add_get(DOCUMENT, _document)


async def _document(request: web.Request) -> web.Response:
    url = request.app[SERVICES].settings.http.public_url
    return web.json_response(document(url), headers={"Cache-Control": "no-cache"})


def document(public_url: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document."""
    bodies: dict[str, Schema] = {}
    paths: dict[str, dict[str, Any]] = {}
    for known in OPERATIONS:
        paths.setdefault(known.path, {})[known.method.lower()] = _operation(known, bodies)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Passerelle",
            "version": VERSION,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": public_url}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS | bodies,
            "securitySchemes": {
                "session": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "What a sign-in or an invite link gave.",
                },
                "token": {"type": "http", "scheme": "bearer", "description": "An API token, with its scopes."},
            },
        },
    }


def _operation(known: Operation, bodies: dict[str, Schema]) -> dict[str, Any]:
    named = re.findall(r"{(\w+)}", known.path)
    schema = {"$ref": f"#/components/schemas/{known.answer}"}
    answer: dict[str, Any] = {
        "operationId": f"{known.method.lower()}{re.sub(r'[^a-z]+', '_', known.path.removeprefix('/api/v1'))}".strip(
            "_"
        ),
        "summary": known.summary,
        "security": [{"session": []}] + ([] if known.scope is None else [{"token": [known.scope.value]}]),
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": TEXT} | _described(name) for name in named),
            *({"name": name, "in": "query", "schema": TEXT} | _described(name) for name in known.query),
        ],
        "responses": {
            str(known.status): {"description": known.summary, "content": {known.media_type: {"schema": schema}}},
            **{status: _refusal(text) for status, text in _REFUSALS.items()},
        },
    }
    if known.body is not None:
        name = known.body.__name__
        made = known.body.model_json_schema(ref_template="#/components/schemas/{model}")
        bodies.update(made.pop("$defs", {}))
        bodies[name] = made
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
        answer["requestBody"] = {"required": True, "content": content}
    return answer


def _described(name: str) -> dict[str, str]:
    return {"description": _DESCRIPTIONS[name]} if name in _DESCRIPTIONS else {}


def _refusal(text: str) -> Mapping[str, Any]:
    schema = {"$ref": "#/components/schemas/Error"}
    return {"description": text, "content": {"application/json": {"schema": schema}}}
