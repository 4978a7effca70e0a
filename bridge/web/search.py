# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Search over the transcripts that one may read: staff those of the meetings on their list, guests of their own."""

from __future__ import annotations

from aiohttp import web

from bridge.domain.errors import Refused
from bridge.domain.names import MAX_ID, is_our_id
from bridge.domain.plain import one_line
from bridge.domain.search import Query, clean_words, hit_json
from bridge.store import search
from bridge.web.context import SERVICES
from bridge.web.limits import SEARCHES
from bridge.web.sessions import STAFF, require
from bridge.web.transcripts import PRIVATE, reader_of

_END_OF_TIME_MS = 2**53


def add_routes(app: web.Application) -> None:
    """Add the search."""
    app.router.add_get("/api/v1/search", _search)


async def _search(request: web.Request) -> web.Response:
    """Answer the newest lines with the words `q`; `meeting`, `person`, `from_ms` and `to_ms` narrow it down."""
    services, who = request.app[SERVICES], await require(request)
    reader = await reader_of(services, who)
    query = _query(request)
    services.limits.take(SEARCHES, who.user_id)
    async with services.database.transaction() as tx:
        hits, more = await search.find(
            tx,
            query,
            user_id=who.user_id,
            guest_of=None if who.door == STAFF else who.meeting_id,
            since_ms=reader.since_ms,
        )
    following = f"{hits[-1].start_ms}.{hits[-1].id}" if more else None
    return web.json_response({"hits": [hit_json(hit) for hit in hits], "next": following}, headers=PRIVATE)


def _query(request: web.Request) -> Query:
    given = request.query
    meeting = given.get("meeting") or None
    if meeting is not None and not is_our_id(meeting):
        raise _bad("meeting")
    after_ms, _, after_id = given.get("after", "").partition(".")
    person = one_line(given.get("person", ""))
    if len(person) > MAX_ID or len(after_id) > MAX_ID or "\x00" in after_id:
        raise _bad("person or after")
    return Query(
        words=clean_words(given.get("q", "")),
        meeting_id=meeting,
        person=person,
        from_ms=_millis(given.get("from_ms"), 0),
        to_ms=_millis(given.get("to_ms"), _END_OF_TIME_MS),
        before=(_millis(after_ms or None, _END_OF_TIME_MS), after_id),
    )


def _millis(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 16:
        raise _bad("A time")
    return min(int(text), _END_OF_TIME_MS)


def _bad(what: str) -> Refused:
    return Refused(400, "PASSERELLE_BAD_QUERY", f"{what} is not as it should be.")
