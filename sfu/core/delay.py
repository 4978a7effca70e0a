# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Does a queue build up on the way to a receiver? The delay-based part of draft-ietf-rmcat-gcc-02, section 5.

Packets sent in one burst form a group; the trend of the groups' delay is compared with a threshold that adapts to
the path's own noise. A trend alone is not believed: some queue has to stand too, or a late thread looks like a
full network.
"""

from collections import deque
from enum import Enum

BURST_S = 0.005
"""Packets sent within this time are one group."""
GROUPS = 20
"""The trend is that of so many groups."""
QUEUE_S = 0.02
"""A queue that delays less than this is nobody's trouble."""
DEEP_QUEUE_S = 0.1
"""A queue that delays this much and does not shrink is too much, whatever the trend."""

_SMOOTHING = 0.9
_GAIN = 4.0
_MAX_DELTAS = 60
_THRESHOLD_MS, _THRESHOLD_MIN_MS, _THRESHOLD_MAX_MS = 12.5, 6.0, 600.0
_K_UP, _K_DOWN = 0.0087, 0.039
_ADAPT_MAX_MS = 100.0
_SPIKE_MS = 15.0
_BASE_WINDOW_S = 10.0
_RECENT = 3
"""A standing queue is the least delay of so many feedbacks: jitter has gone by then."""


class Usage(Enum):
    """What the delay says."""

    NORMAL = "normal"
    OVERUSE = "overuse"
    UNDERUSE = "underuse"


class DelayDetector:
    """Feed it the packets of each feedback in order of sending."""

    __slots__ = (
        "_accumulated",
        "_adapted",
        "_bases",
        "_before",
        "_deltas",
        "_first",
        "_last_arrived",
        "_last_sent",
        "_least",
        "_points",
        "_smoothed",
        "_threshold",
        "queue",
        "usage",
    )

    def __init__(self) -> None:
        self._threshold = _THRESHOLD_MS
        self._adapted: float | None = None
        self._bases: deque[tuple[float, float]] = deque()
        self.queue = 0.0
        """Seconds that the standing queue delays."""
        self.usage = Usage.NORMAL
        self.restart()

    def restart(self) -> None:
        """Forget the trend, keep what is known of the path."""
        self._points: deque[tuple[float, float]] = deque(maxlen=GROUPS)
        self._least: deque[float] = deque(maxlen=_RECENT)
        self._accumulated = self._smoothed = 0.0
        self._deltas = 0
        self._first: float | None = None
        """When the open group began to be sent."""
        self._last_sent = self._last_arrived = 0.0
        self._before: tuple[float, float] | None = None
        """(sent, arrived) of the group before."""

    def feedback(self, packets: list[tuple[float, float, int]], now: float) -> Usage:
        """Take in one feedback, (sent at, arrived at, bytes) each."""
        least = None
        for sent, arrived, _ in packets:
            delay = arrived - sent
            if least is None or delay < least:
                least = delay
            if self._first is None or sent - self._first > BURST_S:
                self._close_group()
                self._first = sent
                self._last_arrived = arrived
            self._last_sent = sent
            self._last_arrived = max(self._last_arrived, arrived)
        if least is None:
            return self.usage
        self._measure_queue(least, now)
        self._judge(now)
        return self.usage

    def _close_group(self) -> None:
        if self._first is None:
            return
        group = self._last_sent, self._last_arrived
        before, self._before = self._before, group
        if before is None:
            return
        delta_ms = ((group[1] - before[1]) - (group[0] - before[0])) * 1000
        self._deltas += 1
        self._accumulated += delta_ms
        self._smoothed = _SMOOTHING * self._smoothed + (1 - _SMOOTHING) * self._accumulated
        self._points.append((group[1] * 1000, self._smoothed))

    def _measure_queue(self, least: float, now: float) -> None:
        bases = self._bases
        while bases and bases[-1][1] >= least:
            bases.pop()
        bases.append((now, least))
        while bases[0][0] < now - _BASE_WINDOW_S:
            bases.popleft()
        self._least.append(least)
        self.queue = min(self._least) - bases[0][1]

    def _judge(self, now: float) -> None:
        if len(self._points) < GROUPS:
            self.usage = Usage.NORMAL
            return
        trend = min(self._deltas, _MAX_DELTAS) * self._slope() * _GAIN
        standing = len(self._least) == _RECENT and self.queue > QUEUE_S
        if standing and (trend > self._threshold or (self.queue > DEEP_QUEUE_S and trend >= -self._threshold)):
            self.usage = Usage.OVERUSE
        elif trend < -self._threshold:
            self.usage = Usage.UNDERUSE
        else:
            self.usage = Usage.NORMAL
        self._adapt(abs(trend), now)

    def _slope(self) -> float:
        """Least squares over the groups (gcc-02 calls the same thing the delay gradient)."""
        points = self._points
        mean_x = sum(x for x, _ in points) / GROUPS
        mean_y = sum(y for _, y in points) / GROUPS
        over = sum((x - mean_x) * (y - mean_y) for x, y in points)
        under = sum((x - mean_x) ** 2 for x, _ in points)
        return over / under if under else 0.0

    def _adapt(self, trend: float, now: float) -> None:
        passed = 0.0 if self._adapted is None else min((now - self._adapted) * 1000, _ADAPT_MAX_MS)
        self._adapted = now
        if trend > self._threshold + _SPIKE_MS:
            return
        gain = _K_DOWN if trend < self._threshold else _K_UP
        moved = self._threshold + gain * (trend - self._threshold) * passed
        self._threshold = min(max(moved, _THRESHOLD_MIN_MS), _THRESHOLD_MAX_MS)
