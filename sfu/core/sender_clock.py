# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The publisher's clock: ties RTP timestamps of its streams together by its sender reports (RFC 3550)."""

from dataclasses import dataclass

from sfu.core.rtcp import SenderReport

_U32 = 0xFFFFFFFF
_NTP_UNIT = 1 << 32


def signed32(value: int) -> int:
    """A difference of timestamps as the shorter way round."""
    return ((value + 0x80000000) & _U32) - 0x80000000


@dataclass(frozen=True, slots=True)
class SenderClock:
    """One stream's latest sender report and when it came."""

    ntp: int
    timestamp: int
    arrived: float
    clock_rate: int

    @classmethod
    def of(cls, report: SenderReport, now: float, clock_rate: int) -> "SenderClock":
        """From a report that came at `now`."""
        return cls(report.ntp, report.timestamp, now, clock_rate)

    def translate(self, timestamp: int, other: "SenderClock") -> int:
        """The other stream's timestamp at the instant that ours names."""
        since = signed32(timestamp - self.timestamp) / self.clock_rate
        between = (self.ntp - other.ntp) / _NTP_UNIT
        return (other.timestamp + round((since + between) * other.clock_rate)) & _U32

    def at(self, now: float) -> tuple[int, int]:
        """(NTP, RTP timestamp) of the publisher at `now`."""
        since = now - self.arrived
        return (
            (self.ntp + int(since * _NTP_UNIT)) & 0xFFFFFFFFFFFFFFFF,
            (self.timestamp + int(since * self.clock_rate)) & _U32,
        )
