# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Listens to the bridge for lines of a call that people corrected."""

import asyncio
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from urllib.parse import quote

import aiohttp
import structlog
from aiohttp.http_exceptions import LineTooLong
from pydantic import BaseModel, ValidationError

from bots.captions.segment import Segment

_SILENCE_S = 60.0
"""The bridge says something (a comment at least) more often than this, or the connection is dead."""
_BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0)
MAX_LINE = 256 * 1024
"""stops: a line of the stream without end; bytes. A segment's text has 4,000 characters at most."""

log = structlog.get_logger(__name__)


class _Corrected(BaseModel):
    """A segment as the bridge sends it, without what the bot does not need of it."""

    id: str
    call_id: str
    room_id: str
    user_id: str
    display_name: str
    track_sid: str
    start_ms: int
    end_ms: int
    text: str
    lang: str
    rev: int
    voice: str = ""

    def segment(self) -> Segment:
        return Segment(**self.model_dump(), stable_chars=len(self.text), final=True)


class Corrections:
    """The bridge's stream of corrected segments. A correction's ``rev`` is higher than that of all before it."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}

    async def follow(self, room_id: str, call_id: str, take: Callable[[Segment], None]) -> None:
        """Hand over every corrected segment of a call, those from before first, until cancelled.

        Returns at once where the room is none of the bridge's meetings: nobody can correct anything there.
        """
        failures = 0
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10.0, sock_read=_SILENCE_S)
        async with aiohttp.ClientSession(timeout=timeout, read_bufsize=MAX_LINE // 2) as http:
            while True:
                try:
                    async for segment in self._stream(http, room_id):
                        failures = 0
                        if segment.call_id == call_id:
                            take(segment)
                except (aiohttp.ClientError, LineTooLong, TimeoutError) as error:
                    if isinstance(error, aiohttp.ClientResponseError) and error.status == HTTPStatus.NOT_FOUND:
                        log.info("no_corrections_here", room_id=room_id)
                        return
                    log.warning("corrections_interrupted", room_id=room_id, reason=type(error).__name__)
                await asyncio.sleep(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])
                failures += 1

    async def _stream(self, http: aiohttp.ClientSession, room_id: str) -> AsyncIterator[Segment]:
        url = f"{self._url}/internal/v1/rooms/{quote(room_id, safe='')}/corrections"
        async with http.get(url, headers=self._headers, raise_for_status=True) as response:
            async for line in response.content:
                if not line.startswith(b"data:"):
                    continue
                try:
                    yield _Corrected.model_validate_json(line.removeprefix(b"data:")).segment()
                except ValidationError:
                    log.warning("correction_unreadable", room_id=room_id)
