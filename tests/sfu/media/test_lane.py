# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The media thread of the native engine: packets pass while Python computes, and nothing is overtaken."""

import asyncio
import itertools
import os
import select
import shutil
import socket
import subprocess
import sys
import time
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from sfu import native
from sfu.core import rtp
from sfu.core.dependency_descriptor import DescriptorReader
from sfu.core.media import Codec, Kind, PeerLost, TrackSid, Wish
from sfu.media.native_engine import NativeEngine
from tests.sfu.media.test_layers_in_a_stream import DOWNLINK, RECORDED, UPLINK, VP9

LANE_MESSAGES = 2048
ROOT = Path(__file__).parents[3]
MEDIA_NICE = -10
TWICE = Codec(111, "audio/opus", 48000, 2), Codec(112, "audio/opus", 48000, 2)
"""A codec under two numbers: whenever a stream goes from one to the other, Python is asked."""
WITHIN_S = 15.0
SO_NO_CHECK = 11
"""Linux's number; `socket` does not name it."""


@pytest.fixture
def engine():
    """Only this one has a thread."""
    reason = native.why_not()
    if reason is not None:
        pytest.skip(reason)
    return "native"


def read_without_the_loop(wire, count):
    """So many media datagrams from a client's socket, while the loop stands still."""
    found, deadline = [], time.monotonic() + WITHIN_S
    while len(found) < count:
        assert select.select([wire.socket], [], [], deadline - time.monotonic())[0], f"{len(found)} came"
        data = wire.socket.recv(2048)
        if not 192 <= data[1] <= 223 and data[0] >= 128:
            found.append(data)
    return found


class Scalable:
    """A VP9 stream with the descriptors that Chromium wrote, on its way to a receiver."""

    track = TrackSid("TR_scalable")

    def __init__(self, stage, publisher, receiver):
        self.publisher, self.at = publisher, 0
        self.descriptors = [bytes.fromhex(line) for line in RECORDED.read_text().split()]
        reader = DescriptorReader()
        self.frames = [reader.read(data) for data in self.descriptors]
        self.whole = next(at for at, frame in enumerate(self.frames) if frame.active == frame.structure.everything)
        """The key frame with which Chromium begins to send all layers."""
        stage.plane.receive(stage.uplink(publisher, track=self.track, mid="5", codecs=(VP9,), extensions=UPLINK))
        stage.plane.forward(
            stage.downlink(receiver, track=self.track, mid="2", ssrc=8101, codecs=(VP9,), extensions=DOWNLINK)
        )
        self.down = stage.plane._engine._peers[receiver.id].downs[self.track]

    def send(self, count):
        """The next frames, a packet each; gives them."""
        first, self.at = self.at, self.at + count
        for at in range(first, self.at):
            elements = [(4, b"5"), (UPLINK.dependency_descriptor, self.descriptors[at])]
            self.publisher.send(777, at, payload=b"frame %d" % at, payload_type=98, elements=elements)
        return self.frames[first : self.at]


def sent_by(engine):
    """(packets, messages given to the kernel)."""
    return tuple(sum(getattr(c, name) for c in engine._engines()) for name in ("packets_out", "messages"))


async def test_packets_pass_while_the_loop_computes(stage):
    publisher, receiver = await stage.audio_call()
    await stage.heard(publisher, receiver, 1)
    for seq in range(100, 200):
        publisher.send(50, seq)
    assert len(read_without_the_loop(receiver.wire, 100)) == 100


@pytest.mark.parametrize("refused", [False, True], ids=["in-segments", "one-by-one"])
async def test_a_burst_arrives_whole_and_in_its_order(stage, refused):
    """Datagrams of one size and one receiver leave together, and apart where the kernel will not have that."""
    publisher, receiver = await stage.audio_call()
    await stage.heard(publisher, receiver, 1)
    engine = stage.plane._engine
    if refused:  # the kernel cuts no messages that are to go without checksums
        with socket.socket(fileno=os.dup(engine._peers[receiver.id].c.fd)) as ours:
            ours.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
    sizes = [100, 100, 100, 60, 100, 100, 100, 700, 700, 30, 30, 30, 31, *[500] * 40]
    payloads = [bytes([seq]) * size for seq, size in enumerate(sizes, 10)]
    before = sent_by(engine)
    native.unyielding().tables_lock(engine.lock_at)  # the thread finds them all at once
    try:
        for seq, payload in enumerate(payloads, 10):
            publisher.send(50, seq, payload=payload)
    finally:
        native.unyielding().tables_unlock(engine.lock_at)
    receiver.wire.media += read_without_the_loop(receiver.wire, len(payloads))
    assert receiver.payloads() == payloads
    packets, messages = (after - earlier for after, earlier in zip(sent_by(engine), before, strict=True))
    assert packets == len(payloads)
    assert messages < packets / 2
    assert engine.dropped == {}


