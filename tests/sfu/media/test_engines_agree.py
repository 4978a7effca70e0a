# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The same random session through both engines: the same datagrams byte for byte, events and counters."""

import random
import struct
from pathlib import Path

import pylibsrtp
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sfu import native
from sfu.core import dependency_descriptor, limits_media, rtp
from sfu.core.media import Codec, Downlink, Extensions, Kind, PeerId, TrackSid
from sfu.core.sender_clock import SenderClock
from sfu.media.contract import SrtpKeys, SrtpProfile, StreamId, StreamRow
from sfu.media.native_engine import NativeEngine
from sfu.media.python_engine import PythonEngine
from sfu.media.srtp import derive_gcm
from tests.sfu.media.descriptors import Describer

SEEDS, LONG_SEEDS = 12, 400
STEPS = 600
RECORDED = Path(__file__).parents[2] / "fixtures" / "dependency" / "chromium-156-vp9-l3t3-key.hex"
DESCRIPTORS = [bytes.fromhex(line) for line in RECORDED.read_text().split()]
PEERS = [PeerId(name) for name in "abcdef"]
SENT = Extensions(mid=4, audio_level=1, abs_send_time=2, transport_cc=3, dependency_descriptor=12)
LIBSRTP = {SrtpProfile.GCM: (7, 28), SrtpProfile.CM: (1, 30)}
CODECS = (
    (Codec(111, "audio/opus", 48000, 2), Codec(63, "audio/red", 48000, 2)),
    (Codec(96, "video/VP8", 90000, rtx_payload_type=97), Codec(98, "video/VP9", 90000, rtx_payload_type=99)),
    (Codec(102, "video/H264", 90000, rtx_payload_type=103, fmtp="packetization-mode=1;profile-level-id=42e01f"),),
    (Codec(45, "video/AV1", 90000, rtx_payload_type=46), Codec(47, "video/H265", 90000, rtx_payload_type=48)),
)
PAYLOADS = (
    lambda chance: chance.randbytes(chance.choice((0, 1, 3, 80))),
    lambda chance: bytes((0x90, 0xE0, 0x80 | chance.randrange(128), chance.randrange(256), chance.randrange(256)))
    + bytes((chance.choice((0x20, 0x60, 0x40, 0x80, 0x00)), chance.choice((0, 1)))) + chance.randbytes(900),
    lambda chance: bytes((0x80 | chance.choice((0, 0x10)), 0x80, chance.randrange(128))) + chance.randbytes(9),
    lambda chance: bytes((0x7C, chance.choice((0x85, 0x05)))) + chance.randbytes(700),
    lambda chance: bytes((24, 0, 2, chance.choice((7, 1)), 0, 0, 1, 5)),
    lambda chance: bytes((chance.choice((0xA8, 0xE8, 0x68)), chance.randrange(128), chance.randrange(256))) + b"vp9",
    lambda chance: bytes((0x80 | 111, 0, 0, 5, 111)) + chance.randbytes(20),
    lambda chance: bytes((chance.choice((0x40, 0x62, 0x26)), 1, chance.randrange(256))) + chance.randbytes(30),
)  # fmt: skip


class Recorder:
    """Takes all that comes up, and learns streams as a router would."""

    def __init__(self, make, seed):
        self.now = 1000.0
        self.wire, self.events = [], []
        chance = random.Random(seed)
        self.engine = make(self._send, self, chance.randrange)
        self.learnt = []

    def _send(self, datagram, address):
        self.wire.append((address, bytes(datagram)))

    def learn(self, peer, ssrc, payload_type, elements):
        self.events.append(("learn", peer, ssrc, payload_type, dict(elements)))
        if ssrc % 7 != 6:
            self.learnt.append(ssrc)
            self.engine.put_stream(row(peer, ssrc))
            if ssrc % 7 == 3:
                self.engine.put_rtx(StreamId(ssrc), ssrc + 100)

    def __getattr__(self, name):
        if name not in {"started", "gap", "late", "rtcp", "layered", "blocked", "switched"}:
            raise AttributeError(name)
        return lambda *arguments: self.events.append((name, *arguments))


def row(peer, ssrc, seats=0):
    kind = Kind.AUDIO if ssrc % 4 == 0 else Kind.VIDEO
    codecs, track = CODECS[ssrc % 4], TrackSid(f"TR_{ssrc}")
    return StreamRow(StreamId(ssrc), peer, track, ssrc, kind, codecs, SENT, "room", seats)


