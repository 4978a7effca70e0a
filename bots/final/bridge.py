# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the final pass asks of the bridge, and gives it."""

import math
from enum import StrEnum
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import structlog

from bots.captions.paragraphs import FinalTranscript
from bots.final.spool import EndedCall

_TIMEOUT_S = 30.0

log = structlog.get_logger(__name__)


class BridgeError(Exception):
    """The bridge is away, or refuses what it is given."""


class State(StrEnum):
    """How far a call's final transcript is."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Bridge:
    """The bridge's internal API. An async context manager."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S), headers={"Authorization": f"Bearer {token}"}
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.close()

    async def store(self, transcript: FinalTranscript) -> None:
        """Hand over the whole transcript; twice is as good as once.

        Raises:
            BridgeError: it has not been stored.
        """
        await self._put(transcript.call_id, "transcript", transcript.content())

    async def progress(self, call: EndedCall, state: State, done: float) -> None:
        """Say how far it is; nobody is harmed if that gets lost."""
        body = {"room_id": call.room_id, "state": state.value, "done": math.floor(done * 1000) / 1000}
        try:
            await self._put(call.call_id, "progress", body)
        except BridgeError as error:
            log.warning("progress_not_told", room_id=call.room_id, reason=str(error))

    async def _put(self, call_id: str, what: str, body: dict[str, Any]) -> None:
        url = f"{self._url}/internal/v1/calls/{quote(call_id, safe='')}/{what}"
        try:
            async with self._http.put(url, json=body) as response:
                if response.status >= HTTPStatus.BAD_REQUEST:
                    raise BridgeError(f"the bridge answered {response.status} to the {what}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise BridgeError(f"the bridge is away: {type(error).__name__}") from error
