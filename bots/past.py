# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What was said in a call before we died? The room has what it was sent, and the bridge has everything."""

import asyncio
from functools import partial
from http import HTTPStatus
from urllib.parse import quote

import aiohttp
import structlog
from pydantic import BaseModel, Field, ValidationError

from bots.captions.segment import Segment
from bots.captions.thread import read_back
from bots.matrix_rtc import MatrixSession, until_answered
from bots.meetingnote import Note

MAX_LINES = 1_000
"""stops: an answer without end; the bridge gives fewer."""
_TIMEOUT = aiohttp.ClientTimeout(total=10.0)
_BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)

log = structlog.get_logger(__name__)


async def posted_in(session: MatrixSession, room_id: str, note: Note) -> list[tuple[str, list[Segment]]]:
    """Return our own events of the room's thread and the lines that each shows, oldest first.

    Raises:
        MatrixError: the homeserver refuses; while it is away it is asked again.
    """
    events = await until_answered(partial(session.relations, room_id, note.thread, "m.thread"))
    own = [event for event in events if event.get("sender") == session.user_id]
    return [(str(event["event_id"]), read_back(event, room_id, note.notice)) for event in own]


class _Answer(BaseModel):
    segments: list[Segment] = Field(max_length=MAX_LINES)


class Past:
    """The bridge's memory of calls."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}

    async def lines(self, room_id: str, call_id: str) -> list[Segment]:
        """Return a call's newest lines, finished or not, oldest first; asks for as long as the bridge is away.

        Nothing where the room is none of the bridge's meetings.
        """
        failures = 0
        async with aiohttp.ClientSession(timeout=_TIMEOUT, headers=self._headers) as http:
            while True:
                try:
                    return await self._ask(http, room_id, call_id)
                except (aiohttp.ClientError, TimeoutError, ValidationError) as error:
                    log.warning("past_not_read", room_id=room_id, reason=type(error).__name__)
                await asyncio.sleep(_BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)])
                failures += 1

    async def _ask(self, http: aiohttp.ClientSession, room_id: str, call_id: str) -> list[Segment]:
        call = f"rooms/{quote(room_id, safe='')}/calls/{quote(call_id, safe='')}"
        async with http.get(f"{self._url}/internal/v1/{call}/segments") as response:
            if response.status == HTTPStatus.NOT_FOUND:
                return []
            response.raise_for_status()
            return _Answer.model_validate_json(await response.read()).segments
