# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What do publishers hear of their packets' arrival? Feedback by which they estimate what they may send."""

from collections.abc import Mapping

from sfu.core.media import PeerId
from sfu.core.twcc import ArrivalLog
from sfu.media.contract import Engine
from sfu.media.tracks import Layer

OUR_SSRC = 1
"""Sender of all feedback: nobody receives media under it."""
FEEDBACK_S = 0.1


class Arrivals:
    """The feedback of a worker to all publishers; `layers` are their known streams by SSRC."""

    def __init__(self, engine: Engine, layers: Mapping[PeerId, Mapping[int, Layer]]) -> None:
        self._engine = engine
        self._layers = layers
        self._logs: dict[PeerId, ArrivalLog] = {}

    def expect(self, peer: PeerId, extension: int) -> None:
        """Report on this publisher's packets, which carry their number in this header extension."""
        self._engine.note_arrivals(peer, extension)
        self._logs.setdefault(peer, ArrivalLog())

    def forget(self, peer: PeerId) -> None:
        """The publisher is gone."""
        self._logs.pop(peer, None)

    def report(self) -> None:
        """Every `FEEDBACK_S`."""
        for peer, log in self._logs.items():
            arrived = self._engine.take_arrivals(peer)
            # libwebrtc drops feedback that names no SSRC of its own
            ssrc = next(iter(self._layers.get(peer, ())), None)
            if arrived and ssrc is not None:
                for packet in log.report(OUR_SSRC, ssrc, arrived):
                    self._engine.send_rtcp(peer, packet)
