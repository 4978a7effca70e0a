# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The names and terms of a meeting: its organiser writes them, the speech engines read them with the members' names."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field, StringConstraints

from bridge.domain.errors import Refused
from bridge.domain.glossary import MAX_TERM, MAX_TERMS, clean_terms, with_names
from bridge.store import glossaries, meetings
from bridge.web.body import NO_NUL, Body, read
from bridge.web.context import SERVICES
from bridge.web.meetings import require_host
from bridge.web.transcripts import PRIVATE, enter

Term = Annotated[str, StringConstraints(max_length=4 * MAX_TERM, pattern=NO_NUL)]


class NewTerms(Body):
    """The whole glossary."""

    terms: list[Term] = Field(max_length=4 * MAX_TERMS)


def add_routes(app: web.Application) -> None:
    """Add what pages call."""
    app.router.add_get("/api/v1/meetings/{meeting_id}/glossary", _read)
    app.router.add_put("/api/v1/meetings/{meeting_id}/glossary", _write)


def add_internal_routes(app: web.Application) -> None:
    """Add what the bot reads."""
    app.router.add_get("/internal/v1/rooms/{room_id}/glossary", _for_engines)


async def _read(request: web.Request) -> web.Response:
    services, entry = request.app[SERVICES], await enter(request)
    async with services.database.transaction() as tx:
        terms = await glossaries.find(tx, entry.meeting.room_id)
    return web.json_response({"terms": terms}, headers=PRIVATE)


async def _write(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    _, meeting = await require_host(request)
    terms = clean_terms((await read(request, NewTerms)).terms)
    async with services.database.transaction() as tx:
        await glossaries.put(tx, meeting.room_id, terms)
    return web.json_response({"terms": terms}, headers=PRIVATE)


async def _for_engines(request: web.Request) -> web.Response:
    """Answer the terms and the names of who is in the room, our bots left out."""
    services, room_id = request.app[SERVICES], request.match_info["room_id"]
    async with services.database.transaction() as tx:
        meeting = None if "\x00" in room_id else await meetings.by_room(tx, room_id)
        if meeting is None:
            raise Refused(404, "M_NOT_FOUND", "This room is no meeting.")
        terms = await glossaries.find(tx, room_id)
    bots = {services.settings.homeserver.bot_user, services.settings.captions.bot_user}
    names = await services.rooms.names(meeting.room_id)
    return web.json_response(
        {"terms": with_names(terms, [name for user_id, name in names.items() if user_id not in bots])}
    )
