# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How staff are told what they have to decide: a room of two, our bot's and theirs, with notices in it."""

from __future__ import annotations

from mautrix.api import Method, Path

from bridge.domain.names import RoomId, UserId
from bridge.matrix.homeserver import Homeserver, HomeserverRefusedError


class Notices:
    """Writes to one person at a time."""

    def __init__(self, homeserver: Homeserver) -> None:
        self._homeserver = homeserver

    async def make_room(self, user_id: UserId, name: str) -> RoomId:
        """Make the room for somebody and invite them; what was said before they come in is theirs to read."""
        answer = await self._homeserver.as_bot(
            Method.POST,
            Path.v3.createRoom,
            {
                "preset": "private_chat",
                "name": name,
                "is_direct": True,
                "invite": [user_id],
                "initial_state": [
                    {
                        "type": "m.room.history_visibility",
                        "state_key": "",
                        "content": {"history_visibility": "invited"},
                    }
                ],
                "power_level_content_override": {"events_default": 50, "users": {}},
            },
        )
        return RoomId(answer["room_id"])

    async def tell(self, room_id: RoomId, user_id: UserId, text: str, *, key: str) -> None:
        """Write a notice; the same `key` twice is one notice. Whoever left the room is asked in again."""
        try:
            await self._homeserver.as_bot(Method.POST, Path.v3.rooms[room_id].invite, {"user_id": user_id})
        except HomeserverRefusedError as error:
            if error.status != 403:  # there already, or does not want to be
                raise
        await self._homeserver.send(room_id, "m.room.message", {"msgtype": "m.notice", "body": text}, key=key)
