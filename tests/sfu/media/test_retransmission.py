# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Lost on the way in: asked for. Lost on the way out: sent again."""

import struct
from random import Random

from sfu.core import rtcp
from sfu.core.limits_media import MAX_NACK_ANSWERS, MAX_NACK_PENDING, MAX_RESENDS
from sfu.core.media import TrackSid


def call(lab, **fields):
    publisher, receiver = lab.join("a"), lab.join("b")
    lab.router.receive(lab.uplink(publisher, ssrcs=(50, 51), rtx_ssrcs=((50, 51),)))
    lab.router.forward(lab.downlink(receiver, **fields))
    return publisher, receiver


def send(lab, publisher, seq, **fields):
    payload = lab.vp8(seq, seq, key=seq == 0) + b"%d" % seq
    publisher.send(50, seq, timestamp=seq * 3000, payload=payload, **fields)


def nacks(peer):
    return [item.sequences for item in peer.received()[1] if isinstance(item, rtcp.Nack)]


def test_a_gap_is_asked_for_and_the_answer_goes_to_the_receivers(lab):
    publisher, receiver = call(lab)
    for seq in (0, 1, 4, 5):
        send(lab, publisher, seq)
    first = receiver.rtp()
    lab.run(0.04)
    assert nacks(publisher) == [(2, 3)]
    for rtx_seq, seq in ((900, 2), (901, 3)):
        payload = struct.pack("!H", seq) + lab.vp8(seq, seq, key=False) + b"%d" % seq
        publisher.send(51, rtx_seq, timestamp=seq * 3000, payload=payload, payload_type=97, marker=True)
    repaired = receiver.rtp()
    base = first[0].header.sequence
    assert [(p.header.sequence - base) & 0xFFFF for p in repaired] == [2, 3]
    assert [p.payload[-1:] for p in repaired] == [b"2", b"3"]
    assert all(p.header.marker and p.header.payload_type == 120 for p in repaired)
    lab.run(2)
    assert nacks(publisher) == []
    assert lab.router.feedback.lost == 0


def test_a_retransmission_of_what_came_is_dropped(lab):
    publisher, receiver = call(lab)
    send(lab, publisher, 0)
    send(lab, publisher, 1)
    receiver.rtp()
    publisher.send(51, 900, payload=struct.pack("!H", 1) + lab.vp8(1, 1, key=False), payload_type=97)
    publisher.send(51, 901, payload=b"", payload_type=97)
    assert receiver.rtp() == []
    assert lab.dropped == {}


def test_rtx_is_learnt_by_its_header_extension(lab):
    publisher, receiver = lab.join("a"), lab.join("b")
    lab.router.receive(lab.uplink(publisher, layers=lab.simulcast))
    lab.router.forward(lab.downlink(receiver))
    named = [(4, b"3"), (10, b"q")]
    publisher.send(60, 0, payload=lab.vp8(0, 0, key=True), elements=named)
    publisher.send(60, 2, payload=lab.vp8(2, 2, key=False), elements=named)
    payload = struct.pack("!H", 1) + lab.vp8(1, 1, key=False)
    publisher.send(61, 5, payload=payload, payload_type=97, elements=[(4, b"3"), (11, b"q")])
    assert len(receiver.rtp()) == 3


def test_what_never_comes_is_counted_and_not_asked_for_for_ever(lab):
    publisher, _receiver = call(lab)
    send(lab, publisher, 0)
    send(lab, publisher, 5000)
    lab.run(3)
    asked = nacks(publisher)
    assert len({seq for sequences in asked for seq in sequences}) == MAX_NACK_PENDING
    lab.run(3)
    assert nacks(publisher) == []
    assert lab.router.feedback.lost == 4999


def test_a_receivers_nack_is_answered_as_rtx(lab):
    publisher, receiver = call(lab)
    for seq in range(100):
        send(lab, publisher, seq, marker=True)
    sent = receiver.rtp()
    missing = sent[40:45]
    receiver.send_rtcp(rtcp.nack(1, 7001, [p.header.sequence for p in missing]))
    again = receiver.rtp()
    assert [p.header.ssrc for p in again] == [7002] * 5
    assert [p.header.payload_type for p in again] == [121] * 5
    assert [p.payload[2:] for p in again] == [p.payload for p in missing]
    assert [int.from_bytes(p.payload[:2], "big") for p in again] == [p.header.sequence for p in missing]
    assert [p.header.timestamp for p in again] == [p.header.timestamp for p in missing]
    assert again[0].header.marker
    assert again[0].elements[9] == b"0"
    assert lab.engine.stats.retransmitted == 5


def test_without_rtx_the_very_same_bytes_are_sent_again(lab):
    publisher, receiver = call(lab, rtx_ssrc=0)
    for seq in range(50):
        send(lab, publisher, seq)
    protected = receiver.raw()
    sequence = int.from_bytes(protected[20][2:4], "big")
    lab.now += 0.5
    receiver.send_rtcp(rtcp.nack(1, 7001, [sequence]))
    assert receiver.raw() == [protected[20]]


def test_a_small_datagram_cannot_cause_a_flood(lab):
    publisher, receiver = call(lab)
    for seq in range(500):
        send(lab, publisher, seq)
    sent = [p.header.sequence for p in receiver.rtp()]
    for _ in range(50):
        receiver.send_rtcp(rtcp.nack(1, 7001, sent))
    assert len(receiver.raw()) == MAX_NACK_ANSWERS
    for _ in range(50):
        lab.now += 1.0
        receiver.send_rtcp(rtcp.nack(1, 7001, sent[:10]))
    assert len(receiver.raw()) == (MAX_RESENDS - 1) * 10


def test_a_nack_for_somebody_elses_stream_is_ignored(lab):
    publisher, receiver = call(lab)
    for seq in range(10):
        send(lab, publisher, seq)
    sent = receiver.rtp()
    publisher.raw()
    publisher.send_rtcp(rtcp.nack(1, 7001, [p.header.sequence for p in sent]))
    assert publisher.raw() == []
    assert receiver.raw() == []


def test_packets_and_key_frames_are_asked_for_in_the_order_of_events(lab):
    publishers = [lab.join(f"p{number}") for number in range(30)]
    receiver = lab.join("receiver")
    for number, publisher in enumerate(publishers):
        track = TrackSid(f"TR_{number}")
        lab.router.receive(lab.uplink(publisher, track=track, ssrcs=(50,)))
        lab.router.forward(lab.downlink(receiver, track=track, ssrc=7000 + 2 * number, rtx_ssrc=7001 + 2 * number))
    shuffled = Random(1).sample(publishers, len(publishers))
    for publisher in shuffled:
        send(lab, publisher, 0)
    for publisher in shuffled:
        send(lab, publisher, 2)
    lab.wire.clear()
    lab.run(0.04)
    asked = [address for address, packets in lab.wire.items() if address != receiver.address and packets]
    assert asked == [publisher.address for publisher in shuffled]
