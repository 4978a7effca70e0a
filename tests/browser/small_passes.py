# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Contractors' passes, as far as pages ask for them."""

from __future__ import annotations

from typing import Any

from aiohttp import web


def contractor(name: str = "Ada L.", **change: Any) -> dict[str, Any]:
    filled = {
        "id": f"c-{name}",
        "display_name": name,
        "organisation": "ACME",
        "sponsor": "@marie:here",
        "state": "valid",
        "ends_at": "2027-03-31T23:59:59+00:00",
        "meetings": [{"id": "m1", "title": "Weekly with Lyon"}, {"id": "m2", "title": "Board"}],
    }
    return filled | change


class SmallPasses:
    """One link, `good`, and what a sponsor does."""

    def __init__(self) -> None:
        self.given = [contractor(), contractor("Grace H.", state="expired")]

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/c/{token}", self._look),
            web.get("/api/v1/contractors", self._list),
            web.post("/api/v1/contractors", self._create),
            web.put("/api/v1/contractors/{id}/end", self._renew),
            web.delete("/api/v1/contractors/{id}", self._withdraw),
        ]

    async def _look(self, request: web.Request) -> web.Response:
        if request.match_info["token"] == "good":
            return web.json_response(contractor())
        return web.json_response({"errcode": "PASSERELLE_INVITE_EXPIRED", "error": "It has ended."}, status=410)

    async def _list(self, _request: web.Request) -> web.Response:
        return web.json_response({"contractors": self.given})

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        made = contractor(body["display_name"], organisation=body["organisation"], ends_at=body["ends_at"])
        self.given.append(made)
        return web.json_response(made | {"url": "http://localhost/c/secret"}, status=201)

    async def _renew(self, request: web.Request) -> web.Response:
        ends_at = (await request.json())["ends_at"]
        self._replace(request, state="valid", ends_at=ends_at)
        return web.json_response({})

    async def _withdraw(self, request: web.Request) -> web.Response:
        self.given = [one for one in self.given if one["id"] != request.match_info["id"]]
        return web.json_response({})

    def _replace(self, request: web.Request, **change: Any) -> None:
        self.given = [one | change if one["id"] == request.match_info["id"] else one for one in self.given]
