# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How the bridge speaks to its own homeserver: as the application service, and now and then as one of its users.

mautrix's `AppServiceAPI` makes the requests; its intents are not used, because they keep a copy of every room and user
for ever. Everything that goes wrong leaves here as `Refused` or `Unavailable`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections.abc import Iterator
from typing import Any

import aiohttp
from mautrix.api import HTTPAPI, Method, Path, PathBuilder
from mautrix.appservice.api.appservice import AppServiceAPI, ChildAppServiceAPI
from mautrix.errors import MatrixConnectionError, MatrixRequestError
from mautrix.types import UserID

from bridge.domain.errors import BridgeError, Unavailable
from bridge.domain.names import RoomId, UserId

REQUEST_TIMEOUT_S = 20.0
"""A federated invitation may wait for the other server; everything else answers in milliseconds."""


class HomeserverRefusedError(BridgeError):
    """The homeserver understood and said no; `errcode` and `status` are its own, its text is for our log only."""

    def __init__(self, status: int, errcode: str, text: str) -> None:
        super().__init__(f"{status} {errcode}: {text}")
        self.status = status
        self.errcode = errcode


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except MatrixRequestError as error:
        if error.http_status >= 500 or error.http_status == 429:
            raise Unavailable("the homeserver") from error
        raise HomeserverRefusedError(
            error.http_status, getattr(error, "errcode", None) or "M_UNKNOWN", str(error)[:200]
        ) from error
    except (MatrixConnectionError, aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        raise Unavailable("the homeserver") from error


class Homeserver:
    """Requests as our bot, as one of our guests, or as a user whose token we hold for a moment."""

    def __init__(self, session: aiohttp.ClientSession, *, base_url: str, as_token: str, bot_user: UserId) -> None:
        log: Any = logging.getLogger("bridge.homeserver")
        log.setLevel(logging.WARNING)  # at DEBUG mautrix writes what requests hold
        self._session = session
        self._base_url = base_url
        self._log = log
        self.bot_user = bot_user
        self._bot = AppServiceAPI(
            base_url,
            bot_mxid=UserID(bot_user),
            token=as_token,
            log=log,
            client_session=session,
            default_retry_count=0,
        )

    async def as_bot(
        self, method: Method, path: PathBuilder, content: dict[str, Any] | None = None, **query: str
    ) -> dict[str, Any]:
        """Make a request as our bot."""
        return await self._run(self._bot, method, path, content, query)

    async def send(self, room_id: RoomId, event_type: str, content: dict[str, Any], *, key: str) -> str:
        """Send an event as our bot and return its id; with the same `key` twice it is one event."""
        txn = hashlib.sha256(key.encode()).hexdigest()[:32]
        answer = await self.as_bot(Method.PUT, Path.v3.rooms[room_id].send[event_type][txn], content)
        return str(answer.get("event_id", ""))

    async def as_guest(
        self, user_id: UserId, method: Method, path: PathBuilder, content: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Make a request as a user of our own namespace."""
        api = ChildAppServiceAPI(UserID(user_id), self._bot)  # not `.user()`: that remembers every guest for ever
        return await self._run(api, method, path, content, {})

    async def with_token(
        self, token: str, method: Method, path: PathBuilder, content: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Make a request with somebody's own token ("" for none); the content is kept out of every log."""
        api = HTTPAPI(self._base_url, token, client_session=self._session, default_retry_count=0, log=self._log)
        with _failures():
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                answer: Any = await api.request(method, path, content, sensitive=content is not None)
        return answer if isinstance(answer, dict) else {}

    async def _run(
        self,
        api: AppServiceAPI,
        method: Method,
        path: PathBuilder,
        content: dict[str, Any] | None,
        query: dict[str, str],
    ) -> dict[str, Any]:
        with _failures():
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                answer: Any = await api.request(method, path, content, query_params=dict(query))
        return answer if isinstance(answer, dict) else {}
