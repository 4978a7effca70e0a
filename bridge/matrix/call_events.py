# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What a pushed transaction says about calls: who is in one, who raises a hand, what is taken back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bridge.domain.hands import is_hand, is_own
from bridge.domain.meetings import CALL_MEMBER
from bridge.domain.names import MAX_ID, RoomId, UserId, is_room_id, server_of
from bridge.matrix.events import events_of

_TYPES = frozenset((CALL_MEMBER, "m.call.member"))


@dataclass(frozen=True, slots=True)
class CallMember:
    """Somebody's device says that it is in the call (`there`), or that it left."""

    event_id: str
    room_id: RoomId
    user_id: UserId
    state_key: str
    there: bool


@dataclass(frozen=True, slots=True)
class HandRaised:
    """Somebody reacts with a hand; `about` is the event, which must be a call membership of their own."""

    event_id: str
    room_id: RoomId
    user_id: UserId
    about: str


@dataclass(frozen=True, slots=True)
class TakenBack:
    """An event was redacted."""

    room_id: RoomId
    event_id: str


CallEvent = CallMember | HandRaised | TakenBack


def call_events(body: bytes) -> list[CallEvent]:
    """Return what a transaction says about calls, in order; whatever is nothing of it is passed over."""
    found = (_read(event) for event in events_of(body) if isinstance(event, dict))
    return [event for event in found if event is not None]


def _read(event: dict[str, Any]) -> CallEvent | None:
    kind, content = event.get("type"), event.get("content")
    texts = [event.get("event_id"), event.get("room_id"), event.get("sender")]
    if not isinstance(content, dict) or not all(map(_is_id, texts)):
        return None
    event_id, room, sender = (str(text) for text in texts)
    if not is_room_id(room) or server_of(sender) is None:
        return None
    room_id, user_id = RoomId(room), UserId(sender)
    if kind in _TYPES:
        key = event.get("state_key")
        if not isinstance(key, str) or not _is_id(key) or not is_own(key, sender):
            return None
        return CallMember(event_id, room_id, user_id, key, bool(content))
    if kind == "m.reaction":
        relation = content.get("m.relates_to")
        about = relation.get("event_id") if isinstance(relation, dict) else None
        sign = relation.get("key") if isinstance(relation, dict) else None
        if isinstance(about, str) and _is_id(about) and isinstance(sign, str) and is_hand(sign):
            return HandRaised(event_id, room_id, user_id, about)
    if kind == "m.room.redaction":
        gone = content.get("redacts", event.get("redacts"))
        if isinstance(gone, str) and _is_id(gone):
            return TakenBack(room_id, gone)
    return None


def _is_id(text: object) -> bool:
    return isinstance(text, str) and text.isprintable() and len(text.encode(errors="replace")) <= MAX_ID
