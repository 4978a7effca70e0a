# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How the meetings' bot speaks in rooms: notices, reactions to a command, coming and leaving.

Everything is named after the event that it answers (the Matrix transaction id), so that saying it again says nothing
new. A room in which the bot may not speak is no fault: it stays silent there.
"""

from __future__ import annotations

from typing import Any

from mautrix.api import Method, Path

from bridge.domain.names import RoomId
from bridge.matrix.homeserver import Homeserver, HomeserverRefusedError

DONE = "✅"
FAILED = "❌"


class Talk:
    """What our bot says."""

    def __init__(self, homeserver: Homeserver) -> None:
        self._homeserver = homeserver
        self.bot_user = homeserver.bot_user

    async def notice(self, room_id: RoomId, text: str, *, answers: str) -> None:
        """Say something in answer to an event; nobody is called by it."""
        content = {
            "msgtype": "m.notice",
            "body": text,
            "m.mentions": {},
            "m.relates_to": {"m.in_reply_to": {"event_id": answers}},
        }
        await self._send(room_id, "m.room.message", content, f"notice {answers}")

    async def hello(self, room_id: RoomId, text: str, *, named: str) -> None:
        """Say something that answers no message; `named` tells it from everything else that is said."""
        content = {"msgtype": "m.notice", "body": text, "m.mentions": {}}
        await self._send(room_id, "m.room.message", content, f"hello {named}")

    async def card(self, room_id: RoomId, text: str, calls: list[str], *, named: str) -> str | None:
        """Say something that is edited later and calls some users; return its event, None where we may not speak."""
        content = {"msgtype": "m.notice", "body": text, "m.mentions": {"user_ids": calls} if calls else {}}
        return await self._send(room_id, "m.room.message", content, f"card {named}")

    async def edit(self, room_id: RoomId, event_id: str, text: str, *, named: str) -> None:
        """Say something else in the place of what was said; nobody is called again."""
        now = {"msgtype": "m.notice", "body": text, "m.mentions": {}}
        content = {
            **now,
            "body": f"* {text}",
            "m.new_content": now,
            "m.relates_to": {"rel_type": "m.replace", "event_id": event_id},
        }
        await self._send(room_id, "m.room.message", content, f"edit {named}")

    async def react(self, room_id: RoomId, event_id: str, key: str) -> None:
        """Set a sign at a message."""
        relation = {"rel_type": "m.annotation", "event_id": event_id, "key": key}
        await self._send(room_id, "m.reaction", {"m.relates_to": relation}, f"reaction {key} {event_id}")

    async def join(self, room_id: RoomId) -> bool:
        """Follow an invitation; False when it holds no more."""
        try:
            await self._homeserver.as_bot(Method.POST, Path.v3.rooms[room_id].join, {})
        except HomeserverRefusedError:
            return False
        return True

    async def is_encrypted(self, room_id: RoomId) -> bool:
        """Tell whether a room hides from us what is said in it."""
        try:
            await self._homeserver.as_bot(Method.GET, Path.v3.rooms[room_id].state["m.room.encryption"])
        except HomeserverRefusedError:
            return False
        return True

    async def is_alone(self, room_id: RoomId) -> bool:
        """Tell whether nobody else is in a room; one that we are not in is not ours to leave."""
        try:
            answer = await self._homeserver.as_bot(Method.GET, Path.v3.rooms[room_id].joined_members)
        except HomeserverRefusedError:
            return False
        joined = answer.get("joined")
        return isinstance(joined, dict) and set(joined) == {self.bot_user}

    async def _send(self, room_id: RoomId, event_type: str, content: dict[str, Any], name: str) -> str | None:
        try:
            return await self._homeserver.send(room_id, event_type, content, key=name)
        except HomeserverRefusedError:
            return None
