# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What lets people in, as hosts and operators look through it, and acts that take one look to be over."""

from __future__ import annotations

from typing import Any

from aiohttp import web

_SINCE, _UNTIL = "2026-12-10T09:01:00+00:00", "2026-12-17T18:00:00+00:00"
_MEETING = {"id": "m1", "title": "Weekly with Lyon"}


def one(kind: str, subject: str, name: str, **more: Any) -> dict[str, Any]:
    known = {"kind": kind, "subject": subject, "name": name, "about": "", "email": "", "by": "", "since": _SINCE}
    known |= {"until": None, "used": 0, "uses": 0, "people": 1, "meetings": 1, "meeting": _MEETING, "user_id": ""}
    return known | more


class SmallAccess:
    """`found` is what there is; `ended` is what was revoked, in order."""

    def __init__(self) -> None:
        marie, links = "@marie:here", {"until": _UNTIL, "by": "@marie:here"}
        gina = {"about": "Port of Lyon", "email": "gina@lyon.example", "by": marie, "until": _UNTIL}
        partner = {"people": 2, "meetings": 3}
        self.found: dict[str, list[dict[str, Any]]] = {
            "link": [
                one("link", "l1", "", used=3, uses=20, people=3, **links),
                one("link", "l2", "Claire Martin", email="claire@partner.example", uses=5, people=0, **links),
            ],
            "guest": [one("guest", "@guest-1:here", "Gina", **gina), one("guest", "@guest-2:here", "Bob", by=marie)],
            "partners": [one("partners", "m1/partner.example", "partner.example", **partner)],
            "server": [one("server", "partner.example", "partner.example", meeting=None, **partner)],
            "device": [one("device", "d1", "Jean Moulin", user_id="@jean:here", about="Firefox, Linux", meeting=None)],
        }
        self.older = [one("link", "l3", "", used=1, uses=1, people=1, **links)]
        self.barred = [{"name": "bad.example", "by": marie, "at": _SINCE}]
        self.asked: list[dict[str, Any]] = []
        self.ended: list[str] = []

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/api/v1/meetings/{id}/access", self._older),
            web.post("/api/v1/access", self._look),
            web.post("/api/v1/revocations", self._revoke),
            web.get("/api/v1/revocations/{id}", self._done),
            web.get("/api/v1/barred", self._barred),
            web.delete("/api/v1/barred/{name}", self._again),
        ]

    def section(self) -> dict[str, Any]:
        """What the hosts' stream says."""
        return {kind: self._page(kind) for kind in ("link", "guest", "partners")}

    def _page(self, kind: str, after: str = "") -> dict[str, Any]:
        pages = {"": self.found[kind], "more": self.older}
        left = [access for access in pages[after] if access["subject"] not in self.ended]
        return {"found": left, "next": "more" if kind == "link" and not after else None}

    async def _older(self, request: web.Request) -> web.Response:
        return web.json_response(self._page(request.query["kind"], request.query["after"]))

    async def _look(self, request: web.Request) -> web.Response:
        self.asked.append(await request.json())
        return web.json_response(self._page(self.asked[-1]["kind"], self.asked[-1]["after"]))

    async def _revoke(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.ended.append(body["subject"])
        return web.json_response(self._act(None), status=201)

    async def _done(self, _request: web.Request) -> web.Response:
        return web.json_response(self._act(0.412))

    def _act(self, seconds: float | None) -> dict[str, Any]:
        done_at = None if seconds is None else _UNTIL
        return {"id": "a1", "done_at": done_at, "seconds": seconds, "people": 2, "ends": ["doors", "calls", "rooms"]}

    async def _barred(self, _request: web.Request) -> web.Response:
        return web.json_response({"barred": self.barred})

    async def _again(self, request: web.Request) -> web.Response:
        self.barred = [known for known in self.barred if known["name"] != request.match_info["name"]]
        return web.json_response({})
