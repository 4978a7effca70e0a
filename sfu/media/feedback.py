# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""RTCP both ways, and the timers: NACK, key frame requests, reports, liveness, audio levels."""

from collections.abc import Callable, Mapping

from sfu.core import rtcp
from sfu.core.layers import CYCLE_S
from sfu.core.media import LevelsMeasured, MediaEvent, PeerId, QualityMeasured, TrackSid
from sfu.core.quality import WINDOW_S as QUALITY_S
from sfu.core.sender_clock import SenderClock
from sfu.core.speakers import WINDOW_S, Speakers
from sfu.core.twcc import TransportFeedback
from sfu.media.arrivals import FEEDBACK_S, OUR_SSRC, Arrivals
from sfu.media.congestion import Congestion
from sfu.media.contract import Engine
from sfu.media.health import Health
from sfu.media.tracks import Layer, Receiver, Track

RECEIVER_REPORT_S = 1.0
SENDER_REPORT_S = 3.0
EARLY_REPORTS = 10
"""The first sender reports come every second: until the first one, picture and sound don't match."""
EARLY_REPORT_S = 1.0
SENDER_CHECK_S = 0.25
REMB_BITRATE = 5_000_000
"""What a publisher without transport-wide feedback may send: enough for all simulcast layers of 1080p."""
MAX_RTT_S = 2.0


