# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""RTP, RTCP and VP8 as the emulated clients read and write them; shares nothing with the SFU's own."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

MID, AUDIO_LEVEL, ABS_SEND_TIME, TRANSPORT_CC, RID, REPAIRED_RID = 4, 1, 2, 3, 10, 11
"""Header extension ids of both clients."""
SR, RR, SDES, RTPFB, PSFB = 200, 201, 202, 205, 206
NTP_EPOCH = 3_000_000_000
CLIENT_SSRC = 77

_RTP = struct.Struct("!BBHII")
_WORD = struct.Struct("!I")
_VP8 = struct.Struct("!BBHBB")
_MARK = struct.Struct("!BIHHd")
KEYFRAME_TAG = b"\x10\x02\x00\x9d\x01\x2a\x80\x02\x68\x01"
DELTA_TAG = b"\x11\x02\x00"
OVERHEAD = 60
"""Bytes of header, extensions, descriptor and mark at most."""


@dataclass(slots=True)
class Rtp:
    """A packet as it came."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    extensions: dict[int, bytes]
    payload: bytes


def rtp(
    payload_type: int,
    marker: bool,
    sequence: int,
    timestamp: int,
    ssrc: int,
    extensions: Iterable[tuple[int, bytes]],
    payload: bytes,
) -> bytes:
    """A packet with one-byte header extensions (RFC 8285 section 4.2)."""
    body = b"".join(bytes(((ident << 4) | (len(value) - 1),)) + value for ident, value in extensions)
    body += bytes(-len(body) % 4)
    second = payload_type | (0x80 if marker else 0)
    head = _RTP.pack(0x90, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
    return head + struct.pack("!HH", 0xBEDE, len(body) // 4) + body + payload


def parse_rtp(data: bytes) -> Rtp:
    """Read a plain packet. Raises on anything that a sender must not send."""
    first, second, sequence, timestamp, ssrc = _RTP.unpack_from(data)
    assert first >> 6 == 2
    assert not first & 0x0F
    at, extensions = 12, {}
    if first & 0x10:
        profile, words = struct.unpack_from("!HH", data, at)
        at, end = at + 4, at + 4 + 4 * words
        assert profile == 0xBEDE
        while at < end:
            if not data[at]:
                at += 1
                continue
            size = (data[at] & 15) + 1
            extensions[data[at] >> 4] = data[at + 1 : at + 1 + size]
            at += 1 + size
        assert at == end
    stop = len(data) - data[-1] if first & 0x20 else len(data)
    assert at <= stop
    return Rtp(second & 0x7F, bool(second & 0x80), sequence, timestamp, ssrc, extensions, data[at:stop])


@dataclass(slots=True)
class Vp8:
    """What the descriptor says (RFC 7741), and the mark of the emulated camera."""

    start: bool
    picture: int
    tl0: int
    key: bool
    layer: int
    frame: int
    captured: float


def vp8(
    *, start: bool, key: bool, picture: int, tl0: int, layer: int, frame: int, part: int, captured: float, size: int
) -> bytes:
    """A packet of a frame: descriptor, frame tag at the start, the camera's mark, filling."""
    head = _VP8.pack(0x90 if start else 0x80, 0xE0, 0x8000 | (picture & 0x7FFF), tl0 & 0xFF, 0x20)
    tag = (KEYFRAME_TAG if key else DELTA_TAG) if start else b""
    mark = _MARK.pack(layer, frame, part, int(key), captured)
    return (head + tag).ljust(size - len(mark), b"\xaa") + mark


def parse_vp8(payload: bytes) -> Vp8:
    """Read a packet that `vp8` made, wherever its numbers were rewritten."""
    first, extended, picture, tl0, _ = _VP8.unpack_from(payload)
    assert (first & 0x80, extended, picture & 0x8000) == (0x80, 0xE0, 0x8000)
    layer, frame, _, key, captured = _MARK.unpack_from(payload, len(payload) - _MARK.size)
    start = bool(first & 0x10)
    if start:
        assert (payload[6] & 1 == 0) == bool(key)
    return Vp8(start, picture & 0x7FFF, tl0, bool(key), layer, frame, captured)


