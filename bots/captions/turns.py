# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who spoke when at one microphone, and which voices of two such lists are the same."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Turn:
    """One voice from one moment to another, in milliseconds of whatever clock the whole list has."""

    start_ms: int
    end_ms: int
    voice: str


def same_voices(found: Iterable[Turn], known: Iterable[Turn]) -> dict[str, str]:
    """Map voices of ``found`` onto those of ``known`` by the time they share; both lists have one clock.

    Each voice has one partner at most. Pairs are made from the longest common time down, which differs from the best
    sum of all pairs only where no pairing is convincing. Voices that nobody else has are left out.
    """
    known = list(known)
    shared: Counter[tuple[str, str]] = Counter()
    for turn in found:
        for other in known:
            common_ms = min(turn.end_ms, other.end_ms) - max(turn.start_ms, other.start_ms)
            if common_ms > 0:
                shared[turn.voice, other.voice] += common_ms
    partners: dict[str, str] = {}
    for (mine, theirs), _ in shared.most_common():
        if mine not in partners and theirs not in partners.values():
            partners[mine] = theirs
    return partners
