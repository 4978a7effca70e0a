# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The queue before a meeting's doors, as those who stand in it see it: a place in a cookie, and one stream about it.

A door's POST answers 202 with the place while somebody has to wait; their page follows `…/wait`, and once it says
`admitted` asks the same door again, which then opens. The cookie is of this browser and this link alone, so a
reloaded page, and a bridge that was restarted, go on where they were.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta
from typing import Any

from aiohttp import web

from bridge.domain.audit import SYSTEM
from bridge.domain.errors import Refused
from bridge.domain.guests import GuestState
from bridge.domain.invites import TOKEN_BYTES, require_open, require_unspent, token_hash, unknown
from bridge.domain.lifecycle import require_admission
from bridge.domain.lobby import (
    AT_THE_DOOR,
    PASSES,
    Door,
    Place,
    PlaceEvent,
    PlaceState,
    due,
    is_early,
    must_wait,
)
from bridge.domain.meetings import Meeting
from bridge.domain.names import OUR_ID_BYTES, InviteId, MeetingId, UserId
from bridge.store import bars, guests, invites, lifecycle, lobby, meetings
from bridge.store.database import Connection
from bridge.store.lobby import Arrival
from bridge.web import cookies
from bridge.web.context import SERVICES, Services
from bridge.web.limits import LOBBY_LOOKS
from bridge.web.requester import address_of
from bridge.web.snapshots import Snapshots, follow

COOKIE = "place-"
COOKIE_AGE = timedelta(hours=12)

_THERE = frozenset((GuestState.PENDING, GuestState.ACTIVE))


def add_routes(app: web.Application) -> None:
    """Add what the page of somebody who waits asks."""
    for link in ("/j/{token}", "/c/{token}/{meeting_id}"):
        app.router.add_get(f"{link}/place", _look)
        app.router.add_delete(f"{link}/place", _leave)
        app.router.add_get(f"{link}/wait", _wait)


def cookie_name(request: web.Request) -> str:
    """Return the cookie of this link; its name says nothing about the link."""
    link = f"{request.match_info['token']}/{request.match_info.get('meeting_id', '')}"
    return COOKIE + hashlib.sha256(link.encode()).hexdigest()[:16]


def arrival(
    request: web.Request,
    door: Door,
    name: str,
    organisation: str = "",
    *,
    invite_id: InviteId | None = None,
    contractor_id: str | None = None,
    user_id: UserId | None = None,
    check_hash: bytes | None = None,
) -> tuple[Arrival, str]:
    """Return who comes, and the secret of their browser: the one that it holds, else a new one."""
    secret = cookies.held(request, cookie_name(request))
    hashed = token_hash(secret)
    if hashed is None:
        secret = secrets.token_urlsafe(TOKEN_BYTES)
        hashed = token_hash(secret)
        assert hashed is not None
    key = request.app[SERVICES].settings.homeserver.jwt_login_secret.get_secret_value().encode()
    address = hmac.digest(key, f"lobby {address_of(request)}".encode(), "sha256")[:16]
    who = Arrival(hashed, address, door, name, organisation, invite_id, contractor_id, user_id, check_hash)
    return who, secret


async def knock(
    tx: Connection, services: Services, meeting_id: MeetingId, who: Arrival
) -> tuple[Meeting, Place | None]:
    """Return the place of whoever comes to a door, in the state that it has now; None: nobody has to wait there.

    Refused: whoever would wait in vain, because the meeting is over or locked, the link used up, the queue full.
    """
    meeting = await meetings.by_id(tx, meeting_id)
    if meeting is None:
        raise unknown()  # deleted meanwhile: its links lead nowhere
    place = await _own_place(tx, services, meeting, who)
    if place is None or place.state not in PASSES:
        require_admission(meeting.life, locked=meeting.locked)
    if place is None:
        if not is_early(meeting.life, who.door) and not must_wait(meeting.lobby, who.door):
            return meeting, None
        if who.invite_id is not None and who.door is not Door.STAFF:
            invite = await invites.by_id(tx, who.invite_id)
            assert invite is not None
            require_unspent(invite, services.now())
        await lifecycle.lock(tx, meeting.id)  # of two who come at once, one counts the other
        place = await lobby.arrive(tx, secrets.token_urlsafe(OUR_ID_BYTES), meeting.id, who, services.now())
    return meeting, await _settle(tx, services, meeting, place)


