# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The bot's own account at its homeserver: signing in, and what happens in its rooms."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import nio
import structlog

from bots.matrix_rtc import Json

_SYNC_TIMEOUT_MS = 30_000
_RETRY_S = 2.0
_STATE_AFTER = "org.matrix.msc4222.state_after"

log = structlog.get_logger(__name__)


class SessionEndedError(Exception):
    """The homeserver does not know our session any more. Our supervisor starts us anew."""


@dataclass(frozen=True, slots=True)
class RoomNews:
    """What is new in one room: its events, and the state that they and others led to.

    ``incomplete``: something was left out, or the homeserver can't tell the resulting state; read the room anew.
    """

    timeline: list[Json]
    state: list[Json]
    incomplete: bool


@dataclass(frozen=True, slots=True)
class News:
    """One answer to a sync: invitations with who sent them, rooms we are no longer in, and what is new in others."""

    invited: dict[str, str]
    left: list[str]
    rooms: dict[str, RoomNews]


class Account(nio.AsyncClient):  # type: ignore[misc]  # nio ships no types
    """nio, and what it knows nothing of: the state *after* a sync's timeline (MSC4222).

    The plain sync names state *before* the timeline; where events of several homeservers crossed, that is state which
    was overruled long ago, and whoever left the call would seem to be in it for ever.
    """

    def __init__(self, client_url: str, user_id: str, device_id: str) -> None:
        config = nio.AsyncClientConfig(encryption_enabled=False, store_sync_tokens=False, max_timeout_retry_wait_time=5)
        super().__init__(client_url, user_id, device_id=device_id, config=config)
        self._filter = _sync_filter(time.time_ns())
        self._synced = False

    async def sign_in(self, password: str) -> None:
        """Sign in with the fixed device; waits for a homeserver that is not up yet."""
        while True:
            answer = await self.login(password, device_name="Captions")
            if isinstance(answer, nio.LoginResponse):
                log.info("signed_in", user_id=self.user_id)
                return
            log.warning("sign_in_failed", errcode=getattr(answer, "status_code", None))
            await asyncio.sleep(_RETRY_S)

    async def next_news(self) -> News:
        """Wait for something to happen; the first call returns all rooms at once.

        Raises:
            SessionEndedError: the homeserver does not know our session any more.
        """
        while True:
            answer = await self.sync(timeout=_SYNC_TIMEOUT_MS if self._synced else 0, sync_filter=self._filter)
            if isinstance(answer, nio.SyncResponse):
                self._synced = True
                return _read(await answer.transport_response.json(), str(self.user_id))
            errcode = getattr(answer, "status_code", None)
            if errcode == "M_UNKNOWN_TOKEN":
                raise SessionEndedError("the homeserver has ended our session")
            log.warning("sync_failed", errcode=errcode)
            await asyncio.sleep(_RETRY_S)

    async def send(self, method: str, path: str, *more: Any, **named: Any) -> Any:  # noqa: ANN401 - as nio has it
        """Send a request of nio's; a sync asks for the resulting state."""
        if path.partition("?")[0].endswith("/sync"):
            path += "&org.matrix.msc4222.use_state_after=true"
        return await super().send(method, path, *more, **named)

    async def parse_body(self, transport_response: Any) -> Json:  # noqa: ANN401 - as nio has it
        """Read an answer's JSON; nio refuses rooms that we left if they lack the key that MSC4222 renamed."""
        body: Json = await super().parse_body(transport_response)
        rooms = body.get("rooms", {})
        for room in rooms.get("leave", {}).values() if isinstance(rooms, dict) else ():
            for part in ("state", "timeline"):
                room.setdefault(part, {"events": []})
        return body


def _sync_filter(started_ns: int) -> Json:
    """Return what to be told of.

    The time of our start is in it because Synapse answers equal first syncs from a cache for two minutes: after a
    quick restart it would show the rooms as they were before.
    """
    nothing: Json = {"types": []}
    return {
        "presence": nothing,
        "account_data": nothing,
        "room": {"ephemeral": nothing, "account_data": nothing, "timeline": {"limit": 50}},
        "org.passerelle.started": started_ns,
    }


def _read(answer: Json, own: str) -> News:
    rooms = answer.get("rooms", {})
    return News(
        {
            room_id: _inviter(room.get("invite_state", {}).get("events", []), own)
            for room_id, room in rooms.get("invite", {}).items()
        },
        list(rooms.get("leave", {})),
        {room_id: _room(room) for room_id, room in rooms.get("join", {}).items()},
    )


def _room(room: Json) -> RoomNews:
    timeline = room.get("timeline", {})
    events = timeline.get("events", [])
    after = room.get(_STATE_AFTER)
    changed = bool(room.get("state", {}).get("events")) or any("state_key" in event for event in events)
    return RoomNews(
        timeline=events,
        state=after.get("events", []) if after is not None else [],
        incomplete=timeline.get("limited", False) or (after is None and changed),
    )


def _inviter(events: list[Json], own: str) -> str:
    for event in events:
        if event.get("type") == "m.room.member" and event.get("state_key") == own:
            return str(event.get("sender", ""))
    return ""