def unwrap(value: int, near: int, bits: int = 16) -> int:
    """The number closest to `near` whose low bits are `value`."""
    half = 1 << (bits - 1)
    return near + ((value - near + half) & (2 * half - 1)) - half


# RTCP


def rtcp(kind: int, count: int, body: bytes) -> bytes:
    """One RTCP packet."""
    assert not len(body) % 4
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def split_rtcp(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(kind, count, body) of every packet of a compound."""
    at = 0
    while at < len(data):
        first, kind, words = struct.unpack_from("!BBH", data, at)
        assert first >> 6 == 2
        end = at + 4 + 4 * words
        assert end <= len(data)
        yield kind, first & 31, data[at + 4 : end]
        at = end


def ntp(now: float) -> int:
    """A client's wall clock in 32.32 fixed point."""
    return int((NTP_EPOCH + now) * 2**32)


def sender_report(ssrc: int, now: float, timestamp: int, packets: int, octets: int) -> bytes:
    """SR without blocks, and the SDES that belongs to it."""
    report = struct.pack("!IQIII", ssrc, ntp(now), timestamp & 0xFFFFFFFF, packets, octets)
    return rtcp(SR, 0, report) + rtcp(SDES, 1, _WORD.pack(ssrc) + b"\x01\x01c" + bytes(1))


def report_block(ssrc: int, fraction: int, lost: int, highest: int, jitter: int, last_sr: int, delay: float) -> bytes:
    """One block of a receiver report."""
    lost24 = max(-0x800000, min(0x7FFFFF, lost)).to_bytes(3, "big", signed=True)
    return struct.pack("!IB3sIIII", ssrc, fraction, lost24, highest & 0xFFFFFFFF, jitter, last_sr, int(delay * 65536))


def receiver_report(blocks: Sequence[bytes]) -> bytes:
    """RR of all blocks."""
    return rtcp(RR, len(blocks), _WORD.pack(CLIENT_SSRC) + b"".join(blocks))


def nack(ssrc: int, sequences: Sequence[int]) -> bytes:
    """Generic NACK (RFC 4585 section 6.2.1) for ascending unwrapped numbers."""
    items = b""
    at = 0
    while at < len(sequences):
        first, mask = sequences[at], 0
        at += 1
        while at < len(sequences) and sequences[at] - first <= 16:
            mask |= 1 << (sequences[at] - first - 1)
            at += 1
        items += struct.pack("!HH", first & 0xFFFF, mask)
    return rtcp(RTPFB, 1, struct.pack("!II", CLIENT_SSRC, ssrc) + items)


def parse_nack(body: bytes) -> tuple[int, list[int]]:
    """The SSRC and the sequence numbers asked for."""
    asked = []
    for at in range(8, len(body), 4):
        first, mask = struct.unpack_from("!HH", body, at)
        asked += [first] + [(first + 1 + bit) & 0xFFFF for bit in range(16) if mask >> bit & 1]
    return struct.unpack_from("!I", body, 4)[0], asked


def pli(ssrc: int) -> bytes:
    """Picture loss indication."""
    return rtcp(PSFB, 1, struct.pack("!II", CLIENT_SSRC, ssrc))


def remb(bitrate: int, ssrcs: Sequence[int]) -> bytes:
    """Receiver estimated maximum bitrate."""
    exponent = max(0, bitrate.bit_length() - 18)
    words = (len(ssrcs) << 24) | (exponent << 18) | (bitrate >> exponent)
    return rtcp(
        PSFB, 15, struct.pack("!II4sI", CLIENT_SSRC, 0, b"REMB", words) + struct.pack(f"!{len(ssrcs)}I", *ssrcs)
    )


def parse_remb(body: bytes) -> int | None:
    """Bits per second, of an application-layer feedback that is a REMB."""
    if body[8:12] != b"REMB":
        return None
    (word,) = _WORD.unpack_from(body, 12)
    return int(word & 0x3FFFF) << (word >> 18 & 63)
