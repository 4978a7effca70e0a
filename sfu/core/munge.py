# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""One continuous stream out of many: sequence, timestamp and VP8 picture ids over layer switches.

Packets of the source that are left out leave no gap: what follows closes up, and a packet that comes late still
gets the number that was kept for it.

What a receiver sees must look like one sender that never changed: every number goes on where the
last one stopped, whatever source is followed.
"""

from collections import deque

from sfu.core.limits_media import MAX_SKIPS

_U32 = 0xFFFFFFFF


class Continuity:
    """Offsets from the followed source to the stream sent out; the engine adds them per packet."""

    __slots__ = (
        "_floor",
        "_skipped_picture",
        "_skips",
        "first",
        "last_index",
        "last_picture",
        "last_time",
        "last_timestamp",
        "last_tl0",
        "picture_offset",
        "seq_offset",
        "started",
        "timestamp_offset",
        "tl0_offset",
    )

    def __init__(self, first_index: int) -> None:
        self.started = False
        self.first = 0
        """Packets of the source before this index belong to the time before the switch: not sent."""
        self.seq_offset = 0
        self.timestamp_offset = 0
        self.picture_offset = 0
        self.tl0_offset = 0
        self.last_index = first_index - 1
        """Highest index sent; a protected index is never used twice."""
        self.last_timestamp = 0
        self.last_time = 0.0
        self.last_picture = -1
        self.last_tl0 = -1
        self._skips: deque[tuple[int, int, int]] = deque()
        """(end, sequence offset, picture offset): what held for packets before `end`."""
        self._floor = 0
        """Of packets before this index is not known any more what held."""
        self._skipped_picture = -1

    def begin(
        self,
        index: int,
        timestamp: int,
        now: float,
        clock_rate: int,
        *,
        aligned: int | None = None,
        picture: int = 0,
        tl0: int = 0,
    ) -> None:
        """Follow a source from this packet on.

        `aligned` is the outgoing timestamp of the same instant by the sender reports of both sources;
        it is believed only between the last timestamp and a second more than really went by.
        """
        self.first = self._floor = index
        self._skips.clear()
        self._skipped_picture = -1
        self.seq_offset = self.last_index + 1 - index
        if not self.started:
            self.started = True
            self.timestamp_offset = 0
            self.picture_offset = 0
            self.tl0_offset = 0
            return
        elapsed = int((now - self.last_time) * clock_rate)
        ahead = None if aligned is None else ((aligned - self.last_timestamp + 0x80000000) & _U32) - 0x80000000
        if ahead is None or not -clock_rate < ahead <= elapsed + clock_rate:
            ahead = elapsed
        self.timestamp_offset = (self.last_timestamp + max(1, ahead) - timestamp) & _U32
        self.picture_offset = self.last_picture + 1 - picture
        self.tl0_offset = self.last_tl0 + 1 - tl0

    def skip(self, index: int, picture: int = -1) -> None:
        """Leave out this packet, the newest one of the source; with a VP8 picture id, the picture that it is of."""
        if self._skips and self._skips[-1][0] == index:  # a run of packets left out is one entry
            _, sequence, pictures = self._skips.pop()
        else:
            sequence, pictures = self.seq_offset, self.picture_offset
        self._skips.append((index + 1, sequence, pictures))
        if len(self._skips) > MAX_SKIPS:
            self._floor = self._skips.popleft()[0]
        self.seq_offset -= 1
        if picture >= 0 and picture != self._skipped_picture:
            self._skipped_picture = picture
            self.picture_offset -= 1

    def offsets(self, index: int) -> tuple[int, int] | None:
        """(sequence, picture id) offsets of any packet of the source; `None` for one that is too old to be sent."""
        if index < self._floor:
            return None
        found = self.seq_offset, self.picture_offset
        for end, sequence, pictures in reversed(self._skips):
            if index >= end:
                break
            found = sequence, pictures
        return found
