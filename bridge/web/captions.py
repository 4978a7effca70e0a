# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Captions as server-sent events: the last ones of the call first, then each as it comes.

Guests get what was said since they came in, as in the transcript (`bridge/domain/transcript_reading.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence

from aiohttp import web

from bridge.domain import segments as spoken
from bridge.domain import translations as translated
from bridge.domain.caption_feed import Sieve
from bridge.domain.errors import Refused, Unavailable
from bridge.domain.meetings import Meeting
from bridge.domain.segments import Segment
from bridge.domain.translations import Translation
from bridge.store import segments, sessions, translations
from bridge.web import admission
from bridge.web.caption_hub import Listener
from bridge.web.context import SERVICES
from bridge.web.event_stream import KEEP_ALIVE_S, WRITE_TIMEOUT_S, event_stream
from bridge.web.meetings import may_open
from bridge.web.sessions import bearer_text, require
from bridge.web.transcripts import since_ms

LIVE = b"event: live\ndata:\n\n"
"""Ends what was said before: a page reads out what comes after it."""


def add_routes(app: web.Application) -> None:
    """Add the feed."""
    app.router.add_get("/api/v1/meetings/{meeting_id}/captions", _feed)


async def _feed(request: web.Request) -> web.StreamResponse:
    services = request.app[SERVICES]
    who = await require(request)
    meeting = await admission.meeting_by_id(services, request.match_info["meeting_id"])
    if meeting is None or not await may_open(services, who, meeting):
        raise Refused(404, "M_NOT_FOUND", "There is no such meeting, or you are not invited to it.")
    sieve = Sieve(await since_ms(services, who))
    response = event_stream()
    with services.hub.listen(meeting.room_id, who.user_id, sessions.id_of(bearer_text(request))) as listener:
        # Listen first, then read: what comes in between is sent twice (same id and rev), never missed.
        async with services.database.transaction() as tx:
            latest = await segments.latest(tx, meeting.room_id)
            in_other_languages = await translations.latest(tx, meeting.room_id)
        await response.prepare(request)
        with contextlib.suppress(OSError, TimeoutError):  # the page went away, or reads nothing
            await send(response, sieve.through([*latest, *in_other_languages]))
            await response.write(LIVE)
            await _follow(request, response, listener, meeting, sieve)
    return response


async def _follow(
    request: web.Request, response: web.StreamResponse, listener: Listener, meeting: Meeting, sieve: Sieve
) -> None:
    """Send what comes, for as long as the listener may listen."""
    clock = asyncio.get_running_loop().time
    looked_at = clock()
    while (arrived := await listener.take(KEEP_ALIVE_S)) is not None:
        if clock() - looked_at >= KEEP_ALIVE_S:
            looked_at = clock()
            if not await _still_may(request, meeting):
                return
        await send(response, sieve.through(arrived))


async def _still_may(request: web.Request, meeting: Meeting) -> bool:
    """Look at the session and the membership again; an outage ends no stream."""
    services = request.app[SERVICES]
    try:
        async with services.database.transaction() as tx:
            who = await sessions.find(tx, bearer_text(request), services.now())
        return who is not None and await may_open(services, who, meeting)
    except Unavailable:
        return True


async def send(response: web.StreamResponse, found: Sequence[Segment | Translation]) -> None:
    """Send segments, or a comment when there are none; raise `TimeoutError` when they are not read."""
    async with asyncio.timeout(WRITE_TIMEOUT_S):
        await response.write(b"".join(_event(segment) for segment in found) or b": still here\n\n")


def _event(one: Segment | Translation) -> bytes:
    name, content = (
        ("translation", translated.as_json(one)) if isinstance(one, Translation) else ("segment", spoken.as_json(one))
    )
    text = json.dumps(content, separators=(",", ":"))  # no line break survives JSON, so none forges an event
    return f"event: {name}\nid: {one.id}\ndata: {text}\n\n".encode()
