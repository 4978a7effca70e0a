# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""RTCP on its timers."""

import itertools
import struct
from dataclasses import replace

import pytest

from sfu.core import rtcp
from sfu.core.media import Extensions, Kind, QualityMeasured
from sfu.core.send_log import OVERHEAD
from sfu.core.twcc import REFERENCE_S, TICK_S, TransportFeedback
from sfu.media.feedback import REMB_BITRATE

NTP = 0xE9000000 << 32


def of_kind(items, kind):
    return [item for item in items if isinstance(item, kind)]


def test_publishers_hear_what_came_and_what_they_may_send(lab):
    publisher = lab.join("a")
    lab.router.receive(lab.uplink(publisher, ssrcs=(50,)))
    for seq in range(1000, 1100):
        if seq % 10:
            publisher.send(50, seq, timestamp=seq * 900, payload=lab.vp8(seq, seq, key=False))
        lab.run(0.02)
    publisher.send_rtcp(rtcp.sender_report(rtcp.SenderReport(50, NTP, 0, 0, 0)))
    lab.run(1)
    _, items = publisher.received()
    remb = of_kind(items, rtcp.Remb)
    assert (remb[-1].bitrate, remb[-1].ssrcs) == (pytest.approx(REMB_BITRATE, rel=1e-4), (50,))
    reports = [block for item in of_kind(items, rtcp.ReceiverReport) for block in item.reports]
    assert 2 <= len(reports) <= 5
    assert all(block.ssrc == 50 for block in reports)
    assert reports[-1].highest == 1099
    assert reports[-1].lost == 9  # 1000 was lost before anything came
    assert reports[-1].last_sr == (NTP >> 16) & 0xFFFFFFFF
    assert 0 < reports[-1].delay <= 65536