class Feedback:
    """All RTCP of a worker."""

    def __init__(
        self,
        engine: Engine,
        speakers: Speakers,
        emit: Callable[[MediaEvent], None],
        refresh: Callable[[Track], None],
        congestion: Congestion,
        receivers: Mapping[PeerId, Mapping[TrackSid, Receiver]],
    ) -> None:
        self._congestion = congestion
        self._engine = engine
        self._speakers = speakers
        self._emit = emit
        self._refresh = refresh
        self._layers: dict[PeerId, dict[int, Layer]] = {}
        self._receivers: dict[PeerId, dict[int, Receiver]] = {}
        # In the order of events, not of addresses in memory: what is sent can be replayed.
        self._gaps: dict[Layer, None] = {}
        self._keyframes: dict[Layer, None] = {}
        self.arrivals = Arrivals(engine, self._layers)
        self._health = Health(engine, self._layers, receivers)
        self._lost = 0
        self._next = {"arrivals": 0.0, "levels": 0.0, "liveness": 0.0, "quality": 0.0, "receivers": 0.0, "senders": 0.0}

    # tables

    def add_layer(self, peer: PeerId, layer: Layer) -> None:
        """Report on this layer from now on."""
        self._layers.setdefault(peer, {})[layer.ssrc] = layer

    def forget_layer(self, layer: Layer) -> None:
        """No reports any more."""
        for layers in self._layers.values():
            if layers.get(layer.ssrc) is layer:
                del layers[layer.ssrc]
                break
        self._gaps.pop(layer, None)
        self._keyframes.pop(layer, None)
        self._lost += layer.nacks.lost

    def add_receiver(self, receiver: Receiver) -> None:
        """Take this receiver's reports and requests."""
        self._receivers.setdefault(receiver.downlink.peer, {})[receiver.downlink.ssrc] = receiver

    def forget_receiver(self, receiver: Receiver) -> None:
        """Ignore what still comes."""
        self._receivers.get(receiver.downlink.peer, {}).pop(receiver.downlink.ssrc, None)

    def forget_peer(self, peer: PeerId) -> None:
        """After its layers and receivers."""
        self.arrivals.forget(peer)
        self._health.forget(peer)
        self._layers.pop(peer, None)
        self._receivers.pop(peer, None)

    @property
    def lost(self) -> int:
        """Packets of publishers that never came."""
        return self._lost + sum(layer.nacks.lost for layers in self._layers.values() for layer in layers.values())

    # what comes in

    def received(self, peer: PeerId, packet: bytes, now: float) -> None:
        """Handle an authentic compound packet."""
        for item in rtcp.parse(packet):
            if isinstance(item, rtcp.SenderReport):
                self._sender_report(peer, item, now)
                self._reports(peer, item.reports, now)
            elif isinstance(item, rtcp.ReceiverReport):
                self._reports(peer, item.reports, now)
            elif isinstance(item, rtcp.Nack):
                receiver = self._receivers.get(peer, {}).get(item.ssrc)
                if receiver is not None:
                    self._engine.stats.nacked += len(item.sequences)
                    self._resend(peer, receiver, item, now)
            elif isinstance(item, TransportFeedback):
                self._congestion.feedback(peer, item, now)
            elif isinstance(item, rtcp.Remb):
                self._congestion.remb(peer, item, now)
            elif isinstance(item, rtcp.KeyframeRequest):
                receiver = self._receivers.get(peer, {}).get(item.ssrc)
                view = self._engine.sending(peer, receiver.track.sid) if receiver else None
                layer = receiver.track.by_stream(view.following) if receiver and view else None
                path = self._congestion.path(peer)
                if layer is not None and (path is None or path.may_ask_keyframe(now)):
                    self.ask_keyframe(layer, now)

    def _resend(self, peer: PeerId, receiver: Receiver, item: rtcp.Nack, now: float) -> None:
        """Answer within what the path may take."""
        path = self._congestion.path(peer)
        most = None if path is None else path.resendable(now)
        if path is None or most is None:
            self._engine.resend(peer, item.ssrc, item.sequences, now, receiver.rtt)
        else:
            sent = self._engine.resend(peer, item.ssrc, item.sequences, now, receiver.rtt, since_switch=True, most=most)
            path.resent(sent)

    def missing(self, layer: Layer, first: int, stop: int, now: float) -> None:
        """The engine saw a gap."""
        layer.nacks.gap(first, stop, now)
        self._gaps[layer] = None

    def want_keyframe(self, layer: Layer, now: float) -> None:
        """Downlinks wait for a switch: ask until none waits."""
        if layer.track.is_video:
            self._keyframes[layer] = None
            self._request(layer, now)

    def ask_keyframe(self, layer: Layer, now: float) -> None:
        """A receiver asks once."""
        if layer.track.is_video and not self._request(layer, now):
            layer.keyframe_asked = True
            self._keyframes[layer] = None

    def _request(self, layer: Layer, now: float) -> bool:
        uplink = layer.track.uplink
        if uplink is None or not layer.throttle.allow(now):
            return False
        layer.keyframe_asked = False
        self._engine.stats.keyframes_asked += 1
        self._engine.send_rtcp(uplink.peer, _framed(rtcp.pli(OUR_SSRC, layer.ssrc)))
        return True

    def _sender_report(self, peer: PeerId, report: rtcp.SenderReport, now: float) -> None:
        layer = self._layers.get(peer, {}).get(report.ssrc)
        view = self._engine.stream(layer.stream) if layer else None
        if layer is None or view is None:
            return
        first = layer.clock is None
        layer.clock = SenderClock.of(report, now, view.reception.clock_rate)
        layer.last_report = (report.ntp >> 16) & 0xFFFFFFFF
        self._engine.set_clock(layer.stream, layer.clock)
        if first:
            for receiver in layer.track.receivers.values():
                receiver.report_at = 0.0

    def _reports(self, peer: PeerId, reports: tuple[rtcp.Report, ...], now: float) -> None:
        receivers, path = self._receivers.get(peer, {}), self._congestion.path(peer)
        for report in reports:
            receiver = receivers.get(report.ssrc)
            if receiver is None:
                continue
            receiver.window = receiver.window[0], (report.highest, report.lost)
            codec = next(iter(receiver.downlink.codecs), None)
            receiver.jitter = 0.0 if codec is None else report.jitter / codec.clock_rate
            sent = receiver.reported_at.get(report.last_sr)
            if sent is not None:
                receiver.rtt = min(max(now - sent - report.delay / 65536, 0.0), MAX_RTT_S)
                if path is not None:
                    path.rtt = receiver.rtt
            if path is not None and receiver.track.is_video:
                path.loss = report.fraction / 256

    # timers

    def tick(self, now: float) -> None:
        """Every 20 ms."""
        if self._gaps:
            self._ask_again(now)
        for layer in list(self._keyframes):
            view = self._engine.stream(layer.stream)
            if view is not None and (view.waiting_count or layer.keyframe_asked):
                self._request(layer, now)
            else:
                self._keyframes.pop(layer, None)
        if self._due("arrivals", FEEDBACK_S, now):
            self.arrivals.report()
        self._congestion.tick(now)
        if self._due("levels", WINDOW_S, now):
            changed = self._speakers.measure(self._engine.take_levels())
            if changed:
                self._emit(LevelsMeasured(changed))
        if self._due("liveness", CYCLE_S, now):
            self._judge_layers()
            self._congestion.measure(now)
        if self._due("quality", QUALITY_S, now):
            scores = self._health.measure()
            if scores:
                self._emit(QualityMeasured(scores))
        if self._due("receivers", RECEIVER_REPORT_S, now):
            self._report_to_publishers(now)
        if self._due("senders", SENDER_CHECK_S, now):
            self._report_to_receivers(now)

    def _due(self, name: str, interval: float, now: float) -> bool:
        at = self._next[name]
        if now < at:
            return False
        self._next[name] = max(at + interval, now + interval / 2)
        return True

    def _ask_again(self, now: float) -> None:
        for layer in list(self._gaps):
            due = layer.nacks.due(now)
            uplink = layer.track.uplink
            if due and uplink is not None and layer.track.nacks_wanted():
                self._engine.send_rtcp(uplink.peer, _framed(rtcp.nack(OUR_SSRC, layer.ssrc, due)))
            if not len(layer.nacks):
                self._gaps.pop(layer, None)

    def _judge_layers(self) -> None:
        changed: dict[int, Track] = {}
        for layers in self._layers.values():
            for layer in layers.values():
                view = self._engine.stream(layer.stream)
                if view is None or not layer.track.is_video:
                    continue
                before = layer.packets_before
                layer.measure(view.packets, view.octets)
                # a layer's first cycle was not a whole one
                if before and layer.liveness.cycle(view.packets - before):
                    changed[id(layer.track)] = layer.track
        for track in changed.values():
            self._refresh(track)

    def _report_to_publishers(self, now: float) -> None:
        for peer, layers in self._layers.items():
            reports, videos = [], []
            for layer in layers.values():
                view = self._engine.stream(layer.stream)
                if view is None or view.reception.first < 0:
                    continue
                if layer.track.is_video and not layer.track.has_transport_cc:
                    videos.append(layer.ssrc)
                reception, clock = view.reception, layer.clock
                reports.append(
                    rtcp.Report(
                        layer.ssrc,
                        reception.interval_fraction(),
                        reception.lost,
                        reception.highest,
                        int(reception.jitter),
                        layer.last_report,
                        int((now - clock.arrived) * 65536) if clock else 0,
                    )
                )
            if not reports:
                continue
            packet = rtcp.receiver_reports(OUR_SSRC, reports)
            if videos:
                packet += rtcp.remb(OUR_SSRC, REMB_BITRATE, videos)
            self._engine.send_rtcp(peer, packet)

    def _report_to_receivers(self, now: float) -> None:
        for peer, receivers in self._receivers.items():
            for ssrc, receiver in receivers.items():
                if now < receiver.report_at:
                    continue
                receiver.report_at = now + EARLY_REPORT_S  # a switch or a first report brings it forward
                view = self._engine.sending(peer, receiver.track.sid)
                if view is None or view.packets == receiver.packets_reported:  # no sender (RFC 3550 section 6.4)
                    continue
                layer, uplink = receiver.track.by_stream(view.following), receiver.track.uplink
                if layer is None or layer.clock is None or uplink is None:
                    continue
                ntp, timestamp = layer.clock.at(now)
                timestamp += view.timestamp_offset
                report = rtcp.SenderReport(ssrc, ntp, timestamp, view.packets, view.octets)
                described = rtcp.source_description(ssrc, uplink.peer)
                self._engine.send_rtcp(peer, rtcp.sender_report(report) + described)
                receiver.note_report((ntp >> 16) & 0xFFFFFFFF, now)
                receiver.reports, receiver.packets_reported = receiver.reports + 1, view.packets
                if receiver.reports >= EARLY_REPORTS:
                    receiver.report_at = now + SENDER_REPORT_S


def _framed(feedback: bytes) -> bytes:
    """Compound packets begin with a report (RFC 3550 section 6.1)."""
    return rtcp.receiver_reports(OUR_SSRC, ()) + feedback
