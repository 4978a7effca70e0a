# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The lobby as far as pages ask for it: links named after the state of a place, and a queue of two for the hosts."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

_SINCE = "2026-11-22T09:00:00+00:00"
_WAITER = {"door": "guest", "sponsor": "@marie:here", "user_id": None, "email": "", "since": _SINCE, "away": False}
QUEUE = [
    _WAITER
    | {
        "id": "p1",
        "number": 1,
        "display_name": "Ana Silva",
        "organisation": "Port of Lyon",
        "email": "ana@port.example",
    },
    _WAITER | {"id": "p2", "number": 2, "display_name": "Bob", "organisation": "", "away": True},
]
STATES = ("early", "waiting", "refused")


class SmallLobby:
    """Streams that say one thing and stay open."""

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/j/{token}/place", self._place),
            web.get("/j/{token}/wait", self._wait),
            web.get("/api/v1/meetings/{id}/hosts", self._hosts),
            web.get("/api/v1/meetings/{id}/host", self._host),
        ]

    async def _place(self, request: web.Request) -> web.Response:
        state = request.match_info["token"]
        place = {"state": state, "door": "guest", "name": "Ana Silva", "organisation": "Port of Lyon"}
        return web.json_response({"place": place if state in STATES else None})

    async def _wait(self, request: web.Request) -> web.StreamResponse:
        wait = {
            "state": request.match_info["token"],
            "door": "guest",
            "name": "Ana",
            "organisation": "",
            "since": _SINCE,
        }
        wait |= {
            "title": "Weekly with Lyon",
            "position": 2,
            "waiting": 3,
            "locked": True,
            "host": True,
            "since": _SINCE,
        }
        return await self._stream(request, place=wait | {"starts_at": "2030-03-01T09:00:00Z", "ask": "Marie Curie"})

    async def _hosts(self, _request: web.Request) -> web.Response:
        return web.json_response({"hosts": ["@marie:here"]})

    async def _host(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["id"] != "m1":
            return web.json_response({"errcode": "M_FORBIDDEN", "error": "Not a host."}, status=403)
        meeting = {"title": "Weekly with Lyon", "state": "live", "cancelled": False, "locked": True}
        return await self._stream(request, meeting=meeting, waiting={"lobby": "guests", "waiting": QUEUE})

    async def _stream(self, request: web.Request, **snapshots: Any) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for name, content in snapshots.items():
            await response.write(f"event: {name}\ndata: {json.dumps(content)}\n\n".encode())
        await asyncio.sleep(20)
        return response
