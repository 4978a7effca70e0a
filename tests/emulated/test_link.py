# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The emulated link does what its conditions say: everything measured with it leans on that."""

import itertools
import statistics
from random import Random

import pytest

from tests.emulated.link import HEADERS, HELD_BACK_S, OUTAGE, PRESETS, Conditions, GilbertElliott, Link

PACKETS = 20_000


def offer_all(conditions, *, seed=1, packets=PACKETS, size=1000, interval=0.01):
    link = Link(conditions, Random(seed))
    return link, [(n * interval, link.offer(size, n * interval)) for n in range(packets)]


def delays(offered):
    return [at - sent for sent, arrivals in offered for at in arrivals]


@pytest.mark.parametrize("loss", [0.0, 0.01, 0.1, 0.5])
def test_random_loss_is_as_large_as_it_says(loss):
    link, offered = offer_all(Conditions(loss=loss))
    assert link.lost / PACKETS == pytest.approx(loss, abs=0.01)
    assert link.lost == sum(not arrivals for _, arrivals in offered)


@pytest.mark.parametrize("burst", [2.0, 5.0])
def test_bursts_have_their_mean_loss_and_length(burst):
    _, offered = offer_all(Conditions(bursts=GilbertElliott.of(0.05, burst)), packets=5 * PACKETS)
    runs = [len(list(run)) for lost, run in itertools.groupby(not arrivals for _, arrivals in offered) if lost]
    assert sum(runs) / len(offered) == pytest.approx(0.05, abs=0.01)
    assert statistics.mean(runs) == pytest.approx(burst, rel=0.1)


def test_jitter_stays_in_its_bounds_and_keeps_the_order():
    _, offered = offer_all(Conditions(delay=0.05, jitter=0.02))
    assert min(delays(offered)) >= 0.03
    assert max(delays(offered)) <= 0.07
    assert statistics.mean(delays(offered)) == pytest.approx(0.05, abs=0.005)
    arrivals = [at for _, found in offered for at in found]
    assert arrivals == sorted(arrivals)


def test_correlated_jitter_moves_slowly():
    def step(correlation):
        _, offered = offer_all(Conditions(delay=0.05, jitter=0.02, correlation=correlation), interval=0.1)
        return statistics.mean(abs(after - before) for before, after in itertools.pairwise(delays(offered)))

    assert step(0.9) < step(0.0) / 4


def test_a_reordered_packet_comes_after_those_behind_it():
    _, offered = offer_all(Conditions(delay=0.01, reordered=0.1), interval=0.005)
    late = [at - sent for sent, (at,) in offered if at - sent > 0.015]
    assert len(late) / PACKETS == pytest.approx(0.1, abs=0.01)
    assert all(delay == pytest.approx(0.01 + HELD_BACK_S) for delay in late)


def test_duplicates_come_twice():
    _, offered = offer_all(Conditions(duplicated=0.2))
    assert sum(len(arrivals) == 2 for _, arrivals in offered) / PACKETS == pytest.approx(0.2, abs=0.01)


def test_a_bottleneck_lets_its_rate_through_and_no_more():
    link, offered = offer_all(Conditions(rate=1_000_000, buffer=30_000), size=1000 - HEADERS, interval=0.004)
    passed = PACKETS - link.lost
    assert passed * 1000 * 8 / (PACKETS * 0.004) == pytest.approx(1_000_000, rel=0.01)
    assert link.overflowed == link.lost > 0
    assert max(delays(offered)) == pytest.approx(30_000 * 8 / 1_000_000, rel=0.05)


def test_a_bottleneck_with_room_delays_by_the_time_on_the_wire_alone():
    link, offered = offer_all(Conditions(rate=1_000_000), size=1000 - HEADERS, interval=0.02)
    assert link.lost == 0
    assert max(delays(offered)) == pytest.approx(0.008)


def test_the_buffer_takes_its_bytes_and_refuses_the_next():
    link = Link(Conditions(rate=1_000_000, buffer=30_000), Random(1))
    passed = sum(bool(link.offer(1000 - HEADERS, 0.0)) for _ in range(100))
    assert passed == 30


def test_nothing_passes_an_outage_and_what_was_on_its_way_arrives():
    link = Link(Conditions(delay=1.0), Random(1))
    assert link.offer(100, 0.0) == (1.0,)
    link.conditions = OUTAGE
    assert link.offer(100, 0.5) == ()
    link.conditions = Conditions()
    assert link.offer(100, 2.0) == (2.0,)


@pytest.mark.parametrize("name", PRESETS)
def test_the_same_seed_gives_the_same_network(name):
    assert offer_all(PRESETS[name], seed=7)[1] == offer_all(PRESETS[name], seed=7)[1]
    assert offer_all(PRESETS[name], seed=7)[1] != offer_all(PRESETS[name], seed=8)[1]
