# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does each receiver's path carry, and which rung of every track does that leave it?

One `Path` per receiving transport. Nothing here happens per packet.
"""

from collections.abc import Callable, Mapping

from sfu.core import rtcp
from sfu.core.allocator import Demand, allocate, ladder
from sfu.core.layers import Rung
from sfu.core.media import MediaEvent, PeerId, StreamStateChanged, TrackSid
from sfu.core.path import Path
from sfu.core.twcc import TransportFeedback
from sfu.media.contract import Engine
from sfu.media.tracks import Receiver

MEASURE_S = 0.5
Offers = dict[tuple[TrackSid, int, int], tuple[list[Rung], tuple[Rung, ...]]]
"""What tracks offer, all of it and within a wish, by track and wish."""
NEWS = 1.05
"""An estimate that rose by this factor is shared at once."""


class Congestion:
    """All receivers of a worker; `receivers` are those of the router, `apply` makes it act on a changed grant."""

    def __init__(
        self,
        engine: Engine,
        receivers: Mapping[PeerId, Mapping[TrackSid, Receiver]],
        apply: Callable[[Receiver], None],
        emit: Callable[[MediaEvent], None],
    ) -> None:
        self._engine = engine
        self._receivers = receivers
        self._apply = apply
        self._emit = emit
        self._paths: dict[PeerId, Path] = {}
        self._rates: dict[PeerId, tuple[float, float]] = {}
        """(video, audio) bits per second that are sent."""
        self._needs: dict[PeerId, float] = {}
        """Of those that want more than they get."""
        self._sent: dict[PeerId, tuple[int, int]] = {}
        """(video, audio) bytes when it was measured last."""
        self._measured = 0.0
        self._stale: dict[PeerId, None] = {}
        """Whose shares no longer fit what they want, or what there is."""

    def add(self, receiver: Receiver) -> None:
        """A downlink begins: its grant follows what is known of the path."""
        downlink = receiver.downlink
        path = self._paths.get(downlink.peer)
        if path is None:
            self._paths[downlink.peer] = path = Path(numbered=downlink.numbered)
        elif downlink.numbered:
            path.expect_feedback()

    def forget(self, peer: PeerId) -> None:
        """The transport is gone."""
        self._paths.pop(peer, None)
        self._rates.pop(peer, None)
        self._needs.pop(peer, None)
        self._sent.pop(peer, None)
        self._stale.pop(peer, None)

    def path(self, peer: PeerId) -> Path | None:
        """What is known of a receiver's path."""
        return self._paths.get(peer)

    def cap(self, peer: PeerId, bitrate: float | None, now: float) -> None:
        """Send a receiver no more than this."""
        path = self._paths.get(peer)
        if path is not None:
            path.cap = bitrate
            self.share(peer, now)

    def totals(self) -> tuple[int, int]:
        """Receivers that get less than they want, and the sum of all known estimates."""
        return len(self._needs), int(sum(path.estimate or 0.0 for path in self._paths.values()))

    # what comes in

    def feedback(self, peer: PeerId, item: TransportFeedback, now: float) -> None:
        """A receiver tells when packets came."""
        path, log = self._paths.get(peer), self._engine.send_log(peer)
        if path is None or log is None:
            return
        before = path.estimate or 0.0
        came, missing = log.resolve(item)
        if path.feedback(item, came, missing, now) or (path.estimate or 0.0) > before * NEWS:
            self.share(peer, now)

    def remb(self, peer: PeerId, item: rtcp.Remb, now: float) -> None:
        """A receiver tells what it can take in."""
        path = self._paths.get(peer)
        if path is not None and path.remb(item.bitrate, sum(self._rates.get(peer, (0.0, 0.0))), now):
            self.share(peer, now)

    # time

    def tick(self, now: float) -> None:
        """Every 20 ms: share anew what is to be shared, and send the padding of probes."""
        stale, self._stale = self._stale, {}
        offers: Offers = {}
        for peer in stale:
            self.share(peer, now, offers)
        for peer, need in list(self._needs.items()):
            path = self._paths.get(peer)
            if path is None:
                continue
            video, audio = self._rates.get(peer, (0.0, 0.0))
            before = path.estimate
            octets = path.tick(need, video + audio, now)
            if octets:
                self._engine.probe(peer, octets, now)
            if path.estimate != before:
                self.share(peer, now)

    def measure(self, now: float) -> None:
        """Every `MEASURE_S`: what is sent, and whether its shares still fit."""
        passed, self._measured = now - self._measured, now
        offers: Offers = {}
        for peer in list(self._paths):
            before, sent = self._sent.get(peer, (0, 0)), self._engine.sent(peer)
            self._sent[peer] = sent
            self._rates[peer] = (sent[0] - before[0]) * 8 / passed, (sent[1] - before[1]) * 8 / passed
            self.share(peer, now, offers)

    # decisions

    def changed(self, receiver: Receiver, now: float) -> None:
        """It wants something else, or its track offers something else: share its path again soon; at once where it has
        no grant and the path may be too narrow for what it wants."""
        peer = receiver.downlink.peer
        path = self._paths.get(peer)
        if receiver.granted is None and path is not None and (path.estimate is not None or path.cap is not None):
            self.share(peer, now)
        else:
            self._stale[peer] = None

    def share(self, peer: PeerId, now: float, offers: "Offers | None" = None) -> None:
        """Grant every video track of a receiver its rung. `offers` are kept between receivers of one moment."""
        path = self._paths.get(peer)
        offers = {} if offers is None else offers
        wanting = {
            receiver.track.sid: receiver
            for receiver in self._receivers.get(peer, {}).values()
            if receiver.track.is_video and not receiver.wish.paused
        }
        demands = [demand for receiver in wanting.values() if (demand := self._demand(receiver, offers)) is not None]
        if path is None or not demands:
            self._needs.pop(peer, None)
            return
        video, audio = self._rates.get(peer, (0.0, 0.0))
        budget = path.estimate
        if budget is not None:
            budget -= audio
            if not path.in_trouble(now):
                budget = max(budget, video)
            if path.cap is not None:
                budget = min(budget, path.cap - audio)
        shared = allocate(demands, budget, allow_pause=any(r.downlink.pausable for r in wanting.values()))
        probing = path.prober.probe is not None
        if shared.need or probing:
            self._needs[peer] = shared.need + audio
        else:
            self._needs.pop(peer, None)
        for track, rung in shared.rungs.items():
            self._grant(wanting[track], rung)

    @staticmethod
    def _demand(receiver: Receiver, offers: "Offers") -> Demand | None:
        """What a track offers within the wish; the least above it when there is nothing else, as `choose` does."""
        wish = receiver.wish
        key = receiver.track.sid, wish.max_quality, wish.max_fps
        if key not in offers:
            offered = receiver.track.rungs()
            offers[key] = offered, ladder(offered, wish.max_quality, wish.max_fps)
        offered, rungs = offers[key]
        if not offered:
            return None
        current = receiver.granted
        if current is not None:  # as it is measured now
            same = (current.stream, current.spatial, current.temporal)
            current = next((r for r in offered if (r.stream, r.spatial, r.temporal) == same), None)
        return Demand(receiver.track.sid, rungs, current, screen_share=receiver.track.is_screen_share)

    def _grant(self, receiver: Receiver, rung: Rung | None) -> None:
        before, receiver.granted = receiver.granted, rung
        if receiver.starved != (rung is None):
            receiver.starved = rung is None
            self._engine.stats.pauses += receiver.starved
            self._emit(StreamStateChanged(receiver.downlink.peer, receiver.track.sid, paused=receiver.starved))
            self._apply(receiver)
        elif rung is not None and (before is None or rung.place != before.place):
            self._apply(receiver)
