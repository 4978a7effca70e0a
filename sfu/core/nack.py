# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which packets of a publisher are missing, and when to ask for them."""

from sfu.core.limits_media import MAX_NACK_PENDING, MAX_NACK_TRIES

FIRST_DELAY_S = 0.01
"""Reordering is given this long."""
MIN_INTERVAL_S = 0.02
MAX_INTERVAL_S = 0.4
BACKOFF = 1.25
DEFAULT_RTT_S = 0.07
"""Until an answer told better."""
MAX_RTT_S = 2.0
_GAIN = 0.25


class NackList:
    """Missing packet indices of one stream, oldest first."""

    __slots__ = ("_pending", "lost", "rtt")

    def __init__(self) -> None:
        self._pending: dict[int, tuple[int, float, float]] = {}  # index: (tries, first at, last at)
        self.lost = 0
        """Given up for good."""
        self.rtt = DEFAULT_RTT_S
        """From a request to its answer. Publishers that receive nothing tell it no other way."""

    def __len__(self) -> int:
        return len(self._pending)

    def gap(self, first: int, stop: int, now: float) -> None:
        """Indices `first` to `stop - 1` were skipped; beyond the cap the oldest are given up."""
        if stop - first > MAX_NACK_PENDING:
            self.lost += stop - first - MAX_NACK_PENDING
            first = stop - MAX_NACK_PENDING
        for index in range(first, stop):
            self._pending[index] = (0, now, now)
        while len(self._pending) > MAX_NACK_PENDING:
            del self._pending[next(iter(self._pending))]
            self.lost += 1

    def arrived(self, index: int, now: float) -> None:
        """A late or retransmitted packet filled its gap."""
        found = self._pending.pop(index, None)
        if found is None:
            return
        tries, first, _ = found
        if tries:  # of several requests the first was the likeliest to be answered
            self.rtt += _GAIN * (min(now - first, MAX_RTT_S) - self.rtt)

    def due(self, now: float) -> list[int]:
        """Indices to ask for now, ascending; asking for them is counted."""
        asked: list[int] = []
        waits = [self._wait(tries) for tries in range(MAX_NACK_TRIES + 1)]
        for index, (tries, first, last) in list(self._pending.items()):
            if now - last < waits[tries]:
                continue
            if tries >= MAX_NACK_TRIES:
                del self._pending[index]
                self.lost += 1
                continue
            self._pending[index] = (tries + 1, first if tries else now, now)
            asked.append(index)
        return sorted(asked)

    def _wait(self, tries: int) -> float:
        """After the last try, or after the gap was seen."""
        if not tries:
            return FIRST_DELAY_S
        return min(max(self.rtt, MIN_INTERVAL_S) * BACKOFF ** (tries - 1), max(MAX_INTERVAL_S, self.rtt))