def downlink(chance, peer, ssrc):
    """Sent on under other numbers, sometimes without some of the extensions and codecs."""
    codecs = tuple(
        Codec(
            codec.payload_type ^ 1 if chance.random() < 0.5 else codec.payload_type,
            codec.mime,
            codec.clock_rate,
            codec.channels,
            codec.fmtp,
            chance.choice((None, 121)) if codec.rtx_payload_type else None,
            ("transport-cc",) if chance.random() < 0.5 else (),
        )
        for codec in CODECS[ssrc % 4]
        if chance.random() < 0.8
    )
    present = {name: chance.choice((0, number)) for name, number in (("audio_level", 5), ("abs_send_time", 7))}
    present |= {"dependency_descriptor": chance.choice((0, 8, 40)), "transport_cc": chance.choice((0, 6))}
    extensions = Extensions(mid=chance.choice((0, 9, 20)), **present)
    kind = Kind.AUDIO if ssrc % 4 == 0 else Kind.VIDEO
    out = 7000 + 2 * ssrc
    return Downlink(peer, TrackSid(f"TR_{ssrc % 8}"), kind, f"m{ssrc}", out, out + 1, codecs, extensions)


class Session:
    """One session, step by step; every step is done to both."""

    def __init__(self, seed, one, other, profiles=tuple(SrtpProfile)):
        self.chance = random.Random(seed)
        self.profiles = profiles
        self.both = Recorder(one, seed), Recorder(other, seed)
        self.sources, self.keys, self.next, self.late, self.describers = {}, {}, {}, [], {}
        for peer in PEERS:
            self.open(peer)
        for ssrc in range(8):
            self.all(lambda engine, ssrc=ssrc: engine.put_stream(row(PEERS[ssrc % 6], ssrc, seats=2 * (ssrc % 4 == 0))))
            self.all(lambda engine, ssrc=ssrc: engine.put_rtx(StreamId(ssrc), ssrc + 100))
            for peer in PEERS[: 2 + ssrc % 4]:
                self.subscribe(peer, ssrc)

    def all(self, do):
        """The same to both, with the same answer."""
        one, other = (do(recorder.engine) for recorder in self.both)
        assert one == other
        return one

    def open(self, peer):
        profile = self.chance.choice(self.profiles)
        number, size = LIBSRTP[profile]
        receive, send = self.chance.randbytes(size), self.chance.randbytes(size)
        policy = pylibsrtp.Policy(receive, pylibsrtp.Policy.SSRC_ANY_OUTBOUND, srtp_profile=number)
        policy.allow_repeat_tx, policy.window_size = True, 1024
        self.sources[peer] = pylibsrtp.Session(policy)
        self.next = {at: seq for at, seq in self.next.items() if at[0] != peer}
        self.all(lambda engine: engine.open_peer(peer))
        self.keys[peer] = SrtpKeys(profile, receive, send)
        self.all(lambda engine: engine.set_keys(peer, self.keys[peer]))
        self.all(lambda engine: engine.set_address(peer, (peer, 1)))
        self.all(lambda engine: engine.note_arrivals(peer, 3))

    def subscribe(self, peer, ssrc):
        wanted = downlink(self.chance, peer, ssrc)
        spatial, temporal = self.chance.choice(((7, 7), (0, 0), (1, 1), (2, 0)))
        self.all(lambda engine: engine.put_downlink(wanted))
        self.all(lambda e: e.follow(peer, wanted.track, StreamId(ssrc), spatial=spatial, temporal=temporal))

    def packet(self):
        """A protected packet of some stream, its retransmission, or of an SSRC that nobody knows."""
        chance, ssrc = self.chance, self.chance.choice((*range(8), *range(8), 50, 51, 54))
        peer = PEERS[ssrc % 6]
        seq, timestamp = self.next.get((peer, ssrc), (chance.choice((0, 65_500, 300)), 0))
        seq += chance.choice((1,) * 12 + (2, 3, 40))
        self.next[peer, ssrc] = seq, timestamp + 960
        codec = chance.choice(CODECS[ssrc % 4][:1] * 12 + CODECS[ssrc % 4])
        payload, payload_type, carried = chance.choice(PAYLOADS)(chance), codec.payload_type, ssrc
        if chance.random() < 0.1 and codec.rtx_payload_type:
            carried, payload_type = ssrc + 100, codec.rtx_payload_type
            payload = struct.pack("!H", (seq - chance.randrange(5)) & 0xFFFF) + payload
        elements = [(4, b"3"), (3, struct.pack("!H", seq & 0xFFFF))]
        if chance.random() < 0.7:
            level = chance.choice((127, 60, 30, 10, 0))
            elements += [(1, bytes((level,)))] if ssrc % 4 == 0 else [(12, self.descriptor(ssrc))]
        block, _ = rtp.write_extensions(elements)
        first, second = 0x90, payload_type | chance.choice((0, 0x80))
        if chance.random() < 0.05:
            first, payload = first | 0x20, payload + bytes((0, 0, chance.choice((0, 3, 200))))
        head = struct.pack("!BBHII", first, second, seq & 0xFFFF, timestamp & 0xFFFFFFFF, carried)
        return peer, self.sources[peer].protect(head + block + payload)

    def descriptor(self, ssrc):
        """Of some streams what Chromium wrote, in any order; of the others what fits together."""
        if ssrc % 8 == 1:
            return self.chance.choice(DESCRIPTORS)
        return self.describers.setdefault(ssrc, Describer(self.chance)).write()

    def rubbish(self):
        """An authentic packet whose header and payload are as a hostile client may write them."""
        chance, ssrc = self.chance, self.chance.randrange(8)
        peer = PEERS[ssrc % 6]
        known = self.both[0].engine._peers[peer].inbound.get(ssrc)
        index = known.window.highest + chance.choice((1, 1, 1, 2, 2000)) if known else chance.randrange(0x8000)
        codec = chance.choice(CODECS[ssrc % 4])
        count, extended = chance.choice((0, 0, 0, 15)), chance.random() < 0.8
        first = 0x80 | count | extended << 4 | (chance.random() < 0.3) << 5
        second = chance.choice((0, 0x80)) | chance.choice((codec.payload_type, codec.rtx_payload_type or 1))
        head = struct.pack("!BBHII", first, second, index & 0xFFFF, chance.randrange(1 << 32), ssrc)
        head += chance.randbytes(4 * count)
        if extended:
            words = chance.choice((0, 1, 2, 5, 20))
            ids = [chance.choice((0x10, 0x11, 0x32, 0xC2, 0xF0, 1, 12, 0, 2, 255)) for _ in range(4 * words)]
            head += struct.pack("!HH", chance.choice((0xBEDE, 0x1000, 0x100F, 7)), words) + bytes(ids)
        payload = bytearray(chance.choice(PAYLOADS)(chance)[: chance.randrange(40)])
        for _ in range(chance.randrange(3)):
            payload[chance.randrange(len(payload) + 1) :] = chance.randbytes(chance.randrange(4))
        key, salt = derive_gcm(self.keys[peer].receive)
        nonce = (salt ^ (ssrc << 48) ^ index).to_bytes(12, "big")
        return peer, head + AESGCM(key).encrypt(nonce, bytes(payload), head)

    def deliver(self, peer, datagram):
        for recorder in self.both:
            recorder.engine.on_rtp(peer, memoryview(datagram), recorder.now)

    def step(self):
        chance, peer, ssrc = self.chance, self.chance.choice(PEERS), self.chance.randrange(8)
        passed = chance.choice((0.0, 0.001, 0.02))
        for recorder in self.both:
            recorder.now += passed
        now = self.both[0].now
        match chance.choices(range(10), (70, 8, 3, 8, 2, 3, 3, 2, 1, 1))[0]:
            case 0:
                owner, datagram = self.packet()
                self.late.append((owner, datagram))
                if chance.random() < 0.9:
                    self.deliver(owner, datagram)
            case 1:
                self.deliver(*chance.choice(self.late or [(peer, b"\x80" * 20)]))
            case 2:
                owner, datagram = chance.choice(self.late or [(peer, b"\x80" * 20)])
                broken = bytearray(datagram[: chance.randrange(len(datagram) + 1)] or b"\x80")
                broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
                self.deliver(owner, bytes(broken))
            case 3:
                last = [data for to, data in self.both[0].wire[-300:] if to[0] == peer] or [b"\0" * 12]
                head = chance.choice(last)
                sequence, out = struct.unpack_from("!H4xI", head, 2)
                asked = [(sequence - back) & 0xFFFF for back in range(chance.randrange(1, 40))]
                most, since = chance.choice((1, 5, 100)), chance.random() < 0.3
                rtt = chance.choice((0.0, 0.05))
                self.all(lambda e: e.resend(peer, out, asked, now, rtt, since_switch=since, most=most))
            case 4:
                self.all(lambda engine: engine.probe(peer, 3000, now))
            case 5:
                target = None if chance.random() < 0.2 else StreamId(ssrc)
                spatial, temporal = chance.choice(((7, 7), (0, 0), (1, 1), (2, 0), (7, 1)))
                track = TrackSid(f"TR_{ssrc ^ 4 if chance.random() < 0.3 else ssrc}")
                self.all(lambda engine: engine.follow(peer, track, target, spatial=spatial, temporal=temporal))
            case 6:
                self.subscribe(peer, ssrc)
            case 7:
                clock = SenderClock(chance.randrange(1 << 40), chance.randrange(1 << 32), now, 90000)
                self.all(lambda engine: engine.set_clock(StreamId(ssrc), clock))
            case 8:
                self.all(lambda engine: engine.put_stream(row(PEERS[ssrc % 6], ssrc, seats=2 * (ssrc % 4 == 0))))
                self.all(lambda engine: engine.set_address(peer, chance_address(now, peer)))
            case _:
                self.all(lambda engine: engine.drop_downlink(peer, TrackSid(f"TR_{ssrc}")))
                if chance.random() < 0.2:
                    self.all(lambda engine: engine.drop_stream(StreamId(ssrc)))
                    self.all(lambda e: e.put_stream(row(PEERS[ssrc % 6], ssrc, seats=2 * (ssrc % 4 == 0))))
                if chance.random() < 0.1:
                    self.open(peer)

    def agree(self):
        one, other = self.both
        assert one.events == other.events
        assert one.wire == other.wire
        one.wire.clear()
        other.wire.clear()

    def counters(self):
        for recorder in self.both:
            engine = recorder.engine
            stats = {name: getattr(engine.stats, name) for name in engine.stats.__slots__}
            yield [
                stats,
                [[engine.take_arrivals(peer), engine.heard(peer), log_of(engine, peer)] for peer in PEERS],
                [engine.sent(peer) for peer in PEERS],
                [counted(engine.stream(StreamId(ssrc))) for ssrc in range(55)],
                [sent(engine.sending(peer, TrackSid(f"TR_{ssrc}"))) for peer in PEERS for ssrc in range(8)],
                engine.take_levels(),
            ]


