# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Are captions worse than people may expect, why, and is it time to say so?

Each cause is observed by itself, and believed when two observations in a row agree, for the worse or for the better.
"""

from dataclasses import dataclass, field
from enum import Enum, auto

from bots.captions.schedule import Level

LOOK_S = 5.0
"""Time between two observations of the engine and of its load; those of the canary are minutes apart."""
NOTICE_INTERVAL_S = 600.0
"""stops: a room being told of trouble again and again. Within this time only the room's state changes."""
FAILURES_IN_ROW = 3
"""An engine that fails so often without a success in between is down; less is bad luck."""


class Cause(Enum):
    """Why captions are degraded, the gravest first."""

    ENGINE = "engine"
    OVERLOAD = "overload"
    DRIFT = "drift"


class Belief(Enum):
    """What we believe of one cause."""

    FINE = auto()
    DOUBTFUL = auto()
    DEGRADED = auto()
    RECOVERING = auto()


TABLE = {
    (Belief.FINE, True): Belief.DOUBTFUL,
    (Belief.FINE, False): Belief.FINE,
    (Belief.DOUBTFUL, True): Belief.DEGRADED,
    (Belief.DOUBTFUL, False): Belief.FINE,
    (Belief.DEGRADED, True): Belief.DEGRADED,
    (Belief.DEGRADED, False): Belief.RECOVERING,
    (Belief.RECOVERING, True): Belief.DEGRADED,
    (Belief.RECOVERING, False): Belief.FINE,
}
"""(what we believe, was the observation bad?) → what we believe next."""


@dataclass(frozen=True, slots=True)
class Readings:
    """What the engine was asked and how it did, as the pool counts it."""

    asked: int
    failed_in_row: int
    level: Level


@dataclass(slots=True)
class Health:
    """The state of captions, for all calls of this process."""

    _beliefs: dict[Cause, Belief] = field(default_factory=lambda: dict.fromkeys(Cause, Belief.FINE))
    _asked: int = 0

    @property
    def cause(self) -> Cause | None:
        """Return the gravest cause for which captions are degraded now."""
        worse = (Belief.DEGRADED, Belief.RECOVERING)
        return next((cause for cause in Cause if self._beliefs[cause] in worse), None)

    def look(self, readings: Readings) -> None:
        """Take the counts, every ``LOOK_S``. A high level says nothing while nobody asks for anything."""
        quiet = readings.asked == self._asked
        self._asked = readings.asked
        if readings.failed_in_row == 0 or readings.failed_in_row >= FAILURES_IN_ROW:
            self._observe(Cause.ENGINE, bad=readings.failed_in_row > 0)
        if quiet or readings.level in {Level.USUAL, Level.FINALS_ONLY}:
            self._observe(Cause.OVERLOAD, bad=not quiet and readings.level is Level.FINALS_ONLY)

    def canary(self, *, wer: float, bound: float) -> None:
        """Take how many words of the canary were read wrong, and how many may be."""
        self._observe(Cause.DRIFT, bad=wer > bound)

    def _observe(self, cause: Cause, *, bad: bool) -> None:
        self._beliefs[cause] = TABLE[self._beliefs[cause], bad]


class Telling(Enum):
    """What to say to a room."""

    BEGINS = auto()
    OVER = auto()


@dataclass(slots=True)
class Notices:
    """When to tell one room; times in seconds, monotonic."""

    _told: bool = False
    _last: float = float("-inf")

    def look(self, *, degraded: bool, now: float) -> Telling | None:
        """Take how captions are now; return what to say, if anything. The end is told where the beginning was."""
        if degraded and not self._told and now - self._last >= NOTICE_INTERVAL_S:
            self._told, self._last = True, now
            return Telling.BEGINS
        if self._told and not degraded:
            self._told = False
            return Telling.OVER
        return None
