# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""When is it tried whether a path carries more, how much more, and for how long?

A probe fills what is sent up to its target with padding. It proves; the estimator judges.
"""

from dataclasses import dataclass

MARGIN = 1.2
"""Of what is needed."""
MIN_STEP_BPS = 200_000
GROWTH = 2.0
FIRST_GROWTH = 3.0
"""While nothing was ever refused."""
DURATION_S = 0.2
SLOW_GROWTH, SLOW_DURATION_S = 1.5, 1.0
"""For receivers that send REMB alone: it is sent once a second, sooner when it falls."""
ANSWER_S = 1.0
"""Beside a round trip; without feedback in that time the probe failed."""
WAIT_S, WAIT_MAX_S, WAIT_GROWTH = 3.0, 7.0, 1.5
"""After a refused probe, and after trouble."""
ENOUGH = 0.9
"""A probe that found this share of its target was not refused."""
TROUBLE_SOON_S = 10.0
"""Trouble so soon after a raise was caused by it."""


@dataclass(frozen=True, slots=True)
class Probe:
    """One that is under way."""

    target: float
    """Bits per second, media included."""
    until: float
    answer_by: float


class Prober:
    """Of one receiver."""

    __slots__ = ("_growth", "_next", "_raised", "_wait", "probe")

    def __init__(self) -> None:
        self.probe: Probe | None = None
        """Until it is judged."""
        self._next = 0.0
        self._wait = WAIT_S
        self._growth = FIRST_GROWTH
        self._raised = float("-inf")

    def begin(self, need: float, estimate: float, now: float, rtt: float, *, slow: bool = False) -> bool:
        """Start if more is needed than is known to fit, and it is time."""
        if self.probe is not None or now < self._next or need <= estimate:
            return False
        growth, duration = (SLOW_GROWTH, SLOW_DURATION_S) if slow else (self._growth, DURATION_S)
        target = max(min(need * MARGIN, estimate * growth), estimate + MIN_STEP_BPS)
        self.probe = Probe(target, now + duration, now + duration + rtt + ANSWER_S)
        return True

    def judged(self, carried: float, now: float) -> None:
        """The path was found to carry this much."""
        probe, self.probe = self.probe, None
        if probe is not None and carried >= ENOUGH * probe.target:
            self._raised = now
            self._next = now
            return
        self._growth = GROWTH
        self._back_off(now)

    def trouble(self, now: float) -> None:
        """The estimate was lowered."""
        self._growth = GROWTH
        if now - self._raised >= TROUBLE_SOON_S:
            self._wait = WAIT_S
        self._back_off(now)

    def _back_off(self, now: float) -> None:
        self._next = now + self._wait
        self._wait = min(self._wait * WAIT_GROWTH, WAIT_MAX_S)
