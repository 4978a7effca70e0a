# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Rooms of meetings: made, entered, and asked who is in them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from weakref import WeakValueDictionary

from mautrix.api import Method, Path

from bridge.domain.display_name import MAX_SHOWN_NAME
from bridge.domain.errors import Refused, Unavailable
from bridge.domain.meetings import room_levels, room_recipe
from bridge.domain.names import RoomId, UserId
from bridge.domain.partners import refusal
from bridge.domain.plain import one_line
from bridge.domain.powers import LEVELS, Content, Powers, Role, with_level
from bridge.domain.revocation import server_acl, shuts_out
from bridge.matrix.homeserver import Homeserver, HomeserverRefusedError

MEMBERSHIP_CACHE_S = 10.0
"""How long a "yes, is in the room" holds when no event says otherwise; a "no" is never kept."""
HOST_LEVEL = LEVELS[Role.HOST]
"""The power level from which people moderate a meeting; its organiser has 100."""
ORGANIZER_LEVEL = LEVELS[Role.ORGANISER]
"""The power level from which people name hosts, and delete a meeting."""
MAX_KICKS = 50
"""People taken out of a room in one go. Stops: a large room holding the sweeper up."""
MAX_CACHED_MEMBERS = 10_000
"""Stops: memory growing with people."""
MAX_REACTION_PAGES = 20
"""Pages of a hundred. Stops: people who react to one event without end."""
_POWER_LEVELS = "m.room.power_levels"


