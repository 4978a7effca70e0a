# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The API for our own parts (bots, operators) on the internal port, with one shared token."""

from __future__ import annotations

import secrets

from aiohttp import web
from pydantic import Field

from bridge.domain.display_name import clean_title
from bridge.domain.errors import Refused
from bridge.domain.names import MAX_ID, UserId, localpart_of, server_of
from bridge.domain.segments import Segment, as_json
from bridge.store import meetings, segments, translations
from bridge.web import admission, organizing
from bridge.web.body import NO_NUL, Body, Id, Millis, Short, read
from bridge.web.context import SERVICES
from bridge.web.errors import Handler
from bridge.web.meetings import NewInvite
from bridge.web.sessions import bearer_text

OPERATOR = "operator"
"""The actor of what is done with the internal token."""
MAX_STAFF = 100
"""People named at once when a meeting is made. Stops: a slip of a script filling the table."""
MAX_TEXT = 4000
"""Characters of one caption; people say about 15 a second. Stops: a runaway engine filling pages."""


class SegmentBody(Body):
    """A Segment as docs/ARCHITECTURE.md has it."""

    id: Id
    room_id: Id
    call_id: Short
    user_id: Id
    display_name: Short
    track_sid: Short
    start_ms: Millis
    end_ms: Millis
    text: str = Field(max_length=MAX_TEXT, pattern=NO_NUL)
    stable_chars: int = Field(ge=0, le=MAX_TEXT)
    lang: str = Field(max_length=16, pattern=NO_NUL)
    final: bool
    rev: int = Field(ge=0, lt=2**31)
    voice: str = Field("", max_length=32, pattern=NO_NUL)


class OperatorInvite(NewInvite):
    """A link made for somebody; `sponsor` answers for its guests, else the organiser does."""

    sponsor: Id | None = None


class OperatorMeeting(Body):
    """A meeting made in somebody's name; `staff` may open it besides."""

    title: str
    organizer: str = Field(max_length=MAX_ID)
    staff: list[Id] = Field(default=[], max_length=MAX_STAFF)


@web.middleware
async def internal_token(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let nobody near `/internal/` who does not hold the token."""
    if request.path.startswith("/internal/"):
        expected = request.app[SERVICES].settings.internal.token.get_secret_value()
        if not secrets.compare_digest(bearer_text(request).encode(), expected.encode()):
            raise Refused(403, "M_FORBIDDEN", "This needs the internal token.")
    return await handler(request)


def add_routes(app: web.Application) -> None:
    """Add the internal API."""
    app.router.add_put("/internal/v1/segments/{segment_id}", _put_segment)
    app.router.add_get("/internal/v1/rooms/{room_id}/calls/{call_id}/segments", _newest_segments)
    app.router.add_post("/internal/v1/meetings", _create_meeting)
    app.router.add_get("/internal/v1/meetings", _list_meetings)
    app.router.add_post("/internal/v1/meetings/{meeting_id}/invites", _create_invite)


async def _put_segment(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    body = await read(request, SegmentBody)
    if body.id != request.match_info["segment_id"] or body.end_ms < body.start_ms:
        raise Refused(400, "M_BAD_JSON", "The segment's id or times contradict each other.")
    segment = Segment(**body.model_dump())
    async with services.database.transaction() as tx:
        if await meetings.by_room(tx, segment.room_id) is None:
            raise Refused(404, "M_NOT_FOUND", "This room is no meeting.")
        changed = await segments.put(tx, segment)
        if changed is not None and not changed.text:
            await translations.forget(tx, segment.id)
    if changed is not None:
        services.hub.publish(changed)
    return web.json_response({"changed": changed is not None})


async def _newest_segments(request: web.Request) -> web.Response:
    """Tell a bot that comes back what it said before it died."""
    services = request.app[SERVICES]
    room_id, call_id = request.match_info["room_id"], request.match_info["call_id"]
    async with services.database.transaction() as tx:
        if "\x00" in room_id + call_id or await meetings.by_room(tx, room_id) is None:
            raise Refused(404, "M_NOT_FOUND", "This room is no meeting.")
        found = await segments.newest(tx, room_id, call_id)
    return web.json_response({"segments": [as_json(segment) for segment in found]})


async def _create_meeting(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    body = await read(request, OperatorMeeting)
    if any(server_of(user_id) is None for user_id in (body.organizer, *body.staff)):
        raise Refused(400, "M_BAD_JSON", "organizer and staff must be Matrix user ids.")
    meeting = await organizing.create(services, raw_title=body.title, organizer=UserId(body.organizer), actor=OPERATOR)
    async with services.database.transaction() as tx:
        for user_id in body.staff:
            await meetings.add_staff(tx, meeting.id, user_id, let_in_by=OPERATOR)
    return web.json_response(admission.meeting_json(services, meeting), status=201)


async def _list_meetings(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    title = request.query.get("title")
    async with services.database.transaction() as tx:
        found = await meetings.by_title(tx, None if title is None else clean_title(title))
    return web.json_response({"meetings": [admission.meeting_json(services, meeting) for meeting in found]})


async def _create_invite(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    meeting = await admission.meeting_by_id(services, request.match_info["meeting_id"])
    if meeting is None:
        raise Refused(404, "M_NOT_FOUND", "There is no such meeting.")
    body = await read(request, OperatorInvite)
    if body.sponsor is not None and localpart_of(body.sponsor, services.settings.homeserver.name) is None:
        raise Refused(400, "M_BAD_JSON", "sponsor must be a user of this homeserver.")
    created = await admission.create_invite(
        services,
        meeting,
        uses=body.uses,
        ttl_s=body.ttl_s,
        actor=OPERATOR,
        sponsor=None if body.sponsor is None else UserId(body.sponsor),
        raw_organisation=body.organisation,
        verify_email=body.verify_email,
    )
    return web.json_response(created, status=201)
