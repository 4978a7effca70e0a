# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who is in a call, read from and written as room state (MSC3401/MSC4143, as Element Call 0.26 does it)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

CALL_MEMBER = "org.matrix.msc3401.call.member"
EXPIRES_MS = 4 * 3600 * 1000
"""How long a membership counts without being renewed; Element Call's own figure."""
MAX_MEMBERS = 1000
"""stops: a room whose members write call state without end; the rest of them get no captions."""


@dataclass(frozen=True, slots=True)
class Member:
    """One device in the call. ``identity`` is its name on the SFU."""

    user_id: str
    device_id: str
    identity: str


def identity(user_id: str, device_id: str) -> str:
    """Return the SFU's name of a device. Never take it apart: both halves hold colons; ``owners`` maps it back."""
    return f"{user_id}:{device_id}"


def state_key(user_id: str, device_id: str) -> str:
    """Return the membership's state key; the underscore keeps room auth rules from reading it as a user id."""
    return f"_{user_id}_{device_id}_m.call"


def content(
    user_id: str,
    device_id: str,
    *,
    room_id: str,
    service_url: str,
    intent: str | None = None,
    created_ms: int | None = None,
    expires_ms: int = EXPIRES_MS,
) -> dict[str, Any]:
    """Return what a joined device writes. ``created_ms`` belongs into renewals only; leaving is an empty object."""
    membership: dict[str, Any] = {
        "application": "m.call",
        "call_id": "",
        "scope": "m.room",
        "device_id": device_id,
        "membershipID": identity(user_id, device_id),
        "expires": expires_ms,
        "focus_active": {"type": "livekit", "focus_selection": "multi_sfu"},
        "foci_preferred": [{"type": "livekit", "livekit_service_url": service_url, "livekit_alias": room_id}],
    }
    if intent is not None:
        membership["m.call.intent"] = intent
    if created_ms is not None:
        membership["created_ts"] = created_ms
    return membership


def members(events: Iterable[Mapping[str, Any]], joined: Iterable[str], now_ms: int) -> list[Member]:
    """Read the call's members from the room's ``CALL_MEMBER`` state.

    The sender counts, never the state key: any member may write any key that begins with an underscore.
    """
    present = set(joined)
    found: list[Member] = []
    for event in events:
        member = _member(event, now_ms)
        if member is not None and member.user_id in present and len(found) < MAX_MEMBERS:
            found.append(member)
    return found


def owners(call: Iterable[Member]) -> dict[str, str]:
    """Map SFU identities to users. An identity that two users lay claim to belongs to nobody."""
    by_identity: dict[str, set[str]] = {}
    for member in call:
        by_identity.setdefault(member.identity, set()).add(member.user_id)
    return {name: next(iter(users)) for name, users in by_identity.items() if len(users) == 1}


def _member(event: Mapping[str, Any], now_ms: int) -> Member | None:
    body, sender = event.get("content"), event.get("sender")
    if not isinstance(body, Mapping) or not isinstance(sender, str):
        return None
    device_id = body.get("device_id")
    focus = body.get("focus_active")
    if (
        not isinstance(device_id, str)
        or body.get("application") != "m.call"
        or body.get("call_id") != ""
        or not isinstance(focus, Mapping)
        or focus.get("type") != "livekit"
    ):
        return None
    created = body.get("created_ts", event.get("origin_server_ts"))
    expires = body.get("expires", EXPIRES_MS)
    if not isinstance(created, int) or not isinstance(expires, int) or created + expires <= now_ms:
        return None
    return Member(sender, device_id, identity(sender, device_id))
