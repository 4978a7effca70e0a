# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What a pushed transaction says: who came into or left which room, and what was said where."""

from __future__ import annotations

import json
from dataclasses import dataclass

from bridge.domain.names import MAX_ID, is_room_id, server_of

MAX_EVENTS = 1000
"""Events of one transaction that are looked at; Synapse sends 100. Stops: one push holding the worker for minutes."""


MAX_PREFIX = 20
MAX_KEY = 32
"""Characters of a sign. Stops: reading books."""
MAX_SENT_MS = 2**42
"""The year 2109. Stops: times that no calendar has."""


@dataclass(frozen=True, slots=True)
class MemberChanged:
    """Somebody's membership of a room changed."""

    event_id: str
    room_id: str
    sender: str
    user_id: str
    membership: str


@dataclass(frozen=True, slots=True)
class MessageSent:
    """Somebody wrote plain text. `sent_ms` is what their homeserver says, in milliseconds of the wall clock."""

    event_id: str
    room_id: str
    sender: str
    body: str
    sent_ms: int


def powers_changed(body: bytes) -> list[str]:
    """Return the rooms whose power levels a transaction changes."""
    rooms = (
        event.get("room_id")
        for event in events_of(body)
        if isinstance(event, dict) and event.get("type") == "m.room.power_levels" and event.get("state_key") == ""
    )
    return list(dict.fromkeys(room for room in rooms if isinstance(room, str) and is_room_id(room)))


def messages_sent(body: bytes, *, prefixes: tuple[str, ...], max_chars: int) -> list[MessageSent]:
    """Return the messages that begin with one of these, in order and cut; no notices and no edits of earlier ones."""
    found = (_message_sent(event, prefixes, max_chars) for event in events_of(body))
    return [message for message in found if message is not None]


def _message_sent(event: object, prefixes: tuple[str, ...], max_chars: int) -> MessageSent | None:
    if not isinstance(event, dict) or event.get("type") != "m.room.message" or "state_key" in event:
        return None
    content = event.get("content")
    if not isinstance(content, dict) or content.get("msgtype") != "m.text":
        return None
    relation = content.get("m.relates_to")
    if isinstance(relation, dict) and relation.get("rel_type") == "m.replace":
        return None
    texts = (event.get("event_id"), event.get("room_id"), event.get("sender"))
    said, sent_ms = content.get("body"), event.get("origin_server_ts")
    if not all(isinstance(text, str) and text.isprintable() and len(text) <= MAX_ID for text in texts):
        return None
    if not isinstance(said, str) or not said.lstrip()[:MAX_PREFIX].lower().startswith(prefixes):
        return None
    if not isinstance(sent_ms, int) or not 0 <= sent_ms < MAX_SENT_MS:
        return None
    event_id, room_id, sender = (str(text) for text in texts)
    message = MessageSent(event_id, room_id, sender, said[:max_chars].replace("\x00", ""), sent_ms)
    return message if is_room_id(message.room_id) and server_of(message.sender) else None


@dataclass(frozen=True, slots=True)
class Reacted:
    """Somebody set a sign at an event."""

    event_id: str
    room_id: str
    sender: str
    target: str
    key: str
    sent_ms: int


def reactions(body: bytes) -> list[Reacted]:
    """Return the signs that people set at events, in order; whatever is not one is passed over."""
    found = (_reacted(event) for event in events_of(body))
    return [one for one in found if one is not None]


def _reacted(event: object) -> Reacted | None:
    if not isinstance(event, dict) or event.get("type") != "m.reaction" or "state_key" in event:
        return None
    content = event.get("content")
    relation = content.get("m.relates_to") if isinstance(content, dict) else None
    if not isinstance(relation, dict) or relation.get("rel_type") != "m.annotation":
        return None
    texts = (event.get("event_id"), event.get("room_id"), event.get("sender"), relation.get("event_id"))
    key, sent_ms = relation.get("key"), event.get("origin_server_ts")
    if not all(isinstance(text, str) and text.isprintable() and len(text) <= MAX_ID for text in texts):
        return None
    if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY or " " in key or "\x00" in key:
        return None
    if not isinstance(sent_ms, int) or not 0 <= sent_ms < MAX_SENT_MS:
        return None
    event_id, room_id, sender, target = (str(text) for text in texts)
    reacted = Reacted(event_id, room_id, sender, target, key, sent_ms)
    return reacted if is_room_id(reacted.room_id) and server_of(reacted.sender) else None


def members_changed(body: bytes) -> list[MemberChanged]:
    """Return the membership events of a transaction, in order; whatever is not one is passed over."""
    found = (_member_changed(event) for event in events_of(body))
    return [change for change in found if change is not None]


def events_of(body: bytes) -> list[object]:
    """Return the events of a transaction, whatever they are; none when it does not parse."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return []
    events = document.get("events") if isinstance(document, dict) else None
    return events[:MAX_EVENTS] if isinstance(events, list) else []


def _member_changed(event: object) -> MemberChanged | None:
    if not isinstance(event, dict) or event.get("type") != "m.room.member":
        return None
    content = event.get("content")
    membership = content.get("membership") if isinstance(content, dict) else None
    texts = (event.get("event_id"), event.get("room_id"), event.get("sender"), event.get("state_key"), membership)
    if not all(isinstance(text, str) and text.isprintable() for text in texts):
        return None
    change = MemberChanged(*(str(text) for text in texts))
    return change if is_room_id(change.room_id) and server_of(change.user_id) else None