def test_publishers_hear_when_each_packet_came_where_that_was_negotiated(lab):
    publisher = lab.join("a")
    codec = replace(lab.vp8_codec, feedback=("nack", "goog-remb", "transport-cc"))
    lab.router.receive(
        lab.uplink(publisher, ssrcs=(50,), codecs=(codec,), extensions=Extensions(mid=4, transport_cc=3))
    )
    began, lost = lab.now, {40, 41}
    for number in range(200):
        if number not in lost:  # every other packet is of a stream that no section names yet
            number_on_wire = struct.pack("!H", (65_500 + number) & 0xFFFF)
            publisher.send(50 + number % 2, number // 2, elements=[(3, number_on_wire)])
        lab.run(0.02)
    _, items = publisher.received()
    assert of_kind(items, rtcp.Remb) == []
    feedback = of_kind(items, TransportFeedback)
    assert len(feedback) >= 30
    came = {
        (item.base + offset - 65_500) & 0xFFFF: item.reference * REFERENCE_S + ticks * TICK_S
        for item in feedback
        for offset, ticks in item.received
    }
    assert set(range(195)) - set(came) == lost
    assert came[150] - came[0] == pytest.approx(150 * 0.02, abs=0.001)
    assert came[0] == pytest.approx(began, abs=0.001)


def test_receivers_get_the_publishers_clock_in_their_own_timestamps(lab):
    publisher, receiver = lab.join("a"), lab.join("b")
    lab.router.receive(lab.uplink(publisher, Kind.AUDIO, ssrcs=(50,)))
    lab.router.forward(lab.downlink(receiver, Kind.AUDIO))
    for seq in range(10):
        publisher.send(50, seq, timestamp=5_000_000 + seq * 960, payload_type=111)
        lab.run(0.02)
    media, items = receiver.received()
    assert of_kind(items, rtcp.SenderReport) == []  # nothing true could be said yet
    offset = (media[0].header.timestamp - 5_000_000) & 0xFFFFFFFF
    publisher.send_rtcp(rtcp.sender_report(rtcp.SenderReport(50, NTP, 5_000_000, 9, 9)))
    reported_at = lab.now
    lab.run(0.3)
    [report] = of_kind(receiver.received()[1], rtcp.SenderReport)
    since = (report.ntp - NTP) / 2**32
    assert 0 <= since <= lab.now - reported_at
    assert (report.timestamp - offset) & 0xFFFFFFFF == pytest.approx(5_000_000 + since * 48000, abs=2)
    assert (report.ssrc, report.packets, report.octets) == (7001, 10, 10 * len(b"payload"))


def test_sender_reports_come_every_second_at_first_and_then_every_three(lab):
    publisher, receiver = lab.join("a"), lab.join("b")
    lab.router.receive(lab.uplink(publisher, Kind.AUDIO, ssrcs=(50,)))
    lab.router.forward(lab.downlink(receiver, Kind.AUDIO))
    speech = itertools.count(1)

    def reports(seconds, *, speaks=True):
        for _ in range(round(seconds / 0.2)):
            if speaks:
                publisher.send(50, next(speech), payload_type=111)
            lab.run(0.2)
        return len(of_kind(receiver.received()[1], rtcp.SenderReport))

    publisher.send(50, 0, payload_type=111)
    publisher.send_rtcp(rtcp.sender_report(rtcp.SenderReport(50, NTP, 0, 0, 0)))
    assert reports(10) in {8, 9, 10}
    assert reports(30) in {9, 10, 11}
    assert reports(30, speaks=False) <= 1  # of what was sent before
    assert reports(2) >= 1


def test_what_a_receiver_was_sent_is_counted_by_kind(lab):
    publisher, receiver = lab.join("a"), lab.join("b")
    for number, kind in enumerate((Kind.AUDIO, Kind.VIDEO)):
        track, payload_type = f"TR_{kind.value}", 96 if kind is Kind.VIDEO else 111
        lab.router.receive(lab.uplink(publisher, kind, track=track, mid=str(number), ssrcs=(50 + number,)))
        lab.router.forward(lab.downlink(receiver, kind, track=track, mid=str(number), ssrc=7001 + 10 * number))
        for seq in range(10 + number):
            payload = lab.vp8(seq, seq, key=not seq) if kind is Kind.VIDEO else b"payload"
            publisher.send(50 + number, seq, payload_type=payload_type, payload=payload)
    sizes = {}
    for packet in receiver.received()[0]:
        sizes.setdefault(packet.header.ssrc, []).append(len(packet.payload) + OVERHEAD)
    assert [len(sizes[ssrc]) for ssrc in (7001, 7011)] == [10, 11]
    assert lab.engine.sent(receiver.id) == (sum(sizes[7011]), sum(sizes[7001]))
    lab.router.close_peer(receiver.id)
    assert lab.engine.sent(receiver.id) == (0, 0)


def test_the_round_trip_to_a_receiver_is_measured(lab):
    publisher, receiver = lab.join("a"), lab.join("b")
    lab.router.receive(lab.uplink(publisher, Kind.AUDIO, ssrcs=(50,)))
    lab.router.forward(lab.downlink(receiver, Kind.AUDIO))
    publisher.send(50, 1, payload_type=111)
    publisher.send_rtcp(rtcp.sender_report(rtcp.SenderReport(50, NTP, 0, 0, 0)))
    while not (reports := of_kind(receiver.received()[1], rtcp.SenderReport)):
        lab.run(0.02)
    lab.run(0.3)
    block = rtcp.Report(7001, 0, 0, 0, 0, (reports[0].ntp >> 16) & 0xFFFFFFFF, int(0.2 * 65536))
    receiver.send_rtcp(rtcp.receiver_reports(1, [block]))
    row = lab.router._downlinks[receiver.id][lab.track]
    assert row.rtt == pytest.approx(0.1, abs=0.025)


@pytest.mark.parametrize("rtt", [0.04, 1.3])
def test_a_path_longer_than_the_reports_interval_is_measured_too(lab, rtt):
    publisher, receiver = lab.join("a"), lab.join("b")
    lab.router.receive(lab.uplink(publisher, Kind.AUDIO, ssrcs=(50,)))
    lab.router.forward(lab.downlink(receiver, Kind.AUDIO))
    on_the_way = []
    for seq in range(250):
        publisher.send(50, seq, timestamp=seq * 960, payload_type=111)
        if seq % 40 == 10:
            publisher.send_rtcp(rtcp.sender_report(rtcp.SenderReport(50, NTP + seq * 2**32 // 50, seq * 960, 9, 9)))
        lab.run(0.02)
        on_the_way += [(lab.now + rtt, item) for item in of_kind(receiver.received()[1], rtcp.SenderReport)]
        while on_the_way and on_the_way[0][0] <= lab.now:
            _, item = on_the_way.pop(0)
            block = rtcp.Report(item.ssrc, 0, 0, 0, 0, (item.ntp >> 16) & 0xFFFFFFFF, 0)
            receiver.send_rtcp(rtcp.receiver_reports(1, [block]))
    [known] = lab.router._downlinks[receiver.id].values()
    assert known.rtt == pytest.approx(rtt, abs=0.04)


def test_the_quality_of_both_ends_is_measured_every_five_seconds_and_told_when_it_changed(lab):
    publisher, receiver = lab.join("a"), lab.join("b")
    lab.router.receive(lab.uplink(publisher, Kind.AUDIO, ssrcs=(50,)))
    lab.router.forward(lab.downlink(receiver, Kind.AUDIO))

    def talk(seconds, lost_up, lost_down):
        start = round(lab.now / 0.02)
        for n in range(start, start + round(seconds / 0.02)):
            if n % 100 >= lost_up:
                publisher.send(50, n, timestamp=n * 960, payload_type=111)
            if n % 50 == 0:
                talk.lost += lost_down / 2
                receiver.send_rtcp(rtcp.receiver_reports(1, [rtcp.Report(7001, 0, int(talk.lost), n, 0)]))
            lab.run(0.02)

    talk.lost = 0.0
    talk(12, 0, 0)
    assert of_kind(lab.events, QualityMeasured) == []
    talk(12, 0, 8)
    assert {peer for event in of_kind(lab.events, QualityMeasured) for peer, _ in event.scores} == {"b"}
    assert dict(of_kind(lab.events, QualityMeasured)[-1].scores)["b"] < 60
    talk(12, 8, 0)
    assert dict(of_kind(lab.events, QualityMeasured)[-1].scores).keys() == {"a", "b"}
