# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How is something revoked over HTTP, by whom, and how far is it? The same for pages, API tokens and operators.

Older addresses (a link's, a guest's, a pass's, a session's own DELETE) do the same and answer nothing.
"""

from __future__ import annotations

from aiohttp import web
from pydantic import Field

from bridge.domain.errors import Refused
from bridge.domain.meetings import Meeting
from bridge.domain.names import UserId, is_our_id
from bridge.domain.revocation import Kind, Revocation, Role, as_json, partners_of, require_may, require_subject
from bridge.store import barred, contractors, guests, invites, meetings, revocations, sessions
from bridge.store.sessions import Bearer
from bridge.web import revoking
from bridge.web.body import Body, Id, read
from bridge.web.context import SERVICES, Services
from bridge.web.limits import REVOCATIONS
from bridge.web.sessions import require_staff

OPERATOR = "operator"
"""The actor of what is done with the internal token."""


class NewRevocation(Body):
    """What to revoke: the id of a link, a pass or a session, a user id, a homeserver's name, or (`partners`) a
    meeting's id, a slash and a homeserver's name.
    """

    kind: Kind
    subject: Id = Field(examples=["partner.example"])


def add_routes(app: web.Application) -> None:
    """Add revocation for staff: hosts, sponsors, everybody for themselves, and operators."""
    app.router.add_post("/api/v1/revocations", _revoke)
    app.router.add_get("/api/v1/revocations/{revocation_id}", _look)
    app.router.add_get("/api/v1/barred", _barred)
    app.router.add_delete("/api/v1/barred/{name}", _let_in_again)


def add_internal_routes(app: web.Application) -> None:
    """Add the same for the internal token, which may all of it."""
    app.router.add_post("/internal/v1/revocations", _operators_revoke)
    app.router.add_get("/internal/v1/revocations/{revocation_id}", _operators_look)
    app.router.add_get("/internal/v1/barred", _operators_barred)
    app.router.add_delete("/internal/v1/barred/{name}", _operators_let_in_again)


def is_operator(services: Services, user_id: UserId) -> bool:
    """Tell whether the configuration names somebody as an operator."""
    return user_id in services.settings.operators.users


async def _roles_of(
    services: Services, who: UserId, kind: Kind, subject: str, meeting: Meeting | None
) -> frozenset[Role]:
    """Return why somebody may revoke this, which may belong to a meeting."""
    roles = {Role.OPERATOR} if is_operator(services, who) else set()
    async with services.database.transaction() as tx:
        if kind is Kind.CONTRACTOR and await contractors.lock(tx, subject, who) is not None:
            roles.add(Role.SPONSOR)
        elif (kind is Kind.DEVICE and await sessions.owner(tx, subject) == who) or (
            kind is Kind.EVERYWHERE and subject == who
        ):
            roles.add(Role.SELF)
    if meeting is not None and await services.rooms.is_host(meeting.room_id, who):
        roles.add(Role.HOST)
    return frozenset(roles)


async def _meeting_of(services: Services, kind: Kind, subject: str) -> Meeting | None:
    """Return the meeting whose hosts may revoke this, if there is one."""
    async with services.database.transaction() as tx:
        if kind is Kind.PARTNERS:
            return await meetings.by_id(tx, partners_of(subject)[0])
        if kind is Kind.GUEST:
            meeting_id = await guests.meeting_of(tx, subject)
        else:
            invite = await invites.by_id(tx, subject) if kind is Kind.LINK else None
            meeting_id = None if invite is None else invite.meeting_id
        return None if meeting_id is None else await meetings.by_id(tx, meeting_id)


async def revoke_as(services: Services, who: UserId, kind: Kind, subject: str) -> Revocation:
    """Revoke something in somebody's name, or refuse whoever may not."""
    services.limits.take(REVOCATIONS, who)
    require_subject(kind, subject, services.settings.homeserver.name)
    meeting = await _meeting_of(services, kind, subject)
    require_may(kind, await _roles_of(services, who, kind, subject, meeting))
    act = await revoking.revoke(services, kind, subject, who)
    if meeting is not None:
        services.watchers.tell(meeting.id)
    return act


async def _revoke(request: web.Request) -> web.Response:
    services, who = request.app[SERVICES], await require_staff(request)
    body = await read(request, NewRevocation)
    return _answer(await revoke_as(services, who.user_id, body.kind, body.subject), status=201)


async def _look(request: web.Request) -> web.Response:
    services, who = request.app[SERVICES], await require_staff(request)
    act = await _known(request)
    if act.actor != who.user_id and not is_operator(services, who.user_id):
        raise _not_found()
    return _answer(act)


async def _barred(request: web.Request) -> web.Response:
    await require_operator(request)
    return await _operators_barred(request)


async def _let_in_again(request: web.Request) -> web.Response:
    who = await require_operator(request)
    return await _let_in(request, who.user_id)


async def require_operator(request: web.Request) -> Bearer:
    """Return the operator who calls, or refuse (401, 403)."""
    who = await require_staff(request)
    if not is_operator(request.app[SERVICES], who.user_id):
        raise Refused(403, "M_FORBIDDEN", "Only an operator may do this. Ask who runs this server.")
    return who


async def _operators_revoke(request: web.Request) -> web.Response:
    body = await read(request, NewRevocation)
    act = await revoking.revoke(request.app[SERVICES], body.kind, body.subject, OPERATOR)
    return _answer(act, status=201)


async def _operators_look(request: web.Request) -> web.Response:
    return _answer(await _known(request))


async def _operators_barred(request: web.Request) -> web.Response:
    async with request.app[SERVICES].database.transaction() as tx:
        found = await barred.listed(tx)
    listed = [{"name": one.name, "by": one.by, "at": one.at.isoformat(timespec="seconds")} for one in found]
    return web.json_response({"barred": listed})


async def _operators_let_in_again(request: web.Request) -> web.Response:
    return await _let_in(request, OPERATOR)


async def _let_in(request: web.Request, actor: str) -> web.Response:
    services = request.app[SERVICES]
    async with services.database.transaction() as tx:
        if not await barred.let_in_again(tx, request.match_info["name"], actor=actor):
            raise Refused(404, "M_NOT_FOUND", "This name is not barred.")
    services.revoke_now()
    return web.json_response({})


async def _known(request: web.Request) -> Revocation:
    revocation_id = request.match_info["revocation_id"]
    async with request.app[SERVICES].database.transaction() as tx:
        act = await revocations.by_id(tx, revocation_id) if is_our_id(revocation_id) else None
    if act is None:
        raise _not_found()
    return act


def _not_found() -> Refused:
    return Refused(404, "M_NOT_FOUND", "There is no such revocation of yours.")


def _answer(act: Revocation, *, status: int = 200) -> web.Response:
    return web.json_response(as_json(act), status=status, headers={"Cache-Control": "no-store"})