async def test_layers_are_chosen_while_the_loop_computes(stage):
    publisher, receiver = await stage.audio_call()
    camera = Scalable(stage, publisher, receiver)
    camera.at = camera.whole
    stage.plane.wish(receiver.id, camera.track, Wish(max_quality=0))
    camera.send(3)
    await stage.until(lambda: camera.down.selection is not None and camera.down.selection.spatial == 0)
    await stage.until(receiver.payloads)
    expected = [frame for frame in camera.send(20) if frame.template.spatial == 0]
    passed = read_without_the_loop(receiver.wire, len(expected))
    assert 0 < len(passed) < 20
    reader = DescriptorReader(structure=expected[0].structure, active=expected[0].active)
    got = [reader.read(rtp.read_extensions(data)[DOWNLINK.dependency_descriptor]) for data in passed]
    assert [frame.template for frame in got] == [frame.template for frame in expected]


async def test_news_of_layers_is_told_again_where_there_was_no_room_for_it(stage):
    publisher, receiver = await stage.audio_call()
    camera, engine, told = Scalable(stage, publisher, receiver), stage.plane._engine, []
    camera.send(3)
    await stage.until(receiver.payloads)
    take, engine._layered = engine._layered, lambda *news: (told.append(news[1:]), take(*news))
    stranger, before = stage.wire(), engine.dropped["lane_full"]
    while engine.dropped["lane_full"] == before:  # the loop stands still
        stranger.put(b"\x01" + os.urandom(30))
    camera.at = camera.whole
    camera.send(3)
    read_without_the_loop(receiver.wire, 3)
    await stage.until(lambda: camera.send(1) and told)
    assert told[0] == (3, 3)
    stranger.close()


