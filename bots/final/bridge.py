# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the final pass asks of the bridge, and gives it."""

import math
from collections.abc import Iterable
from enum import StrEnum
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import aiohttp
import structlog
from pydantic import BaseModel, ValidationError

from bots.captions.paragraphs import FinalTranscript
from bots.final.spool import EndedCall

_TIMEOUT_S = 30.0

log = structlog.get_logger(__name__)


class BridgeError(Exception):
    """The bridge is away, or refuses what it is given."""


class NoMeetingError(BridgeError):
    """The room is none of the bridge's meetings, or not any more: nobody could read a transcript."""


class _Consents(BaseModel):
    events: list[dict[str, Any]]


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

    async def store(self, transcript: FinalTranscript, *, withdrawn: Iterable[str]) -> None:
        """Hand over the whole transcript and who withdrew; twice is as good as once.

        Raises:
            BridgeError: it has not been stored.
        """
        await self._put(transcript.call_id, "transcript", transcript.content() | {"withdrawn": sorted(withdrawn)})

    async def consents(self, call: EndedCall, people: Iterable[str]) -> list[dict[str, Any]]:
        """Return the events by which these people say now whether they agree, and the reactions to the notice.

        Raises:
            NoMeetingError: the room is no meeting.
            BridgeError: nobody can say.
        """
        url = f"{self._url}/internal/v1/rooms/{quote(call.room_id, safe='')}/consents"
        query = [("notice", call.call_id), *(("user", user_id) for user_id in people)]
        try:
            async with self._http.get(url, params=query) as response:
                if response.status == HTTPStatus.NOT_FOUND:
                    raise NoMeetingError("the room is no meeting")
                if response.status >= HTTPStatus.BAD_REQUEST:
                    raise BridgeError(f"the bridge answered {response.status} to the question who agrees")
                return _Consents.model_validate_json(await response.read()).events
        except (aiohttp.ClientError, TimeoutError, ValidationError) as error:
            raise BridgeError(f"the bridge is away: {type(error).__name__}") from error

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
