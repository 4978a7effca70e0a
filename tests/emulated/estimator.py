# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How much does a path carry? Chromium's congestion control in its simplest honest form, for both clients."""

from collections import deque

OVERUSE_S = 0.1
"""Standing queue that counts as too much."""
BASE_WINDOW_S = 10.0
RATE_WINDOW_S = 0.5
GROWTH_PER_S = 1.08
TOLERATED_LOSS = 0.15
"""Loss alone lowers the estimate beyond this: a bad radio loses without being full."""
HOLD_S = 0.3


class Estimator:
    """Feed it every packet of a path in the order of arrival; `bitrate` is in bits per second."""

    def __init__(self, start: int, maximum: int) -> None:
        self.bitrate = float(start)
        self.received = 0.0
        """Over the last half second."""
        self._maximum = maximum
        self._arrivals: deque[tuple[float, int]] = deque()
        self._bytes = 0
        self._bases: deque[tuple[float, float]] = deque()
        self._queue = 0.0
        self._loss = 0.0
        self._lowered = float("-inf")
        self._updated: float | None = None

    def came(self, sent: float, arrived: float, size: int) -> None:
        """A packet came; the two clocks may differ by a constant."""
        self._arrivals.append((arrived, size))
        self._bytes += size
        delay = arrived - sent
        bases = self._bases
        while bases and bases[-1][1] >= delay:
            bases.pop()
        bases.append((arrived, delay))
        while bases[0][0] < arrived - BASE_WINDOW_S:
            bases.popleft()
        self._queue += (delay - bases[0][1] - self._queue) / 8
        self._loss -= self._loss / 100

    def lost(self) -> None:
        """A packet did not come."""
        self._loss += (1 - self._loss) / 100

    def update(self, now: float) -> float:
        """Judge; to be called every 50 to 200 ms. The new estimate."""
        while self._arrivals and self._arrivals[0][0] < now - RATE_WINDOW_S:
            self._bytes -= self._arrivals.popleft()[1]
        self.received = self._bytes * 8 / RATE_WINDOW_S
        passed = 0.0 if self._updated is None else now - self._updated
        self._updated = now
        if self._queue > OVERUSE_S or self._loss > TOLERATED_LOSS:
            if now - self._lowered >= HOLD_S and self.received:
                self.bitrate = min(self.bitrate, max(0.85 * self.received, 50_000.0))
                self._lowered = now
        elif self.received:
            ceiling = max(1.5 * self.received + 100_000, self.bitrate)  # nothing is known of what was not tried
            self.bitrate = min(self.bitrate * GROWTH_PER_S**passed, ceiling, self._maximum)
        return self.bitrate
