# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01), written and read."""

import struct
from dataclasses import dataclass

from tests.emulated.wire import CLIENT_SSRC, RTPFB, rtcp, unwrap

INTERVAL_S = 0.1
TICK = 0.00025
REFERENCE = 0.064
_MAX_COUNT = 2000


class Recorder:
    """Notes when packets came and says so."""

    def __init__(self) -> None:
        self._arrived: dict[int, float] = {}
        self._new: list[int] = []
        self._highest: int | None = None
        self._next = 0
        self._count = 0

    def arrived(self, sequence: int, now: float) -> None:
        """A packet with this transport-wide number came."""
        if self._highest is None:
            self._highest = self._next = sequence
        number = unwrap(sequence, self._highest)
        self._highest = max(self._highest, number)
        if number not in self._arrived:
            self._arrived[number] = now
            self._new.append(number)
            self._arrived.pop(number - _MAX_COUNT, None)

    def feedback(self) -> bytes | None:
        """A packet on everything since the last one; what came late is told again with it."""
        if not self._new:
            return None
        oldest, last = min(self._new), max(self._new)
        first = min(oldest, self._next) if last - self._next < _MAX_COUNT else oldest
        start = next(self._arrived[number] for number in range(first, last + 1) if number in self._arrived)
        reference = int(start / REFERENCE)
        symbols, deltas = [], b""
        at = reference * REFERENCE
        told = round(at / TICK)
        for number in range(first, last + 1):
            came = self._arrived.get(number)
            if came is None:
                symbols.append(0)
                continue
            delta = round(came / TICK) - told
            told += delta
            if 0 <= delta <= 255:
                symbols.append(1)
                deltas += bytes((delta,))
            else:
                symbols.append(2)
                deltas += struct.pack("!h", max(-32768, min(32767, delta)))
        chunks = b""
        while symbols:
            same = next((n for n, symbol in enumerate(symbols) if symbol != symbols[0]), len(symbols))
            if same > 7:
                run = min(same, 8191)
                chunks += struct.pack("!H", (symbols[0] << 13) | run)
                symbols = symbols[run:]
                continue
            vector = (symbols[:7] + [0] * 7)[:7]
            chunks += struct.pack("!H", 0xC000 | sum(symbol << (12 - 2 * n) for n, symbol in enumerate(vector)))
            symbols = symbols[7:]
        head = struct.pack("!IIHH", CLIENT_SSRC, 0, first & 0xFFFF, last - first + 1)
        head += (reference & 0xFFFFFF).to_bytes(3, "big") + bytes((self._count & 0xFF,))
        self._count += 1
        self._next = max(self._next, last + 1)
        self._new.clear()
        body = head + chunks + deltas
        return rtcp(RTPFB, 15, body + bytes(-len(body) % 4))


@dataclass(slots=True)
class Told:
    """One packet in a feedback; `at` is on the receiver's clock, `None` for a lost one."""

    sequence: int
    at: float | None


def parse_feedback(body: bytes) -> list[Told]:
    """Read the body of a feedback packet, padding and all."""
    first, count = struct.unpack_from("!HH", body, 8)
    at = int.from_bytes(body[12:15], "big") * REFERENCE
    place, symbols = 16, []
    while len(symbols) < count:
        (chunk,) = struct.unpack_from("!H", body, place)
        place += 2
        if not chunk & 0x8000:
            symbols += [chunk >> 13] * (chunk & 0x1FFF)
        elif chunk & 0x4000:
            symbols += [chunk >> (12 - 2 * n) & 3 for n in range(7)]
        else:
            symbols += [chunk >> (13 - n) & 1 for n in range(14)]
    found = []
    for n, symbol in enumerate(symbols[:count]):
        delta = None
        if symbol == 1:
            delta, place = body[place], place + 1
        elif symbol == 2:
            (delta,) = struct.unpack_from("!h", body, place)
            place += 2
        at += (delta or 0) * TICK
        found.append(Told((first + n) & 0xFFFF, None if delta is None else at))
    return found
