# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Whose is each word of a shared microphone, once it is known when which voice spoke?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from bots.captions.paragraphs import Utterance, Word
from bots.captions.turns import Turn, same_voices

_NEAR_MS = 500
"""A word this close to a turn belongs to it: turns end a little before or after what is heard of the last word."""


def named_as_live(found: Sequence[Turn], live: Sequence[Turn]) -> list[Turn]:
    """Give turns the labels under which their voices were shown live; those that nobody knew have an empty one."""
    labels = same_voices(found, live)
    return [replace(turn, voice=labels.get(turn.voice, "")) for turn in found]


def by_voice(utterance: Utterance, turns: Sequence[Turn], names: Mapping[str, str]) -> list[Utterance]:
    """Part an utterance where another voice takes over. ``names`` are the display names of labels; turns are
    labelled, in the words' time. Words of nobody's stay the owner's.
    """
    return [
        replace(utterance, words=tuple(words))
        if not label
        else replace(
            utterance,
            words=tuple(words),
            voice=replace(utterance.voice, voice=label, display_name=names.get(label, utterance.voice.display_name)),
        )
        for label, words in groupby(utterance.words, lambda word: _label(word, turns))
    ]


def _label(word: Word, turns: Iterable[Turn]) -> str:
    def common_ms(turn: Turn) -> int:
        return min(turn.end_ms, word.end_ms) - max(turn.start_ms, word.start_ms)

    best = max(turns, key=common_ms, default=None)
    return "" if best is None or common_ms(best) < -_NEAR_MS else best.voice
