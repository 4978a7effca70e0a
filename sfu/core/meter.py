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

    def take(self, now: float) -> bool:
        """Count one event at `now` (monotonic seconds); False when it is one too many."""
        self._level = max(0.0, self._level - (now - self._at) * self.rate)
        self._at = now
        if self._level + 1.0 > self.burst:
            return False
        self._level += 1.0
        return True
