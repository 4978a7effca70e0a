# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who spoke when in a recording of any length: it is heard hour by hour, and the voices of the hours are joined."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from bots.captions.parts import Part, Speakers, join
from bots.captions.turns import Turn
from bots.engines.contract import SAMPLE_RATE, Samples

PART_S = 3600
"""stops: a long recording filling the memory. Clustering compares all pieces of voice with one another: half a gigabyte
for an hour, and four times as much for two."""
ANY_NUMBER = Speakers()


class Diarizer(Protocol):
    """What tells voices apart; ``bots.engines.diarize.Diarizer`` is one."""

    def load(self) -> None:
        """Bring the pipeline into memory; later calls do nothing."""

    def hear(self, samples: Samples, speakers: Speakers) -> Part:
        """Tell who speaks when, in milliseconds from the first sample, and what each sounds like."""


@dataclass(frozen=True, slots=True)
class LongHearing:
    """A diarizer for recordings of any length. From cosine ``same`` on voices of two parts are one person's."""

    diarizer: Diarizer
    same: float
    part_s: float = PART_S

    def turns(self, blocks: Iterable[Samples], length: int, speakers: Speakers = ANY_NUMBER) -> list[Turn]:
        """Tell who speaks when, in milliseconds from the first sample; ``length`` is about how many samples there are.

        Blocks for a tenth of that time or more. A part holds those who speak in it: it may be fewer than speak in all.
        """
        count = max(1, math.ceil(length / (self.part_s * SAMPLE_RATE)))
        within = speakers if count == 1 else replace(speakers, least=0)
        found: list[Part] = []
        offset_ms = 0
        self.diarizer.load()
        for samples in _parts(blocks, math.ceil(length / count), count):
            part = self.diarizer.hear(samples, within)
            moved = [replace(t, start_ms=t.start_ms + offset_ms, end_ms=t.end_ms + offset_ms) for t in part.turns]
            found.append(replace(part, turns=tuple(moved)))
            offset_ms += len(samples) * 1000 // SAMPLE_RATE
        return [turn for part in found for turn in part.turns] if len(found) < 2 else join(found, self.same, speakers)


def _parts(blocks: Iterable[Samples], size: int, count: int) -> Iterator[Samples]:
    """Give ``count`` parts of ``size`` samples; the last has the rest, be it more or less."""
    held: list[Samples] = []
    length = made = 0
    for block in blocks:
        rest = block
        while made < count - 1 and length + len(rest) >= size:
            held.append(rest[: size - length])
            rest = rest[size - length :]
            yield np.concatenate(held)
            held, length, made = [], 0, made + 1
        held.append(rest)
        length += len(rest)
    if length:
        yield np.concatenate(held)
