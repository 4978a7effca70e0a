# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The packets that one receiver may still ask for again."""

from typing import Generic, TypeVar

from sfu.core.limits_media import MAX_RESENDS

Kept = TypeVar("Kept")


class History(Generic[Kept]):
    """A ring by outgoing index. The engine stores into `ring` directly: one call less per packet.

    An entry is (index, kept, timestamp, picture id, TL0PICIDX, times resent, last resent at).
    """

    __slots__ = ("mask", "ring")

    def __init__(self, size: int) -> None:
        assert size & (size - 1) == 0
        self.mask = size - 1
        self.ring: list[tuple[int, Kept, int, int, int, int, float] | None] = [None] * size

    def clear(self) -> None:
        """Forget everything, e.g. when payload types change their meaning."""
        self.ring = [None] * len(self.ring)

    def take(self, sequence: int, now: float, quiet: float) -> tuple[int, Kept, int, int, int] | None:
        """A packet to send again: still kept, fewer than `MAX_RESENDS` times, not within `quiet` seconds."""
        at = sequence & self.mask
        entry = self.ring[at]
        if entry is None or entry[0] & 0xFFFF != sequence:
            return None
        index, kept, timestamp, picture, tl0, count, last = entry
        if count >= MAX_RESENDS or (count and now - last < quiet):
            return None
        self.ring[at] = (index, kept, timestamp, picture, tl0, count + 1, now)
        return index, kept, timestamp, picture, tl0
