# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""One Matrix room as the bot sees it: who is in it, who may what, who is in the call."""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

from bots import membership

NAME_MAX_CHARS = 64
"""stops: a display name that fills the page, or hides what follows it."""
_CREATOR = 1 << 60
_CREATORS_RULE = frozenset({"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"})
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_SPACES = re.compile(r"\s+")

Event = Mapping[str, Any]


class RoomView:
    """Current state, kept up to date event by event. It trusts the homeserver to send only allowed events."""

    def __init__(self, room_id: str, state: Iterable[Event]) -> None:
        self.room_id = room_id
        self._state: dict[tuple[str, str], Event] = {}
        for event in state:
            self.apply(event)

    def apply(self, event: Event) -> None:
        """Take an event; only state changes anything."""
        kind, key = event.get("type"), event.get("state_key")
        if isinstance(kind, str) and isinstance(key, str):
            self._state[kind, key] = event

    def of_type(self, kind: str) -> list[Event]:
        """Return all state events of a type."""
        return [event for (name, _), event in self._state.items() if name == kind]

    def content(self, kind: str, key: str = "") -> Mapping[str, Any]:
        """Return the content of one state event; empty where there is none."""
        content = self._state.get((kind, key), {}).get("content")
        return content if isinstance(content, Mapping) else {}

    @property
    def encrypted(self) -> bool:
        """Tell whether the room asks for encryption."""
        return ("m.room.encryption", "") in self._state

    @property
    def creator(self) -> str:
        """Return the room's creator; empty if unknown."""
        return str(self._state.get(("m.room.create", ""), {}).get("sender", ""))

    def joined(self) -> set[str]:
        """Return the users in the room."""
        return {
            key
            for (kind, key), event in self._state.items()
            if kind == "m.room.member" and event.get("content", {}).get("membership") == "join"
        }

    def power(self, user_id: str) -> int:
        """Return a user's power level; creators of rooms since version 12 stand above all."""
        create = self.content("m.room.create")
        if str(create.get("room_version", "1")) not in _CREATORS_RULE:
            more = create.get("additional_creators")
            if user_id == self.creator or (isinstance(more, list) and user_id in more):
                return _CREATOR
        levels = self.content("m.room.power_levels")
        if not levels:
            return 100 if user_id == self.creator else 0
        users = levels.get("users")
        level = users.get(user_id) if isinstance(users, Mapping) else None
        if not isinstance(level, int):
            level = levels.get("users_default", 0)
        return level if isinstance(level, int) else 0

    def name(self, user_id: str) -> str:
        """Return what to call a user: their name in this room, with their id if somebody else has the same."""
        own = self._plain_name(user_id)
        if not own:
            return user_id
        same = [other for other in self.joined() if other != user_id and self._plain_name(other) == own]
        return f"{own} ({user_id})" if same else own

    def call_members(self, now_ms: int) -> list[membership.Member]:
        """Return who is in the call, the bot itself included."""
        return membership.members(self.of_type(membership.CALL_MEMBER), self.joined(), now_ms)

    def _plain_name(self, user_id: str) -> str:
        name = self.content("m.room.member", user_id).get("displayname")
        if not isinstance(name, str):
            return ""
        visible = "".join(c for c in name if c.isspace() or unicodedata.category(c) not in _UNSEEN)
        return _SPACES.sub(" ", visible).strip()[:NAME_MAX_CHARS]
