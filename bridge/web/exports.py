# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Transcripts as files."""

from __future__ import annotations

import json
import unicodedata
import zoneinfo
from collections.abc import Callable
from datetime import UTC, tzinfo
from urllib.parse import quote

from aiohttp import web

from bridge.domain.audit import Action, AuditRow
from bridge.domain.errors import Refused
from bridge.domain.plain import one_line
from bridge.domain.transcript_cues import sub_rip, web_vtt
from bridge.domain.transcript_odt import MIMETYPE, open_document
from bridge.domain.transcript_reading import Reading, reading_json
from bridge.domain.transcript_text import Labels, Page, markdown, page_of, plain_text
from bridge.locales import catalogue
from bridge.store import audit
from bridge.web.context import SERVICES
from bridge.web.language import language_of
from bridge.web.transcripts import PRIVATE, enter, read_call

MAX_FILE_NAME = 60
"""Characters of a file's name before its date. Stops: names that file systems refuse."""
MAX_ZONE = 64
"""Characters of a time zone's name; the longest there is has 32. Stops: reading strange files as time zones."""

Writer = Callable[[Reading, Page], bytes]

FORMATS: dict[str, tuple[str, Writer]] = {
    "txt": ("text/plain; charset=utf-8", lambda _, page: plain_text(page).encode()),
    "md": ("text/markdown; charset=utf-8", lambda _, page: markdown(page).encode()),
    "vtt": ("text/vtt; charset=utf-8", lambda reading, _: web_vtt(reading).encode()),
    "srt": ("application/x-subrip; charset=utf-8", lambda reading, _: sub_rip(reading).encode()),
    "json": ("application/json", lambda reading, _: json.dumps(reading_json(reading), indent=1).encode()),
    "odt": (MIMETYPE, lambda _, page: open_document(page)),
}


def add_routes(app: web.Application) -> None:
    """Add the files."""
    app.router.add_get("/api/v1/meetings/{meeting_id}/transcripts/{call_id}/export", _export)


async def _export(request: web.Request) -> web.Response:
    """Answer a file: `format` is one of FORMATS, `tz` a time zone (UTC without), `lang` the language around it."""
    services, entry = request.app[SERVICES], await enter(request)
    wanted = request.query.get("format", "")
    if wanted not in FORMATS:
        raise Refused(400, "PASSERELLE_BAD_FORMAT", f"There are these formats: {', '.join(FORMATS)}.")
    zone = _zone(request.query.get("tz"))
    labels = labels_in(language_of(request))
    reading = await read_call(services, entry, request.match_info["call_id"])
    page = page_of(reading, zone, labels)
    content_type, write = FORMATS[wanted]
    data = {"call": reading.call.call_id, "format": wanted}
    async with services.database.transaction() as tx:
        await audit.append(tx, AuditRow(entry.who.user_id, Action.TRANSCRIPT_EXPORTED, entry.meeting.id, data))
    name = f"{page.title[:MAX_FILE_NAME]} {page.day(reading.call.started_ms)}"
    headers = PRIVATE | {"Content-Type": content_type, "Content-Disposition": attachment(name, wanted)}
    return web.Response(body=write(reading, page), headers=headers)


def labels_in(language: str) -> Labels:
    """Return the words around a transcript in a language."""
    words = catalogue(language)
    return Labels(words.language, **words.file)


def attachment(name: str, extension: str) -> str:
    """Return a Content-Disposition (RFC 6266) whose file name is safe in headers and on file systems."""
    plain = one_line("".join(" " if sign in '/\\:*?"<>|%;.' else sign for sign in name)) or "transcript"
    letters = unicodedata.normalize("NFKD", plain).encode("ascii", "ignore").decode()
    ascii_name = "-".join(letters.split()) or "transcript"
    return f"attachment; filename=\"{ascii_name}.{extension}\"; filename*=UTF-8''{quote(plain, safe='')}.{extension}"


def _zone(name: str | None) -> tzinfo:
    if name is None:
        return UTC
    try:
        if len(name) <= MAX_ZONE:
            return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        pass
    raise Refused(400, "PASSERELLE_BAD_ZONE", "This is no time zone; they are called like Europe/Paris.")