class Rooms:
    """What our bot does in the rooms that it made. `clock` gives monotonic seconds."""

    def __init__(self, homeserver: Homeserver, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._homeserver = homeserver
        self._clock = clock
        self._own_suffix = ":" + homeserver.bot_user.partition(":")[2]
        self._joined: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._changing: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

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
            if await self.membership(room_id, user_id) in {"invite", "join"}:
                return
            raise refusal(user_id, str(error)) from error

    async def join_guest(self, room_id: RoomId, user_id: UserId) -> None:
        """Bring an invited guest of ours in."""
        await self._homeserver.as_guest(user_id, Method.POST, Path.v3.rooms[room_id].join, {})
        self._know_joined(room_id, user_id)  # their call asks for it next

    async def remove(self, room_id: RoomId, user_id: UserId) -> None:
        """Take somebody out of a room; whoever is not in it stays out."""
        self.forget(room_id, user_id)
        try:
            await self._homeserver.as_bot(Method.POST, Path.v3.rooms[room_id].kick, {"user_id": user_id})
        except HomeserverRefusedError as error:
            if await self.membership(room_id, user_id) in {"invite", "join"}:
                raise Refused(403, "M_FORBIDDEN", f"{user_id} could not be removed.") from error

    async def shut_out(self, room_id: RoomId, barred: frozenset[str], own_server: str) -> None:
        """Take whoever is barred out of a room, and let it refuse what barred servers send from now on."""
        for user_id in await self.members(room_id):
            if shuts_out(barred, user_id):
                await self.remove(room_id, UserId(user_id))
        known, wanted = await self._state(room_id, "m.room.server_acl"), server_acl(barred, own_server)
        if known.get("deny", []) != wanted["deny"]:
            await self._homeserver.as_bot(Method.PUT, Path.v3.rooms[room_id].state["m.room.server_acl"], wanted)

    async def members(self, room_id: RoomId) -> list[str]:
        """Return who is in a room, invited to it or knocks; nobody where our bot is not."""
        try:
            answer = await self._homeserver.as_bot(Method.GET, Path.v3.rooms[room_id].members, not_membership="leave")
        except HomeserverRefusedError:
            return []
        events = answer.get("chunk")
        members = [_member(event) for event in events] if isinstance(events, list) else []
        return [user for user, membership in members if membership in {"join", "invite", "knock"}]

    async def is_joined(self, room_id: RoomId, user_id: UserId) -> bool:
        """Tell whether somebody is in a room of ours now."""
        if self._joined.get((room_id, user_id), 0.0) > self._clock():
            return True
        if await self.membership(room_id, user_id) != "join":
            return False
        self._know_joined(room_id, user_id)
        return True

    def _know_joined(self, room_id: RoomId, user_id: UserId) -> None:
        key = (room_id, user_id)
        self._joined[key] = self._clock() + MEMBERSHIP_CACHE_S
        self._joined.move_to_end(key)
        if len(self._joined) > MAX_CACHED_MEMBERS:
            self._joined.popitem(last=False)

    async def ban(self, room_id: RoomId, user_id: UserId) -> None:
        """Take somebody out of a room, if they are in, and keep them out."""
        self.forget(room_id, user_id)
        await self._member(room_id, user_id, "ban", wanted={"ban"})

    async def unban(self, room_id: RoomId, user_id: UserId) -> None:
        """Let somebody be invited again."""
        await self._member(room_id, user_id, "unban", wanted={None, "leave", "invite", "join", "knock"})

    async def _member(self, room_id: RoomId, user_id: UserId, verb: str, *, wanted: set[str | None]) -> None:
        try:
            await self._homeserver.as_bot(Method.POST, Path.v3.rooms[room_id][verb], {"user_id": user_id})
        except HomeserverRefusedError as error:
            if await self.membership(room_id, user_id) not in wanted:
                raise Refused(403, "M_FORBIDDEN", f"The homeserver refuses to {verb} {user_id}.") from error

    async def redact(self, room_id: RoomId, event_id: str) -> None:
        """Take an event back; one that is gone already is no fault."""
        txn = hashlib.sha256(f"redact {event_id}".encode()).hexdigest()[:32]
        with contextlib.suppress(HomeserverRefusedError):
            await self._homeserver.as_bot(Method.PUT, Path.v3.rooms[room_id].redact[event_id][txn], {})

    async def powers(self, room_id: RoomId) -> Powers:
        """Return the power levels of a room."""
        return Powers.of(await self._state(room_id, _POWER_LEVELS))

    async def level_of(self, room_id: RoomId, user_id: UserId) -> int:
        """Return somebody's power level in a room."""
        return (await self.powers(room_id)).level_of(user_id)

    async def is_host(self, room_id: RoomId, user_id: UserId) -> bool:
        """Tell whether somebody may moderate a room of ours."""
        return await self.level_of(room_id, user_id) >= HOST_LEVEL

    async def change_powers(self, room_id: RoomId, change: Callable[[Content], dict[str, Any]]) -> None:
        """Change a room's power levels from what they are, one change of ours after the other."""
        async with self._changing.setdefault(room_id, asyncio.Lock()):
            path = Path.v3.rooms[room_id].state[_POWER_LEVELS]
            try:
                known = await self._homeserver.as_bot(Method.GET, path)
                changed = change(known)
                if changed != known:
                    await self._homeserver.as_bot(Method.PUT, path, changed)
            except HomeserverRefusedError as error:
                raise Refused(403, "M_FORBIDDEN", "The room does not let us change its power levels.") from error

    async def set_level(self, room_id: RoomId, user_id: UserId, level: int) -> None:
        """Give somebody a power level."""
        await self.change_powers(room_id, lambda content: with_level(content, user_id, level))

    async def set_closed(self, room_id: RoomId, *, closed: bool) -> None:
        """Let members of a room only read, or write and call again."""
        await self.change_powers(room_id, lambda content: room_levels(content, closed=closed))

    async def rename(self, room_id: RoomId, title: str) -> None:
        """Give a room another name."""
        path = Path.v3.rooms[room_id].state["m.room.name"]
        await self._homeserver.as_bot(Method.PUT, path, {"name": title})

    async def empty(self, room_id: RoomId) -> bool:
        """Take people out of a room, `MAX_KICKS` at a time, and leave it when nobody else is in; True once we left."""
        try:
            members = await self._members(room_id)
        except HomeserverRefusedError:
            return True  # we are not in it any more
        others = [user for user, membership in members if membership in {"join", "invite", "knock"}]
        others = [user for user in others if user != self._homeserver.bot_user]
        for user_id in others[:MAX_KICKS]:
            await self.remove(room_id, UserId(user_id))
        if len(others) > MAX_KICKS:
            return False
        await self.leave(room_id)
        return True

    async def withdraw_invitations(self, room_id: RoomId) -> None:
        """Take back invitations that nobody answered, `MAX_KICKS` at most, but for those of hosts."""
        powers, members = await self.powers(room_id), await self._members(room_id)
        invited = [user for user, membership in members if membership == "invite"]
        for user_id in [user for user in invited if powers.level_of(user) < HOST_LEVEL][:MAX_KICKS]:
            await self.remove(room_id, UserId(user_id))

    async def _members(self, room_id: RoomId) -> list[tuple[str, str]]:
        answer = await self._homeserver.as_bot(Method.GET, Path.v3.rooms[room_id].members, not_membership="leave")
        events = answer.get("chunk")
        return [_member(event) for event in events] if isinstance(events, list) else []

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

    async def _state(self, room_id: RoomId, event_type: str) -> dict[str, Any]:
        try:
            return await self._homeserver.as_bot(Method.GET, Path.v3.rooms[room_id].state[event_type])
        except HomeserverRefusedError:
            return {}

    async def membership(self, room_id: RoomId, user_id: UserId) -> str | None:
        """Return how somebody stands to a room now (`join`, `invite`, `ban`, …), None where they never did."""
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
