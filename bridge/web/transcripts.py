# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Transcripts for whoever may read them: the calls of a meeting, and the text of one."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from aiohttp import web

from bridge.domain.errors import Refused, Unavailable
from bridge.domain.meetings import Meeting
from bridge.domain.names import MAX_ID
from bridge.domain.transcript_reading import (
    Reader,
    Reading,
    call_json,
    of_segments,
    policy_allows,
    reading_json,
    visible,
)
from bridge.store import guests, segments, transcripts
from bridge.store.sessions import Bearer
from bridge.web import admission
from bridge.web.context import SERVICES, Services
from bridge.web.meetings import may_open
from bridge.web.sessions import GUEST, require

PRIVATE = {"Cache-Control": "no-store"}
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody at the transcripts of a meeting."""

    who: Bearer
    meeting: Meeting
    reader: Reader


def add_routes(app: web.Application) -> None:
    """Add what reads."""
    app.router.add_get("/api/v1/meetings/{meeting_id}/transcripts", _list)
    app.router.add_get("/api/v1/meetings/{meeting_id}/transcripts/{call_id}", _read)


async def enter(request: web.Request) -> Entry:
    """Return who reads which meeting and from when on, or refuse; a meeting that is not theirs does not exist."""
    services = request.app[SERVICES]
    who = await require(request)
    meeting = await admission.meeting_by_id(services, request.match_info["meeting_id"])
    if meeting is None or not await may_open(services, who, meeting):
        raise Refused(404, "M_NOT_FOUND", "There is no such meeting, or you are not invited to it.")
    return Entry(who, meeting, await reader_of(services, who))


async def reader_of(services: Services, who: Bearer) -> Reader:
    """Return from when on somebody reads, or refuse (403) whom the policy for their server keeps out."""
    if not policy_allows(who.user_id, services.settings.transcripts.deny_servers):
        raise Refused(403, "PASSERELLE_POLICY", "Transcripts of this server are not open to people of yours.")
    return Reader(who.user_id, await since_ms(services, who))


async def since_ms(services: Services, who: Bearer) -> int:
    """Return from when on somebody may know what was said (Unix ms), or refuse (403) a guest whose time is over."""
    if who.door != GUEST:
        return 0
    async with services.database.transaction() as tx:
        came_in = await guests.since(tx, who.user_id, services.now())
    if came_in is None:
        raise Refused(403, "M_FORBIDDEN", "Your pass is not valid any more.")
    return int(came_in.timestamp() * 1000)


async def read_call(services: Services, entry: Entry, call_id: str) -> Reading:
    """Return the text of a call as somebody may read it; refuse (404) a call that is not there for them."""
    room_id = entry.meeting.room_id
    if not 0 < len(call_id) <= MAX_ID or "\x00" in call_id:
        raise _no_such_call()
    async with services.database.transaction() as tx:
        calls = await transcripts.calls(tx, room_id, call_id=call_id)
        if not calls or calls[0].ended_ms < entry.reader.since_ms:
            raise _no_such_call()
        transcript = await transcripts.find(tx, room_id, call_id)
        paragraphs = (
            of_segments(await segments.of_call(tx, room_id, call_id)) if transcript is None else transcript.paragraphs
        )
    model = None if transcript is None else transcript.model
    return Reading(entry.meeting.title, calls[0], model, visible(paragraphs, entry.reader))


async def is_host(services: Services, entry: Entry) -> bool:
    """Tell whether somebody may correct everything: the organiser, and who moderates the room."""
    if entry.meeting.organizer == entry.who.user_id:
        return True
    return await services.rooms.is_host(entry.meeting.room_id, entry.who.user_id)


async def _list(request: web.Request) -> web.Response:
    entry = await enter(request)
    async with request.app[SERVICES].database.transaction() as tx:
        calls = await transcripts.calls(tx, entry.meeting.room_id)
    readable = [call_json(call) for call in calls if call.ended_ms >= entry.reader.since_ms]
    return web.json_response({"title": entry.meeting.title, "calls": readable}, headers=PRIVATE)


async def _read(request: web.Request) -> web.Response:
    services, entry = request.app[SERVICES], await enter(request)
    reading = await read_call(services, entry, request.match_info["call_id"])
    host = False
    with contextlib.suppress(Unavailable):  # without the homeserver one still reads, and corrects one's own words
        host = await is_host(services, entry)
    keep_days = services.settings.transcripts.keep_days
    answer = reading_json(reading) | {
        "delete_at_ms": reading.call.ended_ms + keep_days * DAY_MS if keep_days else None,
        "me": {"user_id": entry.who.user_id, "host": host},
    }
    return web.json_response(answer, headers=PRIVATE)


def _no_such_call() -> Refused:
    return Refused(404, "M_NOT_FOUND", "Of this call there is no transcript, or it was before you came in.")
