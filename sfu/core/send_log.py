# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What was sent to a receiver under which transport-wide number, and when?"""

from array import array

from sfu.core.limits_media import SEND_LOG
from sfu.core.seqnum import extend
from sfu.core.twcc import TransportFeedback

MASK = SEND_LOG - 1

OVERHEAD = 64
"""Bytes of a packet beside its payload: IP, UDP, RTP with extensions, SRTP tag. Near enough for bit rates."""


class SendLog:
    """A ring by number. The engine writes into it directly: no call per packet."""

    __slots__ = ("_reported", "next", "sizes", "times")

    def __init__(self) -> None:
        self.next = 0x10000
        """The next packet's number; 16 bits of it are sent."""
        self._reported = self.next
        self.times = array("d", bytes(8 * SEND_LOG))
        self.sizes = array("H", bytes(2 * SEND_LOG))
        """Payload bytes; 0 for what was reported as received."""

    def note(self, now: float, size: int) -> int:
        """Give a packet its number."""
        number = self.next
        self.next = number + 1
        self.times[number & MASK] = now
        self.sizes[number & MASK] = size or 1
        return number & 0xFFFF

    def resolve(self, feedback: TransportFeedback) -> tuple[list[tuple[float, int, int]], int]:
        """(sent at, arrival in ticks, bytes) of what came, in order of sending, and how many more are missing.

        Nothing counts twice, nor what was never sent. What comes after it was reported missing makes the second
        number smaller, so that it may be negative.
        """
        first = extend(feedback.base, self.next - 1)
        oldest, newest = self.next - SEND_LOG, self.next
        times, sizes = self.times, self.sizes
        came = []
        for offset, ticks in feedback.received:
            number = first + offset
            slot = number & MASK
            if oldest <= number < newest and sizes[slot]:
                came.append((times[slot], ticks, sizes[slot] + OVERHEAD))
                sizes[slot] = 0
        end = min(first + feedback.count, newest)
        told = max(0, end - max(first, self._reported))
        self._reported = max(self._reported, end)
        return came, told - len(came)
