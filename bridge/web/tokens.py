# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Staff's API tokens over HTTP: made, listed and revoked with a session, never with another token."""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web
from pydantic import Field

from bridge.domain import scopes
from bridge.domain.errors import Refused
from bridge.domain.names import OUR_ID_BYTES
from bridge.domain.scopes import DEFAULT_DAYS, MAX_DAYS, PREFIX, TOKEN_BYTES, Scope
from bridge.store import tokens
from bridge.store.tokens import ApiToken
from bridge.web.body import Body, Short, read
from bridge.web.context import SERVICES
from bridge.web.limits import NEW_TOKENS
from bridge.web.sessions import require_staff


class NewToken(Body):
    """What a token is for and what it may do."""

    name: Short = Field(examples=["Room display, 2nd floor"])
    scopes: list[Short] = Field(min_length=1, max_length=len(Scope), examples=[["meetings:read"]])
    expires_in_days: int = Field(default=DEFAULT_DAYS, examples=[MAX_DAYS])


def add_routes(app: web.Application) -> None:
    """Add the tokens."""
    app.router.add_get("/api/v1/tokens", _list)
    app.router.add_post("/api/v1/tokens", _create)
    app.router.add_delete("/api/v1/tokens/{token_id}", _revoke)


async def _list(request: web.Request) -> web.Response:
    services, who = request.app[SERVICES], await require_staff(request)
    async with services.database.transaction() as tx:
        found = await tokens.of_user(tx, who.user_id)
    return web.json_response({"tokens": [_json(token) for token in found]})


async def _create(request: web.Request) -> web.Response:
    """Make a token; the answer is the only place that shows it."""
    services, who = request.app[SERVICES], await require_staff(request)
    body = await read(request, NewToken)
    services.limits.take(NEW_TOKENS, who.user_id)
    secret = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    async with services.database.transaction() as tx:
        token = await tokens.create(
            tx,
            secret,
            token_id=secrets.token_urlsafe(OUR_ID_BYTES),
            user_id=who.user_id,
            name=scopes.clean_name(body.name),
            scopes=_scopes(body.scopes),
            now=services.now(),
            lifetime=scopes.lifetime(body.expires_in_days),
        )
    return web.json_response(_json(token) | {"token": secret}, status=201, headers={"Cache-Control": "no-store"})


async def _revoke(request: web.Request) -> web.Response:
    services, who = request.app[SERVICES], await require_staff(request)
    async with services.database.transaction() as tx:
        if not await tokens.revoke(tx, request.match_info["token_id"], who.user_id):
            raise Refused(404, "M_NOT_FOUND", "There is no such token of yours.")
    return web.json_response({})


def _scopes(names: list[str]) -> frozenset[Scope]:
    try:
        return frozenset(Scope(name) for name in names)
    except ValueError:
        known = ", ".join(scope.value for scope in Scope)
        raise Refused(400, "M_BAD_JSON", f"scopes must be some of: {known}.") from None


def _json(token: ApiToken) -> dict[str, Any]:
    return {
        "id": token.id,
        "name": token.name,
        "scopes": sorted(scope.value for scope in token.scopes),
        "created_at": token.created_at.isoformat(timespec="seconds"),
        "expires_at": token.expires_at.isoformat(timespec="seconds"),
        "used_at": None if token.used_at is None else token.used_at.isoformat(timespec="seconds"),
    }
