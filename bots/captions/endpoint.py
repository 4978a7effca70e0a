# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Where speech begins and ends: hysteresis over voice probabilities, ever shorter pauses, and at last a soft cut."""

from dataclasses import dataclass

import numpy as np

WINDOW_MS = 32
START = 0.5
END = 0.35
HANG_MS = ((5_000, 160), (3_000, 288), (0, 500))
"""This much silence ends an utterance that is so long already, longest first: who hardly pauses is read at their small
pauses. Each reading begins at the utterance's beginning, so that short ones are read more often (8 people who talked
without a stop every 0.6 s instead of 0.8), and final text does not wait for the limit."""
MAX_MS = 12_000
"""stops: an utterance, its buffer and its decoding time growing for as long as somebody talks."""
_CUT_FROM = 0.75
_CUT_KEEP_WINDOWS = 6
_SMOOTH = np.ones(5) / 5


@dataclass(frozen=True, slots=True)
class Opened:
    """Speech began in this window."""

    window: int


@dataclass(frozen=True, slots=True)
class Closed:
    """Speech ended with window ``last``; if ``cut``, somebody is still talking and the next begins right there."""

    last: int
    cut: bool


class Endpointer:
    """Turns one probability per 32 ms window into the ends of utterances.

    An utterance that reaches 12 s is cut where the smoothed probability is lowest in its last quarter: a hard cut
    inside a word costs several words.
    """

    def __init__(self) -> None:
        self._window = -1
        self._begin: int | None = None
        self._last_voiced = 0
        self._probabilities: list[float] = []

    @property
    def last_voiced(self) -> int:
        """The last window with a voice in it."""
        return self._last_voiced

    def push(self, probability: float) -> list[Opened | Closed]:
        """Take the next window's probability of speech."""
        self._window += 1
        if self._begin is None:
            if probability <= START:
                return []
            self._begin = self._last_voiced = self._window
            self._probabilities = [probability]
            return [Opened(self._window)]
        self._probabilities.append(probability)
        if probability > END:
            self._last_voiced = self._window
        elif (self._window - self._last_voiced) * WINDOW_MS >= self._hang_ms():
            return [self._close(cut=False)]
        if len(self._probabilities) * WINDOW_MS >= MAX_MS:
            return self._cut()
        return []

    def flush(self) -> list[Opened | Closed]:
        """End what is open now, as when the track goes away."""
        return [] if self._begin is None else [self._close(cut=False)]

    def _hang_ms(self) -> int:
        length_ms = len(self._probabilities) * WINDOW_MS
        return next(hang_ms for longer_ms, hang_ms in HANG_MS if length_ms >= longer_ms)

    def _close(self, *, cut: bool) -> Closed:
        self._begin = None
        return Closed(self._last_voiced, cut)

    def _cut(self) -> list[Opened | Closed]:
        begin = self._window - len(self._probabilities) + 1
        smooth = np.convolve(self._probabilities, _SMOOTH, "same")
        first = int(len(smooth) * _CUT_FROM)
        at = first + int(np.argmin(smooth[first : len(smooth) - _CUT_KEEP_WINDOWS]))
        self._probabilities = self._probabilities[at + 1 :]
        self._begin = begin + at + 1
        return [Closed(begin + at, cut=True), Opened(self._begin)]
