# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Is somebody too fast? A leaky bucket that remembers one number."""

from dataclasses import dataclass


@dataclass(slots=True)
class Meter:
    """Allows `rate` events per second in the long run and `burst` at once."""

    rate: float
    burst: float
    _level: float = 0.0
    _at: float = 0.0

    def take(self, now: float, amount: float = 1.0) -> bool:
        """Count an event (or so many) at `now` (monotonic seconds); False when it is too much, and not counted."""
        self._leak(now)
        if self._level + amount > self.burst:
            return False
        self._level += amount
        return True

    def owe(self, now: float, amount: float) -> float:
        """Count what cannot be refused; gives for how many seconds nothing more should come."""
        self._leak(now)
        self._level += amount
        return max(0.0, (self._level - self.burst) / self.rate)

    def _leak(self, now: float) -> None:
        self._level = max(0.0, self._level - (now - self._at) * self.rate)
        self._at = now
