# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does a host mean who answers the notice of who waits: by a reaction, or by naming somebody to the bot?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from bridge.domain.errors import Refused
from bridge.domain.lobby import LobbyPolicy, Place, PlaceEvent

SETTLES = timedelta(seconds=2)
"""A reaction counts for those whom the notice had named for so long: who was added under the finger is not meant."""
MAX_KEY = 32
"""Characters of a reaction. Stops: reading books."""

_SIGNS = {"✅": PlaceEvent.ADMITTED, "👍": PlaceEvent.ADMITTED, "❌": PlaceEvent.REFUSED, "👎": PlaceEvent.REFUSED}
_DRESSING = dict.fromkeys([0xFE0F, *range(0x1F3FB, 0x1F400)])
"""How to show a sign, not which one it is: as a picture, and in which colour of skin."""
_KEYCAP = "\u20e3"
_TEN = "🔟"


def read_reaction(key: str) -> tuple[PlaceEvent, int | None] | None:
    """Return what a reaction does, and to which number (None: to all who are named); None for any other."""
    sign = key[:MAX_KEY].translate(_DRESSING)
    if sign in _SIGNS:
        return _SIGNS[sign], None
    if sign == _TEN:
        return PlaceEvent.ADMITTED, 10
    if len(sign) == 2 and sign[1] == _KEYCAP and sign[0].isdecimal():
        return PlaceEvent.ADMITTED, int(sign[0])
    return None


def meant(places: Sequence[Place], number: int | None, said_at: datetime) -> list[str]:
    """Return which of those who wait a reaction of this moment means."""
    return [
        place.id
        for place in places
        if place.announced_at is not None and place.announced_at + SETTLES <= said_at and number in {None, place.number}
    ]


def named(places: Sequence[Place], words: Sequence[str]) -> list[str]:
    """Return whom the words after `!meet admit` name: a number, a name or its beginning, or `all`."""
    text = " ".join(words).casefold()
    if text in {"all", "tous", "alle"}:
        return [place.id for place in places]
    if text.isdecimal():
        found = [place.id for place in places if place.number == int(text)]
    else:
        found = [place.id for place in places if text and place.name.casefold().startswith(text)]
    if len(found) > 1:
        raise Refused(409, "PASSERELLE_LOBBY_AMBIGUOUS", "Several people wait under this name; say their number.")
    return found


def read_policy(words: Sequence[str]) -> LobbyPolicy:
    """Return for whom a lobby is asked for; `on` means everybody from outside."""
    word = words[0].lower() if words else "on"
    try:
        return LobbyPolicy.OUTSIDERS if word == "on" else LobbyPolicy(word)
    except ValueError:
        raise Refused(400, "PASSERELLE_BOT_LOBBY", f"!meet lobby on|{'|'.join(LobbyPolicy)}") from None
