# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which guests are in a meeting, and how its hosts send one away."""

from __future__ import annotations

from aiohttp import web

from bridge.domain.errors import Refused
from bridge.domain.names import UserId
from bridge.domain.revocation import Kind
from bridge.store import guests
from bridge.web import revoking
from bridge.web.context import SERVICES
from bridge.web.meetings import require_host


def add_routes(app: web.Application) -> None:
    """Add what hosts do about guests."""
    app.router.add_get("/api/v1/meetings/{meeting_id}/guests", _list)
    app.router.add_delete("/api/v1/meetings/{meeting_id}/guests/{user_id}", _revoke)


async def _list(request: web.Request) -> web.Response:
    _, meeting = await require_host(request)
    async with request.app[SERVICES].database.transaction() as tx:
        there = await guests.present(tx, meeting.id)
    return web.json_response(
        {
            "guests": [
                {
                    "user_id": guest.user_id,
                    "display_name": guest.display_name,
                    "organisation": guest.organisation,
                    "sponsor": guest.sponsor,
                    "email": guest.email,
                    "since": guest.since.isoformat(timespec="seconds"),
                    "expires_at": guest.expires_at.isoformat(timespec="seconds"),
                }
                for guest in there
            ]
        },
        headers={"Cache-Control": "no-store"},
    )


async def _revoke(request: web.Request) -> web.Response:
    """Send one guest away: session, room, call and account end together. The link stays as it was."""
    services, user_id = request.app[SERVICES], UserId(request.match_info["user_id"])
    who, meeting = await require_host(request)
    async with services.database.transaction() as tx:
        if not await guests.is_in(tx, meeting.id, user_id):
            raise Refused(404, "M_NOT_FOUND", "There is no such guest in this meeting.")
    await revoking.revoke(services, Kind.GUEST, user_id, who.user_id)
    return web.json_response({})
