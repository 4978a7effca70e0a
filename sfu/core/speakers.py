# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who speaks, from the audio level extension alone (RFC 6464): nothing is decoded."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from sfu.core.media import Level, TrackSid

WINDOW_S = 0.4
"""Levels are judged over windows of this length."""
LOUD = 35
"""A packet is loud when its level, in -dBov, is below this."""
ACTIVE_SHARE = 0.4
"""A track speaks when this share of the window was loud."""
STEPS = 8
"""Levels are rounded up to this many steps: small changes aren't news."""

_SMOOTHING = 2 / 3  # exponential, over two windows
_QUIET = 1 / 64


@dataclass(frozen=True, slots=True)
class Window:
    """What one track's packets said in a window."""

    loud_ms: float
    loudest: int
    """Least level value seen among loud packets, in -dBov."""


class Speakers:
    """The smoothed level of every audio track."""

    def __init__(self) -> None:
        self._smoothed: dict[TrackSid, float] = {}
        self._told: dict[TrackSid, float] = {}

    def forget(self, track: TrackSid) -> None:
        """The track is gone; nothing more is said of it."""
        self._smoothed.pop(track, None)
        self._told.pop(track, None)

    def measure(self, windows: Mapping[TrackSid, Window]) -> tuple[Level, ...]:
        """End a window: the tracks whose quantised level changed; silence is told once."""
        changed: list[Level] = []
        for track, window in windows.items():
            level = self._level(track, window)
            if level != self._told.get(track, 0.0):
                changed.append(Level(track, level, level > 0))
            if level:
                self._told[track] = level
            else:
                self._told.pop(track, None)
        return tuple(changed)

    def _level(self, track: TrackSid, window: Window) -> float:
        share = min(1.0, window.loud_ms / (WINDOW_S * 1000))
        linear = 0.0
        if share >= ACTIVE_SHARE:
            linear = min(1.0, share * 10 ** (-window.loudest / 20))
        before = self._smoothed.get(track, 0.0)
        smoothed = before + (linear - before) * _SMOOTHING
        if smoothed < _QUIET and not linear:
            self._smoothed.pop(track, None)
            return 0.0
        self._smoothed[track] = smoothed
        return math.ceil(smoothed * STEPS) / STEPS
