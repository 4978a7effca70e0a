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
        url = f"{self._url}/internal/v1/rooms/{quote(room_id, safe='')}/glossary"
        async with aiohttp.ClientSession(timeout=_TIMEOUT, headers=self._headers) as http:
            while True:
                try:
                    async with http.get(url) as response:
                        if response.status == HTTPStatus.NOT_FOUND:
                            return
                        response.raise_for_status()
                        body = await response.content.read(MAX_BYTES)
                    take(_Answer.model_validate_json(body).terms)
                except (aiohttp.ClientError, TimeoutError, ValidationError) as error:
                    log.warning("glossary_not_read", room_id=room_id, reason=type(error).__name__)
                await asyncio.sleep(REFRESH_S)
