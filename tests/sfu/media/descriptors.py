# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Dependency descriptors (AV1 RTP specification, appendix A) of senders that do whatever the format has room for."""

import random

NEXT_TEMPORAL, NEXT_SPATIAL, END = 1, 2, 3


class Bits:
    """Written from the most significant one on."""

    def __init__(self) -> None:
        self._text = ""

    def write(self, value: int, count: int) -> None:
        self._text += f"{value:0{count}b}" if count else ""

    def nonsymmetric(self, value: int, values: int) -> None:
        """AV1 section 4.10.7."""
        width = values.bit_length()
        short = (1 << width) - values
        if value < short:
            self.write(value, width - 1)
        else:
            self.write(value + short, width)

    def done(self) -> bytes:
        text = self._text + "0" * (-len(self._text) % 8)
        return int(text, 2).to_bytes(len(text) // 8, "big")


class Describer:
    """One stream's descriptors, by chance."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._structure = ""
        self._number = chance.choice((0, 65_500, 300))
        self._begin()

    def _begin(self) -> None:
        chance = self._chance
        self._offset, self._targets = chance.choice((0, 3, 60)), chance.choice((1, 2, 4, 9, 32))
        self._templates = chance.choice((1, 2, 6, 15))
        self._chains = chance.choice((0, 1, self._targets))
        bits = Bits()
        bits.write(self._offset, 6)
        bits.write(self._targets - 1, 5)
        for _ in range(self._templates - 1):
            bits.write(chance.choice((0, NEXT_TEMPORAL, NEXT_SPATIAL)), 2)
        bits.write(END, 2)
        for _ in range(self._templates * self._targets):
            bits.write(chance.choice((0, 1, 2, 2, 2, 3)), 2)
        for _ in range(self._templates):
            for _ in range(chance.choice((0, 0, 1, 1, 2, 7)) if chance.random() < 0.99 else 17):
                bits.write(0b10000 | chance.choice((0, 0, 1, 2, 15)), 5)
            bits.write(0, 1)
        bits.nonsymmetric(self._chains, self._targets + 1)
        if self._chains:
            for _ in range(self._targets):
                bits.nonsymmetric(chance.randrange(self._chains), self._chains)
            for _ in range(self._templates * self._chains):
                bits.write(chance.randrange(16), 4)
        bits.write(0, 1)  # no resolutions
        self._structure = bits._text

    def write(self) -> bytes:
        """The next packet's; now and then of a frame that came before."""
        chance, bits = self._chance, Bits()
        starts, ends = chance.random() < 0.7, chance.random() < 0.7
        self._number += chance.choice((0, 1, 1, 1, 1, 2, 300)) if starts else chance.choice((0, 0, 0, -1))
        brings = chance.random() < 0.15
        if brings and chance.random() < 0.4:
            self._begin()
        bits.write(starts, 1)
        bits.write(ends, 1)
        bits.write((self._offset + chance.randrange(self._templates + (chance.random() < 0.05))) % 64, 6)
        bits.write(self._number & 0xFFFF, 16)
        if brings or chance.random() < 0.3:
            self._extend(bits, brings=brings)
        data = bytearray(bits.done())
        if chance.random() < 0.05:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        return bytes(data[: chance.randrange(len(data) + 1)] if chance.random() < 0.02 else data)

    def _extend(self, bits: Bits, *, brings: bool) -> None:
        chance = self._chance
        active, indications, references, chains = (chance.random() < part for part in (0.5, 0.2, 0.2, 0.1))
        for flag in (brings, active, indications, references, chains):
            bits.write(flag, 1)
        if brings:
            bits._text += self._structure
        if active:
            bits.write(
                chance.choice((0, 1, chance.randrange(1 << self._targets), (1 << self._targets) - 1)), self._targets
            )
        if indications:
            for _ in range(self._targets):
                bits.write(chance.choice((0, 1, 2, 2, 3)), 2)
        if references:
            for _ in range(chance.choice((0, 1, 3))):
                size = chance.choice((1, 2, 3))
                bits.write(size, 2)
                bits.write(chance.choice((0, 0, 1, chance.randrange(16**size))), 4 * size)
            bits.write(0, 2)
        if chains:
            for _ in range(self._chains):
                bits.write(chance.randrange(256), 8)
