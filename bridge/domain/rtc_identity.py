# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How a LiveKit room and a participant of a MatrixRTC call are named.

Unmodified clients compute the same names and find each other's tracks by them, so they follow lk-jwt-service 0.5
to the letter: unpadded standard base64 of the SHA-256 of a compact JSON array. The names hold `/` and `+`.
"""

from __future__ import annotations

import base64
import hashlib
import json

DEFAULT_SLOT = "m.call#ROOM"
"""The one call of a room; `/sfu/get` knows no other."""


def livekit_room(room_id: str, slot_id: str = DEFAULT_SLOT) -> str:
    """Return the LiveKit room of a call."""
    return _digest(room_id, slot_id)


def plain_identity(user_id: str, device_id: str) -> str:
    """Return the identity of a member that announces itself by a state event (`/sfu/get`)."""
    return f"{user_id}:{device_id}"


def hashed_identity(user_id: str, device_id: str, member_id: str) -> str:
    """Return the identity of a member that announces itself by a sticky event (`/get_token`)."""
    return _digest(user_id, device_id, member_id)


def _digest(*parts: str) -> str:
    text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
