# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The hosts' page, its stream, and what hosts ask about people."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from aiohttp import web


def person(name: str, role: str = "member", **change: Any) -> dict[str, Any]:
    known = {
        "user_id": f"@{name.split()[0].lower()}:here",
        "display_name": name,
        "role": role,
        "guest": "(" in name,
        "sends": {},
        "may_send": ["camera", "microphone", "screen"],
    }
    return known | change


class SmallHosting:
    """One meeting with people in the call; `asked` is what hosts asked for."""

    def __init__(self, access: Callable[[], dict[str, Any]]) -> None:
        self._access = access
        self.asked: list[tuple[str, str, Any]] = []
        self.organisers = ["@marie:here"]
        self.people = [
            person("Marie Curie", "organiser", sends={"microphone": "on", "camera": "on"}),
            person("Jean Moulin", "host", sends={"microphone": "muted"}),
            person("Pavel Novák", sends={"microphone": "on", "screen": "on"}),
            person("Gina (Guest, Lyon)", may_send=[]),
        ]
        self.hands = [
            {"user_id": "@gina:here", "display_name": "Gina (Guest, Lyon)", "raised_at": "2026-12-10T09:10:00Z"}
        ]
        self.rules: dict[str, Any] = {"microphone": None, "camera": "guests", "screen": "members", "audience": True}
        self.barred = [{"user_id": "@guest-1:here", "display_name": "Gino", "link_shut": True}]
        self._changed = asyncio.Event()

    def routes(self) -> list[web.RouteDef]:
        one = "/api/v1/meetings/{id}"
        return [
            web.get("/api/v1/meetings/m2/host", self._stream),  # m1 is the lobby's
            web.patch(f"{one}/rules", self._ask),
            *(
                web.route(method, f"{one}/{{kind:people|hands|barred}}/{{what:.+}}", self._ask)
                for method in ("POST", "PUT", "DELETE")
            ),
        ]

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await stream.prepare(request)
        meeting = {"title": "Weekly with Lyon", "state": "live", "cancelled": False, "locked": False}
        while True:
            self._changed.clear()
            shown = {name: getattr(self, name) for name in ("people", "hands", "rules", "barred", "organisers")}
            for name, content in (("meeting", meeting), ("people", shown), ("access", self._access())):
                await stream.write(f"event: {name}\ndata: {json.dumps(content)}\n\n".encode())
            await self._changed.wait()

    async def _ask(self, request: web.Request) -> web.Response:
        path = request.path.split("/", 5)[5]
        body = json.loads(await request.text() or "null")
        self.asked.append((request.method, path, body))
        if path == "rules":
            self.rules |= body
        elif path == "hands/next":
            self.hands = []
        elif request.method == "DELETE" and path.startswith("people/"):
            self.people = [one for one in self.people if one["user_id"] != path.removeprefix("people/")]
        self._changed.set()
        return web.json_response({})
