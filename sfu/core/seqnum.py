# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Sequence numbers: unwrapping (RFC 3711 section 3.3.1), replay windows, reception statistics (RFC 3550)."""

from dataclasses import dataclass

WINDOW = 1024
"""Packets of reordering that a replay window tolerates."""

_MASK = (1 << WINDOW) - 1


def extend(seq: int, highest: int) -> int:
    """The extended number nearest to `highest` whose low 16 bits are `seq`; may be negative near 0."""
    return highest + ((seq - highest + 0x8000) & 0xFFFF) - 0x8000


class ReplayWindow:
    """Which packet indices of one SSRC came already. Check, authenticate, then commit."""

    __slots__ = ("highest", "mask")

    def __init__(self) -> None:
        self.highest = -1
        """The highest index so far; -1 before the first."""
        self.mask = 0
        """Bit n: `highest - n` came."""

    def index(self, seq: int) -> int:
        """The likeliest packet index for a sequence number."""
        return seq if self.highest < 0 else extend(seq, self.highest)

    def fresh(self, index: int) -> bool:
        """Whether the index is neither old nor seen. Changes nothing."""
        if index < 0:
            return False
        behind = self.highest - index
        return behind < 0 or (behind < WINDOW and not (self.mask >> behind) & 1)

    def commit(self, index: int) -> None:
        """Mark an authenticated index as seen."""
        ahead = index - self.highest
        if ahead > 0:
            self.mask = ((self.mask << ahead) | 1) & _MASK if ahead < WINDOW else 1
            self.highest = index
        else:
            self.mask |= 1 << -ahead


@dataclass(slots=True)
class Reception:
    """What a receiver report says of one stream (RFC 3550 sections 6.4.1, A.3, A.8)."""

    clock_rate: int
    first: int = -1
    """First index, -1 before any packet."""
    highest: int = -1
    received: int = 0
    octets: int = 0
    jitter: float = 0.0
    """In timestamp units."""
    _transit: float | None = None
    _expected_before: int = 0
    _received_before: int = 0

    def arrived(self, index: int, timestamp: int, now: float) -> None:
        """Count a packet; `now` in seconds. Jitter follows packets in order only."""
        self.received += 1
        if self.first < 0:
            self.first = index
        if index > self.highest:
            self.highest = index
            transit = now * self.clock_rate - timestamp
            if self._transit is not None:
                deviation = abs(transit - self._transit)
                if deviation < 0x7FFFFFFF:  # a timestamp wrap is no jitter
                    self.jitter += (deviation - self.jitter) / 16
            self._transit = transit

    @property
    def expected(self) -> int:
        """Packets from the first to the highest."""
        return 0 if self.first < 0 else self.highest - self.first + 1

    @property
    def lost(self) -> int:
        """Cumulative loss; negative with duplicates, clamped to 24 bits as the report has them."""
        return max(-0x800000, min(0x7FFFFF, self.expected - self.received))

    def interval_fraction(self) -> int:
        """Loss since the last call in 1/256; starts a new interval."""
        expected = self.expected - self._expected_before
        received = self.received - self._received_before
        self._expected_before, self._received_before = self.expected, self.received
        missing = expected - received
        return min(255, (missing << 8) // expected) if expected > 0 and missing > 0 else 0
