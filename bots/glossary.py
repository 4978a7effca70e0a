# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Asks the bridge, now and then, for the names and terms that come up in a meeting."""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote

import aiohttp
import structlog
from pydantic import BaseModel, Field, ValidationError

REFRESH_S = 60.0
MAX_TERMS = 1_000
"""stops: an answer without end; the bridge gives fewer, and each engine takes what it can use."""
MAX_BYTES = 1 << 20
_TIMEOUT = aiohttp.ClientTimeout(total=10.0)
_FAILURES = (aiohttp.ClientError, TimeoutError, ValidationError)

log = structlog.get_logger(__name__)


class _Answer(BaseModel):
    terms: list[str] = Field(max_length=MAX_TERMS)


class Glossary:
    """The bridge's glossaries, one a room."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}

    async def follow(self, room_id: str, take: Callable[[list[str]], None]) -> None:
        """Hand over a room's terms once a minute, until cancelled; while the bridge is away the last ones count.

        Returns at once where the room is none of the bridge's meetings.
        """
        async with aiohttp.ClientSession(timeout=_TIMEOUT, headers=self._headers) as http:
            while True:
                try:
                    terms = await self._ask(http, room_id)
                    if terms is None:
                        return
                    take(terms)
                except _FAILURES as error:
                    log.warning("glossary_not_read", room_id=room_id, reason=type(error).__name__)
                await asyncio.sleep(REFRESH_S)

    async def read(self, room_id: str) -> list[str]:
        """Return a room's terms; none if the bridge can't say."""
        async with aiohttp.ClientSession(timeout=_TIMEOUT, headers=self._headers) as http:
            try:
                return await self._ask(http, room_id) or []
            except _FAILURES as error:
                log.warning("glossary_not_read", room_id=room_id, reason=type(error).__name__)
                return []

    async def _ask(self, http: aiohttp.ClientSession, room_id: str) -> list[str] | None:
        async with http.get(f"{self._url}/internal/v1/rooms/{quote(room_id, safe='')}/glossary") as response:
            if response.status == HTTPStatus.NOT_FOUND:
                return None
            response.raise_for_status()
            return _Answer.model_validate_json(await response.content.read(MAX_BYTES)).terms
