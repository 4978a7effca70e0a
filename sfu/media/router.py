# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who gets what: learns which SSRC is which layer and chooses the layer for every receiver."""

from collections.abc import Callable, Mapping

from sfu.core.layers import KeyframeThrottle, Liveness, choose, within
from sfu.core.limits_media import MAX_STREAMS_PER_UPLINK, MAX_UPLINKS_PER_PEER
from sfu.core.media import Codec, Downlink, Kind, MediaEvent, PeerId, TrackSid, TrackStarted, Uplink, Wish
from sfu.core.speakers import Speakers
from sfu.media.congestion import Congestion
from sfu.media.contract import Engine, EngineEvents, StreamId, StreamRow
from sfu.media.feedback import Feedback
from sfu.media.tracks import Layer, Receiver, Track


class Router:
    """The decisions above an engine. Fulfils `sfu.media.contract.EngineEvents`."""

    def __init__(
        self,
        make_engine: Callable[[EngineEvents], Engine],
        emit: Callable[[MediaEvent], None],
        clock: Callable[[], float],
    ) -> None:
        self.engine = make_engine(self)
        self._emit = emit
        self._clock = clock
        self._next_stream = 1
        self._tracks: dict[TrackSid, Track] = {}
        self._layers: dict[StreamId, Layer] = {}
        self._uplinks: dict[PeerId, dict[TrackSid, Track]] = {}
        self._downlinks: dict[PeerId, dict[TrackSid, Receiver]] = {}
        self._connected: set[PeerId] = set()
        self.speakers = Speakers()
        self.congestion = Congestion(self.engine, self._downlinks, self._apply, emit)
        self.feedback = Feedback(self.engine, self.speakers, emit, self.refresh, self.congestion, self._downlinks)

    # from above

    def open_peer(self, peer: PeerId) -> None:
        """Prepare its tables."""
        self.close_peer(peer)
        self._uplinks[peer] = {}
        self._downlinks[peer] = {}
        self.engine.open_peer(peer)

    def connected(self, peer: PeerId) -> None:
        """Media can flow: start what was waiting for this transport."""
        self._connected.add(peer)
        self.congestion.share(peer, self._clock())
        for receiver in self._downlinks.get(peer, {}).values():
            self._apply(receiver)

    def close_peer(self, peer: PeerId) -> None:
        """Forget everything of a peer."""
        for track in list(self._uplinks.pop(peer, {})):
            self.stop_receiving(track)
        for track in list(self._downlinks.get(peer, {})):
            self.stop_forwarding(peer, track)
        self._downlinks.pop(peer, None)
        self._connected.discard(peer)
        self.feedback.forget_peer(peer)
        self.congestion.forget(peer)
        self.engine.close_peer(peer)

    def receive(self, uplink: Uplink) -> None:
        """Take a section in; the same track again keeps the SSRCs that it already learnt."""
        owned = self._uplinks.get(uplink.peer)
        if owned is None:
            return
        if uplink.track not in owned and len(owned) >= MAX_UPLINKS_PER_PEER:
            self.engine.stats.dropped["uplink_cap"] = self.engine.stats.dropped.get("uplink_cap", 0) + 1
            return
        track = self._tracks.setdefault(uplink.track, Track(None, uplink.track))
        before = track.uplink
        if before is not None and (before.peer, before.mid) != (uplink.peer, uplink.mid):
            self._drop_layers(track)
        track.uplink = uplink
        owned[uplink.track] = track
        if track.has_transport_cc:
            self.feedback.arrivals.expect(uplink.peer, uplink.extensions.transport_cc)
        for layer in track.layers.values():
            self.engine.put_stream(self._row(layer, uplink))
        repairs = dict(uplink.rtx_ssrcs)
        for ssrc in uplink.ssrcs:
            if ssrc not in repairs.values() and not uplink.layers:
                layer_or_none = self._add_layer(track, uplink, ssrc, "")
                if layer_or_none is not None and ssrc in repairs:
                    self.engine.put_rtx(layer_or_none.stream, repairs[ssrc])

    def stop_receiving(self, track_sid: TrackSid) -> None:
        """Drop an uplink and all its downlinks."""
        track = self._tracks.pop(track_sid, None)
        if track is None:
            return
        for peer in list(track.receivers):
            self.stop_forwarding(PeerId(peer), track_sid)
        self._tracks.pop(track_sid, None)
        self._drop_layers(track)
        self.speakers.forget(track_sid)
        if track.uplink is not None:
            self._uplinks.get(track.uplink.peer, {}).pop(track_sid, None)

    def forward(self, downlink: Downlink) -> None:
        """Send a track to a peer."""
        owned = self._downlinks.get(downlink.peer)
        if owned is None or not self.engine.put_downlink(downlink):
            return
        receiver = owned.get(downlink.track)
        if receiver is None:
            track = self._tracks.setdefault(downlink.track, Track(None, downlink.track))
            receiver = Receiver(downlink, track)
            owned[downlink.track] = receiver
            track.receivers[downlink.peer] = receiver
        else:
            self.feedback.forget_receiver(receiver)
            receiver.downlink = downlink
        self.feedback.add_receiver(receiver)
        self.congestion.add(receiver)
        self._choose(receiver)
        layer = receiver.track.by_stream(receiver.target)
        if layer is not None:
            self.feedback.ask_keyframe(layer, self._clock())

    def stop_forwarding(self, peer: PeerId, track_sid: TrackSid) -> None:
        """Drop one downlink."""
        receiver = self._downlinks.get(peer, {}).pop(track_sid, None)
        if receiver is None:
            return
        receiver.track.receivers.pop(peer, None)
        self.feedback.forget_receiver(receiver)
        self.engine.drop_downlink(peer, track_sid)
        if receiver.track.uplink is None and not receiver.track.receivers:
            self._tracks.pop(track_sid, None)

    def wish(self, peer: PeerId, track_sid: TrackSid, wish: Wish) -> None:
        """Apply what a receiver shows."""
        receiver = self._downlinks.get(peer, {}).get(track_sid)
        if receiver is not None:
            receiver.wish = wish
            self._choose(receiver)

    def expect(self, track_sid: TrackSid, max_quality: int) -> None:
        """Wait for stopped layers that come back soon, so that their first key frame is not missed."""
        track = self._tracks.get(track_sid)
        if track is None:
            return
        for layer in track.layers.values():
            if layer.quality <= max_quality:
                layer.liveness.expect()
        self.refresh(track)

    # from the engine

    def learn(self, peer: PeerId, ssrc: int, payload_type: int, elements: Mapping[int, bytes]) -> None:
        """Find the section and layer of an SSRC by its header extensions (RFC 8843, RFC 8852)."""
        for track in self._uplinks.get(peer, {}).values():
            uplink = track.uplink
            if uplink is None or _text(elements.get(uplink.extensions.mid)) != uplink.mid:
                continue
            rid = _text(elements.get(uplink.extensions.rid))
            repaired = _text(elements.get(uplink.extensions.repaired_rid))
            is_rtx = any(payload_type == codec.rtx_payload_type for codec in uplink.codecs)
            if is_rtx:
                layer = track.layers.get(repaired or rid)
                if layer is not None:
                    self.engine.put_rtx(layer.stream, ssrc)
            elif any(payload_type == codec.payload_type for codec in uplink.codecs):
                self._add_layer(track, uplink, ssrc, rid)
            return

    def started(self, stream: StreamId, codec: Codec) -> None:
        """Tell signalling of a track's first packet."""
        layer = self._layers.get(stream)
        if layer is not None and not layer.track.started and layer.track.uplink is not None:
            layer.track.started = True
            self._emit(TrackStarted(layer.track.uplink.peer, layer.track.sid, codec))

    def gap(self, stream: StreamId, first: int, stop: int, now: float) -> None:
        """Packets are missing."""
        layer = self._layers.get(stream)
        if layer is not None:
            self.feedback.missing(layer, first, stop, now)

    def late(self, stream: StreamId, index: int) -> None:
        """A missing packet came."""
        layer = self._layers.get(stream)
        if layer is not None:
            layer.nacks.arrived(index, self._clock())

    def rtcp(self, peer: PeerId, packet: bytes, now: float) -> None:
        """Reports and requests."""
        self.feedback.received(peer, packet, now)

    def layered(self, stream: StreamId, spatial: int, temporal: int) -> None:
        """There is more to choose from, or less."""
        layer = self._layers.get(stream)
        if layer is not None:
            layer.spatial_layers, layer.temporal_layers = spatial, temporal
            self.refresh(layer.track)

    def blocked(self, stream: StreamId, now: float) -> None:
        """Somebody's layers can be changed at a key frame only."""
        layer = self._layers.get(stream)
        if layer is not None:
            self.feedback.want_keyframe(layer, now)

    def switched(self, peer: PeerId, track: TrackSid, stream: StreamId) -> None:
        """The timestamps of this downlink have a new basis: report it soon."""
        receiver = self._downlinks.get(peer, {}).get(track)
        if receiver is not None and receiver.target == stream:
            receiver.report_at = 0.0

    def tick(self, now: float) -> None:
        """Every 20 ms."""
        self.feedback.tick(now)

    def refresh(self, track: Track) -> None:
        """Choose again for all receivers of a track."""
        for receiver in list(track.receivers.values()):
            self._choose(receiver)

    def _add_layer(self, track: Track, uplink: Uplink, ssrc: int, rid: str) -> Layer | None:
        known = track.layers.get(rid)
        if known is not None:
            if known.ssrc == ssrc:
                return known
            self._drop_layer(known)
        if len(track.layers) >= MAX_STREAMS_PER_UPLINK // 2:
            return None
        quality = track.quality_of(rid)
        stream = StreamId(self._next_stream)
        self._next_stream += 1
        liveness = Liveness(quality, screen_share=track.is_screen_share)
        layer = Layer(stream, track, ssrc, rid, quality, liveness, KeyframeThrottle(quality))
        if not self.engine.put_stream(self._row(layer, uplink)):
            return None
        track.layers[rid] = layer
        self._layers[stream] = layer
        self.feedback.add_layer(uplink.peer, layer)
        self.refresh(track)
        return layer

    def _drop_layer(self, layer: Layer) -> None:
        layer.track.layers.pop(layer.rid, None)
        self._layers.pop(layer.stream, None)
        self.feedback.forget_layer(layer)
        self.engine.drop_stream(layer.stream)

    def _drop_layers(self, track: Track) -> None:
        for layer in list(track.layers.values()):
            self._drop_layer(layer)

    def _row(self, layer: Layer, uplink: Uplink) -> StreamRow:
        return StreamRow(
            layer.stream,
            uplink.peer,
            uplink.track,
            layer.ssrc,
            uplink.kind,
            uplink.codecs,
            uplink.extensions,
            uplink.room,
            uplink.max_speakers,
        )

    def _choose(self, receiver: Receiver) -> None:
        """After a change of what it wants or can have: share its path again."""
        if receiver.downlink.kind is Kind.VIDEO:
            self.congestion.changed(receiver, self._clock())
        self._apply(receiver)

    def _apply(self, receiver: Receiver) -> None:
        """Follow the layer that fits the wish and the path now."""
        peer, track = receiver.downlink.peer, receiver.track
        if peer not in self._connected:
            return
        if receiver.wish.paused or receiver.starved:
            receiver.target = None
            self.engine.follow(peer, track.sid, None)
            return
        view = self.engine.sending(peer, track.sid)
        current = view.following if view else None
        granted, best = receiver.granted, receiver.wish.max_quality
        if granted is not None:
            best = min(best, granted.quality)
        chosen = choose(track.states(), best, current)
        target = None if chosen is None else StreamId(chosen)
        layer = track.by_stream(target)
        if target is None or layer is None:
            return
        if granted is not None and granted.stream == target and granted.quality <= best:  # not for an earlier wish
            rung = granted
        else:
            rung = within(layer.rungs(), best, receiver.wish.max_fps)
        same_stream = target == receiver.target and target == current
        if same_stream and (rung.spatial, rung.temporal) == (receiver.spatial, receiver.temporal):
            return
        needs_keyframe = not same_stream or rung.spatial != receiver.spatial
        receiver.target, receiver.spatial, receiver.temporal = target, rung.spatial, rung.temporal
        self.engine.follow(peer, track.sid, target, spatial=rung.spatial, temporal=rung.temporal)
        if needs_keyframe:
            self.feedback.want_keyframe(layer, self._clock())


def _text(value: bytes | None) -> str:
    return value.decode("ascii", "replace") if value else ""
