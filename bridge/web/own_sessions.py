# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Where am I signed in? One's own sessions, seen and ended from another of them."""

from __future__ import annotations

from aiohttp import web

from bridge.domain.audit import Action, AuditRow
from bridge.domain.errors import Refused
from bridge.store import audit, sessions
from bridge.web.context import SERVICES
from bridge.web.sessions import bearer_text, require_staff


def add_routes(app: web.Application) -> None:
    """Add the routes; API tokens reach none of them."""
    app.router.add_get("/api/v1/sessions", _list)
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
    async with services.database.transaction() as tx:
        ended = await sessions.end_one(tx, who.user_id, request.match_info["session_id"])
        if ended:
            await audit.append(tx, AuditRow(who.user_id, Action.STAFF_SIGNED_OUT, who.user_id))
    if not ended:
        raise Refused(404, "M_NOT_FOUND", "There is no such session, or it has ended.")
    services.sweep_now()
    return web.json_response({})
