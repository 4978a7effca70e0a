# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the final pass hands over on the internal port: how far it is, and at the end the whole transcript."""

from __future__ import annotations

from typing import Annotated, Literal

from aiohttp import web
from pydantic import Field, StringConstraints

from bridge.domain.errors import Refused
from bridge.domain.names import MAX_ID
from bridge.domain.transcripts import JobState, Paragraph, Passport, Progress, Transcript
from bridge.store import meetings, transcripts
from bridge.store.database import Connection
from bridge.web.body import NO_NUL, Body, Id, Millis, Short, read
from bridge.web.context import SERVICES

MAX_PARAGRAPHS = 20_000
"""Paragraphs of one call; over a day of talk. Stops: a document that no page could show."""
MAX_PARAGRAPH = 20_000
"""Characters of one paragraph, twenty minutes without a break. Stops: a runaway engine filling pages."""
MAX_WITHDRAWN = 1_000
"""People who withdrew their agreement to one call. Stops: a list without end."""
MAX_WORDS = 10_000
"""Timed words of one paragraph. Stops: the same, word by word."""

Word = Annotated[str, StringConstraints(max_length=MAX_ID, pattern=NO_NUL)]


class PassportBody(Body):
    """Which model wrote the text."""

    name: Short
    version: Short
    sha256: Short
    licence: Short
    host: Short
    engine: Short
    not_used_for_training: bool


class ParagraphBody(Body):
    """What one person said in one go."""

    id: Id
    start_ms: Millis
    end_ms: Millis
    user_id: Id
    display_name: Short
    voice: Short = ""
    lang: str = Field(max_length=16, pattern=NO_NUL)
    text: str = Field(max_length=MAX_PARAGRAPH, pattern=NO_NUL)
    words: list[tuple[Millis, Millis, Word]] = Field(default=[], max_length=MAX_WORDS)


class TranscriptBody(Body):
    """The whole document; each PUT replaces the one before."""

    room_id: Id
    call_id: Id
    started_ms: Millis
    ended_ms: Millis
    model: PassportBody
    paragraphs: list[ParagraphBody] = Field(max_length=MAX_PARAGRAPHS)
    withdrawn: list[Id] = Field(default=[], max_length=MAX_WITHDRAWN)


class ProgressBody(Body):
    """How far the final pass is."""

    room_id: Id
    state: Literal["queued", "running", "done", "failed"]
    done: float = Field(ge=0, le=1, allow_inf_nan=False)


def add_routes(app: web.Application) -> None:
    """Add what the final pass calls."""
    app.router.add_put("/internal/v1/calls/{call_id}/transcript", _put_transcript)
    app.router.add_put("/internal/v1/calls/{call_id}/progress", _put_progress)


async def _put_transcript(request: web.Request) -> web.Response:
    body = await read(request, TranscriptBody)
    if body.call_id != request.match_info["call_id"]:
        raise Refused(400, "M_BAD_JSON", "The address and the document name different calls.")
    transcript = Transcript(
        body.room_id,
        body.call_id,
        body.started_ms,
        body.ended_ms,
        Passport(**body.model.model_dump()),
        tuple(Paragraph(**dict(paragraph) | {"words": tuple(paragraph.words)}) for paragraph in body.paragraphs),
    )
    _require_sense(transcript)
    async with request.app[SERVICES].database.transaction() as tx:
        await _require_meeting(tx, transcript.room_id)
        await transcripts.put(tx, transcript, withdrawn=frozenset(body.withdrawn))
    return web.json_response({"paragraphs": len(transcript.paragraphs)})


async def _put_progress(request: web.Request) -> web.Response:
    body, call_id = await read(request, ProgressBody), request.match_info["call_id"]
    if not 0 < len(call_id) <= MAX_ID or not call_id.isascii() or not call_id.isprintable():
        raise Refused(400, "M_BAD_JSON", "This is no call.")
    async with request.app[SERVICES].database.transaction() as tx:
        await _require_meeting(tx, body.room_id)
        await transcripts.put_progress(tx, Progress(body.room_id, call_id, JobState(body.state), body.done))
    return web.json_response({})


def _require_sense(transcript: Transcript) -> None:
    """Refuse a document whose times run backwards or whose paragraphs share an id."""
    if transcript.ended_ms < transcript.started_ms:
        raise Refused(400, "M_BAD_JSON", "ended_ms is before started_ms.")
    seen: set[str] = set()
    for paragraph in transcript.paragraphs:
        backwards = any(end < start for start, end, _ in paragraph.words)
        if paragraph.id in seen or paragraph.end_ms < paragraph.start_ms or backwards:
            raise Refused(400, "M_BAD_JSON", f"Paragraph {paragraph.id} is there twice, or its times run backwards.")
        seen.add(paragraph.id)


async def _require_meeting(tx: Connection, room_id: str) -> None:
    if await meetings.by_room(tx, room_id) is None:
        raise Refused(404, "M_NOT_FOUND", "This room is no meeting.")
