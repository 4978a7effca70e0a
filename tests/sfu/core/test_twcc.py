# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Transport-wide feedback: written, read, refused."""

import random
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.core import rtcp
from sfu.core.limits_media import MAX_FEEDBACK_STATUSES
from sfu.core.twcc import REFERENCE_S, TICK_S, ArrivalLog, TransportFeedback, build_feedback, parse_feedback


def read(packet):
    [item] = rtcp.parse(packet)
    assert isinstance(item, TransportFeedback)
    return item


def told(packets):
    """Everything that packets say: {number: arrival in seconds, or None for missing}."""
    said = {}
    for packet in packets:
        feedback = read(packet)
        came = dict(feedback.received)
        for offset in range(feedback.count):
            at = None if offset not in came else feedback.reference * REFERENCE_S + came[offset] * TICK_S
            number = (feedback.base + offset) & 0xFFFF
            assert said.get(number) is None, "nothing is said twice of a packet that came"
            said[number] = at
    return said


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(-300, 3000)), min_size=1, max_size=120))
def test_what_was_written_is_read_again(steps):
    number, ticks, arrivals = 500, 1_000_000, []
    for gap, delta in steps:
        number, ticks = number + 1 + gap, ticks + delta
        arrivals.append((number, ticks))
    feedback = read(build_feedback(1, 2, 7, 500, arrivals))
    assert (feedback.base, feedback.count) == (500, number - 500 + 1)
    reference = feedback.reference * 256
    assert [(500 + offset, reference + at) for offset, at in feedback.received] == arrivals


def test_the_draft_example_of_chunks_is_understood():
    # a run of 3 not received, one-bit vector 1,0,1…, two-bit vector small, large, none…
    chunks = struct.pack("!HHH", 3, 0x8000 | 0b10100000000000, 0xC000 | 0b01100000000000)
    body = struct.pack("!IIHHI", 1, 2, 10, 3 + 14 + 7, 5 << 8) + chunks + bytes((4, 8, 12)) + struct.pack("!h", -8)
    feedback = parse_feedback(body)
    assert feedback == TransportFeedback(10, 24, ((3, 4), (5, 12), (17, 24), (18, 16)), 5)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        struct.pack("!IIHHI", 1, 2, 10, 0, 0),
        struct.pack("!IIHHI", 1, 2, 10, 5, 0),
        struct.pack("!IIHHIH", 1, 2, 10, 5, 0, 0x2005),
        struct.pack("!IIHHIH", 1, 2, 10, 5, 0, 0x6005),
        struct.pack("!IIHHIH", 1, 2, 10, 5, 0, 0x0000),
        struct.pack("!IIHHIH", 1, 2, 10, 5, 0, 0xC000 | 3 << 12),
        struct.pack("!IIHHI", 1, 2, 10, MAX_FEEDBACK_STATUSES + 1, 0) + struct.pack("!H", 0x1FFF) * 8,
    ],
    ids=["empty", "nothing", "no chunks", "no deltas", "reserved run", "empty run", "reserved symbol", "too many"],
)
def test_malformed_feedback_is_refused_whole(body):
    assert parse_feedback(body) is None


@given(st.binary(max_size=200))
def test_reading_never_raises(body):
    feedback = parse_feedback(struct.pack("!II", 1, 2) + body)
    if feedback is not None:
        assert all(0 <= offset < feedback.count for offset, _ in feedback.received)


@pytest.mark.parametrize("start", [0, 65_500])
def test_a_log_tells_of_every_packet_once_and_of_every_gap(start):
    log, chance = ArrivalLog(), random.Random(4)
    sent = [(start + n) & 0xFFFF for n in range(1000)]
    lost = set(chance.sample(sent[1:-1], 100))
    packets = []
    for at in range(0, 1000, 20):
        came = [(number, 50.0 + (at + n) / 300) for n, number in enumerate(sent[at : at + 20]) if number not in lost]
        packets += log.report(1, 2, came)
    said = told(packets)
    assert {number for number, at in said.items() if at is None} == lost
    assert set(said) == set(sent)
    for n, number in enumerate(sent):
        if number not in lost:
            assert said[number] == pytest.approx(50.0 + n / 300, abs=2 * TICK_S)
    assert [packet[19] for packet in packets] == [n & 0xFF for n in range(len(packets))]


def test_what_came_late_is_told_again_alone():
    log = ArrivalLog()
    first = log.report(1, 2, [(n, 1.0) for n in (10, 11, 14, 15)])
    assert [n for n, at in told(first).items() if at is None] == [12, 13]
    second = log.report(1, 2, [(12, 1.1), (16, 1.1), (18, 1.1)])
    assert [(read(p).base, read(p).count) for p in second] == [(12, 1), (16, 3)]
    assert log.report(1, 2, []) == []


def test_a_long_silence_and_a_long_gap_start_a_new_packet():
    log = ArrivalLog()
    packets = log.report(1, 2, [(1, 0.0), (2, 9.0), (3, 9.0), (20_003, 9.0)])
    assert [(read(p).base, len(read(p).received)) for p in packets] == [(1, 1), (2, 2), (20_003 - 8190, 1)]


def test_a_publisher_that_uses_a_number_twice_breaks_nothing():
    log = ArrivalLog()
    assert told(log.report(1, 2, [(5, 1.0), (5, 1.0), (6, 1.0)])).keys() == {5, 6}
    log.report(1, 2, [(5, 1.2), (5, 1.3), (60_000, 1.3)])


def test_feedback_fits_any_path():
    packets = ArrivalLog().report(1, 2, [(n * 2, n * 0.02) for n in range(2000)])
    assert max(map(len, packets)) < 1200
