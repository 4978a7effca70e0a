# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How people correct what was heard, and how pages and the bot learn of it.

An empty text strikes a line out: it is gone from pages, exports and search, and the history keeps it. Who may correct a
line may read its history, and nobody else: what was struck out is not for everybody.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import asdict

from aiohttp import web
from pydantic import Field

from bridge.domain.corrections import MAX_CORRECTION, Correction, Past, clean_correction, may_correct
from bridge.domain.errors import Refused
from bridge.domain.names import MAX_ID
from bridge.domain.segments import Segment, as_json
from bridge.domain.transcript_reading import paragraph_json
from bridge.domain.transcripts import Paragraph
from bridge.store import corrections, meetings, segments, transcripts, translations
from bridge.store.corrections import Kind
from bridge.web import captions
from bridge.web.body import NO_NUL, Body, read
from bridge.web.context import SERVICES
from bridge.web.event_stream import KEEP_ALIVE_S, event_stream
from bridge.web.limits import CORRECTIONS
from bridge.web.transcripts import PRIVATE, Entry, enter, is_host

BOT = "bot"
"""Who listens on the internal port, as the hub counts listeners."""


class NewText(Body):
    """What it should say."""

    text: str = Field(max_length=MAX_CORRECTION, pattern=NO_NUL)


def add_routes(app: web.Application) -> None:
    """Add what pages call."""
    line = "/api/v1/meetings/{meeting_id}/captions/{segment_id}"
    paragraph = "/api/v1/meetings/{meeting_id}/transcripts/{call_id}/paragraphs/{paragraph_id}"
    app.router.add_patch(line, _correct_segment)
    app.router.add_get(f"{line}/corrections", _history_of_segment)
    app.router.add_patch(paragraph, _correct_paragraph)
    app.router.add_get(f"{paragraph}/corrections", _history_of_paragraph)


def add_internal_routes(app: web.Application) -> None:
    """Add what the bot listens to."""
    app.router.add_get("/internal/v1/rooms/{room_id}/corrections", _stream)


async def _correct_segment(request: web.Request) -> web.Response:
    services, entry = request.app[SERVICES], await enter(request)
    text, segment_id = await _text(request, entry), _id(request, "segment_id")
    room_id = entry.meeting.room_id
    host, name = await is_host(services, entry), await services.rooms.display_name(room_id, entry.who.user_id)
    at = int(services.now().timestamp() * 1000)
    async with services.database.transaction() as tx:
        segment = await segments.find(tx, room_id, segment_id)
        if segment is None or segment.end_ms < entry.reader.since_ms:
            raise _not_found()
        _require_right(entry, segment.user_id, segment.voice, host=host)
        if not segment.final or not (segment.text or segment.corrected_by):
            raise Refused(409, "PASSERELLE_NOT_FINAL", "This line is still being written, or was taken back.")
        if await transcripts.is_final(tx, room_id, segment.call_id):
            raise Refused(
                409, "PASSERELLE_FINAL_TEXT", "The final text of this call is ready: please correct it there."
            )
        if text != segment.text:
            await corrections.append(
                tx,
                _correction(entry, segment, text, name, at),
                kind=Kind.SEGMENT,
                meeting_id=entry.meeting.id,
                room_id=room_id,
                call_id=segment.call_id,
                before=segment.text,
            )
            await translations.forget(tx, segment.id)
            segment = await segments.correct(tx, segment.id, text=text, by=entry.who.user_id, name=name, at=at)
    services.hub.publish(segment)
    return web.json_response(as_json(segment))


async def _correct_paragraph(request: web.Request) -> web.Response:
    services, entry = request.app[SERVICES], await enter(request)
    text, call_id, paragraph_id = await _text(request, entry), _id(request, "call_id"), _id(request, "paragraph_id")
    room_id = entry.meeting.room_id
    host, name = await is_host(services, entry), await services.rooms.display_name(room_id, entry.who.user_id)
    at = int(services.now().timestamp() * 1000)
    async with services.database.transaction() as tx:
        paragraph = await transcripts.find_paragraph(tx, room_id, call_id, paragraph_id)
        if paragraph is None or paragraph.end_ms < entry.reader.since_ms:
            raise _not_found()
        _require_right(entry, paragraph.user_id, paragraph.voice, host=host)
        if text != paragraph.text:
            await corrections.append(
                tx,
                _correction(entry, paragraph, text, name, at),
                kind=Kind.PARAGRAPH,
                meeting_id=entry.meeting.id,
                room_id=room_id,
                call_id=call_id,
                before=paragraph.text,
            )
            paragraph = await transcripts.correct(
                tx, room_id, call_id, paragraph_id, text=text, by=entry.who.user_id, name=name, at=at
            )
    return web.json_response(paragraph_json(paragraph))


