# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which words of an utterance belong to which of the voices at one microphone?"""

from collections.abc import Mapping, Sequence
from itertools import groupby

from bots.captions.paragraphs import Utterance, Voice, Word
from bots.captions.turns import Turn

_NEAR_MS = 1_500
"""A word that no turn covers goes with a turn this near; farther off it goes with the word before it."""


def by_voice(utterance: Utterance, turns: Sequence[Turn], voices: Mapping[str, Voice]) -> list[Utterance]:
    """Part an utterance among ``voices`` by ``turns``, which name them; both have one clock, words keep their order."""
    owners: list[str | None] = []
    for word in utterance.words:
        voice = _voice(word, turns)
        owners.append(voice if voice is not None else (owners[-1] if owners else None))
    following = next((voice for voice in owners if voice is not None), None)
    named = [following if voice is None else voice for voice in owners]
    return [
        Utterance(
            voices.get(voice or "", utterance.voice), utterance.lang, tuple(utterance.words[at] for at, _ in group)
        )
        for voice, group in groupby(enumerate(named), key=lambda each: each[1])
    ]


def _voice(word: Word, turns: Sequence[Turn]) -> str | None:
    middle_ms = (word.start_ms + word.end_ms) // 2
    best = min(turns, key=lambda turn: _away_ms(middle_ms, turn), default=None)
    return best.voice if best is not None and _away_ms(middle_ms, best) <= _NEAR_MS else None


def _away_ms(at_ms: int, turn: Turn) -> int:
    return max(turn.start_ms - at_ms, at_ms - turn.end_ms, 0)
