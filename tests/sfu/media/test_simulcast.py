# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Three layers in, one continuous stream out."""

import itertools
import random

import pytest

from sfu.core import rtcp
from sfu.core.codecs import parse_vp8
from sfu.core.media import Wish

RIDS = {"q": 100, "h": 200, "f": 300}


class Camera:
    """Sends all layers picture by picture; obeys key frame requests unless told not to."""

    def __init__(self, lab, publisher, *, layers="qhf", seed=1):
        chance = random.Random(seed)
        self.lab, self.publisher, self.layers = lab, publisher, layers
        self.seq = {rid: chance.randrange(65536) for rid in layers}
        self.offset = {rid: chance.randrange(2**32) for rid in layers}
        self.picture = {rid: chance.randrange(2**15) for rid in layers}
        self.tl0 = {rid: chance.randrange(256) for rid in layers}
        self.key = set(layers)
        self.obeys = True
        self.asked = []

    def picture_out(self, layers=None):
        """One picture of every layer, two packets each."""
        asked = self.publisher.asked_for_keyframes()
        self.asked += asked
        if self.obeys:
            self.key |= {rid for rid, ssrc in RIDS.items() if ssrc in asked}
        for rid in layers or self.layers:
            for part in (0, 1):
                self.publisher.send(
                    RIDS[rid],
                    self.seq[rid],
                    timestamp=self.offset[rid] + round(self.lab.now * 90000),
                    payload=self.lab.vp8(self.picture[rid], self.tl0[rid], key=rid in self.key, start=part == 0)
                    + rid.encode(),
                    elements=[(4, b"3"), (10, rid.encode())],
                    marker=part == 1,
                )
                self.seq[rid] += 1
            self.picture[rid] += 1
            self.tl0[rid] += 1
        self.key -= set(layers or self.layers)

    def run(self, pictures, layers=None):
        for _ in range(pictures):
            self.picture_out(layers)
            self.lab.run(0.04)

    def report(self):
        """A sender report per layer, all of one clock."""
        for rid in self.layers:
            ntp = int(self.lab.now * 2**32)
            timestamp = (self.offset[rid] + round(self.lab.now * 90000)) & 0xFFFFFFFF
            self.publisher.send_rtcp(rtcp.sender_report(rtcp.SenderReport(RIDS[rid], ntp, timestamp, 0, 0)))


def assert_seamless(packets):
    """No gap in sequence, picture id, TL0PICIDX; timestamps move on by a picture.

    A switch to a layer that comes later in the same picture moves them on by one tick.
    """
    for before, after in itertools.pairwise(packets):
        assert (after.header.sequence - before.header.sequence) & 0xFFFF == 1
        old, new = parse_vp8(before.payload), parse_vp8(after.payload)
        step = 1 if new.starts_frame else 0
        assert (new.picture_id - old.picture_id) & 0x7FFF == step
        assert (new.tl0 - old.tl0) & 0xFF == step
        moved = (after.header.timestamp - before.header.timestamp) & 0xFFFFFFFF
        assert (moved == 1 or 3500 < moved < 3700) if step else moved == 0


def layers_of(packets):
    return [rid for rid, _ in itertools.groupby(packet.payload[-1:].decode() for packet in packets)]


def call(lab, **fields):
    publisher, receiver = lab.join("a"), lab.join("b")
    lab.router.receive(lab.uplink(publisher, layers=lab.simulcast))
    lab.router.forward(lab.downlink(receiver, **fields))
    return Camera(lab, publisher), receiver


def test_layers_are_learnt_by_rid_and_the_best_is_followed(lab):
    camera, receiver = call(lab)
    camera.run(20)
    got = receiver.rtp()
    assert got[-1].payload.endswith(b"f")
    assert_seamless(got)
    assert lab.dropped == {}


@pytest.mark.parametrize("reports", [True, False])
def test_hundreds_of_switches_leave_no_seam(lab, reports):
    camera, receiver = call(lab)
    camera.run(5)
    chance = random.Random(3)
    got = receiver.rtp()
    for _ in range(300):
        if reports:
            camera.report()
        lab.router.wish(receiver.id, lab.track, Wish(max_quality=chance.randrange(3)))
        camera.run(chance.randrange(1, 30))
        got += receiver.rtp()
    assert len(layers_of(got)) > 100
    assert_seamless(got)


def test_the_old_layer_goes_on_until_the_new_ones_key_frame(lab):
    camera, receiver = call(lab)
    camera.run(10)
    camera.obeys = False
    receiver.rtp()
    lab.router.wish(receiver.id, lab.track, Wish(max_quality=0))
    camera.run(30)
    assert layers_of(receiver.rtp()) == ["f"]
    assert RIDS["q"] in camera.asked
    camera.obeys = True
    camera.run(30)
    got = receiver.rtp()
    assert layers_of(got) == ["f", "q"]
    assert_seamless(got)


def test_a_key_frame_is_asked_for_again_until_it_comes_but_not_too_often(lab):
    camera, _receiver = call(lab)
    camera.obeys = False
    camera.key.clear()
    camera.run(125)  # five seconds
    asked = camera.asked.count(RIDS["f"])
    assert 4 <= asked <= 6
    camera.obeys = True
    camera.run(50)
    camera.asked.clear()
    camera.run(125)
    assert camera.asked == []


