# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""When does a packet leave a bad network, if at all? One direction of a link: sans-IO, and seeded."""

from dataclasses import dataclass, replace
from random import Random

HEADERS = 28
"""Bytes of IPv4 and UDP before each datagram: they fill a bottleneck too."""
HELD_BACK_S = 0.02
"""A reordered packet comes this much later than those behind it that it let pass."""


@dataclass(frozen=True, slots=True)
class GilbertElliott:
    """Loss in bursts: a good state without loss, a bad one in which every packet is lost."""

    fall: float
    """Probability per packet to leave the good state."""
    recover: float
    """Probability per packet to leave the bad state: 1 / mean length of a burst."""

    @classmethod
    def of(cls, loss: float, burst: float = 3.0) -> "GilbertElliott":
        """A mean loss in bursts of a mean number of packets."""
        recover = 1 / burst
        return cls(loss * recover / (1 - loss), recover)


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a direction does to packets. Seconds, probabilities, bytes, bits per second."""

    delay: float = 0.0
    jitter: float = 0.0
    """The delay varies by up to this much to either side. Queues cause it, so the order stays."""
    correlation: float = 0.25
    """How much of a packet's jitter is that of the packet before it."""
    loss: float = 0.0
    bursts: GilbertElliott | None = None
    reordered: float = 0.0
    duplicated: float = 0.0
    rate: int = 0
    """Of the bottleneck; 0 is none."""
    buffer: int = 30_000
    """Before the bottleneck; what does not fit is lost."""
    down: bool = False
    """Nothing passes."""

    def but(self, **changes: object) -> "Conditions":
        """The same with changes."""
        return replace(self, **changes)  # type: ignore[arg-type]


PERFECT = Conditions()
OUTAGE = Conditions(down=True)
PRESETS = {
    "wifi": Conditions(delay=0.005, jitter=0.002, loss=0.01),
    "lossy wifi": Conditions(delay=0.015, jitter=0.005, loss=0.05),
    "congested wifi": Conditions(delay=0.010, jitter=0.020, loss=0.10, rate=5_000_000, buffer=30_000),
    "cellular": Conditions(delay=0.050, jitter=0.010, loss=0.02),
    "satellite": Conditions(delay=0.600, jitter=0.005, loss=0.03),
    "congested": Conditions(delay=0.080, jitter=0.040, loss=0.10),
}
"""str0m's names and figures, each way."""


class Link:
    """One direction. Offer every datagram in the order of sending."""

    def __init__(self, conditions: Conditions, random: Random) -> None:
        self.conditions = conditions
        """May be replaced at any time; what is on its way arrives."""
        self.offered = 0
        self.lost = 0
        self.overflowed = 0
        """Of `lost`: refused by the full buffer."""
        self._random = random
        self._bad = False
        self._jitter = 0.0
        self._free_at = 0.0
        self._last = 0.0

    def offer(self, size: int, now: float) -> tuple[float, ...]:
        """When a datagram of `size` bytes arrives: never, once, or twice."""
        conditions, chance = self.conditions, self._random.random
        self.offered += 1
        if conditions.down or self._drops():
            self.lost += 1
            return ()
        at = now
        if conditions.rate:
            at = max(now, self._free_at)
            if round((at - now) * conditions.rate / 8) + size + HEADERS > conditions.buffer:
                self.lost += 1
                self.overflowed += 1
                return ()
            at = self._free_at = at + (size + HEADERS) * 8 / conditions.rate
        if conditions.jitter:
            fresh = (2 * chance() - 1) * conditions.jitter
            self._jitter = conditions.correlation * self._jitter + (1 - conditions.correlation) * fresh
            at += max(conditions.delay + self._jitter, 0.0)
        else:
            at += conditions.delay
        if conditions.reordered and chance() < conditions.reordered:
            at += HELD_BACK_S
        else:
            at = self._last = max(at, self._last)
        if conditions.duplicated and chance() < conditions.duplicated:
            return at, at
        return (at,)

    def _drops(self) -> bool:
        conditions, chance = self.conditions, self._random.random
        bursts = conditions.bursts
        if bursts is not None:
            self._bad = chance() >= bursts.recover if self._bad else chance() < bursts.fall
            if self._bad:
                return True
        return bool(conditions.loss) and chance() < conditions.loss
