# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which talks are there, what is said in them, and when was each word said?

`tests/fixtures/speech/bench/` holds two sets, `tuning` and `report`: settings are chosen on the first, figures are told
of the second. Each talk is one voice: Ogg Opus, 16 kHz, and beside it JSON with its phrases and the times of its words
(see `align`).
"""

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import soundfile

from bots.engines.contract import SAMPLE_RATE, Samples
from tests.bench.captions.conditions import CLEAN, under
from tests.bench.captions.words import words

FOLDER = Path(__file__).parents[2] / "fixtures" / "speech" / "bench"
LANGUAGES = ("en", "fr")
SETS = ("tuning", "report")
NOISY_WORDS = 200
"""Of each language, so many words at least are heard in noise and over the telephone; all of them are heard clean."""
TAIL_S = 1.5
"""Silence after the last word, so that it ends as words in a call end."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the reference in its normal form, and when it was said: seconds from the talk's first sample."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Phrase:
    """One recording of those that a talk is made of."""

    start_s: float
    end_s: float
    text: str
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Talk:
    """What one voice says, with pauses."""

    name: str
    lang: str
    path: Path
    phrases: tuple[Phrase, ...]

    @property
    def words(self) -> list[Word]:
        """All words, in the order of saying."""
        return [word for phrase in self.phrases for word in phrase.words]

    def beginning(self, phrases: int) -> "Talk":
        """Return a talk that ends after so many phrases."""
        return replace(self, phrases=self.phrases[:phrases])

    def samples(self, condition: str = CLEAN) -> Samples:
        """Return the sound under a condition, with silence (or its noise) after the last word."""
        speech = [slice(int(part.start_s * SAMPLE_RATE), int(part.end_s * SAMPLE_RATE)) for part in self.phrases]
        clean = np.append(_read(self.path)[: speech[-1].stop], np.zeros(int(TAIL_S * SAMPLE_RATE), dtype=np.float32))
        return under(condition, clean, speech, _babble() if condition != CLEAN else (), self.name)


def talks(chosen: str, lang: str) -> list[Talk]:
    """Return the talks of a set (``tuning`` or ``report``) in a language, by name."""
    return [_talk(path, lang) for path in sorted((FOLDER / chosen).glob(f"{lang}-*.json"))]


def noisy(all_of_language: list[Talk]) -> list[Talk]:
    """Return the talks that are also heard in noise: the first that hold ``NOISY_WORDS`` words."""
    chosen: list[Talk] = []
    for talk in all_of_language:
        if sum(len(each.words) for each in chosen) >= NOISY_WORDS:
            break
        chosen.append(talk)
    return chosen


def _talk(path: Path, lang: str) -> Talk:
    document = json.loads(path.read_text(encoding="utf-8"))
    return Talk(path.stem, lang, path.with_suffix(".opus"), tuple(_phrase(each, lang) for each in document["phrases"]))


def _phrase(document: dict, lang: str) -> Phrase:
    """A written word may be two in normal form (`l'appel`): they share its time by their length."""
    found: list[Word] = []
    for start_s, end_s, written in document["words"]:
        parts = words(written, lang)
        letters, at_s = sum(map(len, parts)), start_s
        for part in parts:
            share = (end_s - start_s) * len(part) / letters
            found.append(Word(part, round(at_s, 3), round(at_s + share, 3)))
            at_s += share
    return Phrase(document["start_s"], document["end_s"], document["text"], tuple(found))


@cache
def _read(path: Path) -> Samples:
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == SAMPLE_RATE, path
    return samples


@cache
def _babble() -> tuple[Samples, ...]:
    return tuple(_read(talk.path) for lang in LANGUAGES for talk in talks("tuning", lang))
