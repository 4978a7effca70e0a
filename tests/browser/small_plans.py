# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What hosts plan and what people connect, as far as pages ask for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web

SERIES = {
    "start": "2030-03-01T10:00",
    "time_zone": "Europe/Paris",
    "duration_minutes": 60,
    "rrule": "FREQ=WEEKLY",
    "sequence": 0,
    "cancelled_dates": [],
    "moved_dates": [],
}


class SmallPlans:
    """One series `m1` with two dates, two people invited to it, one token."""

    def __init__(self, meetings: Callable[[], list[dict[str, Any]]]) -> None:
        self._meetings = meetings
        self.mail = True
        self.dates = [
            {"date": f"{day}T10:00", "starts_at": f"{day}T09:00:00Z", "ends_at": f"{day}T10:00:00Z"}
            for day in ("2030-03-01", "2030-03-08")
        ]
        self.invitees = [
            {"id": "i1", "address": "claire@partner.example", "name": "Claire D.", "language": "fr", "state": "sent"},
            {"id": "i2", "address": "bob@partner.example", "name": "", "language": "de", "state": "failed"},
        ]
        self.calendar: str | None = None
        self.tokens = [
            {
                "id": "t1",
                "name": "Room display, 2nd floor",
                "scopes": ["meetings:read"],
                "expires_at": "2030-01-01T00:00:00+00:00",
                "used_at": None,
            }
        ]

    def plan(self) -> None:
        """Give the first meeting its dates."""
        self._meetings()[0] |= {"schedule": SERIES, "state": "scheduled"} | {
            key: self.dates[0][key] for key in ("starts_at", "ends_at")
        }

    def routes(self) -> list[web.RouteDef]:
        one = "/api/v1/meetings/{id}"
        return [
            web.patch(one, self._change),
            web.put(f"{one}/lock", self._lock),
            web.delete(f"{one}/lock", self._unlock),
            web.post(f"{one}/archive", self._archive),
            web.get(f"{one}/dates", self._dates),
            web.patch(f"{one}/dates/{{date}}", self._move_date),
            web.delete(f"{one}/dates/{{date}}", self._cancel_date),
            web.get(f"{one}/calendar.ics", self._file),
            web.get(f"{one}/invitees", self._invitees),
            web.post(f"{one}/invitees", self._invite),
            web.delete(f"{one}/invitees/{{invitee}}", self._withdraw),
            web.get("/api/v1/calendar", self._about_calendar),
            web.post("/api/v1/calendar", self._subscribe),
            web.delete("/api/v1/calendar", self._unsubscribe),
            web.get("/api/v1/tokens", self._tokens),
            web.post("/api/v1/tokens", self._make_token),
            web.delete("/api/v1/tokens/{id}", self._revoke),
        ]

    def _answer(self, request: web.Request, **change: Any) -> web.Response:
        (meeting,) = [one for one in self._meetings() if one["id"] == request.match_info["id"]]
        meeting |= change
        return web.json_response(meeting)

    async def _change(self, request: web.Request) -> web.Response:
        return self._answer(request, **await request.json())

    async def _lock(self, request: web.Request) -> web.Response:
        return self._answer(request, locked=True)

    async def _unlock(self, request: web.Request) -> web.Response:
        return self._answer(request, locked=False)

    async def _archive(self, request: web.Request) -> web.Response:
        return self._answer(request, state="archived")

    async def _dates(self, _request: web.Request) -> web.Response:
        return web.json_response({"dates": self.dates})

    async def _move_date(self, request: web.Request) -> web.Response:
        start = (await request.json())["start"]
        (date,) = [one for one in self.dates if one["date"] == request.match_info["date"]]
        date |= {"starts_at": f"{start}:00Z", "ends_at": f"{start[:11]}23:00:00Z"}
        return self._answer(request)

    async def _cancel_date(self, request: web.Request) -> web.Response:
        self.dates = [one for one in self.dates if one["date"] != request.match_info["date"]]
        return self._answer(request)

    async def _file(self, _request: web.Request) -> web.Response:
        headers = {"Content-Disposition": 'attachment; filename="meeting.ics"'}
        return web.Response(text="BEGIN:VCALENDAR\r\n", content_type="text/calendar", headers=headers)

    async def _invitees(self, _request: web.Request) -> web.Response:
        return web.json_response({"mail": self.mail, "invitees": self.invitees})

    async def _invite(self, request: web.Request) -> web.Response:
        for person in (await request.json())["people"]:
            self.invitees.append({"id": f"i{len(self.invitees) + 1}", "name": "", "state": "waiting"} | person)
        return web.json_response({"mail": True, "invitees": self.invitees}, status=201)

    async def _withdraw(self, request: web.Request) -> web.Response:
        self.invitees = [one for one in self.invitees if one["id"] != request.match_info["invitee"]]
        return await self._invitees(request)

    async def _about_calendar(self, _request: web.Request) -> web.Response:
        return web.json_response({"created_at": self.calendar})

    async def _subscribe(self, request: web.Request) -> web.Response:
        self.calendar = "2030-01-01T00:00:00+00:00"
        return web.json_response({"url": f"http://{request.host}/calendar/secret.ics"}, status=201)

    async def _unsubscribe(self, _request: web.Request) -> web.Response:
        self.calendar = None
        return web.json_response({})

    async def _tokens(self, _request: web.Request) -> web.Response:
        return web.json_response({"tokens": self.tokens})

    async def _make_token(self, request: web.Request) -> web.Response:
        asked = await request.json()
        made = self.tokens[0] | {"id": "t2", "name": asked["name"], "scopes": asked["scopes"]}
        self.tokens = [*self.tokens, made]
        return web.json_response(made | {"token": "pslt_secret"}, status=201)

    async def _revoke(self, request: web.Request) -> web.Response:
        self.tokens = [one for one in self.tokens if one["id"] != request.match_info["id"]]
        return web.json_response({})
