# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How often somebody may do something: leaky buckets, read when asked, with no timer behind them."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

MAX_KEYS = 10_000
"""Buckets kept in one meter; the one that was quiet longest goes first. Stops: memory growing with addresses."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`burst` at once, then `per_second`; `name` is what logs and tests call it."""

    name: str
    burst: int
    per_second: float


class Meter:
    """Buckets of one rate, by key. Time comes in as monotonic seconds."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._levels)

    def _level(self, key: str, now: float) -> float:
        level, at = self._levels.get(key, (0.0, now))
        return max(0.0, level - max(0.0, now - at) * self.rate.per_second)

    def wait_s(self, key: str, now: float) -> float:
        """Return how long this key must wait before it may go on; 0 when it may now. Takes nothing."""
        over = self._level(key, now) + 1 - self.rate.burst
        return max(0.0, over / self.rate.per_second)

    def take(self, key: str, now: float) -> None:
        """Count one."""
        level = min(self._level(key, now) + 1, float(self.rate.burst))
        self._levels[key] = (level, now)
        self._levels.move_to_end(key)
        if len(self._levels) > MAX_KEYS:
            self._levels.popitem(last=False)

    def level(self, key: str, now: float) -> float:
        """Return how full this key's bucket is."""
        return self._level(key, now)
