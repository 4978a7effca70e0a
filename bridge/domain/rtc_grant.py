# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What a LiveKit token says: who, in which room, for how long.

Element Call decodes the payload with `atob`, which knows no base64url. The two signs that differ (`-`, `_`) can only
come from the bytes `>`, `?`, `~`, DEL and non-ASCII, so exactly these are written as JSON escapes.
"""

from __future__ import annotations

import json
from collections.abc import Set

from bridge.domain.powers import Source

TOKEN_LIFETIME_S = 600
"""Stops: a token that was copied from a page being used long after; the SFU refreshes it while connected."""
CLOCK_SKEW_S = 10

EMPTY_TIMEOUT_S = 300
DEPARTURE_TIMEOUT_S = 20

SOURCES: dict[Source, tuple[str, ...]] = {
    Source.MICROPHONE: ("microphone",),
    Source.CAMERA: ("camera",),
    Source.SCREEN: ("screen_share", "screen_share_audio"),
}
"""What LiveKit calls each source."""

_ESCAPES = {ord(sign): f"\\u{ord(sign):04x}" for sign in ">?~\x7f"}


def sources_granted(sources: Set[Source]) -> list[str] | None:
    """Return `canPublishSources`; None where nothing is restricted, which LiveKit writes as no list at all."""
    if len(sources) == len(Source):
        return None
    return [name for source in Source if source in sources for name in SOURCES[source]]


def join_claims(
    *, api_key: str, identity: str, room: str, now_s: int, sources: Set[Source] = frozenset(Source)
) -> bytes:
    """Return the payload (JSON) of a token that admits one identity to one room, at `now_s` in Unix seconds."""
    named = sources_granted(sources)
    claims = {
        "iss": api_key,
        "sub": identity,
        "nbf": now_s - CLOCK_SKEW_S,
        "exp": now_s + TOKEN_LIFETIME_S,
        "video": {
            "roomJoin": True,
            "room": room,
            "canPublish": bool(sources),
            **({"canPublishSources": named} if named else {}),
            "canSubscribe": True,
            "canPublishData": True,
            "canUpdateOwnMetadata": False,
        },
    }
    return json.dumps(claims, separators=(",", ":")).translate(_ESCAPES).encode("ascii")
