# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How many words are wrong, and how sure is that?

Substitutions, deletions and insertions per word of the reference (jiwer), after ``words``. Over several talks errors
and words are added up. The interval is a bootstrap over utterances: the errors of a talk are counted for each of its
phrases, as the alignment of the whole talk lays them, and phrases are drawn anew, with repetition, a thousand times.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import jiwer
import numpy as np

from tests.bench.captions.corpus import Talk
from tests.bench.captions.words import words

DRAWS = 1000
SHARE = 0.95


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors among the words of one phrase."""

    wrong: int
    words: int


def errors(talk: Talk, text: str) -> list[Errors]:
    """Count the errors of a talk's text, phrase by phrase."""
    said = [[word.text for word in phrase.words] for phrase in talk.phrases]
    phrase_of = [number for number, phrase in enumerate(said) for _ in phrase]
    wrong = [0] * len(said)
    written = words(text, talk.lang)
    if not written:
        return [Errors(len(phrase), len(phrase)) for phrase in said]
    outcome = jiwer.process_words(" ".join(word for phrase in said for word in phrase), " ".join(written))
    for chunk in outcome.alignments[0]:
        if chunk.type == "insert":
            at = min(chunk.ref_start_idx, len(phrase_of) - 1)
            wrong[phrase_of[at]] += chunk.hyp_end_idx - chunk.hyp_start_idx
        elif chunk.type != "equal":
            for index in range(chunk.ref_start_idx, chunk.ref_end_idx):
                wrong[phrase_of[index]] += 1
    return [Errors(*pair) for pair in zip(wrong, map(len, said), strict=True)]


def rate(found: Sequence[Errors]) -> float:
    """Return the word error rate."""
    return sum(each.wrong for each in found) / sum(each.words for each in found)


def interval(found: Sequence[Errors]) -> tuple[float, float]:
    """Return the middle 95 % of the word error rates of redrawn phrases."""
    rng = np.random.default_rng(len(found))
    drawn = rng.integers(len(found), size=(DRAWS, len(found)))
    rates = np.array([each.wrong for each in found])[drawn].sum(1) / np.array([each.words for each in found])[
        drawn
    ].sum(1)
    low, high = np.quantile(rates, [(1 - SHARE) / 2, (1 + SHARE) / 2])
    return float(low), float(high)
