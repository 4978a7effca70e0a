# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Where am I signed in? One's own sessions, seen and ended from another of them."""

from __future__ import annotations

import contextlib

from aiohttp import web

from bridge.domain.errors import Refused
from bridge.domain.names import UserId
from bridge.domain.revocation import Kind
from bridge.store import sessions
from bridge.web import revoking
from bridge.web.context import SERVICES
from bridge.web.sessions import bearer_text, require_staff


def add_routes(app: web.Application) -> None:
    """Add the routes; API tokens reach none of them."""
    app.router.add_get("/api/v1/sessions", _list)
    app.router.add_delete("/api/v1/sessions", _end_all)
    app.router.add_delete("/api/v1/sessions/{session_id}", _end)


async def _list(request: web.Request) -> web.Response:
    services, who = request.app[SERVICES], await require_staff(request)
    async with services.database.transaction() as tx:
        own = await sessions.of_user(tx, who.user_id, services.now())
    current = sessions.id_of(bearer_text(request))
    return web.json_response(
        {
            "sessions": [
                {
                    "id": one.id,
                    "browser": one.agent,
                    "created_at": one.created_at.isoformat(),
                    "seen_at": one.seen_at.isoformat(),
                    "current": one.id == current,
                }
                for one in own
            ]
        }
    )


async def _end(request: web.Request) -> web.Response:
    services, who = request.app[SERVICES], await require_staff(request)
    session_id = request.match_info["session_id"]
    async with services.database.transaction() as tx:
        if await sessions.owner(tx, session_id) != who.user_id:
            raise Refused(404, "M_NOT_FOUND", "There is no such session, or it has ended.")
    await revoking.revoke(services, Kind.DEVICE, session_id, who.user_id)
    return web.json_response({})


async def _end_others(request: web.Request, user_id: UserId) -> web.Response:
    services, current = request.app[SERVICES], sessions.id_of(bearer_text(request))
    async with services.database.transaction() as tx:
        own = await sessions.of_user(tx, user_id, services.now())
    others = [one.id for one in own if one.id != current]
    for session_id in others:
        with contextlib.suppress(Refused):  # it ended by itself meanwhile
            await revoking.revoke(services, Kind.DEVICE, session_id, user_id)
    return web.json_response({"ended": len(others)})


async def _end_all(request: web.Request) -> web.Response:
    """Sign out everywhere: here, in every Matrix app, and by every API token and calendar address.

    With `?others` from every other session of ours alone, each with its Matrix device.
    """
    services, who = request.app[SERVICES], await require_staff(request)
    if "others" in request.query:
        return await _end_others(request, who.user_id)
    await revoking.revoke(services, Kind.EVERYWHERE, who.user_id, who.user_id)
    return web.json_response({})
