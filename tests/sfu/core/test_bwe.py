# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The estimate follows a bottleneck, over a link of twenty lines in virtual time."""

import random

import pytest

from sfu.core import rtcp
from sfu.core.bwe import START_BPS, TRANSITIONS, State
from sfu.core.delay import Usage
from sfu.core.path import RESEND_BURST, SILENCE_S, Path
from sfu.core.probe import SLOW_DURATION_S, SLOW_GROWTH
from sfu.core.send_log import OVERHEAD, SendLog
from sfu.core.twcc import ArrivalLog

PACKET = 1100
STEP_S = 0.005


class Link:
    """A sender of one rate, a bottleneck with a finite buffer, a receiver that answers every 100 ms."""

    def __init__(self, rate, buffer=30_000, delay=0.02, loss=0.0, jitter=0.0, seed=1):
        self.rate, self.buffer, self.delay, self.loss, self.jitter = rate, buffer, delay, loss, jitter
        self.chance = random.Random(seed)
        self.now, self.owed, self.free_at, self.offset = 0.0, 0.0, 0.0, 5000.0
        self.sending, self.need, self.answers = 500_000, 0.0, True
        self.path, self.log, self.arrivals = Path(numbered=True), SendLog(), ArrivalLog()
        self.path.rtt = 2 * delay
        self.under_way, self.sent, self.lost = [], 0, 0
        self.next_feedback, self.last_arrival = 0.1, 0.0
        self.least = float("inf")

    @property
    def estimate(self):
        return self.path.estimator.bitrate

    def send(self):
        number = self.log.note(self.now, PACKET - OVERHEAD)
        self.sent += 1
        queued = max(0.0, self.free_at - self.now) * self.rate / 8
        if queued + PACKET > self.buffer or self.chance.random() < self.loss:
            self.lost += 1
            return
        self.free_at = max(self.free_at, self.now) + PACKET * 8 / self.rate
        arrival = self.free_at + self.delay + self.chance.uniform(0, self.jitter)
        self.last_arrival = max(arrival, self.last_arrival)
        self.under_way.append((number, self.last_arrival))

    def answer(self):
        came = [packet for packet in self.under_way if packet[1] <= self.now - self.delay]
        self.under_way = self.under_way[len(came) :]
        for packet in self.arrivals.report(1, 2, [(number, at + self.offset) for number, at in came]):
            [feedback] = rtcp.parse(packet)
            self.path.feedback(feedback, *self.log.resolve(feedback), self.now)

    def run(self, seconds):
        until, ticks = self.now + seconds, 0
        while self.now < until:
            self.now += STEP_S
            ticks += 1
            self.owed += self.sending / 8 * STEP_S
            if ticks % 4 == 0:
                self.owed += self.path.tick(self.need, self.sending, self.now)
            while self.owed >= PACKET:
                self.owed -= PACKET
                self.send()
            if self.now >= self.next_feedback:
                self.next_feedback += 0.1
                if self.answers:
                    self.answer()
            self.least = min(self.least, self.estimate)
        return self.estimate


def test_a_path_that_is_not_full_lowers_nothing_and_raises_nothing():
    link = Link(10_000_000)
    assert link.run(30) == START_BPS
    assert link.path.lowered_at < 0


def test_what_arrives_without_trouble_is_proof():
    link = Link(10_000_000)
    link.sending = 3_000_000
    assert link.run(5) == pytest.approx(3_000_000, rel=0.1)


@pytest.mark.parametrize("delay", [0.005, 0.05, 0.2])
@pytest.mark.parametrize("sending", [1_700_000, 5_000_000])
def test_a_bottleneck_is_found_within_a_second(sending, delay):
    link = Link(1_000_000, delay=delay)
    link.sending = sending
    found = link.run(1.0 + 3 * delay)
    assert 600_000 < found < 1_000_000


def test_the_estimate_follows_a_drop_and_stays_there():
    link = Link(5_000_000)
    link.sending = 2_300_000
    link.run(10)
    link.rate = 1_000_000
    link.run(1.5)
    assert 600_000 < link.estimate < 1_000_000
    link.sending = 600_000
    link.run(2)
    lost, sent = link.lost, link.sent
    link.run(20)
    assert (link.lost - lost) / (link.sent - sent) < 0.02
    assert 600_000 < link.estimate < 1_000_000


