# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What lets people in, to be looked through by those who may end it: hosts in their meeting, operators in all.

Each is ended by a revocation (`bridge.web.revocations`) with the `kind` and `subject` that stand here.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from aiohttp import web
from pydantic import Field

from bridge.domain import access as rules
from bridge.domain.access import MAX_TEXT, OF_A_MEETING, OF_ALL, Access, Wanted
from bridge.domain.errors import Refused, Unavailable
from bridge.domain.invites import token_hash
from bridge.domain.meetings import Meeting
from bridge.domain.names import MAX_ID, UserId
from bridge.domain.revocation import Kind
from bridge.store import access
from bridge.web.body import NO_NUL, Body, read
from bridge.web.context import SERVICES, Services
from bridge.web.limits import SEARCHES
from bridge.web.meetings import require_host
from bridge.web.revocations import require_operator

PRIVATE = {"Cache-Control": "no-store"}


class Search(Body):
    """What to look for, in a body: a pasted link opens doors, and addresses are kept in many logs."""

    kind: Kind = Field(examples=["link"])
    text: str = Field(default="", max_length=MAX_TEXT, pattern=NO_NUL, examples=["Port of Lyon"])
    after: str = Field(default="", max_length=3 * MAX_ID, description="The `next` of the page before.")


def add_routes(app: web.Application) -> None:
    """Add what hosts and operators look through."""
    app.router.add_get("/api/v1/meetings/{meeting_id}/access", _of_meeting)
    app.router.add_post("/api/v1/access", _of_all)


async def section(services: Services, meeting: Meeting) -> dict[str, Any]:
    """Return the first page of each kind, for the hosts' page."""
    return {kind.value: await _page(services, kind, Wanted(meeting.id)) for kind in OF_A_MEETING}


async def _of_meeting(request: web.Request) -> web.Response:
    _, meeting = await require_host(request)
    kind = _one_of(request.query.get("kind", Kind.LINK.value), OF_A_MEETING)
    wanted = Wanted(meeting.id, after=rules.read_cursor(request.query.get("after", "")))
    return web.json_response(await _page(request.app[SERVICES], kind, wanted), headers=PRIVATE)


async def _of_all(request: web.Request) -> web.Response:
    services, who = request.app[SERVICES], await require_operator(request)
    body = await read(request, Search)
    services.limits.take(SEARCHES, who.user_id)
    text = rules.clean_text(body.text)
    link = token_hash(rules.token_in(text)) if body.kind is Kind.LINK else None
    wanted = Wanted(text=text, link=link, after=rules.read_cursor(body.after))
    return web.json_response(await _page(services, _one_of(body.kind.value, OF_ALL), wanted), headers=PRIVATE)


async def _page(services: Services, kind: Kind, wanted: Wanted) -> dict[str, Any]:
    async with services.database.transaction() as tx:
        found, more = await access.find(tx, kind, wanted, services.now())
    if kind is Kind.DEVICE:
        found = await _named(services, found)
    return {"found": [rules.as_json(one) for one in found], "next": rules.cursor(found[-1]) if more else None}


async def _named(services: Services, found: list[Access]) -> list[Access]:
    """Say what those are called who are signed in; where the homeserver does not say it now, their user id stands."""
    users = list({one.user_id for one in found})
    try:
        names = dict(zip(users, await asyncio.gather(*(_name(services, user) for user in users)), strict=True))
    except Unavailable:
        return found
    return [replace(one, name=names[one.user_id]) for one in found]


async def _name(services: Services, user_id: str) -> str:
    return await services.accounts.display_name(UserId(user_id))


def _one_of(name: str, kinds: tuple[Kind, ...]) -> Kind:
    for kind in kinds:
        if kind.value == name:
            return kind
    raise Refused(400, "PASSERELLE_BAD_QUERY", f"kind must be one of: {', '.join(kinds)}.")