async def test_what_comes_while_a_decision_is_awaited_does_not_overtake_it(stage):
    """Packets of a payload type that was not there before are decided of in Python; what follows waits behind them."""
    publisher, receiver = await stage.audio_call()
    await stage.heard(publisher, receiver, 0)
    got, sent = [], [b"packet %d" % seq for seq in range(5, 3005)]
    stage.plane.receive(stage.uplink(publisher, Kind.AUDIO, codecs=TWICE))

    def send():
        for seq, payload in enumerate(sent, 5):
            publisher.send(50, seq, payload=payload, payload_type=TWICE[seq // 10 % 2].payload_type)

    sending = asyncio.create_task(asyncio.to_thread(send))
    await stage.until(lambda: sending.done() or got.extend(receiver.payloads()))
    await sending
    ends = itertools.count(4000)
    await stage.until(
        lambda: (
            b"the end" in got
            or publisher.send(50, next(ends), payload=b"the end", payload_type=TWICE[0].payload_type)
            or got.extend(receiver.payloads())
        )
    )
    numbers = [sent.index(payload) for payload in got if payload in sent]
    assert numbers == sorted(numbers)
    assert len(numbers) > 200
    publisher.send(50, next(ends))  # and none is left behind: this one passes without Python
    read_without_the_loop(receiver.wire, 1)


async def test_a_decision_keeps_back_its_stream_alone(stage):
    publisher, receiver = await stage.audio_call()
    other = TrackSid("TR_other")
    stage.plane.receive(stage.uplink(publisher, Kind.AUDIO, track=other, mid="4", ssrcs=(60,), codecs=TWICE))
    stage.plane.forward(stage.downlink(receiver, Kind.AUDIO, track=other, mid="1", ssrc=8001))
    got, numbers = await stage.heard(publisher, receiver, 1), itertools.count()
    await stage.until(
        lambda: (
            b"other" in got
            or publisher.send(60, next(numbers), payload=b"other", payload_type=TWICE[0].payload_type)
            or got.update(receiver.payloads())
        )
    )
    await stage.heard(publisher, receiver, 50)  # and nothing is under way any more
    after = [b"decided", b"behind it"]
    for payload in after:
        publisher.send(60, next(numbers), payload=payload, payload_type=TWICE[1].payload_type)
    for seq in range(100, 110):
        publisher.send(50, seq)
    passed = read_without_the_loop(receiver.wire, 10)
    assert {int.from_bytes(datagram[8:12], "big") for datagram in passed} == {7001}
    decided = []
    await stage.until(lambda: decided.extend(receiver.payloads()) or len(decided) >= len(after))
    assert decided == after


async def test_an_address_that_changes_hands_gives_nobody_another_s_packets(stage):
    """Whose the packets are is asked anew once a check came from the address for somebody else."""
    publisher, receiver = await stage.audio_call()
    await stage.heard(publisher, receiver, 1)
    heir = stage.client("heir")
    heir.open()
    heir.wire.close()
    stage.plane.close_peer(publisher.id)
    heir.wire = publisher.wire
    await heir.check()
    before = stage.dropped.get("before_keys", 0)
    publisher.send(50, 10)
    await stage.until(lambda: stage.dropped.get("before_keys", 0) > before)
    assert not receiver.payloads()


async def test_what_python_is_too_slow_for_is_dropped_and_counted(stage):
    publisher, receiver = await stage.audio_call()
    await stage.heard(publisher, receiver, 1)
    stranger = stage.wire()
    lost, number = stage.plane._engine, 0
    while not lost.dropped["lane_full"]:  # the loop stands still
        stranger.put(b"\x01" + os.urandom(30))
        number += 1
        assert number < 500 * LANE_MESSAGES
    publisher.send(50, 100)
    assert read_without_the_loop(receiver.wire, 1)  # who is known is not kept waiting
    await stage.heard(publisher, receiver, 200)
    assert not [event for event in stage.events if isinstance(event, PeerLost)]
    stranger.close()


async def test_a_datagram_that_fails_keeps_none_back(stage):
    publisher, receiver = await stage.audio_call()
    await stage.heard(publisher, receiver, 1)
    got, strangers = [], [b"\x01number %d" % number for number in range(3)]

    def take(view, _address):
        if bytes(view) in strangers:
            got.append(bytes(view))
            assert len(got) > 1, "as if it could not be read"

    stage.plane._engine._on_datagram = take
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    wire = stage.wire()
    for datagram in strangers:
        wire.put(datagram)
    publisher.send(50, 100)
    read_without_the_loop(receiver.wire, 1)  # all are handed over before the loop hears of the first
    await stage.until(lambda: got == strangers)
    asyncio.get_running_loop().set_exception_handler(None)
    wire.close()


def media_threads():
    return [int(path.parent.name) for path in Path("/proc/self/task").glob("*/comm") if path.read_text() == "media\n"]


def is_realtime(thread=0):
    return os.sched_getscheduler(thread), os.sched_getparam(thread).sched_priority


async def test_the_thread_goes_before_others_where_that_is_granted(stage):
    def best():
        """What this thread alone may have."""
        with suppress(PermissionError):
            os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
            return is_realtime()
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, MEDIA_NICE)
        return os.getpriority(os.PRIO_PROCESS, 0)

    granted = await asyncio.to_thread(best)
    found = is_realtime if isinstance(granted, tuple) else partial(os.getpriority, os.PRIO_PROCESS)
    await stage.until(lambda: found(media_threads()[-1]) == granted)
    assert stage.plane.realtime == isinstance(granted, tuple)


WITHOUT_PRIVILEGE = """
import asyncio
from sfu.media.plane import MediaPlane
from tests.sfu.media.test_lane import is_realtime, media_threads

async def main():
    plane = MediaPlane("127.0.0.1", 0, print, engine="native")
    await plane.start()
    print(plane.realtime, *is_realtime(media_threads()[-1]))
    await plane.close()

asyncio.run(main())
"""


def test_the_thread_goes_on_where_it_is_not_granted():
    command = ["setpriv", "--bounding-set=-sys_nice", "--inh-caps=-sys_nice"]
    if os.geteuid() or shutil.which(command[0]) is None:
        pytest.skip("there is no privilege to give up, or no setpriv (Debian: util-linux)")
    done = subprocess.run(
        [*command, sys.executable, "-c", WITHOUT_PRIVILEGE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", str(os.SCHED_OTHER), "0"]


async def test_the_thread_ends_with_the_plane(stage):
    assert isinstance(stage.plane._engine, NativeEngine)
    before = media_threads()
    assert before
    await stage.plane.close()
    assert len(media_threads()) == len(before) - 1
