# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How good is a connection? LiveKit's simplified E-model: 0 to 100 from loss, delay, jitter and missing layers."""

from dataclasses import dataclass
from enum import IntEnum

WINDOW_S = 5.0
RISE, FALL = 0.4, 0.8
"""How much of the way to a window's score is gone: bad news travels faster."""
VIDEO_LOSS_WEIGHT, AUDIO_LOSS_WEIGHT, RED_LOSS_WEIGHT = 10.0, 8.0, 4.0
MISSING_LAYER = 35.0
"""Points for each layer less than what was wanted."""
BEST = 100.0
PAUSED = 30.0
"""Of a track that does not flow although it is wanted."""


class ConnectionQuality(IntEnum):
    """LiveKit's, as it is sent."""

    POOR = 0
    GOOD = 1
    EXCELLENT = 2
    LOST = 3


@dataclass(frozen=True, slots=True)
class Window:
    """What one track's packets went through."""

    expected: int
    lost: int
    loss_weight: float
    rtt: float = 0.0
    """Seconds."""
    jitter: float = 0.0
    """Seconds."""
    missing_layers: int = 0


def window_score(window: Window) -> float | None:
    """Score one window; None when nothing was sent: that is no bad news."""
    if window.expected <= 0:
        return None
    delay_ms = (window.rtt / 2 + 2 * window.jitter) * 1000
    delay = (delay_ms - 120) / 10 if delay_ms > 160 else delay_ms / 40
    loss = max(0, window.lost) * 100 / window.expected * window.loss_weight
    return max(0.0, BEST - delay - loss - MISSING_LAYER * window.missing_layers)


def smoothed(before: float, score: float) -> float:
    """Move a score towards that of the last window."""
    return before + (score - before) * (RISE if score > before else FALL)


def quality_of(score: float) -> ConnectionQuality:
    """Name a score. Never LOST: that is said of transports that nothing comes from, and makes clients reconnect."""
    if score > 80:
        return ConnectionQuality.EXCELLENT
    return ConnectionQuality.GOOD if score > 40 else ConnectionQuality.POOR


def mean_opinion(score: float) -> float:
    """The same from 1 to 4.5, as clients are told."""
    return 1 + 3.5 * score / BEST
