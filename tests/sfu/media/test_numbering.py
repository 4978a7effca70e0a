# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""One transport-wide number per packet sent to a receiver that negotiated it."""

from dataclasses import replace

from sfu.core import rtcp
from sfu.core.media import Extensions, Kind

NUMBERED = Extensions(mid=9, audio_level=5, abs_send_time=7, transport_cc=3)


def numbered(downlink):
    codecs = tuple(replace(codec, feedback=("nack", "transport-cc")) for codec in downlink.codecs)
    return replace(downlink, codecs=codecs, extensions=NUMBERED)


def call(lab):
    """Video and audio to one receiver."""
    publisher, receiver = lab.join("a"), lab.join("b")
    lab.router.receive(lab.uplink(publisher, ssrcs=(50,)))
    lab.router.receive(lab.uplink(publisher, Kind.AUDIO, ssrcs=(60,), track="TR_2", mid="4"))
    lab.router.forward(numbered(lab.downlink(receiver)))
    lab.router.forward(numbered(lab.downlink(receiver, Kind.AUDIO, track="TR_2", mid="1", ssrc=8001)))
    return publisher, receiver


def speak_and_show(lab, publisher, count):
    for n in range(count):
        publisher.send(50, n, timestamp=n * 3000, payload=lab.vp8(n, n, key=n == 0) + bytes(500))
        publisher.send(60, n, timestamp=n * 960, payload_type=111, elements=[(1, b"\x10")])
        lab.run(0.02)


def numbers(packets):
    return [int.from_bytes(packet.elements[NUMBERED.transport_cc], "big") for packet in packets]


def test_all_tracks_share_one_count_and_carry_no_send_time(lab):
    publisher, receiver = call(lab)
    speak_and_show(lab, publisher, 20)
    packets = receiver.rtp()
    assert numbers(packets) == list(range(40))
    assert {packet.header.ssrc for packet in packets} == {7001, 8001}
    assert all(NUMBERED.abs_send_time not in packet.elements for packet in packets)
    assert packets[1].elements[5] == b"\x10"


def test_a_retransmission_has_its_own_number(lab):
    publisher, receiver = call(lab)
    speak_and_show(lab, publisher, 5)
    video = [packet for packet in receiver.rtp() if packet.header.ssrc == 7001]
    receiver.send_rtcp(rtcp.nack(1, 7001, [video[2].header.sequence]))
    [again] = receiver.rtp()
    assert again.header.ssrc == 7002
    assert numbers([again]) == [10]


def test_a_probe_is_made_of_old_packets_as_rtx(lab):
    publisher, receiver = call(lab)
    assert lab.engine.probe(receiver.id, 5000, lab.now) == 0
    speak_and_show(lab, publisher, 5)
    originals = {packet.header.sequence: packet.payload for packet in receiver.rtp()}
    assert 5000 <= lab.engine.probe(receiver.id, 5000, lab.now) < 6000
    padding = receiver.rtp()
    assert numbers(padding) == list(range(10, 10 + len(padding)))
    for packet in padding:
        assert packet.header.ssrc == 7002
        assert packet.payload[2:] == originals[int.from_bytes(packet.payload[:2], "big")]
    assert lab.engine.stats.probes == len(padding)


def test_receivers_without_it_get_send_times(lab):
    publisher, receiver = lab.join("a"), lab.join("b")
    lab.router.receive(lab.uplink(publisher, ssrcs=(50,)))
    lab.router.forward(lab.downlink(receiver, extensions=NUMBERED))  # the codec's feedback does not name it
    publisher.send(50, 0, payload=lab.vp8(0, 0, key=True))
    [packet] = receiver.rtp()
    assert set(packet.elements) == {NUMBERED.mid, NUMBERED.abs_send_time}
