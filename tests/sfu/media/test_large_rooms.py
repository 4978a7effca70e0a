# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""In a large room the loudest are heard, each as one stream without a gap in its numbers."""

from sfu.core.media import Downlink, Kind, TrackSid


def microphone(lab, name, ssrc, listener, number):
    publisher, track = lab.join(name), TrackSid(f"TR_{name}")
    lab.router.receive(lab.uplink(publisher, Kind.AUDIO, track=track, room="RM_1", max_speakers=1))
    downlink: Downlink = lab.downlink(listener, Kind.AUDIO, track=track, ssrc=ssrc, mid=str(number))
    lab.router.forward(downlink)
    return publisher


def test_the_quieter_one_is_left_out_and_comes_back_without_a_gap(lab):
    listener = lab.join("PA_listener")
    ann, ben = (microphone(lab, name, 7000 + number, listener, number) for number, name in enumerate(("ann", "ben")))
    heard = []

    def speak(level_of_ann, level_of_ben, packets):
        for _ in range(packets):
            at = len(heard)
            heard.append(at)
            for publisher, level in ((ann, level_of_ann), (ben, level_of_ben)):
                elements = [(4, b"3"), (1, bytes((level,)))]
                publisher.send(
                    50, 900 + at, timestamp=960 * at, payload=b"%d" % at, payload_type=111, elements=elements
                )
            lab.run(0.02)
        got = {7000: [], 7001: []}
        for packet in listener.rtp():
            got[packet.header.ssrc].append(packet)
        return got[7000], got[7001]

    first, second = speak(20, 90, 10)
    assert (len(first), len(second)) == (10, 0)
    more, second = speak(90, 20, 100)
    assert second[0].payload == b"10"  # its first loud packet
    assert len(second) == 100
    again, _ = speak(10, 127, 150)
    assert again[-1].payload == b"259"
    ours = [packet.header.sequence for packet in (*first, *more, *again)]
    assert ours == [(ours[0] + number) & 0xFFFF for number in range(len(ours))]
    stamps = {int(packet.payload): packet.header.timestamp for packet in (*first, *again)}
    assert stamps[259] - stamps[9] == 960 * 250  # the silence between is time that passed


def test_a_room_that_ended_is_forgotten(lab):
    listener = lab.join("PA_listener")
    ann = microphone(lab, "ann", 7000, listener, 0)
    ann.send(50, 1, payload=b"a", payload_type=111, elements=[(4, b"3"), (1, b"\x10")])
    assert len(lab.engine._seats) == 1
    lab.router.close_peer(ann.id)
    assert lab.engine._seats == {}
