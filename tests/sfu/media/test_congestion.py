# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A receiver gets what its path carries: three layers, a bottleneck, and what the receiver says of it."""

import itertools
from dataclasses import replace

import pytest

from sfu.core import rtcp
from sfu.core.media import Extensions, StreamStateChanged, Wish
from sfu.core.twcc import ArrivalLog

NUMBERED = Extensions(mid=9, abs_send_time=7, transport_cc=3)
RATES = {"q": 150_000, "h": 500_000, "f": 1_700_000}
SSRCS = {"q": 100, "h": 200, "f": 300}
SIZE = 1000


class Call:
    """One camera, one receiver behind a bottleneck that answers every 100 ms."""

    def __init__(self, lab, rate, *, numbered=True, pausable=False, delay=0.02, buffer=30_000):
        self.lab, self.rate, self.delay, self.buffer = lab, rate, delay, buffer
        self.publisher, self.receiver = lab.join("a"), lab.join("b")
        lab.router.receive(lab.uplink(self.publisher, layers=lab.simulcast))
        downlink = lab.downlink(self.receiver)
        feedback = ("nack", "nack pli", "transport-cc" if numbered else "goog-remb")
        codecs = tuple(replace(codec, feedback=feedback) for codec in downlink.codecs)
        extensions = NUMBERED if numbered else replace(NUMBERED, transport_cc=0)
        lab.router.forward(replace(downlink, codecs=codecs, extensions=extensions, pausable=pausable))
        self.owed = dict.fromkeys(RATES, 0.0)
        self.seq = dict.fromkeys(RATES, 0)
        self.key = set(RATES)
        self.free_at, self.under_way, self.arrivals = lab.now, [], ArrivalLog()
        self.next_feedback = lab.now
        self.shown, self.lost, self.sent = [], [], []

    def step(self):
        lab = self.lab
        asked = self.publisher.asked_for_keyframes()
        self.key |= {rid for rid, ssrc in SSRCS.items() if ssrc in asked}
        for rid, rate in RATES.items():
            self.owed[rid] += rate / 8 * 0.02 + (3000 if rid in self.key else 0)
            while self.owed[rid] >= SIZE:
                self.owed[rid] -= SIZE
                n = self.seq[rid]
                self.publisher.send(
                    SSRCS[rid],
                    n,
                    timestamp=round(lab.now * 90000),
                    payload=(lab.vp8(n, n, key=rid in self.key) + rid.encode()).ljust(SIZE - 64, rid.encode()),
                    elements=[(4, b"3"), (10, rid.encode())],
                )
                self.key.discard(rid)
                self.seq[rid] += 1
        lab.run(0.02)
        for packet in self.receiver.rtp():
            self.sent.append(lab.now)
            if max(0.0, self.free_at - lab.now) * self.rate / 8 + SIZE > self.buffer:
                self.lost.append(lab.now)
                continue
            self.free_at = max(self.free_at, lab.now) + SIZE * 8 / self.rate
            if packet.header.ssrc == 7001:
                self.shown.append((lab.now, chr(packet.payload[-1])))
            self.under_way.append((packet, self.free_at + self.delay))
        if lab.now >= self.next_feedback:
            self.next_feedback += 0.1
            came = [one for one in self.under_way if one[1] <= lab.now - self.delay]
            self.under_way = self.under_way[len(came) :]
            numbers = [(int.from_bytes(p.elements[3], "big"), at) for p, at in came if 3 in p.elements]
            for packet in self.arrivals.report(1, 7001, numbers):
                self.receiver.send_rtcp(packet)

    def run(self, seconds):
        for _ in range(round(seconds / 0.02)):
            self.step()

    def layer(self):
        return self.shown[-1][1]

    def switches(self, since):
        shown = [layer for at, layer in self.shown if at >= since]
        return sum(one != two for one, two in itertools.pairwise(shown))


@pytest.fixture
def call(lab):
    return lambda rate, **fields: Call(lab, rate, **fields)


def test_a_good_path_carries_the_top_layer_within_two_seconds(call):
    call = call(20_000_000)
    call.run(2.5)
    assert call.layer() == "f"


def test_a_narrow_path_gets_a_lower_layer_and_stays_there(call):
    call = call(1_000_000)
    call.run(5)
    began = call.lab.now
    call.run(60)
    assert {layer for at, layer in call.shown if at >= began} == {"h"}
    lost = sum(at >= began for at in call.lost)
    assert lost / sum(at >= began for at in call.sent) < 0.02


def test_a_drop_is_answered_within_two_seconds_and_recovery_within_fifteen(call):
    call = call(5_000_000)
    call.run(10)
    assert call.layer() == "f"
    dropped, call.rate = call.lab.now, 1_000_000
    call.run(2)
    assert call.layer() != "f"
    call.run(1)
    steady = call.lab.now
    call.run(57)
    assert sum(at >= steady for at in call.lost) / sum(at >= steady for at in call.sent) < 0.02
    assert call.switches(dropped) <= 3
    call.rate = 5_000_000
    call.run(15)
    assert call.layer() == "f"
    call.run(30)
    assert call.switches(steady) <= 4


def test_a_receiver_with_remb_alone_follows_it(call):
    call = call(20_000_000, numbered=False)
    call.run(3)
    assert call.layer() == "f"
    for _ in range(4):
        call.receiver.send_rtcp(rtcp.remb(1, 800_000, [7001]))
        call.run(1)
    assert call.layer() == "h"
    for n in range(20):
        call.receiver.send_rtcp(rtcp.remb(1, 800_000 + 200_000 * n, [7001]))
        call.run(1)
    assert call.layer() == "f"


def test_what_does_not_fit_at_all_is_paused_where_the_receiver_allows_it(call):
    call = call(20_000_000, pausable=True)
    call.run(3)
    lab = call.lab
    lab.router.congestion.cap(call.receiver.id, 100_000, lab.now)
    call.run(1)
    assert lab.events[-1] == StreamStateChanged(call.receiver.id, lab.track, paused=True)
    paused = lab.now
    call.run(5)
    assert [at for at, _ in call.shown if at > paused] == []
    lab.router.congestion.cap(call.receiver.id, None, lab.now)
    call.run(1)
    assert lab.events[-1] == StreamStateChanged(call.receiver.id, lab.track, paused=False)
    assert lab.engine.stats.pauses == 1


def test_a_cap_without_pausing_leaves_the_least(call):
    call = call(20_000_000)
    call.run(3)
    call.lab.router.congestion.cap(call.receiver.id, 100_000, call.lab.now)
    call.run(10)
    assert call.layer() == "q"


def test_a_wish_still_limits(call):
    call = call(20_000_000)
    call.run(3)
    call.lab.router.wish(call.receiver.id, call.lab.track, Wish(max_quality=1))
    call.run(10)
    assert call.layer() == "h"
    probes = call.lab.engine.stats.probes
    call.run(10)
    assert call.lab.engine.stats.probes == probes
