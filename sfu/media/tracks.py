# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the decisions above the engine remember of tracks, layers and their receivers."""

from dataclasses import dataclass, field

from sfu.core.layers import CYCLE_S, EVERY, KeyframeThrottle, LayerState, Liveness, Rung
from sfu.core.media import Downlink, Kind, TrackSid, Uplink, Wish
from sfu.core.nack import DEFAULT_RTT_S, NackList
from sfu.core.send_log import OVERHEAD
from sfu.core.sender_clock import SenderClock
from sfu.media.contract import StreamId

HIGH = 2
"""LiveKit's VideoQuality; the third spatial layer and all above it."""

_FALL = 0.2
"""Of a layer's bit rate, per cycle."""
_SPATIAL_SHARE, _TEMPORAL_SHARE = 0.3, 0.65
"""Of a stream's rate without its highest spatial or temporal layer: as encoders are configured, not measured."""

_REPORTS_KEPT = 8
"""More than go out in the longest round trip that is believed. stops: growth by receivers that never report."""
_QUALITY_BY_RID = {"q": 0, "h": 1, "f": 2}


@dataclass(slots=True, eq=False)
class Layer:
    """One received SSRC of media."""

    stream: StreamId
    track: "Track"
    ssrc: int
    rid: str
    quality: int
    liveness: Liveness
    throttle: KeyframeThrottle
    nacks: NackList = field(default_factory=NackList)
    clock: SenderClock | None = None
    last_report: int = 0
    """Middle 32 bits of the last sender report's NTP time."""
    keyframe_asked: bool = False
    """A receiver asked and the throttle held it back."""
    spatial_layers: int = 1
    temporal_layers: int = 1
    """Of a stream that holds several."""
    packets_before: int = 0
    """At the start of the liveness cycle."""
    expected_before: int = 0
    lost_before: int = 0
    """When its quality was judged last."""
    octets_before: int = 0
    bitrate: float = 0.0
    """Bits per second with headers: rises at once, falls slowly, so that a still picture is no cheap one."""

    def measure(self, packets: int, octets: int) -> None:
        """A liveness cycle ended with these counts."""
        rate = (octets - self.octets_before + OVERHEAD * (packets - self.packets_before)) * 8 / CYCLE_S
        self.packets_before, self.octets_before = packets, octets
        if rate:
            self.bitrate = max(rate, self.bitrate + (rate - self.bitrate) * _FALL)

    def rungs(self) -> list[Rung]:
        """The ways to send it on, the cheapest first; the last one is everything."""
        tops = [
            (spatial, temporal) for spatial in range(self.spatial_layers) for temporal in range(self.temporal_layers)
        ]
        return [
            Rung(
                self.stream,
                self.quality if self.spatial_layers == 1 else min(spatial, HIGH),
                EVERY if spatial == self.spatial_layers - 1 else spatial,
                EVERY if temporal == self.temporal_layers - 1 else temporal,
                int(
                    self.bitrate
                    * _SPATIAL_SHARE ** (self.spatial_layers - 1 - spatial)
                    * _TEMPORAL_SHARE ** (self.temporal_layers - 1 - temporal)
                ),
            )
            for spatial, temporal in tops
        ]


@dataclass(slots=True, eq=False)
class Receiver:
    """One downlink and what its peer wants of it."""

    downlink: Downlink
    track: "Track"
    wish: Wish = field(default_factory=Wish)
    granted: Rung | None = None
    """What its peer's path leaves it; None before that was decided, and while `starved`."""
    starved: bool = False
    """The path does not carry even the least."""
    target: StreamId | None = None
    spatial: int = EVERY
    temporal: int = EVERY
    """The highest layers of the target that are followed."""
    window: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    """(packets, lost ones) by its reports, when the quality was judged last and now."""
    jitter: float = 0.0
    """Seconds, by its reports."""
    rtt: float = DEFAULT_RTT_S
    report_at: float = 0.0
    """When the next sender report is due."""
    reports: int = 0
    packets_reported: int = 0
    """Sent until the latest sender report: who sent nothing since then does not report."""
    reported_at: dict[int, float] = field(default_factory=dict)
    """When the latest sender reports went, by the middle of their NTP time; answers take a while."""

    def note_report(self, stamp: int, now: float) -> None:
        """A sender report goes out."""
        self.reported_at[stamp] = now
        if len(self.reported_at) > _REPORTS_KEPT:
            del self.reported_at[next(iter(self.reported_at))]


@dataclass(slots=True, eq=False)
class Track:
    """One published track with its layers and receivers."""

    uplink: Uplink | None
    """None while downlinks wait for the track to be published."""
    sid: TrackSid
    layers: dict[str, Layer] = field(default_factory=dict)
    """By RID; the empty RID without simulcast."""
    receivers: dict[str, Receiver] = field(default_factory=dict)
    """By peer."""
    started: bool = False

    @property
    def is_video(self) -> bool:
        """Whether layers and key frames matter."""
        return self.uplink is not None and self.uplink.kind is Kind.VIDEO

    @property
    def is_screen_share(self) -> bool:
        """Whether it comes first where not everything fits."""
        return self.uplink is not None and self.uplink.screen_share

    @property
    def has_transport_cc(self) -> bool:
        """Whether the publisher estimates by itself what it may send."""
        uplink = self.uplink
        if uplink is None or not uplink.extensions.transport_cc:
            return False
        return any("transport-cc" in codec.feedback for codec in uplink.codecs)

    def quality_of(self, rid: str) -> int:
        """As announced, else by LiveKit's names of layers."""
        announced = {} if self.uplink is None else {layer.rid: layer.quality for layer in self.uplink.layers}
        return announced.get(rid, _QUALITY_BY_RID.get(rid, 0))

    def states(self) -> list[LayerState]:
        """For the choice of a layer."""
        return [LayerState(layer.stream, layer.quality, layer.liveness.live) for layer in self.layers.values()]

    def rungs(self) -> list[Rung]:
        """What can be sent of it now, the cheapest first: live layers, and what may be left out of each."""
        live = [layer for layer in self.layers.values() if layer.liveness.live]
        return [rung for layer in sorted(live, key=lambda layer: layer.quality) for rung in layer.rungs()]

    def by_stream(self, stream: StreamId | None) -> Layer | None:
        """The layer with this id."""
        return next((layer for layer in self.layers.values() if layer.stream == stream), None)

    def nacks_wanted(self) -> bool:
        """Whether the section negotiated NACK."""
        return self.uplink is not None and any("nack" in codec.feedback for codec in self.uplink.codecs)
