# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How well off is every transport? A score per window from what it sent and what it was sent."""

from collections.abc import Iterable, Mapping

from sfu.core.media import PeerId, TrackSid
from sfu.core.quality import (
    AUDIO_LOSS_WEIGHT,
    BEST,
    PAUSED,
    RED_LOSS_WEIGHT,
    VIDEO_LOSS_WEIGHT,
    Window,
    smoothed,
    window_score,
)
from sfu.media.contract import Engine
from sfu.media.tracks import Layer, Receiver, Track

NEWS = 1.0
"""A score that moved less is not told."""


class Health:
    """All transports of a worker, by the router's and the reports' own tables."""

    def __init__(
        self,
        engine: Engine,
        layers: Mapping[PeerId, Mapping[int, Layer]],
        receivers: Mapping[PeerId, Mapping[TrackSid, Receiver]],
    ) -> None:
        self._engine = engine
        self._layers = layers
        self._receivers = receivers
        self._scores: dict[PeerId, float] = {}
        self._told: dict[PeerId, float] = {}

    def forget(self, peer: PeerId) -> None:
        """The transport is gone."""
        self._scores.pop(peer, None)
        self._told.pop(peer, None)

    def measure(self) -> tuple[tuple[PeerId, float], ...]:
        """End a window; the transports whose score moved. The best, until something else is known."""
        news = []
        for peer in sorted(self._layers.keys() | self._receivers.keys()):
            windows = [score for score in self._windows(peer) if score is not None]
            before = self._scores.get(peer, BEST)
            score = self._scores[peer] = smoothed(before, min(windows)) if windows else before
            if abs(score - self._told.get(peer, BEST)) >= NEWS:
                self._told[peer] = score
                news.append((peer, score))
        return tuple(news)

    def _windows(self, peer: PeerId) -> Iterable[float | None]:
        for layer in self._layers.get(peer, {}).values():
            yield self._sent_by(layer)
        for receiver in self._receivers.get(peer, {}).values():
            yield self._sent_to(receiver)

    def _sent_by(self, layer: Layer) -> float | None:
        view = self._engine.stream(layer.stream)
        if view is None or view.reception.first < 0:
            return None
        reception = view.reception
        expected, layer.expected_before = reception.expected - layer.expected_before, reception.expected
        lost, layer.lost_before = layer.nacks.lost - layer.lost_before, layer.nacks.lost
        jitter = reception.jitter / reception.clock_rate
        return window_score(Window(expected, lost, _loss_weight(layer.track), jitter=jitter))

    @staticmethod
    def _sent_to(receiver: Receiver) -> float | None:
        if receiver.starved:
            return PAUSED
        came, receiver.window = receiver.window, (receiver.window[1], receiver.window[1])
        (expected_before, lost_before), (expected, lost) = came
        missing = 0
        if receiver.granted is not None and not receiver.wish.paused:
            offered = [rung.quality for rung in receiver.track.rungs() if rung.quality <= receiver.wish.max_quality]
            missing = max(0, max(offered, default=0) - receiver.granted.quality)
        return window_score(
            Window(
                expected - expected_before,
                lost - lost_before,
                _loss_weight(receiver.track),
                receiver.rtt,
                receiver.jitter,
                missing,
            )
        )


def _loss_weight(track: Track) -> float:
    if track.is_video:
        return VIDEO_LOSS_WEIGHT
    codecs = () if track.uplink is None else track.uplink.codecs
    return RED_LOSS_WEIGHT if any(codec.mime.lower() == "audio/red" for codec in codecs) else AUDIO_LOSS_WEIGHT