@pytest.mark.parametrize("jitter", [0.02, 0.08])
@pytest.mark.parametrize("loss", [0.02, 0.10])
def test_a_bad_radio_is_not_a_full_path(loss, jitter):
    link = Link(20_000_000, loss=loss, jitter=jitter, delay=0.04)
    link.sending = 900_000
    link.run(60)
    assert link.estimate > 800_000


def test_loss_without_delay_that_goes_when_less_is_sent_is_congestion():
    link = Link(1_000_000, buffer=3000)  # a policer: hardly a queue, everything above is lost
    link.sending = 2_000_000
    link.run(3)
    assert link.estimate < 1_100_000


def test_an_outage_is_no_congestion():
    link = Link(5_000_000)
    link.sending = 2_000_000
    before = link.run(5)
    link.loss = 1.0
    link.run(3)
    link.loss = 0.0
    link.run(3)
    assert link.estimate == pytest.approx(before, rel=0.1)


def test_probes_find_a_good_link_within_two_seconds():
    link = Link(20_000_000)
    link.sending, link.need = 500_000, 4_000_000
    link.run(2)
    assert link.estimate >= 4_000_000


def test_probes_do_no_harm_where_there_is_no_more_and_find_what_comes_back():
    link = Link(1_000_000)
    link.sending, link.need = 500_000, 2_300_000
    link.run(60)
    assert link.estimate < 1_100_000
    assert link.lost / link.sent < 0.02
    assert link.least > 500_000
    link.rate = 5_000_000
    link.run(12)
    assert link.estimate >= 2_300_000


def test_a_receiver_that_never_answers_is_not_limited():
    link = Link(5_000_000)
    link.need, link.answers = 2_000_000, False
    link.run(SILENCE_S - 0.1)
    assert link.path.estimate == START_BPS
    link.run(0.2)
    assert link.path.estimate is None


def test_remb_alone_limits_where_it_binds_and_with_loss_more():
    path = Path(numbered=False)
    assert path.estimate is None
    assert not path.remb(2_000_000, 1_500_000, 1.0)
    assert not path.remb(1_990_000, 1_500_000, 1.5)
    assert path.remb(1_000_000, 1_500_000, 2.0)
    assert path.lowered_at == 2.0
    assert path.estimate == 1_000_000
    path.loss = 0.25
    assert path.estimate == pytest.approx(900_000)


def test_remb_receivers_are_probed_longer():
    path, now, octets = Path(numbered=False), 0.0, 0
    path.remb(700_000, 500_000, now)
    while now < SLOW_DURATION_S + 0.1:
        now += 0.02
        octets += path.tick(1_700_000, 500_000, now)
    assert octets == pytest.approx((700_000 * SLOW_GROWTH - 500_000) / 8 * SLOW_DURATION_S, rel=0.05)
    path.remb(750_000, 500_000, now)
    while path.prober.probe is not None:
        now += 0.02
        path.tick(1_700_000, 500_000, now)
    assert path.estimate == 700_000 * SLOW_GROWTH
    assert path.remb(700_000, 900_000, now)
    assert path.estimate == 700_000
    path.remb(600_000, 500_000, now)
    while path.prober.probe is None:
        now += 0.02
        path.tick(1_700_000, 500_000, now)
    path.remb(550_000, 500_000, now)
    assert path.prober.probe is None
    assert path.estimate == 550_000


def test_a_cap_binds_whatever_the_path_carries():
    path = Path(numbered=False)
    path.cap = 300_000
    assert path.estimate == 300_000
    path.remb(200_000, 100_000, 0.0)
    assert path.estimate == 200_000
    assert all(path.tick(1_000_000, 100_000, n / 50) == 0 for n in range(5)) or path.prober.probe.target <= 400_000
    path.cap = None
    assert path.estimate == 200_000


def test_the_table_of_states_is_whole():
    assert set(TRANSITIONS) == {(state, usage) for state in State for usage in Usage}


def test_a_path_in_trouble_takes_few_packets_again_and_few_key_frames():
    path = Path(numbered=False)
    assert path.resendable(0.0) is None
    path.remb(1_000_000, 500_000, 1.0)
    assert path.resendable(1.0) is None
    assert path.may_ask_keyframe(1.0)
    assert path.may_ask_keyframe(1.1)
    path.remb(400_000, 500_000, 1.2)
    assert path.resendable(1.2) == RESEND_BURST
    path.resent(RESEND_BURST)
    assert path.resendable(1.2) == 0
    assert 1 <= path.resendable(1.3) <= 3
    assert not path.may_ask_keyframe(1.3)
    assert path.may_ask_keyframe(3.2)
