# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who is invited to a meeting by mail: hosts say so here, `bridge.web.mailing` tells them."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from aiohttp import web
from pydantic import Field

from bridge.domain.display_name import clean_display_name
from bridge.domain.errors import Refused
from bridge.domain.invitation import MAX_ADDRESS, clean_address
from bridge.domain.invites import MAX_USES, token_hash
from bridge.domain.languages import DEFAULT, Language
from bridge.domain.letters import MAX_AT_ONCE, MAX_INVITEES, NEVER, Invitee
from bridge.domain.lifecycle import MeetingState
from bridge.domain.meetings import Meeting
from bridge.domain.names import OUR_ID_BYTES, InviteId
from bridge.domain.recurrence import occurrences
from bridge.domain.revocation import Kind
from bridge.store import invitees, invites
from bridge.store.database import Connection
from bridge.web import revoking
from bridge.web.body import Body, Short, read
from bridge.web.context import SERVICES, Services
from bridge.web.limits import NEW_INVITEES
from bridge.web.mailing import link_ends, link_token
from bridge.web.meetings import require_host

USES_A_DATE = 5
"""How often one person's link is used up to come in as a guest, per date: a telephone, a browser that was closed."""


class NewInvitee(Body):
    """Somebody to write to, and in which language."""

    address: Annotated[str, Field(max_length=MAX_ADDRESS, examples=["claire@partner.example"])]
    name: Short = ""
    language: Language = DEFAULT


class NewInvitees(Body):
    """Whom to invite by mail."""

    people: Annotated[list[NewInvitee], Field(min_length=1, max_length=MAX_AT_ONCE)]


def add_routes(app: web.Application) -> None:
    """Add the people invited by mail."""
    one = "/api/v1/meetings/{meeting_id}/invitees"
    app.router.add_get(one, _list)
    app.router.add_post(one, _add)
    app.router.add_delete(f"{one}/{{invite_id}}", _withdraw)


async def _list(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    _, meeting = await require_host(request)
    return await _answer(services, meeting)


async def _add(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    who, meeting = await require_host(request)
    body = await read(request, NewInvitees)
    if services.settings.mail is None:
        raise Refused(
            409, "PASSERELLE_NO_MAIL", "Mail is not configured on this server. Copy the link and send it yourself."
        )
    _require_ahead(services, meeting)
    people = {(address := clean_address(one.address)).lower(): (address, one) for one in body.people}
    async with services.database.transaction() as tx:
        await tx.execute("SELECT true FROM meetings WHERE id = $1 FOR UPDATE", meeting.id)
        known = {invitee.address.lower() for invitee in await invitees.of_meeting(tx, meeting.id)}
        new = [person for key, person in people.items() if key not in known]
        if len(known) + len(new) > MAX_INVITEES:
            raise Refused(409, "PASSERELLE_TOO_MANY_INVITEES", f"At most {MAX_INVITEES} people are invited by mail.")
        for address, one in new:
            services.limits.take(NEW_INVITEES, who.user_id)
            await _invite(services, tx, meeting, address, one, who.user_id)
    services.mail_now()
    return await _answer(services, meeting, status=201)


async def _withdraw(request: web.Request) -> web.Response:
    """Take somebody's invitation back: their link opens no more, and they are told."""
    services = request.app[SERVICES]
    who, meeting = await require_host(request)
    invite_id = InviteId(request.match_info["invite_id"])
    async with services.database.transaction() as tx:
        if invite_id not in {invitee.invite_id for invitee in await invitees.of_meeting(tx, meeting.id)}:
            raise Refused(404, "M_NOT_FOUND", "Nobody is invited by this mail.")
    await revoking.revoke(services, Kind.LINK, invite_id, who.user_id)
    return await _answer(services, meeting)


async def _invite(
    services: Services, tx: Connection, meeting: Meeting, address: str, one: NewInvitee, actor: str
) -> None:
    now, invite_id = services.now(), InviteId(secrets.token_urlsafe(OUR_ID_BYTES))
    hashed = token_hash(link_token(services, invite_id))
    assert hashed is not None
    dates = 1 if meeting.schedule is None else len(occurrences(meeting.schedule, now))
    await invites.create(
        tx,
        invite_id=invite_id,
        meeting_id=meeting.id,
        token_hash=hashed,
        uses=min(MAX_USES, USES_A_DATE * dates),
        expires_at=link_ends(meeting.schedule, now),
        sponsor=actor,
        actor=actor,
    )
    name = clean_display_name(one.name) if one.name.strip() else ""
    await invitees.add(tx, Invitee(invite_id, meeting.id, address, name, one.language), actor)


def _require_ahead(services: Services, meeting: Meeting) -> None:
    """Refuse to invite to what is over."""
    schedule, state = meeting.schedule, meeting.life.state
    over = state in {MeetingState.ENDED, MeetingState.ARCHIVED}
    if over or (schedule is not None and not occurrences(schedule, services.now(), 1)):
        raise Refused(409, "PASSERELLE_MEETING_OVER", "This meeting is over. Give it another time first.")


async def _answer(services: Services, meeting: Meeting, *, status: int = 200) -> web.Response:
    async with services.database.transaction() as tx:
        found = await invitees.of_meeting(tx, meeting.id)
    answer = {"mail": services.settings.mail is not None, "invitees": [_json(invitee) for invitee in found]}
    return web.json_response(answer, status=status)


def _json(invitee: Invitee) -> dict[str, Any]:
    """Return an Invitee of the API; `state`: what is with the newest letter."""
    state = "failed" if invitee.given_up else "waiting" if invitee.waits or invitee.told == NEVER else "sent"
    return {
        "id": invitee.invite_id,
        "address": invitee.address,
        "name": invitee.name,
        "language": invitee.language,
        "state": state,
    }
