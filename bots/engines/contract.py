# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the caption bot asks of a speech model, whichever it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 16_000
"""Hertz; every engine takes mono float32 samples in -1…1 at this rate."""

VAD_WINDOW = 512
"""Samples in one step of voice detection: 32 ms."""

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Decoded:
    """One reading of some audio.

    ``score`` is the mean log probability of its tokens; ``no_speech`` the model's own belief, 0…1, that nobody spoke.
    """

    text: str
    score: float
    no_speech: float


class SpeechEngine(Protocol):
    """Three blocking calls, made from worker threads only; several threads may call at once after ``load``."""

    def load(self) -> None:
        """Bring the model into memory; later calls do nothing."""

    def identify(self, samples: Samples) -> Mapping[str, float]:
        """Tell how probable each language (ISO 639-1) is."""

    def transcribe(self, samples: Samples, lang: str) -> Decoded:
        """Read at most 30 s of audio in one language."""


class VoiceDetector(Protocol):
    """Voice detection for one track; holds that track's state."""

    def probability(self, window: Samples) -> float:
        """Take the next ``VAD_WINDOW`` samples; tell how probable speech is, 0…1."""
