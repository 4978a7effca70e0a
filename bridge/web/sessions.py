# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who calls our API: bearers, and the Session that a door hands out."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from aiohttp import web

from bridge.domain.errors import Refused
from bridge.domain.meetings import Meeting, as_json
from bridge.domain.scopes import is_token, require_scope
from bridge.matrix.accounts import MatrixSession
from bridge.store import sessions, tokens
from bridge.store.database import Connection
from bridge.store.sessions import Bearer
from bridge.web.context import API_SCOPES, SERVICES, Services
from bridge.web.limits import API_CALLS

STAFF = "staff"
GUEST = "guest"

MAX_BEARER = 256
"""Characters. Stops: hashing pages of text."""


def bearer_text(request: web.Request) -> str:
    """Return the bearer token of a request, from the header alone; "" when there is none."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and len(token) <= MAX_BEARER else ""


async def require(request: web.Request) -> Bearer:
    """Return who calls, or refuse (401)."""
    services, token = request.app[SERVICES], bearer_text(request)
    if not token:
        raise Refused(401, "M_MISSING_TOKEN", "Please sign in, or open your invite link again.")
    if is_token(token):
        return await _holder(request, token)
    async with services.database.transaction() as tx:
        who = await sessions.find(tx, token, services.now())
    if who is None:
        raise Refused(401, "M_UNKNOWN_TOKEN", "Your session has ended. Please sign in, or open your invite link again.")
    return who


async def _holder(request: web.Request, secret: str) -> Bearer:
    """Return whose API token this is, when it lives, is not too busy, and reaches this route."""
    services = request.app[SERVICES]
    async with services.database.transaction() as tx:
        token = await tokens.find(tx, secret, services.now())
    if token is None:
        raise Refused(401, "M_UNKNOWN_TOKEN", "This API token has ended or was revoked. Please make another one.")
    services.limits.take(API_CALLS, token.id)
    resource = request.match_info.route.resource
    route = (request.method.replace("HEAD", "GET"), "" if resource is None else resource.canonical)
    require_scope(token.scopes, request.app[API_SCOPES].get(route))
    return Bearer(token.user_id, STAFF, None, token.scopes)


async def require_staff(request: web.Request) -> Bearer:
    """Return the member of staff who calls, or refuse (401, 403)."""
    who = await require(request)
    if who.door != STAFF:
        raise Refused(403, "M_FORBIDDEN", "Only staff may do this. Please sign in.")
    return who


async def open_session(
    tx: Connection,
    services: Services,
    matrix: MatrixSession,
    *,
    display_name: str,
    door: str,
    meeting: Meeting | None,
    expires_at: datetime,
    organization: str = "",
    idle_s: int = 0,
    kept: str = "",
    agent: str = "",
) -> dict[str, Any]:
    """Write a bearer down and return the Session of docs/ARCHITECTURE.md, which is the only place that shows it."""
    token = secrets.token_urlsafe(32)
    more: dict[str, str | bool] = {"organization": organization} if organization else {}
    if matrix.user_id in services.settings.operators.users:
        more["operator"] = True  # a page is offered to them; each request is judged anew
    await sessions.create(
        tx,
        token,
        user_id=matrix.user_id,
        door=door,
        meeting_id=None if meeting is None else meeting.id,
        expires_at=expires_at,
        now=services.now(),
        idle_s=idle_s,
        kept=kept,
        agent=agent,
        device_id=matrix.device_id,
    )
    settings = services.settings
    return {
        "token": token,
        "user": {"id": matrix.user_id, "display_name": display_name, "door": door, **more},
        "matrix": {
            "user_id": matrix.user_id,
            "device_id": matrix.device_id,
            "access_token": matrix.access_token,
            "base_url": settings.homeserver.client_url,
            "server_name": settings.homeserver.name,
        },
        "meeting": None if meeting is None else as_json(meeting, settings.http.public_url),
    }
