# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Listens to a shared microphone again, when the call is over and there is time to hear more of it at once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from bots.captions.turns import Turn
from bots.captions.wordvoices import named_as_live
from bots.engines.contract import SAMPLE_RATE, Samples

CHUNK_S = 1200
"""stops: hours of sound in memory at once, 77 MB here; voices of one chunk meet those of another in the live labels."""


class Diarizer(Protocol):
    """Tells who speaks when; blocks."""

    def load(self) -> None:
        """Bring the model into memory; later calls do nothing."""

    def turns(self, samples: Samples) -> list[Turn]:
        """Tell who speaks when, in milliseconds from the first sample."""


def labelled_turns(
    diarizer: Diarizer, start_ms: int, blocks: Iterable[Samples], live: Sequence[Turn], chunk_s: float = CHUNK_S
) -> list[Turn]:
    """Tell who spoke when in sound that began at ``start_ms`` (Unix), under the labels that were shown live."""
    diarizer.load()
    found: list[Turn] = []
    for begin, samples in _chunks(blocks, int(chunk_s * SAMPLE_RATE)):
        offset_ms = start_ms + begin * 1000 // SAMPLE_RATE
        here = [
            replace(turn, start_ms=offset_ms + turn.start_ms, end_ms=offset_ms + turn.end_ms)
            for turn in diarizer.turns(samples)
        ]
        found += named_as_live(here, live)
    return found


def _chunks(blocks: Iterable[Samples], size: int) -> Iterator[tuple[int, Samples]]:
    begin, waiting, length = 0, list[Samples](), 0
    for block in blocks:
        waiting.append(block)
        length += len(block)
        if length >= size:
            yield begin, np.concatenate(waiting)
            begin, waiting, length = begin + length, [], 0
    if waiting:
        yield begin, np.concatenate(waiting)
