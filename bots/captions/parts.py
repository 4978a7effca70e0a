# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which voices of one part of a long recording are those of another part?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bots.captions.turns import Turn
from bots.captions.voices import Voiceprint

MAX_SPEAKERS = 50
"""stops: a number of speakers that no clustering ends with."""


@dataclass(frozen=True, slots=True)
class Speakers:
    """How many people speak, as far as that is known: at least and at most so many; 0: not known."""

    least: int = 0
    most: int = 0

    def __post_init__(self) -> None:
        if not (0 <= self.least <= MAX_SPEAKERS and 0 <= self.most <= MAX_SPEAKERS):
            raise ValueError(f"The number of speakers is {MAX_SPEAKERS} at most.")
        if self.most and self.least > self.most:
            raise ValueError(f"There can't be at least {self.least} and at most {self.most} speakers.")


@dataclass(frozen=True, slots=True)
class Part:
    """One part: whose turn from when to when, and what each of its voices sounds like, if it said enough for that."""

    turns: tuple[Turn, ...]
    prints: Mapping[str, Voiceprint | None]


@dataclass(slots=True, eq=False)
class _Person:
    """Voices that are taken for one, from different parts."""

    voices: dict[int, str]
    total: Voiceprint


def join(parts: Sequence[Part], same: float, speakers: Speakers) -> list[Turn]:
    """Return the turns of all parts, with one name for each voice throughout.

    Two voices of one part are two people. From cosine ``same`` on voices of different parts are one, the likest first;
    below it only while there are more than ``speakers.most``. What was said too briefly to tell by whom is left out.
    """
    people = [
        _Person({number: voice}, voiceprint * _spoken_ms(part, voice))
        for number, part in enumerate(parts)
        for voice, voiceprint in part.prints.items()
        if voiceprint is not None
    ]
    while (pair := _likest(people)) is not None:
        likeness, one, other = pair
        if likeness < same and not 0 < speakers.most < len(people):
            break
        if len(people) <= speakers.least:
            break
        people[one] = _Person(people[one].voices | people[other].voices, people[one].total + people[other].total)
        del people[other]
    names = {found: str(name) for name, person in enumerate(people) for found in person.voices.items()}
    return [
        replace(turn, voice=names[number, turn.voice])
        for number, part in enumerate(parts)
        for turn in part.turns
        if (number, turn.voice) in names
    ]


def _likest(people: Sequence[_Person]) -> tuple[float, int, int] | None:
    """Return the two that are most alike among those who were never heard in one part, and how much they are."""
    if len(people) < 2:
        return None
    vectors = np.array([person.total / np.linalg.norm(person.total) for person in people])
    cosines = vectors @ vectors.T
    for one, person in enumerate(people):
        for other in range(len(people)):
            if other <= one or person.voices.keys() & people[other].voices.keys():
                cosines[one, other] = -np.inf
    one, other = divmod(int(np.argmax(cosines)), len(people))
    best = float(cosines[one, other])
    return None if best == -np.inf else (best, one, other)


def _spoken_ms(part: Part, voice: str) -> int:
    return sum(turn.end_ms - turn.start_ms for turn in part.turns if turn.voice == voice) or 1
