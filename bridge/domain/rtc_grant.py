# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What a LiveKit token says: who, in which room, for how long.

Element Call decodes the payload with `atob`, which knows no base64url. The two signs that differ (`-`, `_`) can only
come from the bytes `>`, `?`, `~`, DEL and non-ASCII, so exactly these are written as JSON escapes.
"""

from __future__ import annotations

import json

TOKEN_LIFETIME_S = 600
"""Stops: a token that was copied from a page being used long after; the SFU refreshes it while connected."""
CLOCK_SKEW_S = 10

EMPTY_TIMEOUT_S = 300
DEPARTURE_TIMEOUT_S = 20

_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in ">?~\x7f"}


def join_claims(*, api_key: str, identity: str, room: str, now_s: int) -> bytes:
    """Return the payload (JSON) of a token that admits one identity to one room, at `now_s` in Unix seconds."""
    claims = {
        "iss": api_key,
        "sub": identity,
        "nbf": now_s - CLOCK_SKEW_S,
        "exp": now_s + TOKEN_LIFETIME_S,
        "video": {
            "roomJoin": True,
            "room": room,
            "canPublish": True,
            "canSubscribe": True,
            "canPublishData": True,
            "canUpdateOwnMetadata": False,
        },
    }
    return json.dumps(claims, separators=(",", ":")).translate(_ESCAPES).encode("ascii")
