# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""RTP headers and header extensions (RFC 3550, RFC 8285, RFC 4588).

Readers return `None` for what is malformed; they never raise.
"""

import struct
from collections.abc import Iterable
from dataclasses import dataclass

HEADER = struct.Struct("!BBHII")
HEADER_SIZE = 12
ONE_BYTE_PROFILE = 0xBEDE
TWO_BYTE_PROFILE = 0x1000
MAX_ONE_BYTE_ID = 14
MAX_ONE_BYTE_SIZE = 16

_EXTENSION = struct.Struct("!HH")


@dataclass(frozen=True, slots=True)
class RtpHeader:
    """A packet's fixed header and where its parts lie."""

    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload_at: int
    padding: int
    """Bytes of padding at the end, its length byte included."""


def header_size(data: bytes | bytearray | memoryview, size: int) -> int:
    """Bytes up to the payload, CSRCs and extensions included; 0 when the packet is malformed."""
    if size < HEADER_SIZE or data[0] & 0xC0 != 0x80:
        return 0
    at = HEADER_SIZE + 4 * (data[0] & 0x0F)
    if data[0] & 0x10:
        if at + 4 > size:
            return 0
        at += 4 + 4 * ((data[at + 2] << 8) | data[at + 3])
    return at if at <= size else 0


def parse(data: bytes) -> RtpHeader | None:
    """Read the header of a plain RTP packet."""
    at = header_size(data, len(data))
    if not at:
        return None
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    padding = 0
    if first & 0x20:
        padding = data[-1] if len(data) > at else 0
        if not padding or at + padding > len(data):
            return None
    return RtpHeader(bool(second & 0x80), second & 0x7F, sequence, timestamp, ssrc, at, padding)


def extension_block(data: bytes | bytearray | memoryview) -> tuple[int, int, int]:
    """(profile, start, end) of the extension elements; zeros without any.

    Only for packets that `header_size` accepted.
    """
    if not data[0] & 0x10:
        return 0, 0, 0
    at = HEADER_SIZE + 4 * (data[0] & 0x0F)
    profile = (data[at] << 8) | data[at + 1]
    return profile, at + 4, at + 4 + 4 * ((data[at + 2] << 8) | data[at + 3])


def read_extensions(data: bytes | bytearray | memoryview) -> dict[int, bytes]:
    """All elements by id, of packets that `header_size` accepted; a truncated element ends the reading."""
    profile, at, end = extension_block(data)
    found: dict[int, bytes] = {}
    if profile == ONE_BYTE_PROFILE:
        while at < end:
            byte = data[at]
            at += 1
            if not byte:
                continue
            if byte >> 4 == 15:
                break
            stop = at + (byte & 0x0F) + 1
            if stop > end:
                break
            found[byte >> 4] = bytes(data[at:stop])
            at = stop
    elif profile & 0xFFF0 == TWO_BYTE_PROFILE:
        while at < end:
            ident = data[at]
            at += 1
            if not ident:
                continue
            if at >= end:
                break
            stop = at + 1 + data[at]
            if stop > end:
                break
            found[ident] = bytes(data[at + 1 : stop])
            at = stop
    return found


def find_extension(data: bytes | bytearray | memoryview, ident: int, length: int) -> int:
    """Where the value of the element with this id and length begins, 0 without one: `read_extensions` for one."""
    profile, at, end = extension_block(data)
    if profile == ONE_BYTE_PROFILE:
        wanted = ident << 4 | (length - 1)
        while at < end:
            byte = data[at]
            if byte == wanted:
                return at + 1 if at + 1 + length <= end else 0
            if byte >= 0xF0:
                break
            at += (byte & 0x0F) + 2 if byte else 1
    elif profile & 0xFFF0 == TWO_BYTE_PROFILE:
        while at + 1 < end:
            if not data[at]:
                at += 1
                continue
            if data[at] == ident and data[at + 1] == length:
                return at + 2 if at + 2 + length <= end else 0
            at += 2 + data[at + 1]
    return 0


def write_extensions(elements: Iterable[tuple[int, bytes]]) -> tuple[bytes, tuple[int, ...]]:
    """The whole extension block and the offset of each value in it.

    One-byte form where every element fits it, else two-byte form (needs `a=extmap-allow-mixed`).
    """
    listed = [(ident, value) for ident, value in elements if ident and len(value) <= 255]
    if not listed:
        return b"", ()
    short = all(i <= MAX_ONE_BYTE_ID and 0 < len(v) <= MAX_ONE_BYTE_SIZE for i, v in listed)
    body = bytearray(4)
    offsets = []
    for ident, value in listed:
        if short:
            body.append((ident << 4) | (len(value) - 1))
        else:
            body += bytes((ident, len(value)))
        offsets.append(len(body))
        body += value
    body += bytes(-len(body) % 4)
    profile = ONE_BYTE_PROFILE if short else TWO_BYTE_PROFILE
    _EXTENSION.pack_into(body, 0, profile, len(body) // 4 - 1)
    return bytes(body), tuple(offsets)


def abs_send_time(seconds: float) -> bytes:
    """24 bits of 6.18 fixed point seconds, wrapping every 64 s."""
    return (int(seconds * 262144) & 0xFFFFFF).to_bytes(3, "big")
