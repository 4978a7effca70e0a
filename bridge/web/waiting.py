# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The queue before a meeting's doors, as its hosts see it: who waits and from where, and what hosts say to them.

The page of the hosts, the API and the bot all decide by `decide`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web
from pydantic import Field

from bridge.domain.errors import Refused
from bridge.domain.invites import require_use
from bridge.domain.lobby import Door, Place, PlaceEvent, is_away
from bridge.domain.meetings import Meeting
from bridge.domain.names import UserId, server_of
from bridge.store import invites, lobby
from bridge.store.database import Connection
from bridge.web.body import Body, Short, read
from bridge.web.context import SERVICES, Services
from bridge.web.meetings import require_host


class Admission(Body):
    """Whom to let in: everybody who waits now, or those from one organisation or homeserver."""

    organisation: Short = Field(default="", examples=["partner.example"])


def add_routes(app: web.Application) -> None:
    """Add what hosts do about who waits."""
    one = "/api/v1/meetings/{meeting_id}/waiting"
    app.router.add_get(one, _list)
    app.router.add_post(f"{one}/admit", _admit_all)
    app.router.add_post(f"{one}/{{place_id}}/admit", _admit)
    app.router.add_post(f"{one}/{{place_id}}/refuse", _refuse)


async def section(services: Services, meeting: Meeting) -> dict[str, Any]:
    """Return who waits, for the hosts' page."""
    return {"lobby": meeting.lobby.value, "waiting": await listed(services, meeting)}


async def listed(services: Services, meeting: Meeting) -> list[dict[str, Any]]:
    """Return who waits, in order."""
    async with services.database.transaction() as tx:
        there = await lobby.waiting(tx, meeting.id)
    return [_json(place, away=is_away(place, services.now())) for place in there]


def from_where(place: Place) -> str:
    """Return where somebody comes from: the organisation that a link or they themselves named, or their homeserver."""
    return place.organisation or (server_of(place.user_id or "") or "" if place.door is Door.PARTNER else "")


def _json(place: Place, *, away: bool) -> dict[str, Any]:
    return {
        "id": place.id,
        "number": place.number,
        "display_name": place.name,
        "organisation": from_where(place),
        "email": place.email,
        "door": place.door.value,
        "sponsor": place.sponsor,
        "user_id": place.user_id,
        "since": place.since.isoformat(timespec="seconds"),
        "away": away,
    }


async def decide(
    services: Services, meeting: Meeting, actor: UserId, event: PlaceEvent, which: Sequence[str] | None
) -> list[Place]:
    """Admit or refuse some places of a meeting, or (None) all that wait; return those for whom that was possible.

    Of one who is named alone it is said why not (404, 409, 410).
    """
    done: list[Place] = []
    async with services.database.transaction() as tx:
        for place in await _named(tx, meeting, which):
            try:
                done.append(await _decide(tx, services, place, event, actor))
            except Refused:
                if which is not None and len(which) == 1:
                    raise
    services.watchers.tell(meeting.id)
    services.bot_now()
    return done


async def _named(tx: Connection, meeting: Meeting, which: Sequence[str] | None) -> list[Place]:
    if which is None:
        return await lobby.waiting(tx, meeting.id)
    found = [await lobby.by_id(tx, place_id) for place_id in sorted(which)]
    places = [place for place in found if place is not None and place.meeting_id == meeting.id]
    if not places:
        raise Refused(404, "M_NOT_FOUND", "Nobody waits under this name any more.")
    return sorted(places, key=lambda place: place.number)


async def _decide(tx: Connection, services: Services, place: Place, event: PlaceEvent, actor: UserId) -> Place:
    if event is PlaceEvent.ADMITTED and place.invite_id is not None and place.door is not Door.STAFF:
        invite = await invites.lock(tx, place.invite_id)
        require_use(invite, services.now(), promised=await lobby.promised(tx, place.invite_id))
    return await lobby.happen(tx, place, event, actor=actor, now=services.now())


async def _list(request: web.Request) -> web.Response:
    _, meeting = await require_host(request)
    found = await listed(request.app[SERVICES], meeting)
    return web.json_response({"waiting": found}, headers={"Cache-Control": "no-store"})


async def _admit_all(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    who, meeting = await require_host(request)
    body = await read(request, Admission)
    which = None
    if body.organisation:
        async with services.database.transaction() as tx:
            there = await lobby.waiting(tx, meeting.id)
        which = [place.id for place in there if from_where(place) == body.organisation]
    done = [] if which == [] else await decide(services, meeting, who.user_id, PlaceEvent.ADMITTED, which)
    return web.json_response({"done": len(done)})


async def _admit(request: web.Request) -> web.Response:
    return await _one(request, PlaceEvent.ADMITTED)


async def _refuse(request: web.Request) -> web.Response:
    return await _one(request, PlaceEvent.REFUSED)


async def _one(request: web.Request, event: PlaceEvent) -> web.Response:
    who, meeting = await require_host(request)
    await decide(request.app[SERVICES], meeting, who.user_id, event, [request.match_info["place_id"]])
    return web.json_response({"done": 1})
