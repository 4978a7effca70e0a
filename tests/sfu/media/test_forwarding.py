# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""One packet from a publisher to its receivers, and everything that must not get through."""

import itertools
import os
import random
import struct

import pylibsrtp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfu.core import limits_media as limits
from sfu.core import rtcp
from sfu.core.media import Codec, Extensions, Kind, LevelsMeasured, TrackSid, TrackStarted
from sfu.media import tables
from sfu.media.contract import SrtpKeys, SrtpProfile

PROFILES = list(SrtpProfile)
REPLAYED = FLIPPED = 10_000


def flipped(datagram: bytes, chance: random.Random) -> bytes:
    """One bit changed; the first byte tells RTP from other protocols."""
    changed, bit = bytearray(datagram), chance.randrange(8, len(datagram) * 8)
    changed[bit // 8] ^= 0x80 >> bit % 8
    return bytes(changed)


@pytest.mark.parametrize("inward", PROFILES)
@pytest.mark.parametrize("outward", PROFILES)
def test_a_packet_is_rewritten_into_the_receivers_terms(lab, inward: SrtpProfile, outward: SrtpProfile) -> None:
    publisher, receiver = lab.join("a", inward), lab.join("b", outward)
    lab.router.receive(lab.uplink(publisher, Kind.AUDIO))
    lab.router.forward(lab.downlink(receiver, Kind.AUDIO))
    for seq in range(65530, 65530 + 20):
        elements = [(4, b"3"), (1, bytes((0x80 | 30,))), (2, b"abc")]
        publisher.send(
            50, seq, timestamp=seq * 960, payload=b"opus%d" % seq, payload_type=111, elements=elements, marker=True
        )
    got = receiver.rtp()
    assert [packet.payload for packet in got] == [b"opus%d" % seq for seq in range(65530, 65550)]
    first = got[0].header.sequence
    for offset, packet in enumerate(got):
        assert packet.header.ssrc == 7001
        assert packet.header.payload_type == 109
        assert packet.header.marker
        assert packet.header.sequence == (first + offset) & 0xFFFF
        assert packet.header.timestamp == (got[0].header.timestamp + offset * 960) & 0xFFFFFFFF
        assert packet.elements[9] == b"0"
        assert packet.elements[5] == bytes((0x80 | 30,))
        assert len(packet.elements[7]) == 3
        assert set(packet.elements) == {9, 5, 7}
    assert [event for event in lab.events if isinstance(event, TrackStarted)] == [
        TrackStarted(publisher.id, lab.track, lab.opus)
    ]
    assert lab.dropped == {}


def test_the_rollover_counter_is_followed_on_both_sides(lab) -> None:
    publisher, receiver = lab.join("a"), lab.join("b")
    lab.router.receive(lab.uplink(publisher, Kind.AUDIO, ssrcs=(50,)))
    lab.router.forward(lab.downlink(receiver, Kind.AUDIO))
    for step in range(30):
        for seq in (step * 10_000, step * 10_000 + 1):
            publisher.send(50, seq, payload=b"%d" % seq, payload_type=111)
    assert [packet.payload for packet in receiver.rtp()] == [
        b"%d" % (step * 10_000 + one) for step in range(30) for one in (0, 1)
    ]


@pytest.mark.parametrize("profile", PROFILES)
def test_nothing_that_was_replayed_or_changed_gets_through_or_moves_the_window(lab, profile: SrtpProfile) -> None:
    publisher, receiver = lab.join("a", profile), lab.join("b")
    lab.router.receive(lab.uplink(publisher, Kind.AUDIO, ssrcs=(50,)))
    lab.router.forward(lab.downlink(receiver, Kind.AUDIO))
    genuine = [publisher.packet(50, seq, payload_type=111, payload=b"x" * 40) for seq in range(1000)]
    for datagram in genuine:
        publisher.deliver(datagram)
    assert len(receiver.rtp()) == 1000
    inbound = lab.engine._peers[publisher.id].inbound[50]
    window = inbound.window.highest, inbound.window.mask
    for datagram in genuine * 10:
        publisher.deliver(datagram)
    assert lab.dropped == {"replay": REPLAYED}
    chance = random.Random(7)
    late = [publisher.packet(50, seq, payload_type=111, payload=b"late %d" % seq) for seq in range(1000, 1100)]
    for number in range(FLIPPED):
        publisher.deliver(flipped(late[number % len(late)], chance))
    assert receiver.rtp() == []
    assert sum(lab.dropped.values()) == REPLAYED + FLIPPED
    assert (inbound.window.highest, inbound.window.mask) == window
    assert lab.engine.stats.packets_in == 1000
    for datagram in late:
        publisher.deliver(datagram)
    assert len(receiver.rtp()) == len(late)


@pytest.mark.parametrize("profile", PROFILES)
def test_replayed_and_changed_rtcp_is_refused(lab, profile: SrtpProfile) -> None:
    publisher = lab.join("a", profile)
    genuine = [publisher.outgoing.protect_rtcp(rtcp.receiver_reports(1, [])) for _ in range(100)]
    for datagram in genuine:
        lab.engine.on_rtcp(publisher.id, datagram, lab.now)
    assert lab.dropped == {}
    for datagram in genuine * 100:
        lab.engine.on_rtcp(publisher.id, datagram, lab.now)
    assert lab.dropped == {"srtcp_auth": REPLAYED}
    chance = random.Random(7)
    late = [publisher.outgoing.protect_rtcp(rtcp.receiver_reports(1, [])) for _ in range(100)]
    for number in range(FLIPPED):
        lab.engine.on_rtcp(publisher.id, flipped(late[number % len(late)], chance), lab.now)
    assert lab.dropped == {"srtcp_auth": REPLAYED + FLIPPED}
    for datagram in late:
        lab.engine.on_rtcp(publisher.id, datagram, lab.now)
    assert lab.dropped == {"srtcp_auth": REPLAYED + FLIPPED}  # the window has not moved past them


def test_a_receiver_without_the_codec_gets_nothing(lab) -> None:
    publisher, receiver = lab.join("a"), lab.join("b")
    lab.router.receive(lab.uplink(publisher, Kind.AUDIO, ssrcs=(50,)))
    lab.router.forward(lab.downlink(receiver, Kind.AUDIO, codecs=(Codec(0, "audio/PCMU", 8000),)))
    publisher.send(50, 1, payload_type=111)
    assert receiver.rtp() == []
    assert lab.dropped == {"codec_missing": 1}


def test_padding_is_taken_off(lab) -> None:
    publisher, receiver = lab.join("a"), lab.join("b")
    lab.router.receive(lab.uplink(publisher, Kind.AUDIO, ssrcs=(50,)))
    lab.router.forward(lab.downlink(receiver, Kind.AUDIO))
    head = struct.pack("!BBHII", 0xA0, 111, 5, 0, 50)
    publisher.deliver(publisher.outgoing.protect(head + b"speech\0\0\3"))
    head = struct.pack("!BBHII", 0xA0, 111, 6, 0, 50)
    publisher.deliver(publisher.outgoing.protect(head + b"speech\0\0\x63"))
    assert [packet.payload for packet in receiver.rtp()] == [b"speech"]
    assert lab.dropped == {"rtp_malformed": 1}


def test_loudness_makes_speakers(lab) -> None:
    publisher = lab.join("a")
    lab.router.receive(lab.uplink(publisher, Kind.AUDIO, ssrcs=(50,)))
    lab.run(0.5)
    for seq in range(100):
        level = 10 if seq < 50 else 120
        publisher.send(50, seq, timestamp=seq * 960, payload_type=111, elements=[(1, bytes((level,)))])
        lab.run(0.02)
    lab.run(4)
    told = [event.levels[0] for event in lab.events if isinstance(event, LevelsMeasured)]
    assert [level.track for level in told] == [lab.track] * len(told)
    assert told[0].active
    assert told[0].level >= 2 / 8
    assert (told[-1].level, told[-1].active) == (0.0, False)


def test_an_ssrc_that_no_section_knows_is_counted_and_learnt_later(lab) -> None:
    publisher, receiver = lab.join("a"), lab.join("b")
    publisher.send(50, 1, payload_type=111, elements=[(4, b"3")])
    assert lab.dropped == {"unknown_ssrc": 1}
    lab.router.receive(lab.uplink(publisher, Kind.AUDIO))
    lab.router.forward(lab.downlink(receiver, Kind.AUDIO))
    publisher.send(50, 2, payload_type=111)
    publisher.send(50, 3, payload_type=111, elements=[(4, b"other")])
    assert lab.dropped == {"unknown_ssrc": 3}
    publisher.send(50, 4, payload_type=111, elements=[(4, b"3")])
    assert len(receiver.rtp()) == 1


def test_a_new_ssrc_of_the_same_section_takes_over(lab) -> None:
    publisher, receiver = lab.join("a"), lab.join("b")
    lab.router.receive(lab.uplink(publisher, Kind.AUDIO))
    lab.router.forward(lab.downlink(receiver, Kind.AUDIO))
    for ssrc in (50, 51):
        for seq in range(5):
            publisher.send(ssrc, seq * 7, payload_type=111, elements=[(4, b"3")])
    got = receiver.rtp()
    assert len(got) == 10
    assert [p.header.sequence for p in got[:1]] + [
        (got[0].header.sequence + one) & 0xFFFF for one in (7, 14, 21, 28, 29, 36, 43, 50, 57)
    ] == [p.header.sequence for p in got]


def test_a_sending_ssrc_that_comes_back_goes_on_where_it_stopped(lab) -> None:
    """Under AES-GCM a packet index that is used twice gives the key stream away."""
    publisher, receiver = lab.join("a"), lab.join("b")
    lab.router.receive(lab.uplink(publisher, Kind.AUDIO, ssrcs=(50,)))
    sequences = []
    for round_ in range(5):
        lab.router.forward(lab.downlink(receiver, Kind.AUDIO))
        for seq in range(10):
            publisher.send(50, round_ * 100 + seq, payload_type=111)
        sequences += [packet.header.sequence for packet in receiver.rtp()]
        lab.router.stop_forwarding(receiver.id, lab.track)
    assert sequences == [(sequences[0] + offset) & 0xFFFF for offset in range(50)]


def test_two_streams_of_one_ssrc_are_refused(lab):
    """They would share packet indices."""
    receiver = lab.join("b")
    lab.router.forward(lab.downlink(receiver))
    for ssrc, rtx_ssrc in ((7001, 8), (8, 7001), (7002, 8), (8, 7002), (9, 9)):
        lab.router.forward(lab.downlink(receiver, track=TrackSid("TR_2"), ssrc=ssrc, rtx_ssrc=rtx_ssrc))
    assert list(lab.engine._peers[receiver.id].downs) == [lab.track]
    assert lab.dropped == {"ssrc_clash": 5}


@pytest.mark.parametrize("size", [3, 40])
def test_the_dependency_descriptor_goes_along_where_receivers_need_it(lab, size):
    publisher, receiver = lab.join("a"), lab.join("b")
    vp9 = Codec(98, "video/VP9", 90000, fmtp="profile-id=0", rtx_payload_type=99)
    there = Extensions(mid=4, dependency_descriptor=12, rid=10)
    here = Extensions(mid=9, dependency_descriptor=3, abs_send_time=7)
    lab.router.receive(lab.uplink(publisher, codecs=(vp9, lab.vp8_codec), extensions=there, ssrcs=(50,)))
    lab.router.forward(lab.downlink(receiver, codecs=(vp9, lab.vp8_codec), extensions=here))
    descriptor = random.Random(size).randbytes(size)
    named = [(4, b"3"), (12, descriptor), (10, b"q")]
    publisher.send(50, 1, payload=b"\x08key", payload_type=98, elements=named)
    [packet] = receiver.rtp()
    assert packet.elements[3] == descriptor
    assert packet.elements[9] == b"0"
    assert set(packet.elements) == {3, 9, 7}
    receiver.send_rtcp(rtcp.nack(1, 7001, [packet.header.sequence]))
    [again] = receiver.rtp()
    assert again.elements[3] == descriptor
    publisher.send(50, 2, payload=lab.vp8(0, 0, key=True), payload_type=96, elements=named)
    [other] = receiver.rtp()
    assert 3 not in other.elements


def test_renegotiation_changes_ids_in_place(lab) -> None:
    publisher, receiver = lab.join("a"), lab.join("b")
    lab.router.receive(lab.uplink(publisher, Kind.AUDIO, ssrcs=(50,)))
    lab.router.forward(lab.downlink(receiver, Kind.AUDIO))
    publisher.send(50, 1, payload_type=111)
    lab.router.forward(lab.downlink(receiver, Kind.AUDIO, mid="17", extensions=Extensions(mid=3)))
    lab.router.receive(lab.uplink(publisher, Kind.AUDIO, codecs=(Codec(100, "audio/opus", 48000, 2),)))
    publisher.send(50, 2, payload_type=100)
    before, after = receiver.rtp()
    assert after.header.sequence == (before.header.sequence + 1) & 0xFFFF
    assert after.elements == {3: b"17"}


def test_everything_that_a_publisher_could_grow_is_capped(lab) -> None:
    publisher = lab.join("a")
    for ssrc in range(2000):
        publisher.send(10_000 + ssrc, 1, elements=[(4, b"?")])
    row = lab.engine._peers[publisher.id]
    assert len(row.inbound) == limits.MAX_UNKNOWN_SSRCS_PER_PEER
    for number in range(2000):
        lab.router.receive(lab.uplink(publisher, track=TrackSid(f"TR_{number}"), mid=f"m{number}"))
    assert len(lab.router._uplinks[publisher.id]) == limits.MAX_UPLINKS_PER_PEER
    for number in range(2000):
        lab.router.receive(lab.uplink(publisher, track=TrackSid("TR_0"), mid="m0", ssrcs=(90_000 + number,)))
    assert len(row.inbound) <= limits.MAX_SSRCS_PER_PEER
    assert len(lab.engine._streams) <= limits.MAX_UPLINKS_PER_PEER * limits.MAX_STREAMS_PER_UPLINK
    assert lab.dropped["ssrc_cap"] > 0
    assert lab.dropped["uplink_cap"] == 2000 - limits.MAX_UPLINKS_PER_PEER
    lab.router.close_peer(publisher.id)
    assert lab.engine._streams == {}
    assert lab.router._tracks == {}
    assert lab.router._layers == {}


def test_layers_that_were_never_announced_are_capped(lab) -> None:
    publisher = lab.join("a")
    lab.router.receive(lab.uplink(publisher, layers=lab.simulcast))
    for number in range(60):
        publisher.send(200 + number, 1, payload=lab.vp8(0, 0, key=True), elements=[(4, b"3"), (10, b"r%d" % number)])
    assert len(lab.engine._streams) <= limits.MAX_STREAMS_PER_UPLINK


def test_downlinks_are_capped_and_closing_frees_them(lab) -> None:
    receiver = lab.join("b")
    for number in range(2000):
        lab.router.forward(
            lab.downlink(receiver, track=TrackSid(f"TR_{number}"), ssrc=number * 2 + 1, rtx_ssrc=number * 2 + 2)
        )
    assert len(lab.engine._peers[receiver.id].downs) == limits.MAX_DOWNLINKS_PER_PEER
    lab.router.close_peer(receiver.id)
    assert lab.router._tracks == {}
    assert lab.router._downlinks == {}


def test_resubscribing_never_uses_an_index_twice_and_ends_at_the_limit(lab, monkeypatch) -> None:
    monkeypatch.setattr(tables, "MAX_SPENT_SSRCS_PER_PEER", 20)
    publisher, receiver = lab.join("a"), lab.join("b")
    lab.router.receive(lab.uplink(publisher, Kind.AUDIO, ssrcs=(50,)))
    sequences = []
    for seq in range(10):  # again and again under the same SSRC
        lab.router.forward(lab.downlink(receiver, Kind.AUDIO, ssrc=7001))
        publisher.send(50, seq, payload_type=111)
        sequences += [packet.header.sequence for packet in receiver.rtp()]
        lab.router.stop_forwarding(receiver.id, lab.track)
    assert [(after - before) & 0xFFFF for before, after in itertools.pairwise(sequences)] == [1] * 9
    for number in range(2000):
        lab.router.forward(lab.downlink(receiver, Kind.AUDIO, ssrc=8000 + number))
        publisher.send(50, 10 + number, payload_type=111)
        lab.router.stop_forwarding(receiver.id, lab.track)
    assert len(lab.engine._peers[receiver.id].spent) == 20
    assert lab.dropped["downlink_cap"] == 2000 - 19


def test_arrivals_between_two_feedbacks_are_capped(lab) -> None:
    publisher = lab.join("a")
    codec = Codec(111, "audio/opus", 48000, 2, feedback=("transport-cc",))
    extensions = Extensions(mid=4, transport_cc=3)
    lab.router.receive(lab.uplink(publisher, Kind.AUDIO, ssrcs=(50,), codecs=(codec,), extensions=extensions))
    for seq in range(2 * limits.MAX_ARRIVALS):
        publisher.send(50, seq, payload_type=111, elements=[(3, struct.pack("!H", seq))])
    assert len(lab.engine._peers[publisher.id].arrivals) == limits.MAX_ARRIVALS


@pytest.mark.parametrize(("kind", "size"), [(Kind.AUDIO, limits.AUDIO_HISTORY), (Kind.VIDEO, limits.VIDEO_HISTORY)])
def test_what_is_kept_to_be_sent_again_is_capped(lab, kind: Kind, size: int) -> None:
    publisher, receiver = lab.join("a"), lab.join("b")
    lab.router.receive(lab.uplink(publisher, kind, ssrcs=(50,)))
    lab.router.forward(lab.downlink(receiver, kind))
    for seq in range(3 * size):
        publisher.send(50, seq, payload=lab.vp8(seq, seq, key=not seq), payload_type=111 if kind is Kind.AUDIO else 96)
    sequences = [packet.header.sequence for packet in receiver.rtp()]
    [down] = lab.engine._peers[receiver.id].downs.values()
    assert len(down.history.ring) == size
    lab.now += 1
    receiver.send_rtcp(rtcp.nack(1, 7001, [sequences[0], sequences[-1]]))
    assert len(receiver.raw()) == 1


def test_packets_before_the_handshake_are_dropped(lab) -> None:
    publisher = lab.join("a")
    datagram = publisher.packet(50, 1)
    lab.router.open_peer(publisher.id)
    publisher.deliver(datagram)
    lab.engine.on_rtcp(publisher.id, b"\x80\xc9" + bytes(30), lab.now)
    assert lab.dropped == {"before_keys": 2}


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0x80, 0x90, 0xA0, 0xB0, 0x9F]),
            st.sampled_from([96, 97, 111, 127]),
            st.integers(0, 65535),
            st.sampled_from([50, 51, 52]),
            st.binary(max_size=60),
        ),
        max_size=20,
    )
)
def test_authentic_nonsense_never_raises(new_lab, packets: list[tuple[int, int, int, int, bytes]]) -> None:
    lab = new_lab()
    publisher, receiver = lab.join("a"), lab.join("b")
    lab.router.receive(lab.uplink(publisher, codecs=(lab.vp8_codec,), ssrcs=(50,), rtx_ssrcs=((50, 51),)))
    lab.router.forward(lab.downlink(receiver))
    for first, second, seq, ssrc, rest in packets:
        plain = struct.pack("!BBHII", first, second, seq, 0, ssrc) + rest
        try:
            protected = publisher.outgoing.protect(plain)
        except pylibsrtp.Error:
            continue  # libsrtp itself refuses to send such a header
        publisher.deliver(protected)
    lab.run(0.1)
    receiver.received()


@given(st.lists(st.binary(min_size=4, max_size=80), max_size=10))
def test_authentic_nonsense_in_rtcp_never_raises(new_lab, packets: list[bytes]) -> None:
    lab = new_lab()
    publisher, receiver = lab.join("a"), lab.join("b")
    lab.router.receive(lab.uplink(publisher, ssrcs=(50,)))
    lab.router.forward(lab.downlink(receiver))
    for packet in packets:
        for peer in (publisher, receiver):
            peer.send_rtcp(b"\x81" + packet[:3] + (50).to_bytes(4, "big") + packet[3:])
    lab.run(0.1)


def test_keys_are_never_shown() -> None:
    secret = os.urandom(28)
    shown = repr(SrtpKeys(SrtpProfile.GCM, secret, secret))
    assert secret.hex() not in shown
    assert repr(secret) not in shown
