# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Senders of data that wait, and receivers that nobody waits for any longer."""

import pytest

from sfu.core import limits
from sfu.core.backpressure import TICK_S, Backpressure
from sfu.core.media import PeerId

ALICE, BOB, CAROL = PeerId("alice"), PeerId("bob"), PeerId("carol")
KIB = 1024


class Path:
    """A clock, and what waits for whom."""

    def __init__(self):
        self.pressure = Backpressure()
        self.now = 1000.0
        self.waiting = {}
        self.held = set()

    def send(self, sender, size, *receivers, reliable=True):
        kept = self.pressure.sends(sender, size, 1 + len(receivers), self.now, reliable=reliable)
        for receiver in receivers if reliable else ():
            self.waiting[receiver] = self.waiting.get(receiver, 0) + size
            self.pressure.waits(sender, receiver, self.waiting[receiver], self.now)
        self.take_note()
        return kept

    def pass_time(self, seconds, drains=None):
        """Let time pass; receivers drain so many bytes per second."""
        end = self.now + seconds
        while self.now < end:
            self.now += TICK_S
            for receiver, rate in (drains or {}).items():
                self.waiting[receiver] = max(0, self.waiting.get(receiver, 0) - int(rate * TICK_S))
            self.pressure.tick(self.now, lambda peer: self.waiting.get(peer, 0))
            self.take_note()

    def take_note(self):
        for peer, held in self.pressure.drain():
            assert held is (peer not in self.held)  # each change is told once
            self.held ^= {peer}


@pytest.fixture
def path():
    return Path()


def test_a_sender_waits_while_its_receiver_is_behind_and_goes_on_then(path):
    path.send(ALICE, limits.DATA_WAITING_HIGH + 1, BOB)
    assert path.held == {ALICE}
    path.pass_time(1.0, {BOB: 100 * KIB})
    assert path.held == {ALICE}
    path.pass_time(2.0, {BOB: 100 * KIB})
    assert path.held == set()
    assert not path.pressure.busy


def test_a_receiver_that_takes_little_but_enough_is_waited_for_as_long_as_it_needs(path):
    path.send(ALICE, limits.DATA_WAITING_HIGH + 1, BOB)
    path.pass_time(2 * limits.DATA_SLOW_S, {BOB: 1.1 * limits.DATA_SLOW_BYTES / limits.DATA_SLOW_S})
    assert path.held == {ALICE}


def test_a_receiver_whose_retransmission_was_lost_too_is_waited_for(path):
    path.send(ALICE, limits.DATA_WAITING_HIGH + 1, BOB)
    path.pass_time(3.0 + 6.0, {BOB: 0})  # two timeouts of SCTP in a row, in which nothing arrives
    assert path.held == {ALICE}
    path.pass_time(5.0, {BOB: 20 * KIB})
    assert path.held == {ALICE}
    path.pass_time(10.0, {BOB: 20 * KIB})
    assert path.held == set()


def test_a_receiver_that_reads_nothing_holds_the_others_up_once_and_not_for_long(path):
    path.send(ALICE, limits.DATA_WAITING_HIGH + 1, BOB, CAROL)
    assert path.held == {ALICE}
    path.pass_time(limits.DATA_SLOW_S + TICK_S, {CAROL: 10_000 * KIB})
    assert path.held == set()
    path.send(ALICE, 10 * KIB, BOB, CAROL)
    path.send(CAROL, 10 * KIB, BOB)
    assert path.held == set()
    # Caught up, it counts again.
    path.waiting[BOB] = 0
    path.pass_time(TICK_S)
    path.send(ALICE, limits.DATA_WAITING_HIGH + 1, BOB)
    assert path.held == {ALICE}


def test_only_those_who_send_to_a_slow_receiver_wait(path):
    path.send(ALICE, limits.DATA_WAITING_HIGH + 1, BOB)
    path.send(CAROL, 10 * KIB, ALICE)
    assert path.held == {ALICE}


def test_a_sender_of_reliable_data_is_slowed_down_to_its_rate_and_loses_nothing(path):
    sent = 0
    while path.now < 1030.0:
        while not path.held:
            assert path.send(ALICE, 15 * KIB, reliable=True)
            sent += 15 * KIB
        path.pass_time(TICK_S)
    expected = limits.DATA_BYTES_BURST + 30 * limits.DATA_BYTES_PER_SECOND
    assert 0.9 * expected < sent < 1.1 * expected


def test_every_receiver_counts_against_the_sender_s_rate(path):
    people = [PeerId(f"p{number}") for number in range(100)]
    path.send(ALICE, int(limits.DATA_BYTES_BURST // 100), *people)
    assert path.held == {ALICE}


def test_small_packets_are_limited_too(path):
    path.pressure.sends(ALICE, 1, int(limits.DATA_MESSAGES_BURST) + 1, path.now, reliable=True)
    path.take_note()
    assert path.held == {ALICE}


def test_lossy_packets_beyond_the_rate_are_dropped_and_nobody_is_held(path):
    sent = [path.send(ALICE, 60_000, reliable=False) for _ in range(200)]
    assert sent[:60] == [True] * 60
    assert not all(sent)
    assert path.held == set()
    path.now += 10.0
    assert path.send(ALICE, 60_000, reliable=False)


def test_whoever_leaves_is_forgotten(path):
    path.send(ALICE, limits.DATA_WAITING_HIGH + 1, BOB)
    path.pressure.left(BOB)
    path.pass_time(TICK_S)
    assert path.held == set()
    path.send(CAROL, limits.DATA_WAITING_HIGH + 1, BOB)
    path.pressure.left(CAROL)
    path.pressure.left(BOB)
    path.pass_time(TICK_S)
    assert not path.pressure.busy


def test_a_receiver_that_takes_too_little_is_given_up(path):
    path.send(ALICE, limits.DATA_WAITING_HIGH + 1, BOB)
    rate = 0.9 * limits.DATA_SLOW_BYTES / limits.DATA_SLOW_S
    path.pass_time(limits.DATA_SLOW_S - TICK_S, {BOB: rate})
    assert path.held == {ALICE}
    path.pass_time(2 * TICK_S, {BOB: rate})
    assert path.held == set()


def test_a_sender_waits_until_few_bytes_are_left_and_not_for_every_packet(path):
    path.send(ALICE, limits.DATA_WAITING_HIGH + 1, BOB)
    path.waiting[BOB] = limits.DATA_WAITING_LOW + 1
    path.pass_time(TICK_S)
    assert path.held == {ALICE}
    path.waiting[BOB] = limits.DATA_WAITING_LOW
    path.pass_time(TICK_S)
    assert path.held == set()


def test_small_lossy_packets_pass_at_their_rate_and_the_rest_is_dropped(path):
    sent = 0
    for _ in range(100):
        path.now += 0.1
        sent += sum(path.send(ALICE, 1, reliable=False) for _ in range(1000))
    expected = limits.DATA_MESSAGES_BURST + 10 * limits.DATA_MESSAGES_PER_SECOND
    assert 0.95 * expected < sent <= expected
