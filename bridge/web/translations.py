# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Where the bot brings translations of captions, on the internal port."""

from __future__ import annotations

import re

from aiohttp import web
from pydantic import Field

from bridge.domain.errors import Refused
from bridge.domain.translations import Translation
from bridge.store import translations
from bridge.web.body import NO_NUL, Body, Id, read
from bridge.web.context import SERVICES
from bridge.web.internal import MAX_TEXT

_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")
_SEGMENT = re.compile(r"[!-~]+")


class TranslationBody(Body):
    """The text, and which revision of the segment it says in another language."""

    room_id: Id
    rev: int = Field(ge=0, lt=2**31)
    text: str = Field(min_length=1, max_length=2 * MAX_TEXT, pattern=NO_NUL)


def add_internal_routes(app: web.Application) -> None:
    """Add what the bot calls."""
    app.router.add_put("/internal/v1/segments/{segment_id}/translations/{lang}", _put)


async def _put(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    segment_id, lang = request.match_info["segment_id"], request.match_info["lang"]
    if not _LANGUAGE.fullmatch(lang) or not _SEGMENT.fullmatch(segment_id):
        raise Refused(
            400, "M_BAD_JSON", "A translation is put under a segment's id and a language such as fr or pt-BR."
        )
    body = await read(request, TranslationBody)
    translation = Translation(segment_id, body.room_id, lang, body.rev, body.text)
    async with services.database.transaction() as tx:
        changed = await translations.put(tx, translation)
    if changed:
        services.hub.publish(translation)
    return web.json_response({"changed": changed})