async def _own_place(tx: Connection, services: Services, meeting: Meeting, who: Arrival) -> Place | None:
    """Return the place that this browser holds, if it is this person's and of use; another's is given up."""
    place = await lobby.by_secret(tx, who.secret_hash)
    if place is None:
        return None
    same = (place.meeting_id, place.door, place.name) == (meeting.id, who.door, who.name)
    if place.state is PlaceState.EXPIRED and same:
        return await lobby.come_back(tx, place, services.now())
    if place.state is PlaceState.ENTERED and place.user_id is not None and place.door is Door.GUEST:
        same = same and await guests.state_of(tx, place.user_id) in _THERE  # who was sent away waits anew
    if same and place.state is not PlaceState.LEFT:
        return place
    await lobby.give_up(tx, place, now=services.now())
    return None


async def _settle(tx: Connection, services: Services, meeting: Meeting, place: Place) -> Place:
    """Let happen to a place what the meeting, as it is now, brings about."""
    while (event := due(place, meeting.life, meeting.lobby, locked=meeting.locked)) is not None:
        place = await lobby.happen(tx, place, event, actor=SYSTEM, now=services.now())
    return place


async def entered(tx: Connection, services: Services, place: Place, user_id: UserId) -> None:
    """Write down that whoever was admitted is in; refused (409) where a host thought better of it meanwhile."""
    known = await lobby.by_id(tx, place.id)
    if known is None or known.user_id != place.user_id:
        raise Refused(409, "PASSERELLE_LOBBY_STATE", "You came in by another window of this browser.")
    await lobby.happen(tx, known, PlaceEvent.ENTERED, actor=user_id, now=services.now(), user_id=user_id)


def waiting_answer(request: web.Request, services: Services, place: Place, secret: str) -> web.Response:
    """Return the answer of a door before which somebody has to wait, with their place in a cookie."""
    services.watchers.tell(place.meeting_id)
    if place.state is PlaceState.WAITING:
        services.bot_now()
    response = web.json_response({"place": _brief(place)}, status=202, headers={"Cache-Control": "no-store"})
    cookies.give(request, response, cookie_name(request), secret, COOKIE_AGE, same_site="Strict")
    return response


def _brief(place: Place) -> dict[str, Any]:
    return {
        "state": place.state.value,
        "door": place.door.value,
        "name": place.name,
        "organisation": place.organisation,
    }


async def _own(request: web.Request, tx: Connection) -> Place | None:
    hashed = token_hash(cookies.held(request, cookie_name(request)))
    return None if hashed is None else await lobby.by_secret(tx, hashed)


async def known_check(request: web.Request) -> bytes | None:
    """Return by what this browser's place in the queue has shown whose mail address it is."""
    async with request.app[SERVICES].database.transaction() as tx:
        place = await _own(request, tx)
    return None if place is None else place.check_hash


async def _held(request: web.Request, tx: Connection) -> Place:
    """Return the place of this browser at this link, or refuse (404)."""
    place = await _own(request, tx)
    if place is None:
        raise Refused(404, "PASSERELLE_NO_PLACE", "You are not waiting here. Please open your link again.")
    return place


async def _look(request: web.Request) -> web.Response:
    """Answer a page that was opened or reloaded: whether this browser waits here, and as whom."""
    services = request.app[SERVICES]
    services.limits.take(LOBBY_LOOKS, address_of(request))
    async with services.database.transaction() as tx:
        place = await _own(request, tx)
    return web.json_response({"place": None if place is None else _brief(place)}, headers={"Cache-Control": "no-store"})


