# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What may somebody with a link do on the media server before they are in: try their network, alone and for seconds."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from bridge.domain.rtc_grant import CLOCK_SKEW_S

ROOM_PREFIX = "network-test-"
"""No call is called so: those are named by digests, which have no hyphen."""
ROOM_LIFETIME_S = 20
"""A test takes five seconds. Stops: a page that stays in its test and keeps sending."""
MAX_ROOMS = 20
"""Tests at a time; each brings at most what a camera does. Stops: many addresses loading the media server together."""
TOKEN_LIFETIME_S = 15
"""Stops: a token that is kept, and used once the room of the test has been opened anew."""


@dataclass(frozen=True, slots=True)
class TestRoom:
    """A room of one test; `created_s` in Unix seconds."""

    name: str
    created_s: int


def over(rooms: Iterable[TestRoom], now_s: int) -> list[str]:
    """Return the names of those whose time is up."""
    return [room.name for room in rooms if room.created_s + ROOM_LIFETIME_S <= now_s]


def claims(*, api_key: str, room: str, now_s: int) -> bytes:
    """Return the payload (JSON) of a token that lets one page send one camera into one room, and hear nobody."""
    return json.dumps(
        {
            "iss": api_key,
            "sub": room,
            "nbf": now_s - CLOCK_SKEW_S,
            "exp": now_s + TOKEN_LIFETIME_S,
            "video": {
                "roomJoin": True,
                "room": room,
                "canPublish": True,
                "canPublishSources": ["camera"],
                "canSubscribe": False,
                "canPublishData": False,
                "canUpdateOwnMetadata": False,
            },
        },
        separators=(",", ":"),
    ).encode("ascii")
