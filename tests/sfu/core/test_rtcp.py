# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""RTCP: what is written reads back, rubbish is ignored."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from sfu.core import rtcp
from sfu.core.limits_media import MAX_RTCP_PACKETS

U32 = st.integers(0, 2**32 - 1)
REPORTS = st.builds(rtcp.Report, U32, st.integers(0, 255), st.integers(-(2**23), 2**23 - 1), U32, U32, U32, U32)


@given(U32, st.lists(REPORTS, max_size=70))
def test_receiver_reports_read_back(sender: int, reports: list[rtcp.Report]) -> None:
    packets = rtcp.parse(rtcp.receiver_reports(sender, reports))
    blocks = [block for packet in packets if isinstance(packet, rtcp.ReceiverReport) for block in packet.reports]
    assert blocks == reports
    assert all(isinstance(packet, rtcp.ReceiverReport) and packet.ssrc == sender for packet in packets)


@given(st.builds(rtcp.SenderReport, U32, st.integers(0, 2**64 - 1), U32, U32, U32))
def test_a_sender_report_with_its_description_reads_back(report: rtcp.SenderReport) -> None:
    data = rtcp.sender_report(report) + rtcp.source_description(report.ssrc, "PA_x")
    assert len(data) % 4 == 0
    assert rtcp.parse(data) == [report]


@given(U32, st.integers(0, 0xFFFF), st.sets(st.integers(0, 300), min_size=1, max_size=100))
def test_nacks_read_back(ssrc: int, first: int, offsets: set[int]) -> None:
    sequences = [(first + offset) & 0xFFFF for offset in sorted(offsets)]
    assert rtcp.parse(rtcp.nack(1, ssrc, sequences)) == [rtcp.Nack(ssrc, tuple(sequences))]


def test_neighbours_share_an_item_of_a_nack() -> None:
    assert len(rtcp.nack(1, 2, range(17))) == 12 + 4
    assert len(rtcp.nack(1, 2, range(18))) == 12 + 8


def test_both_requests_for_a_key_frame_are_understood() -> None:
    fir = struct.pack("!BBHIIIBBH", 0x84, 206, 4, 1, 0, 42, 7, 0, 0)
    assert rtcp.parse(rtcp.pli(1, 42)) == [rtcp.KeyframeRequest(42)]
    assert rtcp.parse(fir) == [rtcp.KeyframeRequest(42)]


@given(st.integers(1, 2**40), st.lists(U32, max_size=5))
def test_remb_keeps_18_bits_of_the_bitrate(bitrate: int, ssrcs: list[int]) -> None:
    [remb] = rtcp.parse(rtcp.remb(1, bitrate, ssrcs))
    assert isinstance(remb, rtcp.Remb)
    assert remb.ssrcs == tuple(ssrcs)
    assert remb.bitrate <= bitrate < remb.bitrate * (1 + 2**-16) + 1


def test_transport_feedback_is_no_nack() -> None:
    data = struct.pack("!BBHIIHHI", 0x80 | 15, 205, 4, 1, 2, 0, 1, 0)
    assert rtcp.parse(data) == []


def test_what_comes_before_the_damage_counts() -> None:
    assert rtcp.parse(rtcp.pli(1, 42) + b"\x81\xce\xff\xff") == [rtcp.KeyframeRequest(42)]


def test_the_packets_of_one_datagram_are_limited() -> None:
    assert len(rtcp.parse(rtcp.pli(1, 42) * 1000)) == MAX_RTCP_PACKETS


@given(st.binary(max_size=200))
def test_rubbish_never_raises(data: bytes) -> None:
    rtcp.parse(data)


@given(st.integers(0, 63), st.integers(192, 223), st.binary(max_size=120))
def test_framed_rubbish_never_raises(low: int, kind: int, body: bytes) -> None:
    body += bytes(-len(body) % 4)
    rtcp.parse(struct.pack("!BBH", 0x80 | low, kind, len(body) // 4) + body)
