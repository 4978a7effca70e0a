# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which reliable packets has somebody missed who comes back? A room's latest ones, for a short while."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from sfu.core import limits
from sfu.core.media import PeerId


@dataclass(frozen=True, slots=True)
class Kept:
    """One reliable packet as its receivers got it."""

    at: float
    sender: PeerId
    sequence: int
    receivers: frozenset[PeerId]
    payload: bytes


class Replay:
    """A room's latest reliable packets: at most `DATA_KEPT_S` seconds and `DATA_KEPT_MAX` bytes of them."""

    def __init__(self) -> None:
        self._kept: deque[Kept] = deque()
        self._bytes = 0

    def keep(self, packet: Kept) -> None:
        """Remember a packet; one without a number can't be told from its repetition, and is not kept."""
        self._prune(packet.at)
        if packet.sequence and len(packet.payload) <= limits.DATA_KEPT_MAX:
            self._kept.append(packet)
            self._bytes += len(packet.payload)
            while self._bytes > limits.DATA_KEPT_MAX:
                self._drop()

    def missed(self, receiver: PeerId, received: Mapping[PeerId, int], now: float) -> list[bytes]:
        """Give what a receiver doesn't have, in order; `received` says how far it heard each sender."""
        self._prune(now)
        return [
            packet.payload
            for packet in self._kept
            if receiver in packet.receivers and packet.sequence > received.get(packet.sender, 0)
        ]

    def _prune(self, now: float) -> None:
        while self._kept and self._kept[0].at < now - limits.DATA_KEPT_S:
            self._drop()

    def _drop(self) -> None:
        self._bytes -= len(self._kept.popleft().payload)
