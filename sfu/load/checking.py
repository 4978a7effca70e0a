# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Is what came out of the server what went in? One packet in a hundred is decrypted, and says how late it is."""

import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sfu.core import rtcp
from sfu.core.rtp import HEADER, header_size
from sfu.load.traffic import MAGIC, STAMP, Sample
from sfu.media.contract import SrtpKeys
from sfu.media.srtp import Receiver, derive_gcm

LATENCIES_MAX = 2_000_000
"""stops: memory, in a run of days."""

_STAMP = struct.Struct("=IIQ")


class Checking:
    """The samples of all clients."""

    def __init__(self) -> None:
        self.good = 0
        self.bad = 0
        """Not authentic, or not what a publisher sent."""
        self.latencies: list[int] = []
        """Nanoseconds from the publisher's send to the receiver's socket."""
        self._receivers: dict[int, tuple[AESGCM, int]] = {}
        self._senders: dict[int, Receiver] = {}

    def expect_packets(self, receiver: int, keys: SrtpKeys) -> None:
        """A receiver's packets are under these keys."""
        key, salt = derive_gcm(keys.receive)
        self._receivers[receiver] = (AESGCM(key), salt)

    def expect_control(self, sender: int, keys: SrtpKeys) -> None:
        """RTCP for a sender is under these keys."""
        self._senders[sender] = Receiver(keys)

    def packet(self, sample: Sample) -> bool:
        """Decrypt a sampled packet and read its stamp."""
        known = self._receivers.get(sample.owner)
        head = header_size(memoryview(sample.data), len(sample.data))
        if known is None or not head:
            self.bad += 1
            return False
        ssrc = HEADER.unpack_from(sample.data)[4]
        nonce = (known[1] ^ (ssrc << 48) ^ (sample.index & 0xFFFFFFFFFFFF)).to_bytes(12, "big")
        try:
            payload = known[0].decrypt(nonce, sample.data[head:], sample.data[:head])
        except (InvalidTag, ValueError):
            self.bad += 1
            return False
        if len(payload) < STAMP or (stamp := _STAMP.unpack(payload[-STAMP:]))[0] != MAGIC:
            self.bad += 1
            return False
        self.good += 1
        if len(self.latencies) < LATENCIES_MAX:
            self.latencies.append(sample.came - stamp[2])
        return True

    def key_pictures(self, sample: Sample) -> list[int]:
        """SSRCs of which RTCP for a sender asks for a key picture."""
        known = self._senders.get(sample.owner)
        plain = None if known is None else known.rtcp(sample.data)
        found = [] if plain is None else rtcp.parse(plain)
        return [packet.ssrc for packet in found if isinstance(packet, rtcp.KeyframeRequest)]