def test_pausing_stops_the_stream_and_resuming_starts_with_a_key_frame(lab):
    camera, receiver = call(lab)
    camera.run(10)
    before = receiver.rtp()
    lab.router.wish(receiver.id, lab.track, Wish(paused=True))
    camera.run(50)
    assert receiver.rtp() == []
    camera.asked.clear()
    lab.router.wish(receiver.id, lab.track, Wish())
    camera.run(30)
    after = receiver.rtp()
    assert camera.asked.count(RIDS["f"]) == 1
    assert after[0].header.sequence == (before[-1].header.sequence + 1) & 0xFFFF
    gone = (after[0].header.timestamp - before[-1].header.timestamp) & 0xFFFFFFFF
    assert 50 * 3600 <= gone <= 60 * 3600
    assert_seamless(after)


def test_a_layer_that_dies_is_left_and_taken_up_again(lab):
    camera, receiver = call(lab)
    camera.run(30)
    receiver.rtp()
    camera.run(50, layers="qh")
    fallen = receiver.rtp()
    assert layers_of(fallen) == ["h"]
    camera.run(100)
    got = receiver.rtp()
    assert layers_of(got) == ["h", "f"]
    assert_seamless(got)


def test_a_receiver_that_asks_gets_a_key_frame_of_its_layer(lab):
    camera, receiver = call(lab)
    camera.run(60)
    camera.asked.clear()
    receiver.send_rtcp(rtcp.pli(1, 7001))
    receiver.send_rtcp(rtcp.pli(1, 7001))
    camera.run(2)
    assert camera.asked == [RIDS["f"]]
    camera.run(50)
    assert camera.asked == [RIDS["f"]] * 2  # the second request had to wait for the throttle


def test_a_second_receiver_starts_with_a_key_frame_too(lab):
    camera, _receiver = call(lab)
    camera.run(60)
    late = lab.join("c")
    lab.router.forward(lab.downlink(late))
    camera.run(60)
    got = late.rtp()
    assert not got[0].payload[6] & 1
    assert_seamless(got)


def test_layers_may_come_before_or_after_the_receiver_connects(lab):
    publisher = lab.join("a")
    lab.router.receive(lab.uplink(publisher, layers=lab.simulcast))
    camera = Camera(lab, publisher)
    camera.run(10)
    receiver = lab.join("b")
    lab.router.close_peer(receiver.id)
    lab.router.open_peer(receiver.id)
    lab.router.forward(lab.downlink(receiver))
    camera.run(10)
    lab.engine.set_address(receiver.id, receiver.address)
    lab.engine.set_keys(receiver.id, receiver.keys)
    lab.router.connected(receiver.id)
    camera.run(50)
    assert_seamless(receiver.rtp())


def test_packets_of_before_the_switch_are_not_sent_after_it(lab):
    camera, receiver = call(lab)
    camera.run(30)
    late = camera.publisher.packet(RIDS["h"], camera.seq["h"], payload=lab.vp8(0, 0, key=False))
    camera.seq["h"] += 1
    receiver.rtp()
    lab.router.wish(receiver.id, lab.track, Wish(max_quality=1))
    camera.run(30)
    receiver.rtp()
    camera.publisher.deliver(late)
    assert receiver.rtp() == []


def test_a_track_offers_its_live_layers_from_low_to_high(lab):
    publisher = lab.join("PA_a")
    camera = Camera(lab, publisher)
    lab.router.receive(lab.uplink(publisher, layers=lab.simulcast))
    camera.run(2)
    track = lab.router._tracks[lab.track]
    assert [rung.quality for rung in track.rungs()] == [0, 1, 2]
    camera.run(40, layers="qh")
    assert [rung.quality for rung in track.rungs()] == [0, 1]


def test_a_path_is_shared_once_per_tick_whatever_changed(lab, monkeypatch):
    """Not once for each receiver of each layer that is learnt: a large room would hear of nothing else for seconds."""
    shared = []
    share = lab.router.congestion.share
    monkeypatch.setattr(lab.router.congestion, "share", lambda peer, *rest: (shared.append(peer), share(peer, *rest)))
    receivers = [lab.join(f"receiver {number}") for number in range(5)]
    cameras = []
    for number in range(4):
        publisher = lab.join(f"publisher {number}")
        lab.router.receive(lab.uplink(publisher, track=f"TR_{number}", codecs=(lab.vp8_codec,), layers=lab.simulcast))
        for receiver in receivers:
            lab.router.forward(lab.downlink(receiver, track=f"TR_{number}", mid=str(number), ssrc=7001 + 2 * number))
        cameras.append(Camera(lab, publisher))
    shared.clear()  # when their transports came up
    for camera in cameras:
        camera.picture_out()
    assert shared == []
    lab.run(0.02)
    assert set(shared) == {receiver.id for receiver in receivers}
    assert len(shared) <= 2 * len(receivers)  # for the tick, and for what is measured every half second