async def _leave(request: web.Request) -> web.Response:
    """Give a place up, by its own hand."""
    services = request.app[SERVICES]
    async with services.database.transaction() as tx:
        place = await _held(request, tx)
        await lobby.give_up(tx, place, now=services.now())
    services.watchers.tell(place.meeting_id)
    services.bot_now()
    response = web.json_response({})
    cookies.take_away(request, response, cookie_name(request))
    return response


async def _wait(request: web.Request) -> web.StreamResponse:
    """Tell a page how the wait goes, until it is over: one snapshot `place`, whenever it differs."""
    services = request.app[SERVICES]
    services.limits.take(LOBBY_LOOKS, address_of(request))
    async with services.database.transaction() as tx:
        place = await _held(request, tx)
        if place.state is PlaceState.EXPIRED:
            await lobby.come_back(tx, place, services.now())
    over = False

    async def read() -> Snapshots | None:
        nonlocal over
        if over:
            return None
        snapshot = await _snapshot(services, place.id)
        over = snapshot["state"] in {"left", "entered", "expired", "over"}
        return {"place": snapshot}

    with services.watchers.watch(place.meeting_id, place.id) as watcher:
        return await follow(request, watcher, read)


async def _snapshot(services: Services, place_id: str) -> dict[str, Any]:
    """Move a place on and say how it stands; `over` with the reason where waiting is of no use any more."""
    async with services.database.transaction() as tx:
        place = await lobby.by_id(tx, place_id)
        meeting = None if place is None else await meetings.by_id(tx, place.meeting_id)
        if place is None or meeting is None:
            return {"state": "over", "errcode": "PASSERELLE_MEETING_OVER", "ask": ""}
        try:
            if place.state in AT_THE_DOOR:
                require_admission(meeting.life, locked=False)
                await _require_way_in(tx, services, place)
        except Refused as refused:
            await lobby.happen(tx, place, PlaceEvent.EXPIRED, actor=SYSTEM, now=services.now())
            return {"state": "over", "errcode": refused.errcode, "ask": await _ask(services, meeting, place)}
        await lobby.seen(tx, place.id, services.now())
        before = place.state
        place = await _settle(tx, services, meeting, place)
        where, of = await lobby.position(tx, place)
    if place.state is not before:
        services.watchers.tell(meeting.id)
        services.bot_now()
    return _brief(place) | {
        "title": meeting.title,
        "position": where,
        "waiting": of,
        "locked": meeting.locked,
        "starts_at": None if meeting.life.starts_at is None else meeting.life.starts_at.isoformat(timespec="seconds"),
        "host": place.state is PlaceState.WAITING and await _host_is_there(services, meeting),
        "since": place.since.isoformat(timespec="seconds"),
        "ask": await _ask(services, meeting, place) if place.state is PlaceState.REFUSED else "",
    }


async def _host_is_there(services: Services, meeting: Meeting) -> bool:
    """Tell whether a host is in the call, or has the hosts' page open."""
    return services.watchers.host_watches(meeting.id) or await services.presence.host_in_call(meeting)


async def _require_way_in(tx: Connection, services: Services, place: Place) -> None:
    """Refuse whoever would wait in vain, because their link is over, used up or shut, or they are barred."""
    if place.invite_id is not None:
        invite = await invites.by_id(tx, place.invite_id)
        if invite is None:
            raise unknown()
        (require_open if place.door is Door.STAFF else require_unspent)(invite, services.now())
    if place.door is not Door.STAFF:
        await bars.require_free(tx, place.meeting_id, invite_id=place.invite_id, contractor_id=place.contractor_id)
    if place.user_id is not None:
        await bars.require_free(tx, place.meeting_id, user_id=place.user_id)


async def _ask(services: Services, meeting: Meeting, place: Place) -> str:
    """Return the name of who answers for somebody: whom to ask when the door stays shut."""
    return await services.rooms.display_name(meeting.room_id, place.sponsor or meeting.organizer)
