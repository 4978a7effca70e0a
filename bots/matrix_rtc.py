# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The Matrix Client-Server API as a member of a call needs it, delayed events and OpenID tokens included."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import aiohttp
import structlog

_V3 = "/_matrix/client/v3"
_DELAYED = "/_matrix/client/unstable/org.matrix.msc4140/delayed_events"
_TRANSPORTS = "/_matrix/client/unstable/org.matrix.msc4143/rtc/transports"
_TIMEOUT_S = 30.0
_RETRIES = 5
"""stops: a homeserver that answers 429 for ever holding a caller."""
_RETRY_MAX_S = 10.0
_AWAY_S = 2.0
_RELATIONS_PAGES = 100
"""stops: paging through a thread that grows while it is read; 100 pages are 10,000 events."""

Json = dict[str, Any]
T = TypeVar("T")

log = structlog.get_logger(__name__)


class MatrixError(Exception):
    """The homeserver refused; ``status`` and ``errcode`` are its own words."""

    def __init__(self, status: int, errcode: str, message: str) -> None:
        super().__init__(f"{status} {errcode}: {message}")
        self.status = status
        self.errcode = errcode


@dataclass(slots=True)
class MatrixSession:
    """One device of one user. Use it as an async context manager, or call ``close``.

    Every method raises ``MatrixError`` for a refusal and ``aiohttp.ClientError` or ``TimeoutError`` when the homeserver
    can't be reached; 429 is waited out a few times first.
    """

    user_id: str
    device_id: str
    access_token: str = field(repr=False)
    base_url: str
    _http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.close()

    @property
    def http(self) -> aiohttp.ClientSession:
        """The HTTP client, for the authorisation service too; it carries no credentials by itself."""
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT_S))
        return self._http

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        data: bytes | None = None,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> Json:
        """Call the homeserver; ``path`` is already quoted."""
        for attempt in range(_RETRIES + 1):
            async with self.http.request(
                method,
                self.base_url.rstrip("/") + path,
                json=body,
                data=data,
                params=params,
                headers={"Authorization": f"Bearer {self.access_token}", **(headers or {})},
                timeout=aiohttp.ClientTimeout(total=timeout_s),
            ) as response:
                answer = await _json(response)
                if response.ok:
                    return answer
                status = response.status
            if status != HTTPStatus.TOO_MANY_REQUESTS or attempt == _RETRIES:
                raise MatrixError(status, str(answer.get("errcode", "M_UNKNOWN")), str(answer.get("error", "")))
            wait_ms = answer.get("retry_after_ms")
            await asyncio.sleep(min(_RETRY_MAX_S, wait_ms / 1000 if isinstance(wait_ms, int) else 1.0))
        raise AssertionError("the loop above returns or raises")

    # ------------------------------------------------------------------------------------------------ rooms

    async def join(self, room_id: str, via: tuple[str, ...] = ()) -> None:
        """Join a room that one is invited to, or that is open; ``via`` names servers that know it."""
        query = "&".join(f"via={quote(server, safe='')}" for server in via)
        await self.request("POST", f"{_V3}/join/{_q(room_id)}" + (f"?{query}" if query else ""), body={})

    async def leave(self, room_id: str) -> None:
        """Leave a room, or refuse an invitation."""
        await self.request("POST", f"{_V3}/rooms/{_q(room_id)}/leave", body={})

    async def state(self, room_id: str) -> list[Json]:
        """Return the room's whole current state, full events."""
        answer: Any = await self.request("GET", f"{_V3}/rooms/{_q(room_id)}/state")
        return list(answer)

    async def send_state(self, room_id: str, kind: str, key: str, content: Mapping[str, Any]) -> str:
        """Write a state event; returns its event id."""
        path = f"{_V3}/rooms/{_q(room_id)}/state/{_q(kind)}/{_q(key)}"
        return str((await self.request("PUT", path, body=dict(content)))["event_id"])

    async def send_event(self, room_id: str, kind: str, content: Mapping[str, Any], txn_id: str) -> str:
        """Send an event; the same ``txn_id`` twice is the same event. Returns its event id."""
        path = f"{_V3}/rooms/{_q(room_id)}/send/{_q(kind)}/{_q(txn_id)}"
        return str((await self.request("PUT", path, body=dict(content)))["event_id"])

    async def redact(self, room_id: str, event_id: str, txn_id: str) -> str:
        """Take an event's content away; returns the redaction's event id."""
        path = f"{_V3}/rooms/{_q(room_id)}/redact/{_q(event_id)}/{_q(txn_id)}"
        return str((await self.request("PUT", path, body={}))["event_id"])

    async def relations(self, room_id: str, event_id: str, rel_type: str) -> list[Json]:
        """Return the events that relate to one, oldest first."""
        path = f"/_matrix/client/v1/rooms/{_q(room_id)}/relations/{_q(event_id)}/{_q(rel_type)}"
        events: list[Json] = []
        params = {"limit": "100", "dir": "f"}
        for _ in range(_RELATIONS_PAGES):
            page = await self.request("GET", path, params=params)
            events.extend(page.get("chunk", []))
            token = page.get("next_batch")
            if not token:
                break
            params["from"] = token
        return events

    async def room_note(self, room_id: str, kind: str) -> Json:
        """Return this account's own data about a room (room account data); empty where there is none."""
        try:
            return await self.request("GET", self._note_path(room_id, kind))
        except MatrixError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return {}
            raise

    async def put_room_note(self, room_id: str, kind: str, content: Mapping[str, Any]) -> None:
        """Write this account's own data about a room; nobody else sees it and no power level is needed."""
        await self.request("PUT", self._note_path(room_id, kind), body=dict(content))

    def _note_path(self, room_id: str, kind: str) -> str:
        return f"{_V3}/user/{_q(self.user_id)}/rooms/{_q(room_id)}/account_data/{_q(kind)}"

    async def upload(self, data: bytes, content_type: str, filename: str) -> str:
        """Upload a file; returns its mxc address."""
        answer = await self.request(
            "POST",
            "/_matrix/media/v3/upload",
            data=data,
            params={"filename": filename},
            headers={"Content-Type": content_type},
        )
        return str(answer["content_uri"])

    async def sync(self, since: str | None = None, timeout_ms: int = 0) -> Json:
        """Return what happened since a token, waiting up to ``timeout_ms`` for something to happen."""
        params = {"timeout": str(timeout_ms)} | ({"since": since} if since else {})
        return await self.request("GET", f"{_V3}/sync", params=params, timeout_s=_TIMEOUT_S + timeout_ms / 1000)

    async def timeline(self, room_id: str, since: str | None = None) -> AsyncIterator[Json]:
        """Yield a room's events as they come, for ever; without ``since`` starting with the newest few."""
        while True:
            answer = await self.sync(since, 0 if since is None else 30_000)
            since = answer["next_batch"]
            room = answer.get("rooms", {}).get("join", {}).get(room_id, {})
            for event in room.get("timeline", {}).get("events", []):
                yield event

    # ------------------------------------------------------------------------------------------------ calls

    async def openid_token(self) -> Json:
        """Return a token that proves to others who this user is (OpenID of Matrix)."""
        return await self.request("POST", f"{_V3}/user/{_q(self.user_id)}/openid/request_token", body={})

    async def rtc_transports(self) -> list[Json]:
        """Return the call services the homeserver advertises (MSC4143); none where it knows no such thing."""
        try:
            answer = await self.request("GET", _TRANSPORTS)
        except MatrixError as error:
            if error.status in {HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN}:
                return []
            raise
        listed = answer.get("rtc_transports", [])
        return [entry for entry in listed if isinstance(entry, dict)] if isinstance(listed, list) else []

    async def schedule_state(self, room_id: str, kind: str, key: str, content: Mapping[str, Any], delay_ms: int) -> str:
        """Have the homeserver write a state event later (MSC4140); returns the id to restart or send it by."""
        answer = await self.request(
            "PUT",
            f"{_V3}/rooms/{_q(room_id)}/state/{_q(kind)}/{_q(key)}",
            body=dict(content),
            params={"org.matrix.msc4140.delay": str(delay_ms)},
        )
        return str(answer["delay_id"])

    async def restart_delayed(self, delay_id: str) -> None:
        """Let a delayed event's time begin anew; 404 if it was sent already."""
        await self.request("POST", f"{_DELAYED}/{_q(delay_id)}/restart", body={})

    async def send_delayed(self, delay_id: str) -> None:
        """Have a delayed event sent now."""
        await self.request("POST", f"{_DELAYED}/{_q(delay_id)}/send", body={})


async def until_answered(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask the homeserver, again for as long as it is away or fails; a refusal (4xx) is raised."""
    while True:
        try:
            return await ask()
        except MatrixError as error:
            if error.status < HTTPStatus.INTERNAL_SERVER_ERROR and error.status != HTTPStatus.TOO_MANY_REQUESTS:
                raise
            log.warning("homeserver_failing", status=error.status)
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("homeserver_away", reason=type(error).__name__)
        await asyncio.sleep(_AWAY_S)


async def _json(response: aiohttp.ClientResponse) -> Json:
    try:
        return await response.json(content_type=None) or {}
    except ValueError:
        return {}


def _q(part: str) -> str:
    return quote(part, safe="")
