# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What stood on the screen when, and how good was that? The same figures for every way of captioning.

- first word: from the end of a word as it was said to the first moment at which it stands in its place on the screen;
- final: from the end of the last word said before a pause to the final text that holds it (where a long speech is cut
  in two while somebody is still talking, nobody waits for its end);
- revised words: erasure, as streaming translation counts it: when a text gives way to another, all its words from the
  first that differs on. Of the stable part alone as well.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tests.bench.captions.corpus import Word
from tests.bench.captions.words import words

PAUSE_S = 0.5
"""A silence this long ends an utterance."""
_MARGIN_S = 0.4
"""An utterance's words are looked for among those said this much before and after it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A text that came to the screen ``at_s``; all times in seconds from the recording's first sample.

    ``utterance`` names what it replaces an earlier text of. ``stable`` is the leading part said to be settled.
    """

    at_s: float
    utterance: str
    start_s: float
    end_s: float
    text: str
    stable: str
    final: bool


@dataclass(slots=True)
class Screened:
    """Figures of one recording, or of several added up."""

    words: int = 0
    audio_s: float = 0.0
    cpu_s: float = 0.0
    first_word_s: list[float] = field(default_factory=list)
    final_s: list[float] = field(default_factory=list)
    revised: int = 0
    stable_revised: int = 0

    def add(self, other: "Screened") -> None:
        """Count another recording in."""
        self.words += other.words
        self.audio_s += other.audio_s
        self.cpu_s += other.cpu_s
        self.first_word_s += other.first_word_s
        self.final_s += other.final_s
        self.revised += other.revised
        self.stable_revised += other.stable_revised


def final_text(shown: Iterable[Shown]) -> str:
    """Return what is left on the screen, in the order of speaking."""
    last = {each.utterance: each for each in shown if each.final}
    return " ".join(each.text for each in sorted(last.values(), key=lambda each: each.start_s))


def judge(shown: Sequence[Shown], said: Sequence[Word], lang: str, *, audio_s: float, cpu_s: float) -> Screened:
    """Measure one recording."""
    found = Screened(words=len(said), audio_s=audio_s, cpu_s=cpu_s)
    first: dict[int, float] = {}
    before: dict[str, tuple[list[str], list[str]]] = {}
    for each in sorted(shown, key=lambda one: one.at_s):
        now = words(each.text, lang)
        old, settled = before.get(each.utterance, ([], []))
        found.revised += len(old) - _agreeing(old, now)
        found.stable_revised += len(settled) - _agreeing(settled, now)
        before[each.utterance] = now, words(each.stable, lang)
        near = [
            number
            for number, word in enumerate(said)
            if word.end_s > each.start_s - _MARGIN_S and word.start_s < min(each.end_s + _MARGIN_S, each.at_s)
        ]
        for number in _matched(near, said, now):
            first.setdefault(number, each.at_s - said[number].end_s)
        if each.final and now:
            inside = [number for number in near if said[number].start_s < each.end_s]
            if inside and _silent_after(inside[-1], said):
                found.final_s.append(each.at_s - said[inside[-1]].end_s)
    found.first_word_s = list(first.values())
    return found


def _silent_after(number: int, said: Sequence[Word]) -> bool:
    return number + 1 == len(said) or said[number + 1].start_s - said[number].end_s >= PAUSE_S


def _matched(near: list[int], said: Sequence[Word], now: list[str]) -> Iterable[int]:
    matcher = difflib.SequenceMatcher(None, [said[number].text for number in near], now, autojunk=False)
    for block in matcher.get_matching_blocks():
        yield from near[block.a : block.a + block.size]


def _agreeing(old: list[str], now: list[str]) -> int:
    """How many leading words are the same."""
    same = 0
    for left, right in zip(old, now, strict=False):
        if left != right:
            break
        same += 1
    return same
