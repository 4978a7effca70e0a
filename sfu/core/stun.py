# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The part of STUN that an ICE-lite server needs (RFC 8489, RFC 8445): binding requests and their answers.

`parse` never raises: what isn't a well-formed STUN message is `None`.
"""

import hmac
import ipaddress
import struct
import zlib
from dataclasses import dataclass

MAGIC_COOKIE = 0x2112A442
BINDING_REQUEST = 0x0001
BINDING_SUCCESS = 0x0101

USERNAME = 0x0006
MESSAGE_INTEGRITY = 0x0008
XOR_MAPPED_ADDRESS = 0x0020
PRIORITY = 0x0024
USE_CANDIDATE = 0x0025
FINGERPRINT = 0x8028

_HEADER = struct.Struct("!HHI12s")
_ATTRIBUTE = struct.Struct("!HH")
_U32 = struct.Struct("!I")
_FINGERPRINT_XOR = 0x5354554E
_INTEGRITY_SIZE = 4 + 20
_FINGERPRINT_SIZE = 4 + 4
_MAX_USERNAME = 513
"""RFC 8489 section 14.3 allows fewer bytes. stops: long names to look up."""


@dataclass(frozen=True, slots=True)
class StunMessage:
    """A parsed message. Its integrity is **not** checked yet: see `verify`."""

    type: int
    transaction: bytes
    username: str = ""
    priority: int = 0
    use_candidate: bool = False
    mapped: tuple[str, int] | None = None
    integrity_at: int = 0
    """Offset of the MESSAGE-INTEGRITY attribute, 0 when there is none."""


def parse(data: bytes) -> StunMessage | None:
    """Read a message; `None` when it is malformed or its FINGERPRINT is wrong.

    Attributes after MESSAGE-INTEGRITY other than FINGERPRINT are ignored (RFC 8489 section 14.5).
    """
    if len(data) < _HEADER.size:
        return None
    kind, length, cookie, transaction = _HEADER.unpack_from(data)
    if kind & 0xC000 or cookie != MAGIC_COOKIE or length % 4 or length != len(data) - _HEADER.size:
        return None
    username, priority, use_candidate = "", 0, False
    mapped: tuple[str, int] | None = None
    integrity_at = 0
    position = _HEADER.size
    while position < len(data):
        name, size = _ATTRIBUTE.unpack_from(data, position)
        start = position + 4
        if start + size > len(data):
            return None
        value = data[start : start + size]
        if name == FINGERPRINT:
            last = start + size == len(data)
            if size != 4 or not last or _U32.unpack(value)[0] != _crc(data[:position]):
                return None
        elif integrity_at:
            pass
        elif name == MESSAGE_INTEGRITY:
            if size != 20:
                return None
            integrity_at = position
        elif name == USERNAME:
            if size > _MAX_USERNAME:
                return None
            username = value.decode("utf-8", "replace")
        elif name == PRIORITY:
            if size != 4:
                return None
            priority = _U32.unpack(value)[0]
        elif name == USE_CANDIDATE:
            use_candidate = True
        elif name == XOR_MAPPED_ADDRESS:
            mapped = _read_address(value, transaction)
            if mapped is None:
                return None
        position = start + size + (-size % 4)
    return StunMessage(kind, transaction, username, priority, use_candidate, mapped, integrity_at)


def verify(data: bytes, message: StunMessage, password: str) -> bool:
    """Whether the MESSAGE-INTEGRITY of the datagram that `message` was parsed from fits the password."""
    at = message.integrity_at
    if not at:
        return False
    expected = _hmac(data[:at], password)
    return hmac.compare_digest(expected, data[at + 4 : at + _INTEGRITY_SIZE])


def binding_success(transaction: bytes, address: tuple[str, int], password: str) -> bytes:
    """The answer to an authenticated check: where we saw it come from."""
    return _finish(BINDING_SUCCESS, transaction, _write_address(address, transaction), password)


def binding_request(
    transaction: bytes, username: str, password: str, *, priority: int = 0, use_candidate: bool = False
) -> bytes:
    """A connectivity check as a client sends it; the server itself never sends one."""
    body = _attribute(USERNAME, username.encode()) + _attribute(PRIORITY, _U32.pack(priority))
    if use_candidate:
        body += _attribute(USE_CANDIDATE, b"")
    return _finish(BINDING_REQUEST, transaction, body, password)


def _finish(kind: int, transaction: bytes, body: bytes, password: str) -> bytes:
    head = _HEADER.pack(kind, len(body), MAGIC_COOKIE, transaction)
    message = head + body
    message = _with_length(message, len(body) + _INTEGRITY_SIZE)
    message += _attribute(MESSAGE_INTEGRITY, _hmac(message, password))
    message = _with_length(message, len(message) - _HEADER.size + _FINGERPRINT_SIZE)
    return message + _attribute(FINGERPRINT, _U32.pack(_crc(message)))


def _attribute(name: int, value: bytes) -> bytes:
    return _ATTRIBUTE.pack(name, len(value)) + value + bytes(-len(value) % 4)


def _with_length(message: bytes, length: int) -> bytes:
    return message[:2] + length.to_bytes(2, "big") + message[4:]


def _hmac(covered: bytes, password: str) -> bytes:
    counted = len(covered) - _HEADER.size + _INTEGRITY_SIZE
    return hmac.digest(password.encode(), _with_length(covered, counted), "sha1")


def _crc(covered: bytes) -> int:
    counted = len(covered) - _HEADER.size + _FINGERPRINT_SIZE
    return zlib.crc32(_with_length(covered, counted)) ^ _FINGERPRINT_XOR


def _mask(family: int, transaction: bytes) -> bytes:
    cookie = _U32.pack(MAGIC_COOKIE)
    return cookie if family == 1 else cookie + transaction


def _read_address(value: bytes, transaction: bytes) -> tuple[str, int] | None:
    if len(value) not in {8, 20}:
        return None
    family = value[1]
    if (family, len(value)) not in {(1, 8), (2, 20)}:
        return None
    port = int.from_bytes(value[2:4], "big") ^ (MAGIC_COOKIE >> 16)
    packed = bytes(a ^ b for a, b in zip(value[4:], _mask(family, transaction), strict=True))
    return str(ipaddress.ip_address(packed)), port


def _write_address(address: tuple[str, int], transaction: bytes) -> bytes:
    host = ipaddress.ip_address(address[0].partition("%")[0])
    family = 1 if host.version == 4 else 2
    port = address[1] ^ (MAGIC_COOKIE >> 16)
    packed = bytes(a ^ b for a, b in zip(host.packed, _mask(family, transaction), strict=True))
    return _attribute(XOR_MAPPED_ADDRESS, bytes((0, family)) + port.to_bytes(2, "big") + packed)
