# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The MatrixRTC authorisation service: who may join which call, asked by unmodified Element clients.

`POST /livekit/jwt/sfu/get` and `…/get_token` take a room and an OpenID token, and answer where the SFU is and a token
for it. Names and errors are those that clients know (lk-jwt-service 0.5); beyond it, the person must be in the room.
`…/delegate_delayed_leave` answers 404, which tells clients to end their membership themselves.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from aiohttp import web
from pydantic import Field

from bridge.domain import rtc_identity
from bridge.domain.errors import Refused, Unavailable
from bridge.domain.meetings import Meeting
from bridge.domain.names import MAX_ID, RoomId, UserId, is_device_id, is_room_id
from bridge.store import barred, calls, meetings, revocations
from bridge.store.calls import CallGrant
from bridge.web import call_rights, life
from bridge.web.body import Body, read
from bridge.web.context import SERVICES, Services
from bridge.web.errors import error_response
from bridge.web.limits import CALL_TOKENS, OPENID_FAILURES
from bridge.web.requester import address_of

_LOG = structlog.get_logger(__name__)


class OpenIdToken(Body):
    """What the client got from its homeserver."""

    access_token: str = Field(min_length=1)
    matrix_server_name: str = Field(min_length=1, max_length=MAX_ID)


class _Delegation(Body):
    delay_id: str | None = None
    delay_timeout: int | None = None


class SfuGet(_Delegation):
    """The body of `/sfu/get`."""

    room: str = Field(min_length=1, max_length=MAX_ID)
    openid_token: OpenIdToken
    device_id: str = Field(min_length=1, max_length=MAX_ID)


class Member(Body):
    """Who the client says it is in `/get_token`."""

    id: str = Field(min_length=1, max_length=MAX_ID)
    claimed_user_id: str = Field(min_length=1, max_length=MAX_ID)
    claimed_device_id: str = Field(min_length=1, max_length=MAX_ID)


class GetToken(_Delegation):
    """The body of `/get_token`."""

    room_id: str = Field(min_length=1, max_length=MAX_ID)
    slot_id: str = Field(min_length=1, max_length=MAX_ID)
    openid_token: OpenIdToken
    member: Member


def add_routes(app: web.Application) -> None:
    """Add the authorisation service."""
    app.router.add_post("/livekit/jwt/sfu/get", _sfu_get)
    app.router.add_post("/livekit/jwt/get_token", _get_token)
    for path in ("/livekit/jwt/sfu/get", "/livekit/jwt/get_token", "/livekit/jwt/delegate_delayed_leave"):
        app.router.add_options(path, _preflight)
    app.router.add_post("/livekit/jwt/delegate_delayed_leave", _no_delegation)
    app.router.add_get("/livekit/jwt/healthz", _healthz)  # HEAD comes with it


async def _preflight(request: web.Request) -> web.Response:
    del request
    return web.Response()


async def _healthz(request: web.Request) -> web.Response:
    del request
    return web.Response()


async def _no_delegation(request: web.Request) -> web.Response:
    del request
    return error_response(404, "M_UNRECOGNIZED", "This service does not take over delayed leaves.")


