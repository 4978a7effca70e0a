# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The doors behind an invite link: a guest's and a colleague's. A page's GET uses nothing up."""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from bridge.domain.display_name import clean_display_name, clean_organisation
from bridge.domain.errors import Refused
from bridge.domain.invites import Invite, require_open, require_unspent, unknown
from bridge.domain.lobby import Door, Place, must_wait
from bridge.domain.meetings import Meeting
from bridge.domain.names import MAX_ID, UserId
from bridge.domain.revocation import Kind
from bridge.web import admission, guest_mail, lobby, revoking, seats, secret_links
from bridge.web.body import Body, read
from bridge.web.context import SERVICES, Services
from bridge.web.guest_mail import Proof
from bridge.web.limits import SEATS, SPENT_LINKS
from bridge.web.requester import address_of
from bridge.web.sessions import require_staff


class GuestName(Body):
    """How the guest wants to be called, and where they come from."""

    display_name: str
    organisation: str = ""
    email: Proof | None = None
    account: str = Field(default="", max_length=MAX_ID)
    """Of the seat that their page asked for before."""


def add_routes(app: web.Application) -> None:
    """Add the doors."""
    app.router.add_post("/j/{token}", _guest)
    app.router.add_post("/j/{token}/seat", _seat)
    app.router.add_post("/j/{token}/staff", _staff)
    app.router.add_delete("/api/v1/invites/{invite_id}", _revoke)


async def _guest(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    async with secret_links.even_refusals():
        invite = await admission.find_invite(services, request.match_info["token"], address_of(request))
        slow_down(services, invite)
        body = await read(request, GuestName)
        name = clean_display_name(body.display_name)
        organisation = invite.organisation or clean_organisation(body.organisation)
        check = await guest_mail.prove(services, invite, body.email, lambda: lobby.known_check(request))
        shown = None if check is None else check.check_hash
        who, secret = lobby.arrival(request, Door.GUEST, name, organisation, invite_id=invite.id, check_hash=shown)
        session = await admission.admit_guest(services, invite, who, check, body.account)
    if isinstance(session, Place):
        return lobby.waiting_answer(request, services, session, secret)
    return web.json_response(session, headers={"Cache-Control": "no-store"})


async def _seat(request: web.Request) -> web.Response:
    """Tell a page for whom it may start Element Call while the guest types a name; nothing is used up."""
    services, address = request.app[SERVICES], address_of(request)
    services.limits.take(SEATS, address)
    async with secret_links.even_refusals():
        invite = await admission.find_invite(services, request.match_info["token"], address)
        slow_down(services, invite)
        seat = await seats.propose(services, invite, must_verify=guest_mail.asks(services, invite))
    return web.json_response({"seat": seat}, headers={"Cache-Control": "no-store"})


async def _staff(request: web.Request) -> web.Response:
    """Let a member of staff in who was sent the link: they take no use of it, because uses count accounts."""
    services = request.app[SERVICES]
    who = await require_staff(request)
    invite = await admission.find_invite(services, request.match_info["token"], address_of(request))
    require_open(invite, services.now())
    meeting = await admission.meeting_by_id(services, invite.meeting_id)
    if meeting is None:
        raise unknown()  # deleted meanwhile
    name = await _staff_name(services, meeting, who.user_id)
    arrival, secret = lobby.arrival(request, Door.STAFF, name, invite_id=invite.id, user_id=who.user_id)
    if (place := await admission.staff_place(services, meeting, arrival)) is not None:
        return lobby.waiting_answer(request, services, place, secret)
    await admission.admit_staff(services, meeting, who.user_id)
    return web.json_response(admission.meeting_json(services, meeting))


async def _staff_name(services: Services, meeting: Meeting, user_id: UserId) -> str:
    """Return what hosts know a colleague by; only a queue asks for it."""
    waits = must_wait(meeting.lobby, Door.STAFF)
    return await services.accounts.display_name(user_id) if waits else user_id


def slow_down(services: Services, invite: Invite) -> None:
    """Refuse (429) who asks again and again for a link that is spent; links that open are never slowed down."""
    try:
        require_unspent(invite, services.now())
    except Refused:
        services.limits.take(SPENT_LINKS, invite.meeting_id)


async def _revoke(request: web.Request) -> web.Response:
    """Withdraw a link: nobody comes in by it any more, and those who did are out."""
    services = request.app[SERVICES]
    who = await require_staff(request)
    invite = await admission.invite_by_id(services, request.match_info["invite_id"])
    meeting = None if invite is None else await admission.meeting_by_id(services, invite.meeting_id)
    if invite is None or meeting is None or not await services.rooms.is_host(meeting.room_id, who.user_id):
        raise Refused(404, "M_NOT_FOUND", "There is no such invite of yours.")
    await revoking.revoke(services, Kind.LINK, invite.id, who.user_id)
    services.watchers.tell(meeting.id)
    return web.json_response({})
