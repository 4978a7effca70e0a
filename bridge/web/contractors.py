# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Contractors: what their sponsor decides, and what their own link opens. Looking at the link uses nothing up."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Annotated, Any

from aiohttp import web
from pydantic import AwareDatetime, Field

from bridge.domain import contractors as domain
from bridge.domain.contractors import Contractor
from bridge.domain.display_name import clean_display_name, clean_organisation
from bridge.domain.errors import Refused
from bridge.domain.invites import TOKEN_BYTES, token_hash, unknown
from bridge.domain.lobby import Door, Place
from bridge.domain.meetings import Meeting
from bridge.domain.names import OUR_ID_BYTES, UserId, is_our_id
from bridge.domain.revocation import Kind
from bridge.store import contractors, guests, meetings
from bridge.store.database import Connection
from bridge.web import admission, lobby, revoking, secret_links
from bridge.web.body import Body, Id, read
from bridge.web.context import SERVICES
from bridge.web.limits import NEW_INVITES
from bridge.web.requester import address_of
from bridge.web.sessions import require_staff

MeetingIds = Annotated[list[Id], Field(max_length=domain.MAX_MEETINGS)]


class NewContractor(Body):
    """Who, from where, until when, and for which meetings."""

    display_name: str
    organisation: str = ""
    ends_at: AwareDatetime
    meetings: MeetingIds


class NewEnd(Body):
    """Until when."""

    ends_at: AwareDatetime


class NewMeetings(Body):
    """For which meetings."""

    meetings: MeetingIds


def add_routes(app: web.Application) -> None:
    """Add the sponsor's side and the contractor's."""
    app.router.add_get("/api/v1/contractors", _list)
    app.router.add_post("/api/v1/contractors", _create)
    app.router.add_put("/api/v1/contractors/{contractor_id}/end", _renew)
    app.router.add_put("/api/v1/contractors/{contractor_id}/meetings", _set_meetings)
    app.router.add_delete("/api/v1/contractors/{contractor_id}", _revoke)
    app.router.add_post("/c/{token}", _look)
    app.router.add_post("/c/{token}/{meeting_id}", _enter)


async def _list(request: web.Request) -> web.Response:
    services, who = request.app[SERVICES], await require_staff(request)
    async with services.database.transaction() as tx:
        mine = [
            _as_json(contractor, await contractors.meetings_of(tx, contractor))
            for contractor in await contractors.of_sponsor(tx, who.user_id)
        ]
    return web.json_response({"contractors": mine}, headers={"Cache-Control": "no-store"})


async def _create(request: web.Request) -> web.Response:
    """Give a pass; its url is shown this once."""
    services, who = request.app[SERVICES], await require_staff(request)
    body, now, policy = await read(request, NewContractor), services.now(), services.settings.guests.policy
    services.limits.take(NEW_INVITES, who.user_id)
    domain.require_end(body.ends_at, now)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    hashed = token_hash(token)
    assert hashed is not None
    contractor = Contractor(
        secrets.token_urlsafe(OUR_ID_BYTES),
        who.user_id,
        clean_display_name(body.display_name),
        clean_organisation(body.organisation),
        domain.begin(body.ends_at, now, policy),
        now,
        body.ends_at,
    )
    async with services.database.transaction() as tx:
        opened = await _own_meetings(tx, body.meetings, who.user_id)
        await contractors.create(tx, contractor, token_hash=hashed, meetings=opened, actor=who.user_id)
    url = f"{services.settings.http.public_url}/c/{token}"
    return web.json_response(
        _as_json(contractor, opened) | {"url": url}, status=201, headers={"Cache-Control": "no-store"}
    )


async def _renew(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    who, body = await require_staff(request), await read(request, NewEnd)
    domain.require_end(body.ends_at, services.now())
    async with services.database.transaction() as tx:
        contractor = await _own(tx, request, who.user_id)
        await contractors.renew(
            tx, contractor, body.ends_at, now=services.now(), policy=services.settings.guests.policy
        )
    return web.json_response({})


async def _set_meetings(request: web.Request) -> web.Response:
    """Say which meetings a pass opens; visits to others end."""
    services = request.app[SERVICES]
    who, body = await require_staff(request), await read(request, NewMeetings)
    async with services.database.transaction() as tx:
        contractor = await _own(tx, request, who.user_id)
        opened = await _own_meetings(tx, body.meetings, who.user_id)
        await contractors.set_meetings(tx, contractor, opened, actor=who.user_id)
        await guests.revoke_of_contractor(tx, contractor.id, but=[meeting.id for meeting in opened])
    services.revoke_now()
    return web.json_response({})


async def _revoke(request: web.Request) -> web.Response:
    """Withdraw a pass: the link opens nothing, and who is in by it is out."""
    services, who = request.app[SERVICES], await require_staff(request)
    async with services.database.transaction() as tx:
        contractor = await _own(tx, request, who.user_id)
    await revoking.revoke(services, Kind.CONTRACTOR, contractor.id, who.user_id)
    return web.json_response({})


async def _look(request: web.Request) -> web.Response:
    """Tell the holder of a link what it opens."""
    services = request.app[SERVICES]
    async with secret_links.even_refusals():
        contractor = await _of_link(request)
        domain.require_visit(contractor, services.now())
    async with services.database.transaction() as tx:
        opened = await contractors.meetings_of(tx, contractor)
    return web.json_response(_as_json(contractor, opened), headers={"Cache-Control": "no-store"})


async def _enter(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    async with secret_links.even_refusals():
        contractor = await _of_link(request)
        who, secret = lobby.arrival(
            request, Door.CONTRACTOR, contractor.display_name, contractor.organisation, contractor_id=contractor.id
        )
        session = await admission.admit_contractor(services, contractor, request.match_info["meeting_id"], who)
    if isinstance(session, Place):
        return lobby.waiting_answer(request, services, session, secret)
    return web.json_response(session, headers={"Cache-Control": "no-store"})


async def _of_link(request: web.Request) -> Contractor:
    """Return whose link this is; every wrong one is refused alike and counted, as invite links are."""
    services, token = request.app[SERVICES], request.match_info["token"]
    return await secret_links.find(services, token, address_of(request), contractors.by_token, unknown())


async def _own(tx: Connection, request: web.Request, sponsor: UserId) -> Contractor:
    contractor_id = request.match_info["contractor_id"]
    contractor = await contractors.lock(tx, contractor_id, sponsor) if is_our_id(contractor_id) else None
    if contractor is None:
        raise Refused(404, "M_NOT_FOUND", "There is no such contractor of yours.")
    return contractor


async def _own_meetings(tx: Connection, wanted: Sequence[str], sponsor: UserId) -> list[Meeting]:
    """Return the meetings that somebody may open to a contractor: those that they organise."""
    found = [await meetings.by_id(tx, meeting_id) for meeting_id in dict.fromkeys(wanted) if is_our_id(meeting_id)]
    own = [meeting for meeting in found if meeting is not None and meeting.organizer == sponsor]
    if len(own) != len(set(wanted)):
        raise Refused(404, "M_NOT_FOUND", "One of these meetings does not exist, or you do not organise it.")
    return own


def _as_json(contractor: Contractor, opened: Sequence[Meeting]) -> dict[str, Any]:
    return {
        "id": contractor.id,
        "display_name": contractor.display_name,
        "organisation": contractor.organisation,
        "sponsor": contractor.sponsor,
        "state": contractor.state.value,
        "ends_at": contractor.ends_at.isoformat(timespec="seconds"),
        "meetings": [{"id": meeting.id, "title": meeting.title} for meeting in opened],
    }
