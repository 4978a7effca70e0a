# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""RTCP (RFC 3550, RFC 4585, RFC 5104, REMB): bytes to facts and back.

`parse` never raises: a packet that is malformed ends the reading, what came before it counts.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sfu.core.limits_media import MAX_RTCP_PACKETS
from sfu.core.twcc import FORMAT as _TRANSPORT_FEEDBACK
from sfu.core.twcc import TransportFeedback, parse_feedback

SR, RR, SDES, BYE, RTPFB, PSFB = 200, 201, 202, 203, 205, 206
_NACK, _PLI, _FIR, _APPLICATION = 1, 1, 4, 15

_HEAD = struct.Struct("!BBH")
_U32 = struct.Struct("!I")
_SENDER = struct.Struct("!QIII")
_BLOCK = struct.Struct("!IB3sIIII")
_NACK_ITEM = struct.Struct("!HH")
_MAX_BLOCKS = 31


@dataclass(frozen=True, slots=True)
class Report:
    """One report block."""

    ssrc: int
    fraction: int
    lost: int
    highest: int
    jitter: int
    last_sr: int = 0
    """Middle 32 bits of the NTP time of the last sender report."""
    delay: int = 0
    """Since that report, in 1/65536 s."""


@dataclass(frozen=True, slots=True)
class SenderReport:
    """Ties a stream's RTP clock to the sender's NTP clock."""

    ssrc: int
    ntp: int
    """64-bit NTP timestamp, 32.32 fixed point."""
    timestamp: int
    packets: int
    octets: int
    reports: tuple[Report, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """What a receiver sees of our streams."""

    ssrc: int
    reports: tuple[Report, ...] = ()


@dataclass(frozen=True, slots=True)
class Nack:
    """Sequence numbers that a receiver misses."""

    ssrc: int
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeyframeRequest:
    """A PLI or FIR: both only say that a key frame is needed."""

    ssrc: int


@dataclass(frozen=True, slots=True)
class Remb:
    """What a receiver can take in, bits per second."""

    bitrate: int
    ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bye:
    """Sources that end."""

    ssrcs: tuple[int, ...]


RtcpPacket = SenderReport | ReceiverReport | Nack | KeyframeRequest | Remb | TransportFeedback | Bye


def parse(data: bytes) -> list[RtcpPacket]:
    """Read a plain compound packet; unknown kinds are skipped."""
    found: list[RtcpPacket] = []
    at = 0
    for _ in range(MAX_RTCP_PACKETS):
        if at + 4 > len(data):
            break
        first, kind, words = _HEAD.unpack_from(data, at)
        end = at + 4 + 4 * words
        if first & 0xC0 != 0x80 or end > len(data):
            break
        body = data[at + 4 : end]
        if first & 0x20:
            if not body or not 0 < body[-1] <= len(body):
                break
            body = body[: -body[-1]]
        _read(kind, first & 0x1F, body, found)
        at = end
    return found


def _read(kind: int, count: int, body: bytes, found: list[RtcpPacket]) -> None:
    if kind == SR and len(body) >= 24:
        ssrc = _U32.unpack_from(body)[0]
        ntp, timestamp, packets, octets = _SENDER.unpack_from(body, 4)
        found.append(SenderReport(ssrc, ntp, timestamp, packets, octets, _reports(body, 24, count)))
    elif kind == RR and len(body) >= 4:
        found.append(ReceiverReport(_U32.unpack_from(body)[0], _reports(body, 4, count)))
    elif kind == BYE:
        found.append(Bye(_words(body, 0, count)))
    elif kind == RTPFB and count == _NACK and len(body) >= 8:
        found.append(Nack(_U32.unpack_from(body, 4)[0], _missing(body)))
    elif kind == RTPFB and count == _TRANSPORT_FEEDBACK:
        feedback = parse_feedback(body)
        if feedback is not None:
            found.append(feedback)
    elif kind == PSFB and len(body) >= 8:
        if count == _PLI:
            found.append(KeyframeRequest(_U32.unpack_from(body, 4)[0]))
        elif count == _FIR:
            found.extend(KeyframeRequest(ssrc) for ssrc in _words(body, 8, len(body))[::2])
        elif count == _APPLICATION and len(body) >= 16 and body[8:12] == b"REMB":
            exponent, mantissa = body[13] >> 2, ((body[13] & 3) << 16) | (body[14] << 8) | body[15]
            found.append(Remb(mantissa << exponent, _words(body, 16, body[12])))


def _reports(body: bytes, at: int, count: int) -> tuple[Report, ...]:
    listed = []
    for _ in range(count):
        if at + _BLOCK.size > len(body):
            break
        ssrc, fraction, lost, highest, jitter, last_sr, delay = _BLOCK.unpack_from(body, at)
        listed.append(Report(ssrc, fraction, int.from_bytes(lost, "big", signed=True), highest, jitter, last_sr, delay))
        at += _BLOCK.size
    return tuple(listed)


def _words(body: bytes, at: int, count: int) -> tuple[int, ...]:
    count = min(count, (len(body) - at) // 4)
    return struct.unpack_from(f"!{count}I", body, at) if count > 0 else ()


def _missing(body: bytes) -> tuple[int, ...]:
    listed: list[int] = []
    for at in range(8, len(body) - 3, 4):
        first, mask = _NACK_ITEM.unpack_from(body, at)
        listed.append(first)
        listed.extend((first + 1 + bit) & 0xFFFF for bit in range(16) if mask >> bit & 1)
    return tuple(listed)


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return _HEAD.pack(0x80 | count, kind, len(body) // 4) + body


def _blocks(reports: Iterable[Report]) -> bytes:
    return b"".join(
        _BLOCK.pack(
            r.ssrc,
            r.fraction,
            r.lost.to_bytes(3, "big", signed=True),
            r.highest & 0xFFFFFFFF,
            min(r.jitter, 0xFFFFFFFF),
            r.last_sr,
            r.delay & 0xFFFFFFFF,
        )
        for r in reports
    )


def receiver_reports(sender: int, reports: Sequence[Report]) -> bytes:
    """As many RR packets as it takes; an empty one for no reports."""
    parts = [reports[at : at + _MAX_BLOCKS] for at in range(0, len(reports), _MAX_BLOCKS)] or [()]
    return b"".join(_packet(RR, len(part), _U32.pack(sender) + _blocks(part)) for part in parts)


def sender_report(report: SenderReport) -> bytes:
    """One SR packet without report blocks."""
    timestamp = report.timestamp & 0xFFFFFFFF
    numbers = _SENDER.pack(report.ntp, timestamp, report.packets & 0xFFFFFFFF, report.octets & 0xFFFFFFFF)
    return _packet(SR, 0, _U32.pack(report.ssrc) + numbers)


def source_description(ssrc: int, cname: str) -> bytes:
    """SDES with the CNAME alone: streams of one CNAME are played in step."""
    name = cname.encode()[:255]
    chunk = _U32.pack(ssrc) + bytes((1, len(name))) + name + b"\0"
    return _packet(SDES, 1, chunk + bytes(-len(chunk) % 4))


def nack(sender: int, ssrc: int, sequences: Sequence[int]) -> bytes:
    """Ask a publisher for packets, given in ascending order of their extended numbers."""
    items = bytearray()
    first, mask = -1, 0
    for sequence in sequences:
        distance = (sequence - first - 1) & 0xFFFF
        if first >= 0 and distance < 16:
            mask |= 1 << distance
            continue
        if first >= 0:
            items += _NACK_ITEM.pack(first, mask)
        first, mask = sequence & 0xFFFF, 0
    if first >= 0:
        items += _NACK_ITEM.pack(first, mask)
    return _packet(RTPFB, _NACK, _U32.pack(sender) + _U32.pack(ssrc) + bytes(items))


def pli(sender: int, ssrc: int) -> bytes:
    """Ask for a key frame."""
    return _packet(PSFB, _PLI, _U32.pack(sender) + _U32.pack(ssrc))


def remb(sender: int, bitrate: int, ssrcs: Sequence[int]) -> bytes:
    """Tell a publisher what it may send; at most 255 SSRCs."""
    exponent = max(0, bitrate.bit_length() - 18)
    mantissa = bitrate >> exponent
    fields = bytes((len(ssrcs[:255]), (exponent << 2) | (mantissa >> 16))) + (mantissa & 0xFFFF).to_bytes(2, "big")
    listed = b"".join(_U32.pack(ssrc) for ssrc in ssrcs[:255])
    return _packet(PSFB, _APPLICATION, _U32.pack(sender) + bytes(4) + b"REMB" + fields + listed)
