# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Whose voice is this, among those heard at one shared microphone of this meeting?"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Voiceprint = npt.NDArray[np.float32]
"""What a voice sounds like: a vector of length 1. Personal data that lives for one meeting, in memory."""

SAME = 0.5
"""From this cosine on two prints are taken for one voice, unless an operator knows better; meant for community-1."""
MIN_MS = 1_000
"""Shorter speech is nobody's: its print says more of the words than of the voice."""
FOUND_MS = 2_000
"""A voice is new only on this much speech; a wrong new voice stays until the end."""
MAX_VOICES = 12
"""stops: laughter and doors becoming people; more at one microphone go unnamed."""
_WEIGHT_MS = 60_000
"""How much of a voice's past its picture is made of: it follows a speaker who moves away from the microphone."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """From which cosine two prints are one voice, and below which they are two; in between nothing is guessed.

    Depends on the model that makes the prints. ``clear`` is the cosine below which two voices differ beyond doubt.
    """

    same: float
    other: float
    clear: float


@dataclass(slots=True, eq=False)
class _Voice:
    label: str
    total: Voiceprint
    weight_ms: int
    spoken_ms: int

    def likeness(self, voiceprint: Voiceprint) -> float:
        return float(self.total @ voiceprint / np.linalg.norm(self.total))

    def learn(self, voiceprint: Voiceprint, spoken_ms: int) -> None:
        kept = min(1.0, _WEIGHT_MS / (self.weight_ms + spoken_ms))
        self.total = (self.total + voiceprint * spoken_ms) * kept
        self.weight_ms = min(self.weight_ms + spoken_ms, _WEIGHT_MS)
        self.spoken_ms += spoken_ms


@dataclass(slots=True)
class VoiceBook:
    """The voices at one microphone. Labels come from ``labels``, one for each new voice, and never change hands."""

    likeness: Likeness
    labels: Iterator[str]
    _voices: list[_Voice] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self._voices)

    def recognise(self, voiceprint: Voiceprint | None, spoken_ms: int) -> str:
        """Return the label of the voice that spoke for ``spoken_ms``; empty where that would be a guess."""
        if voiceprint is None or spoken_ms < MIN_MS:
            return ""
        ranked = sorted(self._voices, key=lambda voice: voice.likeness(voiceprint), reverse=True)
        best = ranked[0].likeness(voiceprint) if ranked else -1.0
        if best >= self.likeness.same:
            ranked[0].learn(voiceprint, spoken_ms)
            return ranked[0].label
        if best >= self.likeness.other or spoken_ms < FOUND_MS or len(self._voices) >= MAX_VOICES:
            return ""
        voice = _Voice(next(self.labels), voiceprint * spoken_ms, spoken_ms, spoken_ms)
        self._voices.append(voice)
        return voice.label

    def know(self, label: str, voiceprint: Voiceprint, spoken_ms: int) -> None:
        """Take how a voice sounds that has its label already."""
        if len(self._voices) < MAX_VOICES:
            self._voices.append(_Voice(label, voiceprint * spoken_ms, min(spoken_ms, _WEIGHT_MS), spoken_ms))

    def clearly_several(self, enough_ms: int) -> bool:
        """Tell whether two voices that each spoke for ``enough_ms`` differ beyond doubt."""
        known = [voice for voice in self._voices if voice.spoken_ms >= enough_ms]
        pairs = ((one, other) for number, one in enumerate(known) for other in known[:number])
        return any(
            one.likeness(other.total / np.linalg.norm(other.total)) < self.likeness.clear for one, other in pairs
        )

    def forget(self) -> None:
        """Overwrite and drop every print."""
        for voice in self._voices:
            voice.total.fill(0)
        self._voices.clear()
