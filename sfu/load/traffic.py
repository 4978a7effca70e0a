# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does the light media of many clients look like, whoever writes it: C where a compiler is there, else Python?"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from sfu.media.contract import SrtpKeys

LEVEL_ID, SEND_TIME_ID, NUMBER_ID, MID_ID, RID_ID = 1, 2, 3, 4, 10
"""Header extension ids of what publishers send."""

STAMP = 16
"""Bytes at the end of each payload: magic, SSRC, CLOCK_REALTIME in nanoseconds (both makes write them)."""
MAGIC = 0x50734C31

SAMPLE_EVERY = 100
"""Of the packets that a receiver gets one in so many is decrypted and checked."""


class LoadError(Exception):
    """The load cannot be made, or ended early; the text says why, and what to change."""


@dataclass(frozen=True, slots=True)
class StreamRow:
    """What one stream of a publisher sends; sizes are of plain RTP packets."""

    ssrc: int
    payload_type: int
    clock_rate: int
    per_second: float
    """Pictures, or packets of sound."""
    size: int
    mid: str
    rid: str = ""
    video: bool = False
    parts: int = 1
    """Packets of a picture."""
    key_parts: int = 1
    level: int = 40
    """Loudness, in -dBov (RFC 6464)."""
    starts: int = 0
    """CLOCK_REALTIME in nanoseconds; 0: at once."""


@dataclass(frozen=True, slots=True)
class Flow:
    """What a receiver got under one SSRC; indices are unwrapped sequence numbers, `began` CLOCK_REALTIME in ns."""

    ssrc: int
    first: int
    highest: int
    packets: int
    octets: int
    began: int

    @property
    def expected(self) -> int:
        """Packets from the first to the highest."""
        return self.highest - self.first + 1


@dataclass(frozen=True, slots=True)
class Sample:
    """A whole datagram: of a receiver (with its packet index), or RTCP for a sender (`control`)."""

    owner: int
    control: bool
    index: int
    came: int
    """CLOCK_REALTIME in ns, by the kernel where it says so."""
    data: bytes


@dataclass(frozen=True, slots=True)
class Counts:
    """Of all clients together."""

    sent: int = 0
    send_errors: int = 0
    received: int = 0
    samples_lost: int = 0
    """Not looked at, because too many waited."""
    flows_refused: int = 0


class Traffic(Protocol):
    """Sends and counts in a thread of its own. Sockets are connected, and stay their owner's to close."""

    name: str

    def start(self) -> None:
        """Begin."""

    def stop(self) -> None:
        """End, and wait for the thread."""

    def add_sender(self, endpoint: socket.socket, keys: SrtpKeys) -> int:
        """Give a publisher's transport a number; RTCP that comes there is handed up."""
        ...

    def add_stream(self, sender: int, row: StreamRow) -> None:
        """Let a publisher send."""

    def key_picture(self, sender: int, ssrc: int) -> None:
        """Begin a stream's next picture anew."""

    def silence(self, sender: int) -> None:
        """Send nothing more."""

    def add_receiver(self, endpoint: socket.socket) -> int:
        """Count what comes on a transport; gives its number."""
        ...

    def leave(self, receiver: int) -> None:
        """Count no more."""

    def take_samples(self) -> Sequence[Sample]:
        """What waits to be looked at."""
        ...

    def flows(self, receiver: int) -> Sequence[Flow]:
        """What a receiver got so far."""
        ...

    def counts(self) -> Counts:
        """What happened so far."""
        ...
