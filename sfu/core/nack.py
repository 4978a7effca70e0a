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


class NackList:
    """Missing packet indices of one stream, oldest first."""

    __slots__ = ("_pending", "lost")

    def __init__(self) -> None:
        self._pending: dict[int, tuple[int, float]] = {}  # index: (tries, next at)
        self.lost = 0
        """Given up for good."""

    def __len__(self) -> int:
        return len(self._pending)

    def gap(self, first: int, stop: int, now: float) -> None:
        """Indices `first` to `stop - 1` were skipped; beyond the cap the oldest are given up."""
        if stop - first > MAX_NACK_PENDING:
            self.lost += stop - first - MAX_NACK_PENDING
            first = stop - MAX_NACK_PENDING
        for index in range(first, stop):
            self._pending[index] = (0, now + FIRST_DELAY_S)
        while len(self._pending) > MAX_NACK_PENDING:
            del self._pending[next(iter(self._pending))]
            self.lost += 1

    def arrived(self, index: int) -> None:
        """A late or retransmitted packet filled its gap."""
        self._pending.pop(index, None)

    def due(self, now: float, rtt: float = DEFAULT_RTT_S) -> list[int]:
        """Indices to ask for now, ascending; asking for them is counted."""
        asked: list[int] = []
        for index, (tries, at) in list(self._pending.items()):
            if now < at:
                continue
            if tries >= MAX_NACK_TRIES:
                del self._pending[index]
                self.lost += 1
                continue
            interval = min(max(rtt, MIN_INTERVAL_S) * BACKOFF**tries, MAX_INTERVAL_S)
            self._pending[index] = (tries + 1, now + interval)
            asked.append(index)
        return sorted(asked)
