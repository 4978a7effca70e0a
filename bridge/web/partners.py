# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The partner's door: invited on their own server, then a page that knows how far they are.

What the page asks again with is sealed and holds all there is to know, so a bridge that was restarted answers the same.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from aiohttp import web
from pydantic import Field

from bridge.domain.errors import Refused
from bridge.domain.lobby import Door, Place
from bridge.domain.names import MAX_ID, RoomId, UserId
from bridge.domain.partners import links, progress
from bridge.store import calls
from bridge.web import admission, lobby, secret_links
from bridge.web.body import Body, read
from bridge.web.context import SERVICES, Services
from bridge.web.invites import slow_down
from bridge.web.limits import PARTNER_LOOKS
from bridge.web.requester import address_of

WAIT = timedelta(hours=2)
"""Stops: a page that was left open telling for ever who is in a room."""
_SEALED_FOR = "partner"


class PartnerUser(Body):
    """Who the partner is on their own homeserver."""

    user_id: str = Field(max_length=MAX_ID)


def add_routes(app: web.Application) -> None:
    """Add the door, and what its page asks while it waits."""
    app.router.add_post("/j/{token}/partner", _enter)
    app.router.add_get("/j/{token}/partner/{ticket}", _look)


async def _enter(request: web.Request) -> web.Response:
    services, address = request.app[SERVICES], address_of(request)
    async with secret_links.even_refusals():
        invite = await admission.find_invite(services, request.match_info["token"], address)
        slow_down(services, invite)
        body = await read(request, PartnerUser)
        partner = admission.foreign_user(services, body.user_id)
        who, secret = lobby.arrival(request, Door.PARTNER, partner, invite_id=invite.id, user_id=partner)
        room_id = await admission.admit_partner(services, invite, partner, address, who)
    if isinstance(room_id, Place):
        return lobby.waiting_answer(request, services, room_id, secret)
    ticket = services.seal.close(
        {"for": _SEALED_FOR, "room": room_id, "user": partner, "until": (services.now() + WAIT).isoformat()}
    )
    known = {"room_id": room_id, "ticket": ticket, "progress": await _progress(services, room_id, partner)}
    answer = known | links(room_id, services.settings.homeserver.name)
    return web.json_response(answer, headers={"Cache-Control": "no-store"})


async def _look(request: web.Request) -> web.Response:
    """Tell how far the holder of a ticket is; the link itself may be used up or withdrawn by now."""
    services = request.app[SERVICES]
    services.limits.take(PARTNER_LOOKS, address_of(request))
    sealed = services.seal.open(request.match_info["ticket"])
    if sealed.get("for") != _SEALED_FOR or datetime.fromisoformat(sealed["until"]) <= services.now():
        raise Refused(404, "M_NOT_FOUND", "This page has waited too long. Please open the link again.")
    room_id, user_id = RoomId(sealed["room"]), UserId(sealed["user"])
    return web.json_response(
        {"progress": await _progress(services, room_id, user_id)}, headers={"Cache-Control": "no-store"}
    )


async def _progress(services: Services, room_id: RoomId, user_id: UserId) -> str:
    membership = await services.rooms.membership(room_id, user_id)
    async with services.database.transaction() as tx:
        in_call = await calls.is_let_in(tx, room_id, user_id)
    return progress(membership, in_call=in_call).value