async def _history_of_segment(request: web.Request) -> web.Response:
    services, entry = request.app[SERVICES], await enter(request)
    room_id, segment_id = entry.meeting.room_id, _id(request, "segment_id")
    host = await is_host(services, entry)
    async with services.database.transaction() as tx:
        segment = await segments.find(tx, room_id, segment_id)
        if segment is None or segment.end_ms < entry.reader.since_ms:
            raise _not_found()
        _require_right(entry, segment.user_id, segment.voice, host=host)
        return _history(await corrections.of_segment(tx, room_id, segment_id))


async def _history_of_paragraph(request: web.Request) -> web.Response:
    services, entry = request.app[SERVICES], await enter(request)
    room_id, call_id = entry.meeting.room_id, _id(request, "call_id")
    host = await is_host(services, entry)
    async with services.database.transaction() as tx:
        paragraph = await transcripts.find_paragraph(tx, room_id, call_id, _id(request, "paragraph_id"))
        if paragraph is None or paragraph.end_ms < entry.reader.since_ms:
            raise _not_found()
        _require_right(entry, paragraph.user_id, paragraph.voice, host=host)
        return _history(await corrections.of_paragraph(tx, room_id, call_id, paragraph))


def _history(found: Sequence[Past]) -> web.Response:
    return web.json_response({"corrections": [asdict(past) for past in found]}, headers=PRIVATE)


async def _text(request: web.Request, entry: Entry) -> str:
    body = await read(request, NewText)
    request.app[SERVICES].limits.take(CORRECTIONS, entry.who.user_id)
    return clean_correction(body.text)


def _id(request: web.Request, name: str) -> str:
    text = request.match_info[name]
    if not 0 < len(text) <= MAX_ID or "\x00" in text:
        raise _not_found()
    return text


def _require_right(entry: Entry, speaker: str, voice: str, *, host: bool) -> None:
    if not may_correct(entry.who.user_id, speaker=speaker, voice=voice, host=host):
        raise Refused(403, "M_FORBIDDEN", "You may correct your own words; others' only the organiser and the hosts.")


def _correction(entry: Entry, spoken: Segment | Paragraph, text: str, name: str, at: int) -> Correction:
    return Correction(
        target=spoken.id,
        user_id=spoken.user_id,
        display_name=spoken.display_name,
        voice=spoken.voice,
        lang=spoken.lang,
        start_ms=spoken.start_ms,
        end_ms=spoken.end_ms,
        text=text,
        by=entry.who.user_id,
        by_name=name,
        at=at,
    )


async def _stream(request: web.Request) -> web.StreamResponse:
    """Send the bot every corrected line of a room: those that there are, then each as it comes."""
    services, room_id = request.app[SERVICES], request.match_info["room_id"]
    async with services.database.transaction() as tx:
        if "\x00" in room_id or await meetings.by_room(tx, room_id) is None:
            raise Refused(404, "M_NOT_FOUND", "This room is no meeting.")
    response = event_stream()
    with services.hub.listen(room_id, BOT) as listener:
        async with services.database.transaction() as tx:
            known = await segments.corrected(tx, room_id)
        await response.prepare(request)
        with contextlib.suppress(OSError, asyncio.TimeoutError):  # the bot went away, or reads nothing
            await captions.send(response, known)
            while (arrived := await listener.take(KEEP_ALIVE_S)) is not None:
                await captions.send(response, [one for one in arrived if isinstance(one, Segment) and one.corrected_by])
    return response


def _not_found() -> Refused:
    return Refused(404, "M_NOT_FOUND", "There is no such line, or it was before you came in.")
