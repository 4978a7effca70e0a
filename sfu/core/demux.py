# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What a datagram is, by its first byte (RFC 7983)."""

from enum import Enum


class Traffic(Enum):
    """The protocols that share one UDP port."""

    STUN = "stun"
    DTLS = "dtls"
    RTP = "rtp"
    RTCP = "rtcp"
    UNKNOWN = "unknown"


def _by_first_byte(byte: int) -> Traffic:
    if byte <= 3:
        return Traffic.STUN
    if 20 <= byte <= 63:
        return Traffic.DTLS
    if 128 <= byte <= 191:
        return Traffic.RTP
    return Traffic.UNKNOWN


_TABLE = tuple(_by_first_byte(byte) for byte in range(256))
_SHORTEST_RTP = 12


def classify(datagram: bytes | bytearray | memoryview) -> Traffic:
    """Name the protocol; RTP and RTCP part by the second byte (RFC 5761 section 4).

    An empty datagram is `UNKNOWN`.
    """
    if not datagram:
        return Traffic.UNKNOWN
    traffic = _TABLE[datagram[0]]
    if traffic is Traffic.RTP:
        if len(datagram) < 2:
            return Traffic.UNKNOWN
        if 192 <= datagram[1] <= 223:
            return Traffic.RTCP
        if len(datagram) < _SHORTEST_RTP:
            return Traffic.UNKNOWN
    return traffic
