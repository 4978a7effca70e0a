# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Simulcast: which layers are alive, which one a receiver follows, when to ask for a key frame."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

CYCLE_S = 0.5
"""Packets are counted over cycles of this length."""

SCREEN_SHARE_CYCLES = 4
"""Pictures of a still screen are seconds apart: its layers are judged over so many cycles together."""

EXPECTED_CYCLES = 4
"""A layer that was asked for again is waited for so long."""

_MIN_PACKETS = {0: 1}
_MIN_PACKETS_OTHERWISE = 5
_CYCLES_TO_RETURN = {0: 2}
_CYCLES_TO_RETURN_OTHERWISE = 4

_PLI_INTERVAL_S = {0: 0.5}
_PLI_INTERVAL_OTHERWISE_S = 1.0


class Liveness:
    """Whether a layer flows: alive from its first packet, stopped by one poor cycle, back after good ones.

    A screen share needs but one packet in `SCREEN_SHARE_CYCLES` cycles.
    """

    __slots__ = ("_good", "_packets", "_patience", "_quality", "_screen_share", "_slow", "live")

    def __init__(self, quality: int, *, screen_share: bool = False) -> None:
        self._quality = quality
        self._screen_share = screen_share
        self._good = 0
        self._packets = 0
        self._slow = 0
        self._patience = 0
        self.live = True

    def expect(self) -> None:
        """It was asked to flow again: believe it for `EXPECTED_CYCLES`."""
        if not self.live:
            self.live = True
            self._patience = EXPECTED_CYCLES

    def cycle(self, packets: int) -> bool:
        """Judge a finished cycle; whether `live` changed."""
        before = self.live
        if self._patience and not packets:
            self._patience -= 1
            return False
        self._patience = 0
        if self._screen_share:
            self._packets += packets
            self._slow += 1
            if self._packets or self._slow >= SCREEN_SHARE_CYCLES:
                self.live = self._packets > 0
                self._packets = self._slow = 0
            return self.live != before
        if packets < _MIN_PACKETS.get(self._quality, _MIN_PACKETS_OTHERWISE):
            self._good = 0
            self.live = False
        elif not self.live:
            self._good += 1
            self.live = self._good >= _CYCLES_TO_RETURN.get(self._quality, _CYCLES_TO_RETURN_OTHERWISE)
        return self.live != before


@dataclass(frozen=True, slots=True)
class LayerState:
    """One received layer."""

    stream: int
    quality: int
    live: bool


def choose(layers: Iterable[LayerState], max_quality: int, current: int | None) -> int | None:
    """The stream to follow: the best live layer within the wish, else the least live one above it.

    Something always flows if anything does. With nothing alive the current one stays, else the best
    within the wish is waited for.
    """
    listed = sorted(layers, key=lambda layer: layer.quality)
    if not listed:
        return None
    live = [layer for layer in listed if layer.live]
    if live:
        within = [layer for layer in live if layer.quality <= max_quality]
        return within[-1].stream if within else live[0].stream
    if any(layer.stream == current for layer in listed):
        return current
    within = [layer for layer in listed if layer.quality <= max_quality]
    return within[-1].stream if within else listed[0].stream


EVERY = 7
"""As a spatial or temporal layer: all of them (three bits hold either, AV1 RTP appendix A)."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to send a track on: a stream, and how much of it. Rungs of a track are the ladder to choose from."""

    stream: int
    quality: int
    """LiveKit's VideoQuality: LOW 0, MEDIUM 1, HIGH 2; what a receiver's wish is compared with."""
    spatial: int = EVERY
    """The highest spatial layer sent, of a stream that holds several (SVC)."""
    temporal: int = EVERY
    """The highest temporal layer sent."""
    bitrate_bps: int = 0
    """Measured; 0 before there is a measurement."""

    @property
    def place(self) -> tuple[int, int, int]:
        """What is sent, whatever its rate."""
        return self.stream, self.spatial, self.temporal


FULL_FPS = 30
"""Pictures per second of a stream with all its temporal layers, each of which doubles the rate."""


def within(rungs: Sequence[Rung], max_quality: int, max_fps: int = 0) -> Rung:
    """The best of a stream's rungs (at least one, the cheapest first) within a wish, else the cheapest.

    `max_fps`: no more temporal layers than this rate needs; 0 wants all.
    """
    fitting = [rung for rung in rungs if rung.quality <= max_quality] or rungs[:1]
    ladder = [rung for rung in fitting if rung.spatial == fitting[-1].spatial]
    if max_fps:
        for steps, rung in enumerate(ladder):
            if FULL_FPS >> (len(ladder) - 1 - steps) >= max_fps:
                return rung
    return ladder[-1]


class KeyframeThrottle:
    """One key frame request per layer and interval, however many receivers want one."""

    __slots__ = ("_interval", "_last")

    def __init__(self, quality: int) -> None:
        self._interval = _PLI_INTERVAL_S.get(quality, _PLI_INTERVAL_OTHERWISE_S)
        self._last = float("-inf")

    def allow(self, now: float) -> bool:
        """Whether to ask now; asking is noted."""
        if now - self._last < self._interval:
            return False
        self._last = now
        return True
