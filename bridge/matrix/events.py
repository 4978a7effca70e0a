# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What a pushed transaction says about people: who came into or left which room."""

from __future__ import annotations

import json
from dataclasses import dataclass

from bridge.domain.names import is_room_id, server_of

MAX_EVENTS = 1000
"""Events of one transaction that are looked at; Synapse sends 100. Stops: one push holding the worker for minutes."""


@dataclass(frozen=True, slots=True)
class MemberChanged:
    """Somebody's membership of a room changed."""

    event_id: str
    room_id: str
    sender: str
    user_id: str
    membership: str


def members_changed(body: bytes) -> list[MemberChanged]:
    """Return the membership events of a transaction, in order; whatever is not one is passed over."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return []
    events = document.get("events") if isinstance(document, dict) else None
    if not isinstance(events, list):
        return []
    found = (_member_changed(event) for event in events[:MAX_EVENTS])
    return [change for change in found if change is not None]


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
