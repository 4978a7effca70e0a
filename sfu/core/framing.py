# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Where does a datagram begin and end in a byte stream? Two bytes of length before each (RFC 4571)."""

from sfu.core.limits_media import MAX_TCP_FRAME

_LENGTH = 2


def frame(datagram: bytes | bytearray) -> bytes:
    """Put the length before a datagram of at most 65,535 bytes."""
    return len(datagram).to_bytes(_LENGTH, "big") + datagram


class FrameReader:
    """One direction of one connection; holds at most one incomplete frame."""

    __slots__ = ("_rest", "broken")

    def __init__(self) -> None:
        self._rest = b""
        self.broken = False
        """A frame was announced that no client sends: what follows can't be told apart any more."""

    def feed(self, received: memoryview) -> list[memoryview]:
        """Give the frames that are complete now; they are views, valid as long as `received` is."""
        if self.broken:
            return []
        data = memoryview(self._rest + received) if self._rest else received
        frames: list[memoryview] = []
        at, end = 0, len(data)
        while end - at >= _LENGTH:
            size = data[at] << 8 | data[at + 1]
            if size > MAX_TCP_FRAME:
                self.broken = True
                at = end
                break
            if end - at - _LENGTH < size:
                break
            frames.append(data[at + _LENGTH : at + _LENGTH + size])
            at += _LENGTH + size
        self._rest = bytes(data[at:])
        return frames