async def _sfu_get(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    services.limits.take(CALL_TOKENS, address_of(request))
    body = await read(request, SfuGet)
    _require_no_delegation(body)
    _require_names(body.room, body.device_id)
    if ":" in body.device_id:
        # Device `1:D` of @a:host would be taken for device `D` of @a:host:1, whose host is another's to run.
        raise Refused(400, "M_BAD_JSON", "device_id must not hold a colon. Sign in with another device id.")
    meeting, user_id = await _admit(request, RoomId(body.room), body.openid_token)
    identity = rtc_identity.plain_identity(user_id, body.device_id)
    return await _let_in(services, meeting, user_id, body.device_id, identity)


async def _get_token(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    services.limits.take(CALL_TOKENS, address_of(request))
    body = await read(request, GetToken)
    _require_no_delegation(body)
    member = body.member
    _require_names(body.room_id, member.claimed_device_id, member.id)
    if body.slot_id != rtc_identity.DEFAULT_SLOT:
        raise Refused(400, "M_BAD_JSON", f"A room has one call here: slot_id must be {rtc_identity.DEFAULT_SLOT}.")
    meeting, user_id = await _admit(request, RoomId(body.room_id), body.openid_token)
    if user_id != member.claimed_user_id:
        raise Refused(401, "M_UNAUTHORIZED", "The OpenID token belongs to somebody else than claimed_user_id.")
    identity = rtc_identity.hashed_identity(user_id, member.claimed_device_id, member.id)
    return await _let_in(services, meeting, user_id, member.claimed_device_id, identity)


def _require_no_delegation(body: _Delegation) -> None:
    if body.delay_id is not None or body.delay_timeout is not None:
        # Clients answer this one by asking again without the two fields.
        raise Refused(400, "M_BAD_JSON", "This service does not take over delayed leaves.")


def _require_names(room_id: str, *device_ids: str) -> None:
    if not is_room_id(room_id):
        raise Refused(400, "M_BAD_JSON", "room is no room id.")
    if not all(is_device_id(device_id) for device_id in device_ids):
        raise Refused(400, "M_BAD_JSON", "A device or member id must be visible text of at most 255 bytes.")


async def _admit(request: web.Request, room_id: RoomId, token: OpenIdToken) -> tuple[Meeting, UserId]:
    """Return the meeting and who asks, once their homeserver said so and our room has them as a member.

    A meeting that is not open yet, or over, opens to its hosts only.
    """
    services, address = request.app[SERVICES], address_of(request)
    services.limits.check(OPENID_FAILURES, address)
    async with services.database.transaction() as tx:
        meeting = await meetings.by_room(tx, room_id)
        if await barred.is_barred(tx, [token.matrix_server_name]):
            meeting = None
    if meeting is None:
        raise _not_in_room()  # before any other server is asked in a stranger's name
    try:
        user_id = await services.openid.user_of(token.matrix_server_name, token.access_token)
    except Refused:
        services.limits.count(OPENID_FAILURES, address)
        raise
    if not await services.rooms.is_joined(room_id, user_id):
        raise _not_in_room()
    await life.require_may_call(services, meeting, user_id)
    return meeting, user_id


def _not_in_room() -> Refused:
    return Refused(403, "M_FORBIDDEN", "Only people who are in the room may join its call. Join the room first.")


async def _let_in(services: Services, meeting: Meeting, user_id: UserId, device_id: str, identity: str) -> web.Response:
    room_id = meeting.room_id
    room = rtc_identity.livekit_room(room_id)
    try:
        made_at = await services.sfu.create_room(room)
        await _keep_out(services, room, made_at)
    except Unavailable:
        _LOG.warning("sfu_room_failed", room_id=room_id)
        return error_response(500, "M_UNKNOWN", "Unable to create room on SFU")
    async with services.database.transaction() as tx:
        await life.call_began(services, tx, meeting, user_id)
        await revocations.require_call(tx, meeting.id, user_id, device_id)
        await calls.grant(tx, CallGrant(room, identity), room_id=room_id, user_id=user_id, device_id=device_id)
    services.rights_now()
    now_s = int(services.now().timestamp())  # before the rights are read: a change meanwhile is newer than the token
    sources = call_rights.sources_of(services, await services.rooms.powers(room_id), user_id)
    jwt = services.sfu.token(room=room, identity=identity, now_s=now_s, sources=sources)
    return web.json_response({"url": services.sfu.public_url, "jwt": jwt}, headers={"Cache-Control": "no-store"})


async def _keep_out(services: Services, room: str, made_at: datetime) -> None:
    """Tell an SFU that was restarted whom it took out of this call before: their tokens may still live."""
    async with services.database.transaction() as tx:
        removed = await calls.removed_before(tx, room, made_at + timedelta(seconds=1))
    for identity in removed:
        await services.sfu.remove(room, identity)
