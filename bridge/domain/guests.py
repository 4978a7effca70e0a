# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What becomes of a guest's throw-away account: one table of states.

A guest is written down before the account exists, so that a crash in between leaves a row to clean up and never an
account that nobody knows of.
"""

from __future__ import annotations

import enum
import re
from datetime import datetime


class GuestState(enum.StrEnum):
    """Where a guest stands."""

    PENDING = "pending"
    ACTIVE = "active"
    ENDING = "ending"
    ENDED = "ended"


class GuestEvent(enum.StrEnum):
    """What can happen to a guest."""

    ADMITTED = "admitted"
    """The account is in the room and its session was handed out."""
    FAILED = "failed"
    """The homeserver did not do its part, or we died in between."""
    TIME_OVER = "time_over"
    REVOKED = "revoked"
    DEACTIVATED = "deactivated"


TRANSITIONS: dict[tuple[GuestState, GuestEvent], GuestState] = {
    (GuestState.PENDING, GuestEvent.ADMITTED): GuestState.ACTIVE,
    (GuestState.PENDING, GuestEvent.FAILED): GuestState.ENDING,
    (GuestState.PENDING, GuestEvent.REVOKED): GuestState.ENDING,
    (GuestState.ACTIVE, GuestEvent.TIME_OVER): GuestState.ENDING,
    (GuestState.ACTIVE, GuestEvent.REVOKED): GuestState.ENDING,
    (GuestState.ENDING, GuestEvent.REVOKED): GuestState.ENDING,
    (GuestState.ENDING, GuestEvent.DEACTIVATED): GuestState.ENDED,
}

MAX_LISTED = 500
"""Guests of a meeting in one answer. Stops: pages that never end."""
PENDING_TIMEOUT_S = 120
"""A guest that is still pending after this was left behind by a crash: its use is given back."""


RANDOM_BYTES = 10
"""Of a guest's name."""
_RANDOM = re.compile(rf"[0-9a-f]{{{2 * RANDOM_BYTES}}}\Z")
_DEVICE_CHARS = 10


def guest_localpart(prefix: str, ends_at: datetime, random: str) -> str:
    """Return the name of a guest's account, which says when it ends.

    The homeserver's module reads it (`homeserver-config/synapse`), so that a guest ends in time without us, too.
    `random` is in hexadecimal, and no secret: everybody in the room sees it.
    """
    return f"{prefix}{int(ends_at.timestamp()):08x}-{random}"


def is_guest_localpart(localpart: str, prefix: str, ends_at: datetime) -> bool:
    """Tell whether a name, which a page brings, is one that we could have made for a guest who ends then."""
    random = localpart.rpartition("-")[2]
    return _RANDOM.match(random) is not None and localpart == guest_localpart(prefix, ends_at, random)


def guest_device(localpart: str) -> str:
    """Return the id of a guest's one device: it follows from the name, so that a page can know it beforehand."""
    return localpart.rpartition("-")[2][:_DEVICE_CHARS].upper()


def shown_name(name: str, label: str, organisation: str) -> str:
    """Return what everybody sees: the name, that this is a guest (in the words of `label`), and from where."""
    return f"{name} ({label}, {organisation})" if organisation else f"{name} ({label})"


def before(event: GuestEvent) -> list[str]:
    """Return the states in which this event means something, as the database stores them."""
    return [state.value for state, known in TRANSITIONS if known is event]


def after(event: GuestEvent) -> GuestState:
    """Return the state to which an event leads; every event leads to one only."""
    (target,) = {target for (_, known), target in TRANSITIONS.items() if known is event}
    return target
