# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Streams that hold several layers: what a receiver gets of them is one continuous stream."""

import itertools
import struct
from dataclasses import replace
from pathlib import Path

import pytest

from sfu.core import rtcp
from sfu.core.codecs import parse_vp8
from sfu.core.dependency_descriptor import DescriptorReader
from sfu.core.media import Codec, Extensions, Kind, Wish
from sfu.core.media_description import EXTENSION_URIS

RECORDED = Path(__file__).parents[2] / "fixtures" / "dependency" / "chromium-156-vp9-l3t3-key.hex"
VP9 = Codec(98, "video/VP9", 90000, fmtp="profile-id=0", rtx_payload_type=99, feedback=("nack", "nack pli"))
DEPENDENCY = 12
UPLINK = Extensions(mid=4, abs_send_time=2, dependency_descriptor=DEPENDENCY)
DOWNLINK = Extensions(mid=9, abs_send_time=7, dependency_descriptor=8)


class SvcCamera:
    """Replays the descriptors that Chromium wrote, in a payload that nobody can read (end-to-end encryption)."""

    def __init__(self, lab, publisher):
        self.lab, self.publisher = lab, publisher
        self.descriptors = [bytes.fromhex(line) for line in RECORDED.read_text().split()]
        reader = DescriptorReader()
        self.frames = [reader.read(data) for data in self.descriptors]
        self.at = next(place for place, frame in enumerate(self.frames) if frame.active == 0b111111111)
        self.seq = 65_500
        self.held = []

    def send(self, frames, lose=()):
        for _ in range(frames):
            frame, data = self.frames[self.at], self.descriptors[self.at]
            packet = self.publisher.packet(
                777,
                self.seq,
                timestamp=3000 * (self.at // 3),
                payload=b"\xff%d" % self.at,
                payload_type=98,
                elements=[(4, b"3"), (DEPENDENCY, data)],
                marker=frame.ends and frame.template.spatial == 2,
            )
            (self.held.append if self.at in lose else self.publisher.deliver)(packet)
            self.seq += 1
            self.at += 1
            self.lab.run(0.02)


def svc(lab, **wish):
    publisher, receiver = lab.join("PA_a"), lab.join("PA_b")
    lab.router.receive(lab.uplink(publisher, codecs=(VP9,), extensions=UPLINK))
    lab.router.forward(lab.downlink(receiver, codecs=(replace(VP9, payload_type=44),), extensions=DOWNLINK))
    if wish:
        lab.router.wish(receiver.id, lab.track, Wish(**wish))
    return SvcCamera(lab, publisher), publisher, receiver


def seen(packets):
    """(spatial, temporal) of what came; the descriptors are whole and the numbers have no gap."""
    numbers = [packet.header.sequence for packet in packets]
    assert [(after - before) & 0xFFFF for before, after in itertools.pairwise(numbers)] == [1] * (len(numbers) - 1)
    reader = DescriptorReader()
    frames = [reader.read(packet.elements[8]) for packet in packets]
    return [(frame.template.spatial, frame.template.temporal) for frame in frames]


def test_a_receiver_gets_the_highest_layer_and_of_lower_ones_what_that_needs(lab):
    camera, _, receiver = svc(lab)
    camera.send(18)
    got = receiver.rtp()
    assert seen(got) == [(0, 0), (1, 0), (2, 0), (2, 2), (2, 1), (2, 2), (2, 0), (2, 2)][: len(got)]
    assert [packet.header.marker for packet in got] == [False, False, *[True] * (len(got) - 2)]
    assert {packet.header.payload_type for packet in got} == {44}


def test_a_smaller_picture_is_whole_and_ends_with_a_marker(lab):
    camera, _, receiver = svc(lab, max_quality=1)
    camera.send(18)
    got = receiver.rtp()
    assert {spatial for spatial, _ in seen(got)} == {0, 1}
    assert [packet.header.marker for packet in got][:2] == [False, True]
    assert all(packet.header.marker for packet in got[2:])


def test_fewer_pictures_leave_the_higher_temporal_layers_out(lab):
    camera, _, receiver = svc(lab, max_quality=0, max_fps=7)
    camera.send(26)
    assert set(seen(receiver.rtp())) == {(0, 0)}


def test_a_change_of_size_asks_for_a_key_frame_until_it_comes(lab):
    camera, publisher, receiver = svc(lab, max_quality=0)
    camera.send(9)
    publisher.asked_for_keyframes()
    lab.router.wish(receiver.id, lab.track, Wish())
    camera.send(1)
    lab.run(1.2)
    asked = publisher.asked_for_keyframes()
    assert len(asked) > 1
    assert set(asked) == {777}
    later = next(place for place, frame in enumerate(camera.frames) if frame.brings_structure and place > camera.at)
    camera.send(later - camera.at)
    publisher.asked_for_keyframes()
    camera.send(6)
    got = seen(receiver.rtp())
    assert (2, 0) in got
    lab.run(2.5)
    assert publisher.asked_for_keyframes() == []


def test_a_late_packet_gets_the_number_that_was_kept_for_it(lab):
    camera, publisher, receiver = svc(lab, max_quality=1)
    lost = [camera.at + 7, camera.at + 8]  # of the middle layer, wanted; of the high one, not wanted
    camera.send(18, lose=lost)
    before = [packet.header.sequence for packet in receiver.rtp()]
    missing = sorted(set(range(before[0], before[-1] + 1)) - set(before))
    assert len(missing) == 2
    for packet in camera.held:
        publisher.deliver(packet)
    wanted, unwanted = receiver.rtp()
    assert [wanted.header.sequence, unwanted.header.sequence] == missing
    assert wanted.payload == b"\xff%d" % lost[0]
    assert unwanted.payload == b""  # nobody asks for it again and again


def test_what_is_sent_again_has_the_marker_and_the_descriptor_of_the_first_time(lab):
    camera, _, receiver = svc(lab, max_quality=1)
    camera.send(9)
    first = receiver.rtp()[1]
    receiver.send_rtcp(rtcp.nack(1, 7001, [first.header.sequence]))
    again = receiver.rtp()[0]
    assert again.payload == struct.pack("!H", first.header.sequence) + first.payload
    assert again.header.marker is first.header.marker is True
    assert again.elements[8] == first.elements[8]


def test_the_layers_are_rungs_to_choose_from(lab):
    camera, _, _ = svc(lab)
    camera.send(9)
    rungs = lab.router._tracks[lab.track].rungs()
    assert [(rung.quality, rung.spatial, rung.temporal) for rung in rungs] == [
        (quality, spatial, temporal) for quality, spatial in ((0, 0), (1, 1), (2, 7)) for temporal in (0, 1, 7)
    ]


def test_a_publisher_may_go_on_with_a_codec_that_has_no_layers(lab):
    publisher, receiver = lab.join("PA_a"), lab.join("PA_b")
    both = (VP9, lab.vp8_codec)
    lab.router.receive(lab.uplink(publisher, codecs=both, extensions=UPLINK))
    lab.router.forward(lab.downlink(receiver, codecs=both, extensions=DOWNLINK))
    lab.router.wish(receiver.id, lab.track, Wish(max_quality=1))
    camera = SvcCamera(lab, publisher)

    def rungs():
        return len(lab.router._tracks[lab.track].rungs())

    for number in range(2):  # there and back
        camera.send(12)
        assert {spatial for spatial, _ in seen(receiver.rtp())} == {0, 1}
        assert rungs() == 9
        for picture in range(6):
            payload = lab.vp8(picture, picture, key=picture == 0)
            publisher.send(777, camera.seq, timestamp=3000 * (100 * number + 50 + picture), payload=payload)
            camera.seq += 1
        got = receiver.rtp()
        assert [parse_vp8(packet.payload).starts_frame for packet in got] == [True] * 6
        assert DOWNLINK.dependency_descriptor not in got[0].elements
        assert rungs() == 1
        camera.at = next(at for at in range(camera.at, 66) if camera.frames[at].brings_structure)


def vp9_payload(picture, spatial, temporal, *, key=False):
    """A payload descriptor with layer indices, non-flexible (RFC 9628)."""
    first = 0xA0 | (0 if key else 0x40) | 0x0C
    layers = (temporal << 5) | (0x10 if temporal else 0) | (spatial << 1)
    return bytes((first, 0x80 | (picture >> 8), picture & 0xFF, layers, picture & 0xFF)) + b"frame"


def test_vp9_without_the_extension_is_chosen_by_its_payload_descriptor(lab):
    publisher, receiver = lab.join("PA_a"), lab.join("PA_b")
    lab.router.receive(lab.uplink(publisher, codecs=(VP9,)))
    lab.router.forward(lab.downlink(receiver, codecs=(VP9,)))
    seq = itertools.count(5)

    def picture(number, *, key=False):
        for spatial in range(3):
            publisher.send(
                777,
                next(seq),
                timestamp=3000 * number,
                payload=vp9_payload(number, spatial, 0, key=key),
                payload_type=98,
                elements=[(4, b"3")],
                marker=spatial == 2,
            )
        lab.run(0.04)

    for number in range(4):
        picture(number, key=number == 0)
    assert len(receiver.rtp()) == 12
    lab.router.wish(receiver.id, lab.track, Wish(max_quality=1))
    for number in range(4, 8):
        picture(number)
    got = receiver.rtp()
    assert [(packet.payload[3] >> 1) & 7 for packet in got] == [0, 1] * 4
    assert [packet.header.marker for packet in got] == [False, True] * 4
    numbers = [packet.header.sequence for packet in got]
    assert numbers == list(range(numbers[0], numbers[0] + 8))


@pytest.mark.parametrize("lost", [None, 21])
def test_temporal_layers_of_vp8_are_left_out_without_a_gap(lab, lost):
    publisher, receiver = lab.join("PA_a"), lab.join("PA_b")
    lab.router.receive(lab.uplink(publisher))
    lab.router.forward(lab.downlink(receiver))
    held = []
    for number in range(48):
        if number == 12:
            lab.router.wish(receiver.id, lab.track, Wish(max_fps=7))
        temporal = (0, 2, 1, 2)[number % 4]
        payload = bytearray(lab.vp8(100 + number, 7 + number // 4, key=number == 0))
        payload[5] = (temporal << 6) | (0x20 if temporal else 0)
        packet = publisher.packet(
            50, 1000 + number, timestamp=3000 * number, payload=bytes(payload), elements=[(4, b"3")], marker=True
        )
        (held.append if number == lost else publisher.deliver)(packet)
        lab.run(0.04)
    for packet in held:
        publisher.deliver(packet)
    got = receiver.rtp()
    steady = [packet for packet in got[16:] if packet.payload]
    described = [parse_vp8(packet.payload) for packet in steady]
    assert {one.temporal for one in described} == {0}
    pictures = [one.picture_id for one in described]
    assert pictures == list(range(pictures[0], pictures[0] + len(pictures))) or lost is not None
    assert [one.tl0 for one in described] == list(range(described[0].tl0, described[0].tl0 + len(described)))
    numbers = sorted(packet.header.sequence for packet in got)
    assert numbers == list(range(numbers[0], numbers[0] + len(got)))


def red(payload, previous=None):
    """Redundant audio (RFC 2198): the block before, if any, then this one."""
    if previous is None:
        return b"\x6f" + payload
    head = struct.pack("!BHB", 0x80 | 111, (960 << 2) | (len(previous) >> 8), len(previous) & 0xFF)
    return head + b"\x6f" + previous + payload


def test_a_receiver_without_red_gets_the_newest_block_and_one_with_red_all(lab):
    publisher, plain, redundant = lab.join("PA_a"), lab.join("PA_b"), lab.join("PA_c")
    codec = Codec(63, "audio/red", 48000, 2, "111/111")
    lab.router.receive(lab.uplink(publisher, Kind.AUDIO, codecs=(codec, lab.opus)))
    lab.router.forward(lab.downlink(plain, Kind.AUDIO))
    lab.router.forward(lab.downlink(redundant, Kind.AUDIO, codecs=(replace(codec, payload_type=77),)))
    blocks = [b"opus%d" % number for number in range(5)]
    for number, block in enumerate(blocks):
        payload = red(block, blocks[number - 1] if number else None)
        publisher.send(50, number, timestamp=960 * number, payload=payload, payload_type=63, elements=[(4, b"3")])
    got = plain.rtp()
    assert [packet.payload for packet in got] == blocks
    assert {packet.header.payload_type for packet in got} == {109}
    assert [packet.payload for packet in redundant.rtp()][1] == red(blocks[1], blocks[0])
    publisher.send(50, 5, payload=b"\x80\xff", payload_type=63, elements=[(4, b"3")])
    publisher.send(50, 6, payload=red(b"next"), payload_type=63, elements=[(4, b"3")])
    after = plain.rtp()
    assert [packet.payload for packet in after] == [b"next"]
    assert after[0].header.sequence == got[-1].header.sequence + 1


def test_the_descriptor_is_an_extension_that_answers_accept():
    assert any("dependency-descriptor" in uri for uri in EXTENSION_URIS)
