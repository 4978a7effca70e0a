# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Rooms of meetings: made, entered, and asked who is in them."""

from __future__ import annotations

import contextlib
import time
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from mautrix.api import Method, Path

from bridge.domain.display_name import MAX_SHOWN_NAME
from bridge.domain.errors import Refused, Unavailable
from bridge.domain.meetings import room_levels, room_recipe
from bridge.domain.names import RoomId, UserId
from bridge.domain.plain import one_line
from bridge.matrix.homeserver import Homeserver, HomeserverRefusedError

MEMBERSHIP_CACHE_S = 10.0
"""How long a "yes, is in the room" holds when no event says otherwise; a "no" is never kept."""
HOST_LEVEL = 50
"""The power level from which people moderate a meeting; its organiser has 100."""
ORGANIZER_LEVEL = 100
"""The power level from which people name hosts, and delete a meeting."""
MAX_KICKS = 50
"""People taken out of a room in one go. Stops: a large room holding the sweeper up."""
MAX_CACHED_MEMBERS = 10_000
"""Stops: memory growing with people."""
MAX_REACTION_PAGES = 20
"""Pages of a hundred. Stops: people who react to one event without end."""


class Rooms:
    """What our bot does in the rooms that it made. `clock` gives monotonic seconds."""

    def __init__(self, homeserver: Homeserver, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._homeserver = homeserver
        self._clock = clock
        self._own_suffix = ":" + homeserver.bot_user.partition(":")[2]
        self._joined: OrderedDict[tuple[str, str], float] = OrderedDict()

    async def register_bot(self) -> None:
        """Make sure that our bot's account exists."""
        localpart = self._homeserver.bot_user[1:].partition(":")[0]
        try:
            await self._homeserver.as_bot(
                Method.POST,
                Path.v3.register,
                {"type": "m.login.application_service", "username": localpart, "inhibit_login": True},
            )
        except HomeserverRefusedError as error:
            if error.errcode != "M_USER_IN_USE":
                raise

    async def create(self, title: str, organizer: UserId) -> RoomId:
        """Make the room of a meeting and invite its organiser."""
        try:
            answer = await self._homeserver.as_bot(Method.POST, Path.v3.createRoom, room_recipe(title, organizer))
        except HomeserverRefusedError as error:
            raise Refused(
                400, "M_BAD_JSON", "The homeserver could not make this room. Does the organiser exist?"
            ) from error
        return RoomId(answer["room_id"])

    async def invite(self, room_id: RoomId, user_id: UserId) -> None:
        """Invite somebody; whoever is invited or joined already stays so."""
        try:
            await self._homeserver.as_bot(Method.POST, Path.v3.rooms[room_id].invite, {"user_id": user_id})
        except Unavailable as error:
            if user_id.endswith(self._own_suffix):
                raise
            raise Unavailable("their homeserver", retry_after_s=10) from error
        except HomeserverRefusedError as error:
            if await self._membership(room_id, user_id) in {"invite", "join"}:
                return
            raise Refused(
                403, "PASSERELLE_CANNOT_INVITE", f"{user_id} could not be invited. Is the name right?"
            ) from error

    async def join_guest(self, room_id: RoomId, user_id: UserId) -> None:
        """Bring a guest of ours in."""
        await self.invite(room_id, user_id)
        await self._homeserver.as_guest(user_id, Method.POST, Path.v3.rooms[room_id].join, {})

    async def remove(self, room_id: RoomId, user_id: UserId) -> None:
        """Take somebody out of a room; whoever is not in it stays out."""
        self.forget(room_id, user_id)
        try:
            await self._homeserver.as_bot(Method.POST, Path.v3.rooms[room_id].kick, {"user_id": user_id})
        except HomeserverRefusedError as error:
            if await self._membership(room_id, user_id) in {"invite", "join"}:
                raise Refused(403, "M_FORBIDDEN", f"{user_id} could not be removed.") from error

    async def is_joined(self, room_id: RoomId, user_id: UserId) -> bool:
        """Tell whether somebody is in a room of ours now."""
        key, now = (room_id, user_id), self._clock()
        if self._joined.get(key, 0.0) > now:
            return True
        if await self._membership(room_id, user_id) != "join":
            return False
        self._joined[key] = now + MEMBERSHIP_CACHE_S
        self._joined.move_to_end(key)
        if len(self._joined) > MAX_CACHED_MEMBERS:
            self._joined.popitem(last=False)
        return True

    async def levels(self, room_id: RoomId) -> dict[str, int]:
        """Return the power levels of those in a room who have one of their own; anybody else has 0."""
        users = (await self._state(room_id, "m.room.power_levels")).get("users")
        pairs = users.items() if isinstance(users, dict) else ()
        return {user: level for user, level in pairs if isinstance(level, int)}

    async def level_of(self, room_id: RoomId, user_id: UserId) -> int:
        """Return somebody's power level in a room."""
        return (await self.levels(room_id)).get(user_id, 0)

    async def is_host(self, room_id: RoomId, user_id: UserId) -> bool:
        """Tell whether somebody may moderate a room of ours."""
        return await self.level_of(room_id, user_id) >= HOST_LEVEL

    async def set_level(self, room_id: RoomId, user_id: UserId, level: int) -> None:
        """Give somebody a power level; 0 takes theirs away."""
        content = await self._state(room_id, "m.room.power_levels")
        users = {user: known for user, known in dict(content.get("users") or {}).items() if user != user_id}
        await self._set_levels(room_id, {**content, "users": users | ({user_id: level} if level else {})})

    async def set_closed(self, room_id: RoomId, *, closed: bool) -> None:
        """Let members of a room only read, or write and call again."""
        content = await self._state(room_id, "m.room.power_levels")
        await self._set_levels(room_id, room_levels(content, closed=closed))

    async def rename(self, room_id: RoomId, title: str) -> None:
        """Give a room another name."""
        path = Path.v3.rooms[room_id].state["m.room.name"]
        await self._homeserver.as_bot(Method.PUT, path, {"name": title})

    async def empty(self, room_id: RoomId) -> bool:
        """Take people out of a room, `MAX_KICKS` at a time, and leave it when nobody else is in; True once we left."""
        try:
            answer = await self._homeserver.as_bot(Method.GET, Path.v3.rooms[room_id].members, not_membership="leave")
        except HomeserverRefusedError:
            return True  # we are not in it any more
        events = answer.get("chunk")
        members = [_member(event) for event in events] if isinstance(events, list) else []
        others = [user for user, membership in members if membership in {"join", "invite", "knock"}]
        others = [user for user in others if user != self._homeserver.bot_user]
        for user_id in others[:MAX_KICKS]:
            await self.remove(room_id, UserId(user_id))
        if len(others) > MAX_KICKS:
            return False
        await self.leave(room_id)
        return True

    async def leave(self, room_id: RoomId) -> None:
        """Leave a room with our bot, or decline its invitation."""
        await self._homeserver.as_bot(Method.POST, Path.v3.rooms[room_id].leave, {})
        with contextlib.suppress(HomeserverRefusedError):
            await self._homeserver.as_bot(Method.POST, Path.v3.rooms[room_id].forget, {})

    async def display_name(self, room_id: RoomId, user_id: UserId) -> str:
        """Return what somebody is called in a room of ours: their name there, or their user id."""
        try:
            content = await self._homeserver.as_bot(Method.GET, Path.v3.rooms[room_id].state["m.room.member"][user_id])
        except HomeserverRefusedError:
            content = {}
        return _name(content.get("displayname")) or user_id

    async def names(self, room_id: RoomId) -> dict[str, str]:
        """Return what each of those in a room of ours is called, by user id; who has no name is left out."""
        answer = await self._homeserver.as_bot(Method.GET, Path.v3.rooms[room_id].joined_members)
        joined = answer.get("joined")
        members = joined.items() if isinstance(joined, dict) else ()
        names = {user_id: _name(member.get("display_name")) for user_id, member in members if isinstance(member, dict)}
        return {user_id: name for user_id, name in names.items() if name}

    async def state_event(self, room_id: RoomId, event_type: str, state_key: str) -> dict[str, Any] | None:
        """Return a state event of a room of ours as a whole, with sender and time, or None where there is none."""
        path = Path.v3.rooms[room_id].state[event_type][state_key]
        try:
            return await self._homeserver.as_bot(Method.GET, path, format="event")
        except HomeserverRefusedError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise Unavailable("the room") from error

    async def reactions(self, room_id: RoomId, event_id: str) -> list[dict[str, Any]]:
        """Return the reactions to an event in a room of ours that nobody took back, newest first."""
        path = Path.v1.rooms[room_id].relations[event_id]["m.annotation"]["m.reaction"]
        found: list[dict[str, Any]] = []
        page: dict[str, Any] = {}
        for _ in range(MAX_REACTION_PAGES):
            try:
                begin = {"from": page["next_batch"]} if page else {}
                page = await self._homeserver.as_bot(Method.GET, path, None, limit="100", **begin)
            except HomeserverRefusedError as error:
                if error.status == HTTPStatus.NOT_FOUND:
                    break
                raise Unavailable("the room") from error
            found += page.get("chunk", [])
            if not page.get("next_batch"):
                break
        return found

    def forget(self, room_id: str, user_id: str) -> None:
        """Forget that somebody was in a room; the next question asks the homeserver."""
        self._joined.pop((room_id, user_id), None)

    async def _set_levels(self, room_id: RoomId, content: dict[str, Any]) -> None:
        await self._homeserver.as_bot(Method.PUT, Path.v3.rooms[room_id].state["m.room.power_levels"], content)

    async def _state(self, room_id: RoomId, event_type: str) -> dict[str, Any]:
        try:
            return await self._homeserver.as_bot(Method.GET, Path.v3.rooms[room_id].state[event_type])
        except HomeserverRefusedError:
            return {}

    async def _membership(self, room_id: RoomId, user_id: UserId) -> str | None:
        try:
            content = await self._homeserver.as_bot(Method.GET, Path.v3.rooms[room_id].state["m.room.member"][user_id])
        except HomeserverRefusedError:
            return None
        membership = content.get("membership")
        return membership if isinstance(membership, str) else None


def _member(event: object) -> tuple[str, str]:
    content = event.get("content") if isinstance(event, dict) else None
    membership = content.get("membership") if isinstance(content, dict) else None
    user_id = event.get("state_key") if isinstance(event, dict) else None
    return (user_id if isinstance(user_id, str) else "", membership if isinstance(membership, str) else "")


def _name(raw: object) -> str:
    return one_line(raw)[:MAX_SHOWN_NAME] if isinstance(raw, str) else ""
