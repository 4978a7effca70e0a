# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Staff's meetings: list, make, open, invite to."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from bridge.domain.errors import Refused
from bridge.domain.invites import DEFAULT_TTL_S, DEFAULT_USES
from bridge.domain.meetings import Meeting
from bridge.domain.names import MAX_ID
from bridge.store import meetings
from bridge.store.sessions import Bearer
from bridge.web import admission
from bridge.web.body import Body, read
from bridge.web.context import SERVICES, Services
from bridge.web.limits import NEW_INVITES, NEW_MEETINGS
from bridge.web.sessions import STAFF, require, require_staff


class NewMeeting(Body):
    """What a meeting is called."""

    title: str


class NewInvite(Body):
    """For how many and for how long."""

    uses: int = DEFAULT_USES
    ttl_s: int = DEFAULT_TTL_S
    organisation: str = ""


class NewPartner(Body):
    """Whom to invite."""

    user_id: str = Field(max_length=MAX_ID)


def add_routes(app: web.Application) -> None:
    """Add the meetings."""
    app.router.add_get("/api/v1/meetings", _list)
    app.router.add_post("/api/v1/meetings", _create)
    app.router.add_get("/api/v1/meetings/{meeting_id}", _open)
    app.router.add_post("/api/v1/meetings/{meeting_id}/invites", _invite)
    app.router.add_post("/api/v1/meetings/{meeting_id}/partners", _partner)


async def _list(request: web.Request) -> web.Response:
    services, who = request.app[SERVICES], await require_staff(request)
    async with services.database.transaction() as tx:
        found = await meetings.of_staff(tx, who.user_id)
    return web.json_response({"meetings": [admission.meeting_json(services, meeting) for meeting in found]})


async def _create(request: web.Request) -> web.Response:
    services, who = request.app[SERVICES], await require_staff(request)
    body = await read(request, NewMeeting)
    services.limits.take(NEW_MEETINGS, who.user_id)
    meeting = await admission.create_meeting(services, raw_title=body.title, organizer=who.user_id, actor=who.user_id)
    return web.json_response(admission.meeting_json(services, meeting), status=201)


async def _open(request: web.Request) -> web.Response:
    """Answer the Meeting to whoever may open it, and bring staff into its room."""
    services = request.app[SERVICES]
    who = await require(request)
    meeting = await admission.meeting_by_id(services, request.match_info["meeting_id"])
    if meeting is None or not await may_open(services, who, meeting):
        raise _not_found()
    if who.door == STAFF:
        await admission.admit_staff(services, meeting, who.user_id)
    return web.json_response(admission.meeting_json(services, meeting))


async def may_open(services: Services, who: Bearer, meeting: Meeting) -> bool:
    """Tell whether somebody may open a meeting.

    A guest: their own. Staff: what they organise, were let into by its link, or are in by Matrix.
    """
    if who.door != STAFF:
        return who.meeting_id == meeting.id
    async with services.database.transaction() as tx:
        if await meetings.is_staff_of(tx, meeting, who.user_id):
            return True
    return await services.rooms.is_joined(meeting.room_id, who.user_id)


async def require_organizer(request: web.Request) -> tuple[Bearer, Meeting]:
    """Return the organiser who calls and the meeting, or refuse."""
    who = await require_staff(request)
    meeting = await admission.meeting_by_id(request.app[SERVICES], request.match_info["meeting_id"])
    if meeting is None:
        raise _not_found()
    if meeting.organizer != who.user_id:
        raise Refused(403, "M_FORBIDDEN", "Only the organiser of this meeting may do this.")
    return who, meeting


async def _invite(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    who, meeting = await require_organizer(request)
    body = await read(request, NewInvite)
    services.limits.take(NEW_INVITES, who.user_id)
    created = await admission.create_invite(
        services,
        meeting,
        uses=body.uses,
        ttl_s=body.ttl_s,
        actor=who.user_id,
        sponsor=who.user_id,
        raw_organisation=body.organisation,
    )
    return web.json_response(created, status=201, headers={"Cache-Control": "no-store"})


async def _partner(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    who, meeting = await require_organizer(request)
    body = await read(request, NewPartner)
    return web.json_response(await admission.invite_partner(services, meeting, body.user_id, who.user_id))


def _not_found() -> Refused:
    return Refused(
        404, "M_NOT_FOUND", "There is no such meeting, or you are not invited to it. Open it by its invite link."
    )
