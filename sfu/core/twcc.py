# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which packets of a transport came, and when? Its feedback, to and from bytes.

draft-holmer-rmcat-transport-wide-cc-extensions-01. Readers return `None` for what is malformed; they never raise.
"""

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sfu.core.limits_media import MAX_FEEDBACK_STATUSES
from sfu.core.seqnum import extend

RTPFB, FORMAT = 205, 15

TICK_S = 0.000250
"""Unit of arrival times."""
REFERENCE_S = 0.064
"""Unit of the reference time that a packet's arrival times count from."""

_TICKS_PER_REFERENCE = 256
_HEAD = struct.Struct("!BBHIIHHI")
_BODY = struct.Struct("!IIHHI")
_U16 = struct.Struct("!H")
_REFERENCE_MASK = 0xFFFFFF
_RUN_MAX = 0x1FFF
_STEP_MAX = 0x7FFF
_ARRIVALS_MAX = 400
"""Of one packet: it fits any path."""
_SMALL, _LARGE, _RESERVED = 1, 2, 3


@dataclass(frozen=True, slots=True)
class TransportFeedback:
    """What a receiver says of `count` packets from `base` on."""

    base: int
    """Sequence number of the first packet, 16 bits."""
    count: int
    received: tuple[tuple[int, int], ...]
    """(offset from `base`, arrival in ticks after `reference`), ascending by offset; the others did not come."""
    reference: int
    """Time of the receiver's own clock in units of `REFERENCE_S`, 24 bits."""


def parse_feedback(body: bytes) -> TransportFeedback | None:
    """Read an RTPFB packet's body, from the sender's SSRC on; strict: one wrong bit refuses all of it."""
    if len(body) < _BODY.size:
        return None
    _, _, base, count, last = _BODY.unpack_from(body)
    if not 0 < count <= MAX_FEEDBACK_STATUSES:
        return None
    statuses: list[tuple[int, int]] = []  # (offset, symbol) of the received
    at, covered, size = _BODY.size, 0, len(body)
    while covered < count:
        if at + 2 > size:
            return None
        chunk = _U16.unpack_from(body, at)[0]
        at += 2
        if not chunk & 0x8000:
            symbol, run = chunk >> 13, min(chunk & _RUN_MAX, count - covered)
            if not run or symbol == _RESERVED:
                return None
            if symbol:
                statuses += [(offset, symbol) for offset in range(covered, covered + run)]
            covered += run
            continue
        bits, symbols = (2, 7) if chunk & 0x4000 else (1, 14)
        mask = (1 << bits) - 1
        for place in range(min(symbols, count - covered)):
            symbol = chunk >> (14 - bits * (place + 1)) & mask
            if symbol == _RESERVED:
                return None
            if symbol:
                statuses.append((covered + place, symbol))
        covered += symbols
    received, ticks = [], 0
    for offset, symbol in statuses:
        if at + symbol > size:  # a small delta is one byte, a large one two
            return None
        ticks += body[at] if symbol == _SMALL else int.from_bytes(body[at : at + 2], "big", signed=True)
        at += symbol
        received.append((offset, ticks))
    return TransportFeedback(base, count, tuple(received), last >> 8)


def build_feedback(sender: int, ssrc: int, number: int, first: int, arrivals: Sequence[tuple[int, int]]) -> bytes:
    """Write one RTPFB packet.

    `arrivals` are (sequence number, arrival in ticks), ascending by number and none below `first`, from which on
    everything is reported; steps of time have to fit 16 bits. `number` counts a transport's packets.
    """
    reference = arrivals[0][1] // _TICKS_PER_REFERENCE
    before = reference * _TICKS_PER_REFERENCE
    symbols: list[int] = []
    deltas = bytearray()
    for sequence, ticks in arrivals:
        symbols += bytes(sequence - first - len(symbols))
        delta, before = ticks - before, ticks
        if 0 <= delta <= 0xFF:
            symbols.append(_SMALL)
            deltas.append(delta)
        else:
            symbols.append(_LARGE)
            deltas += delta.to_bytes(2, "big", signed=True)
    body = _chunks(symbols) + deltas
    body += bytes(-len(body) % 4)
    last = (reference & _REFERENCE_MASK) << 8 | number & 0xFF
    head = _HEAD.pack(0x80 | FORMAT, RTPFB, 4 + len(body) // 4, sender, ssrc, first & 0xFFFF, len(symbols), last)
    return head + bytes(body)


def _chunks(symbols: Sequence[int]) -> bytearray:
    """Runs where they are longer than a vector would be, else vectors of two bits."""
    written = bytearray()
    at = 0
    while at < len(symbols):
        symbol, run = symbols[at], 1
        while run < _RUN_MAX and at + run < len(symbols) and symbols[at + run] == symbol:
            run += 1
        if run >= 7 or at + run == len(symbols):
            written += _U16.pack(symbol << 13 | run)
            at += run
            continue
        vector = 0xC000
        for place, value in enumerate(symbols[at : at + 7]):
            vector |= value << (12 - 2 * place)
        written += _U16.pack(vector)
        at += 7
    return written


class ArrivalLog:
    """What has to be reported to one publisher, over all of its SSRCs."""

    __slots__ = ("_highest", "_next", "_number")

    def __init__(self) -> None:
        self._highest = -1
        """Extended number; -1 before any packet."""
        self._next = 0
        """Reported up to here."""
        self._number = 0

    def report(self, sender: int, ssrc: int, arrivals: Iterable[tuple[int, float]]) -> list[bytes]:
        """Write packets for new arrivals, (16-bit number, time in seconds) each.

        What comes after it was reported missing is reported again alone, so that nothing is said twice of others.
        """
        listed = []
        for sequence, at in arrivals:
            extended = sequence + 0x10000 if self._highest < 0 else extend(sequence, self._highest)
            if self._highest < 0:
                self._next = extended
            self._highest = max(self._highest, extended)
            listed.append((extended, int(at / TICK_S)))
        listed.sort()
        packets: list[bytes] = []
        part: list[tuple[int, int]] = []
        first = 0
        for extended, ticks in listed:
            if part:
                last, at_last = part[-1]
                if extended == last:
                    continue  # the publisher used a number twice
                reported_between = last + 1 < min(extended, self._next)
                full = len(part) >= _ARRIVALS_MAX or extended - first >= MAX_FEEDBACK_STATUSES
                if reported_between or full or abs(ticks - at_last) > _STEP_MAX:
                    packets.append(self._write(sender, ssrc, first, part))
                    part = []
            if not part:
                first = extended if extended < self._next else max(self._next, extended - MAX_FEEDBACK_STATUSES + 1)
            part.append((extended, ticks))
            self._next = max(self._next, extended + 1)
        if part:
            packets.append(self._write(sender, ssrc, first, part))
        return packets

    def _write(self, sender: int, ssrc: int, first: int, part: list[tuple[int, int]]) -> bytes:
        packet = build_feedback(sender, ssrc, self._number, first, part)
        self._number += 1
        return packet
