# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What is measured? How many send to how many, how large, how often."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """One load of a forwarder. Everybody who receives gets all streams."""

    publishers: int
    receivers: int
    size: int
    """Bytes of a plain RTP packet."""
    rate: int
    """Packets a second that leave."""

    @property
    def name(self) -> str:
        """As the JSON has it."""
        return f"{self.publishers}->{self.receivers} {self.size} B {self.rate // 1000}k/s"

    @property
    def per_second(self) -> float:
        """Packets of one publisher."""
        return self.rate / self.publishers / self.receivers

    @property
    def video(self) -> bool:
        """Small packets are sound."""
        return self.size > 300


CASES = (
    Case(1, 50, 1100, 50_000),
    Case(1, 50, 1100, 200_000),
    Case(10, 10, 1100, 50_000),
    Case(10, 10, 1100, 150_000),
    Case(1, 50, 130, 50_000),
    Case(1, 50, 130, 200_000),
)

FEATURES = (
    "SRTP AEAD_AES_128_GCM both ways, negotiated by ICE and DTLS",
    "replay windows",
    "sequence numbers, timestamps and VP8 picture ids rewritten for each receiver",
    "header extensions translated; MID, absolute send time and transport-wide numbers written for each receiver",
    "history for NACK and RTX of every stream",
    "sender and receiver reports, NACK, PLI and transport-wide feedback to publishers",
    "log of transport-wide numbers for bandwidth estimation",
    "audio levels and speakers",
    "statistics of streams, downlinks and peers",
)
"""Of our engines in these runs. Receivers send no feedback, at Janus neither."""
