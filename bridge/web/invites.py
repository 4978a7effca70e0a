# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The doors behind an invite link: a guest's, a colleague's, a partner's. A page's GET uses nothing up."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from bridge.domain.errors import Refused
from bridge.domain.invites import require_open, unknown
from bridge.domain.names import MAX_ID
from bridge.store import guests, invites, sessions
from bridge.web import admission
from bridge.web.body import Body, read
from bridge.web.context import SERVICES
from bridge.web.limits import address_of
from bridge.web.sessions import require_staff


class GuestName(Body):
    """How the guest wants to be called, and where they come from."""

    display_name: str
    organisation: str = ""


class PartnerUser(Body):
    """Who the partner is on their own homeserver."""

    user_id: str = Field(max_length=MAX_ID)


def add_routes(app: web.Application) -> None:
    """Add the doors."""
    app.router.add_post("/j/{token}", _guest)
    app.router.add_post("/j/{token}/staff", _staff)
    app.router.add_post("/j/{token}/partner", _partner)
    app.router.add_delete("/api/v1/invites/{invite_id}", _revoke)


async def _guest(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    invite = await admission.find_invite(services, request.match_info["token"], address_of(request))
    body = await read(request, GuestName)
    session = await admission.admit_guest(services, invite, body.display_name, body.organisation)
    return web.json_response(session, headers={"Cache-Control": "no-store"})


async def _staff(request: web.Request) -> web.Response:
    """Let a member of staff in who was sent the link: they take no use of it, because uses count accounts."""
    services = request.app[SERVICES]
    who = await require_staff(request)
    invite = await admission.find_invite(services, request.match_info["token"], address_of(request))
    require_open(invite, services.now())
    meeting = await admission.meeting_by_id(services, invite.meeting_id)
    if meeting is None:
        raise unknown()  # deleted meanwhile
    await admission.require_staff_admission(services, meeting, who.user_id)
    await admission.admit_staff(services, meeting, who.user_id)
    return web.json_response(admission.meeting_json(services, meeting))


async def _partner(request: web.Request) -> web.Response:
    services, address = request.app[SERVICES], address_of(request)
    invite = await admission.find_invite(services, request.match_info["token"], address)
    body = await read(request, PartnerUser)
    return web.json_response(await admission.admit_partner(services, invite, body.user_id, address))


async def _revoke(request: web.Request) -> web.Response:
    """Withdraw a link: nobody comes in by it any more, and those who did are out."""
    services = request.app[SERVICES]
    who = await require_staff(request)
    invite = await admission.invite_by_id(services, request.match_info["invite_id"])
    meeting = None if invite is None else await admission.meeting_by_id(services, invite.meeting_id)
    if invite is None or meeting is None or not await services.rooms.is_host(meeting.room_id, who.user_id):
        raise Refused(404, "M_NOT_FOUND", "There is no such invite of yours.")
    async with services.database.transaction() as tx:
        await invites.revoke(tx, invite.id, who.user_id)
        await guests.revoke_of_invite(tx, invite.id)
        await sessions.end_of_invite(tx, invite.id)
    services.sweep_now()
    return web.json_response({})