def chance_address(now, peer):
    return None if int(now * 1000) % 2 else (peer, 1)


def log_of(engine, peer):
    log = engine.send_log(peer)
    return log and (log.next, list(log.times), list(log.sizes))


def counted(stream):
    if stream is None:
        return None
    seen = stream.reception
    return (stream.packets, stream.octets, stream.waiting_count, seen.first, seen.highest, seen.received, seen.jitter)


def sent(down):
    return down and (down.packets, down.octets, down.following, down.timestamp_offset, down.last_index, down.rtx_index)


def play(seed, steps):
    session = Session(seed, PythonEngine, NativeEngine)
    total = 0
    for number in range(steps):
        session.step()
        if number % 20 == 19:
            total += len(session.both[0].wire)
            session.agree()
    session.agree()
    for one, other in zip(*session.counters(), strict=True):
        assert one == other
    return total


@pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))
@pytest.mark.parametrize("seed", range(SEEDS))
def test_both_engines_send_the_same_bytes_and_tell_the_same(seed: int) -> None:
    assert play(seed, STEPS) > STEPS / 4, "hardly anything was sent: this session shows nothing"


@pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))
def test_both_engines_have_the_same_limits() -> None:
    _, lib = native.load()
    ours = vars(limits_media) | vars(dependency_descriptor)
    found = {name: getattr(lib, name) for name in dir(lib) if name.startswith("MAX_") and name in ours}
    assert found == {name: ours[name] for name in found}
    assert {
        "MAX_SSRCS_PER_PEER",
        "MAX_SKIPS",
        "MAX_RESENDS",
        "MAX_ARRIVALS",
        "MAX_FRAMES_DECIDED",
        "MAX_REFERENCES",
    } <= set(found)


def fuzz(seed, packets):
    session = Session(seed, PythonEngine, NativeEngine, [SrtpProfile.GCM])
    total = 0
    for number in range(packets):
        session.deliver(*session.rubbish())
        if number % 20 == 19:
            session.step()
            total += len(session.both[0].wire)
            session.agree()
    return total


@pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))
def test_both_engines_take_what_a_hostile_client_writes_in_the_same_way() -> None:
    assert fuzz(1, 4000) > 1000


@pytest.mark.long
@pytest.mark.skipif(native.why_not() is not None, reason=str(native.why_not()))
def test_both_engines_agree_for_long() -> None:
    for seed in range(LONG_SEEDS):
        play(1000 + seed, 5 * STEPS)
        fuzz(1000 + seed, 5 * STEPS)
