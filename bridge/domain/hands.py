# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""When does somebody have a hand up? Element Call's way, and where the queue stops growing.

Unmodified Element Call raises a hand by a reaction to its own membership event and lowers it by taking that back; a
membership that is written anew lowers it, too. A command or a page raises it as well: then there is no reaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bridge.domain.names import UserId

MAX_HANDS = 200
"""Hands that are up in one meeting. Stops: a queue that nobody could work off."""
MAX_DEVICES = 8
"""Devices of one person in one call whose membership events are known. Stops: one person's rows without end."""

_VARIATION = "\N{VARIATION SELECTOR-16}"
_HAND = "\N{RAISED HAND WITH FINGERS SPLAYED}"


@dataclass(frozen=True, slots=True)
class Hand:
    """A raised hand. `event_id` is the reaction that raised it, empty where none did."""

    user_id: UserId
    raised_at: datetime
    event_id: str = ""


def is_hand(key: str) -> bool:
    """Tell whether a reaction is a raised hand; clients write the sign with and without its variation selector."""
    return key.removesuffix(_VARIATION) == _HAND


def is_own(state_key: str, sender: str) -> bool:
    """Tell whether a call membership is its sender's own: any member may write any key that begins with `_`."""
    return state_key == sender or state_key.startswith((f"{sender}_", f"_{sender}_"))
