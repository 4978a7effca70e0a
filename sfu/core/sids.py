# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Where do fresh names come from? Sids, SSRCs and ICE credentials out of an injected source of bytes."""

from collections.abc import Callable
from typing import NewType

from sfu.core.grants import Source
from sfu.core.media import IceCredentials, Kind, PeerId, TrackSid

RoomSid = NewType("RoomSid", str)

_ALPHABET = "23456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_SOURCE_LETTER = {
    Source.CAMERA: "C",
    Source.MICROPHONE: "M",
    Source.SCREEN_SHARE: "S",
    Source.SCREEN_SHARE_AUDIO: "s",
}


class Sids:
    """Makes names that nobody can guess, given a source of random bytes such as `os.urandom`."""

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes

    def text(self, length: int) -> str:
        """Give so many letters and digits (ice-chars of RFC 8839 among them)."""
        return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in self._random_bytes(length))

    def participant(self) -> PeerId:
        """`PA_…`: clients insist on the prefix."""
        return PeerId(f"PA_{self.text(12)}")

    def room(self) -> RoomSid:
        """`RM_…`."""
        return RoomSid(f"RM_{self.text(12)}")

    def track(self, kind: Kind, source: Source) -> TrackSid:
        """`TR_` with a letter each for kind and source."""
        letter = "A" if kind is Kind.AUDIO else "V"
        return TrackSid(f"TR_{letter}{_SOURCE_LETTER.get(source, 'U')}{self.text(12)}")

    def ssrc(self) -> int:
        """A non-zero SSRC."""
        return int.from_bytes(self._random_bytes(4), "big") or 1

    def ice(self) -> IceCredentials:
        """128 bits of password and more (RFC 8445 section 5.3)."""
        return IceCredentials(self.text(16), self.text(32))
