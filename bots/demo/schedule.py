# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who speaks when: turns that go round the table, some of them begun before the last one has ended."""

from collections.abc import Sequence
from dataclasses import dataclass

OVERLAP_S = 0.4
"""How long before the end of a turn every other next speaker begins."""
GAP_S = 0.3
"""The pause between the turns that do not overlap."""
OWN_GAP_S = 1.0
"""The least pause between two phrases of one speaker, so that each is an utterance of its own."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One phrase of one speaker; times are seconds from the beginning of the conversation."""

    speaker: str
    phrase: int
    start_s: float
    end_s: float


def arrange(durations: dict[str, Sequence[float]]) -> list[Turn]:
    """Give every phrase its time.

    Args:
        durations: for each speaker, how long each phrase lasts, in seconds.

    Returns:
        The turns by start time. Nobody overlaps themselves; every second change of speaker overlaps.
    """
    turns: list[Turn] = []
    free_at = dict.fromkeys(durations, 0.0)
    clock = 0.0
    rounds = max((len(phrases) for phrases in durations.values()), default=0)
    for index in range(rounds):
        for speaker, phrases in durations.items():
            if index >= len(phrases):
                continue
            overlaps = bool(turns) and len(turns) % 2 == 1
            wanted = clock - OVERLAP_S if overlaps else clock + (GAP_S if turns else 0.0)
            start = max(wanted, free_at[speaker], 0.0)
            end = start + phrases[index]
            turns.append(Turn(speaker, index, start, end))
            free_at[speaker] = end + OWN_GAP_S
            clock = max(clock, end)
    return sorted(turns, key=lambda turn: turn.start_s)
