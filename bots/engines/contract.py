# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the caption bot asks of a speech model, whichever it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000
"""Hertz; every engine takes mono float32 samples in -1…1 at this rate."""

VAD_WINDOW = 512
"""Samples in one step of voice detection: 32 ms."""

Samples = npt.NDArray[np.float32]

FAILURES = (RuntimeError, ValueError, OSError, MemoryError)
"""What an engine's call may raise; the next call may succeed."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """One reading of some audio.

    ``score`` is the mean log probability of its tokens; ``no_speech`` the model's own belief, 0…1, that nobody spoke.
    ``lang`` is the language that the engine found by itself; empty: the one it was asked to read. Not ``whole``: an
    engine that writes late has not come to the end of the audio yet.
    """

    text: str
    score: float
    no_speech: float
    lang: str = ""
    whole: bool = True


class SpeechEngine(Protocol):
    """Three blocking calls, made from worker threads only; several threads may call at once after ``load``.

    A call that fails raises one of ``FAILURES``.
    """

    def load(self) -> None:
        """Bring the model into memory; later calls do nothing."""

    def identify(self, samples: Samples) -> Mapping[str, float]:
        """Tell how probable each language (ISO 639-1) is; nothing, if the engine reads all its languages alike."""

    def transcribe(
        self, samples: Samples, lang: str, *, utterance: str = "", final: bool = True, terms: Sequence[str] = ()
    ) -> Decoded:
        """Read at most 30 s of audio in one language.

        Readings of one ``utterance`` (its id) begin with the same samples and grow until the final one, which may be
        shorter than the last: an engine that streams goes on from what it heard already.
        ``terms`` are names and words that may come up, the most important first; an engine takes what it can use.
        """


class VoiceDetector(Protocol):
    """Voice detection for one track; holds that track's state."""

    def probability(self, window: Samples) -> float:
        """Take the next ``VAD_WINDOW`` samples; tell how probable speech is, 0…1."""
