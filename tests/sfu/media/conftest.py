# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A laboratory without sockets or clocks, and clients for real sockets. Peers are protected by libsrtp."""

import asyncio
import os
import secrets
import socket
import struct
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import pylibsrtp
import pytest
from aiortc.rtcdtlstransport import (
    SRTP_PROFILES,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
)

from sfu import native
from sfu.core import rtcp, rtp, stun
from sfu.core.framing import FrameReader, frame
from sfu.core.media import (
    Candidate,
    Codec,
    Downlink,
    Extensions,
    Fingerprint,
    IceCredentials,
    Kind,
    Layer,
    MediaEvent,
    PeerId,
    TrackSid,
    Uplink,
)
from sfu.media.contract import SrtpKeys, SrtpProfile
from sfu.media.native_engine import NativeEngine
from sfu.media.plane import MediaPlane
from sfu.media.python_engine import PythonEngine
from sfu.media.router import Router

OPUS = Codec(111, "audio/opus", 48000, 2)
VP8 = Codec(96, "video/VP8", 90000, rtx_payload_type=97, feedback=("nack", "nack pli", "goog-remb"))
EXTENSIONS = Extensions(mid=4, rid=10, repaired_rid=11, audio_level=1, abs_send_time=2)
RECEIVER_EXTENSIONS = Extensions(mid=9, audio_level=5, abs_send_time=7)
TRACK = TrackSid("TR_1")
SIMULCAST = (Layer("q", 0), Layer("h", 1), Layer("f", 2))
SIZES = {SrtpProfile.GCM: 28, SrtpProfile.CM: 30}
ENGINES = {"python": PythonEngine, "native": NativeEngine}
LIBSRTP = {SrtpProfile.GCM: 7, SrtpProfile.CM: 1}


@dataclass(frozen=True)
class Rtp:
    """One decrypted packet as a receiver sees it."""

    header: rtp.RtpHeader
    elements: dict[int, bytes]
    payload: bytes


def session(key: bytes, profile: SrtpProfile, ssrc_type: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(key=key, ssrc_type=ssrc_type, srtp_profile=LIBSRTP[profile])
    policy.allow_repeat_tx = True
    policy.window_size = 1024
    return pylibsrtp.Session(policy)


class LabPeer:
    """A client at the other end of a perfect network."""

    def __init__(self, lab: "Lab", name: str, profile: SrtpProfile) -> None:
        self.lab = lab
        self.id = PeerId(name)
        self.address = (name, 1)
        size = SIZES[profile]
        self.keys = SrtpKeys(profile, receive=os.urandom(size), send=os.urandom(size))
        self.outgoing = session(self.keys.receive, profile, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        self.incoming = session(self.keys.send, profile, pylibsrtp.Policy.SSRC_ANY_INBOUND)

    def packet(
        self,
        ssrc: int,
        seq: int,
        *,
        timestamp: int = 0,
        payload: bytes = b"payload",
        payload_type: int = 96,
        elements: Iterable[tuple[int, bytes]] = (),
        marker: bool = False,
    ) -> bytes:
        """Protect one RTP packet."""
        block, _ = rtp.write_extensions(elements)
        second = payload_type | (0x80 if marker else 0)
        head = struct.pack("!BBHII", 0x90 if block else 0x80, second, seq & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc)
        return self.outgoing.protect(head + block + payload)

    def send(self, ssrc: int, seq: int, **fields: object) -> None:
        """Protect and deliver one RTP packet."""
        self.deliver(self.packet(ssrc, seq, **fields))  # type: ignore[arg-type]

    def deliver(self, datagram: bytes) -> None:
        """Hand a datagram to the engine."""
        self.lab.engine.on_rtp(self.id, memoryview(datagram), self.lab.now)

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and deliver a compound packet."""
        self.lab.engine.on_rtcp(self.id, self.outgoing.protect_rtcp(packet), self.lab.now)

    def raw(self) -> list[bytes]:
        """All datagrams that came since the last call, still protected."""
        got = self.lab.wire.pop(self.address, [])
        return [datagram for datagram, _ in got]

    def received(self) -> tuple[list[Rtp], list[rtcp.RtcpPacket]]:
        """Everything since the last call."""
        media: list[Rtp] = []
        control: list[rtcp.RtcpPacket] = []
        for datagram in self.raw():
            if 192 <= datagram[1] <= 223:
                control += rtcp.parse(self.incoming.unprotect_rtcp(datagram))
                continue
            plain = self.incoming.unprotect(datagram)
            header = rtp.parse(plain)
            assert header is not None
            media.append(Rtp(header, rtp.read_extensions(plain), plain[header.payload_at :]))
        return media, control

    def rtp(self) -> list[Rtp]:
        """The media since the last call."""
        return self.received()[0]

    def asked_for_keyframes(self) -> list[int]:
        """SSRCs named by key frame requests since the last call."""
        return [item.ssrc for item in self.received()[1] if isinstance(item, rtcp.KeyframeRequest)]


class Lab:
    """Time stands still until `run`."""

    track = TRACK
    opus = OPUS
    vp8_codec = VP8
    simulcast = SIMULCAST
    engine_name = "python"

    def __init__(self) -> None:
        self.now = 1000.0
        self.wire: dict[object, list[tuple[bytes, float]]] = {}
        self.events: list[MediaEvent] = []
        make = ENGINES[self.engine_name]
        self.router = Router(lambda events: make(self._send, events), self.events.append, lambda: self.now)
        self.engine = self.router.engine

    def _send(self, datagram: bytes | bytearray, address: object) -> None:
        self.wire.setdefault(address, []).append((bytes(datagram), self.now))

    def join(self, name: str, profile: SrtpProfile = SrtpProfile.GCM) -> LabPeer:
        peer = LabPeer(self, name, profile)
        self.router.open_peer(peer.id)
        self.engine.set_address(peer.id, peer.address)
        self.engine.set_keys(peer.id, peer.keys)
        self.router.connected(peer.id)
        return peer

    def run(self, seconds: float) -> None:
        """Let the timers run."""
        for _ in range(round(seconds / 0.02)):
            self.now += 0.02
            self.router.tick(self.now)

    @property
    def dropped(self) -> dict[str, int]:
        return dict(self.engine.dropped)

    @staticmethod
    def uplink(peer: LabPeer, kind: Kind = Kind.VIDEO, **fields: object) -> Uplink:
        codec = OPUS if kind is Kind.AUDIO else VP8
        base: dict[str, object] = {
            "peer": peer.id,
            "track": TRACK,
            "kind": kind,
            "mid": "3",
            "codecs": (codec,),
            "extensions": EXTENSIONS,
        }
        return Uplink(**(base | fields))  # type: ignore[arg-type]

    @staticmethod
    def downlink(peer: LabPeer, kind: Kind = Kind.VIDEO, **fields: object) -> Downlink:
        audio = Codec(109, "audio/opus", 48000, 2)
        video = Codec(120, "video/VP8", 90000, rtx_payload_type=121)
        base: dict[str, object] = {
            "peer": peer.id,
            "track": TRACK,
            "kind": kind,
            "mid": "0",
            "ssrc": 7001,
            "rtx_ssrc": 7002 if kind is Kind.VIDEO else 0,
            "codecs": (audio if kind is Kind.AUDIO else video,),
            "extensions": RECEIVER_EXTENSIONS,
        }
        return Downlink(**(base | fields))  # type: ignore[arg-type]

    @staticmethod
    def vp8(picture: int, tl0: int, *, key: bool, start: bool = True) -> bytes:
        """A payload with 15-bit picture id, TL0PICIDX and temporal layer."""
        head = bytes((0x90 if start else 0x80, 0xE0)) + struct.pack("!H", 0x8000 | (picture & 0x7FFF))
        return head + bytes((tl0 & 0xFF, 0x20, 0x00 if key else 0x01)) + b"frame"


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """Each make of the engine that is there."""
    reason = native.why_not() if request.param == "native" else None
    if reason is not None:
        pytest.skip(reason)
    return str(request.param)


@pytest.fixture
def lab(new_lab: type[Lab]) -> Lab:
    return new_lab()


@pytest.fixture(scope="session")
def new_lab(engine: str) -> type[Lab]:
    """For tests that need one per example."""
    return type("Lab", (Lab,), {"engine_name": engine})


FIRST_PORT, LAST_PORT = 21000, 21999


def bound_socket(host: str = "127.0.0.1") -> socket.socket:
    """A UDP socket on a free port of this suite's range."""
    for _ in range(200):
        found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            found.bind((host, FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT)))
        except OSError:
            found.close()
            continue
        found.setblocking(False)
        return found
    raise RuntimeError("no free port")


class Wire:
    """One UDP socket of a client: what aiortc's DTLS takes for an ICE transport."""

    role = "controlling"
    state = "completed"

    def __init__(self) -> None:
        self.dtls: asyncio.Queue[bytes] = asyncio.Queue()
        self.media: list[bytes] = []
        self.stun: list[bytes] = []
        self.server: tuple[str, int] = ("", 0)
        self.socket = socket.socket()

    def connect(self, candidates: Sequence[Candidate], host: str) -> None:
        """Talk to the candidate of this address."""
        server = next(one for one in candidates if (one.protocol, one.host) == ("udp", host))
        self.server = (server.host, server.port)
        self.socket = bound_socket(host)
        asyncio.get_running_loop().add_reader(self.socket, self._read)

    def _read(self) -> None:
        while True:
            try:
                self._take(self.socket.recv(2048))
            except (BlockingIOError, ConnectionRefusedError):
                return

    def _take(self, data: bytes) -> None:
        first = data[0]
        if first < 4:
            self.stun.append(data)
        elif first < 64:
            self.dtls.put_nowait(data)
        else:
            self.media.append(data)

    def put(self, data: bytes) -> None:
        self.socket.sendto(data, self.server)

    async def _recv(self) -> bytes:
        return await self.dtls.get()

    async def _send(self, data: bytes) -> None:
        self.put(data)

    def close(self) -> None:
        if self.socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self.socket)
            self.socket.close()


class TcpWire(Wire):
    """The same by ICE-TCP: one connection, frames in it."""

    def connect(self, candidates: Sequence[Candidate], host: str) -> None:
        """Connect to the passive candidate of this address."""
        server = next(one for one in candidates if (one.protocol, one.host) == ("tcp", host))
        self.frames = FrameReader()
        self.ended = False
        self.socket = socket.create_connection((server.host, server.port))
        self.socket.setblocking(False)
        asyncio.get_running_loop().add_reader(self.socket, self._read)

    def _read(self) -> None:
        try:
            data = self.socket.recv(65536)
        except BlockingIOError:
            return
        except ConnectionResetError:
            data = b""
        if not data:
            self.ended = True
            asyncio.get_running_loop().remove_reader(self.socket)
            return
        for one in self.frames.feed(memoryview(data)):
            self._take(bytes(one))

    def put(self, data: bytes) -> None:
        self.raw(frame(data))

    def pause(self) -> None:
        """Read nothing."""
        asyncio.get_running_loop().remove_reader(self.socket)

    def resume(self) -> None:
        """Read again."""
        asyncio.get_running_loop().add_reader(self.socket, self._read)

    def raw(self, data: bytes) -> None:
        """Bytes as they are; lost when the server has hung up."""
        with suppress(ConnectionError):
            self.socket.send(data)


async def until(condition, seconds: float = 15.0):
    """Wait for a condition and give its value; fails at the deadline."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (value := condition()):
        assert asyncio.get_running_loop().time() < deadline, "nothing happened in time"
        await asyncio.sleep(0.01)
    return value


class Client:
    """A client on a real socket: checks, DTLS, SRTP by libsrtp."""

    def __init__(self, stage: "Stage", name: str, wire: type[Wire], host: str) -> None:
        self.stage = stage
        self.host = host
        self.id = PeerId(name)
        self.credentials = IceCredentials(secrets.token_hex(4), secrets.token_hex(12))
        self.certificate = RTCCertificate.generateCertificate()
        self.wire = wire()
        self.dtls = RTCDtlsTransport(self.wire, [self.certificate])
        self.dtls._set_role("client")

    @property
    def fingerprint(self) -> Fingerprint:
        own = self.certificate.getFingerprints()[0]
        return Fingerprint(own.algorithm, own.value)

    def open(self, fingerprint: Fingerprint | None = None) -> None:
        """Let the server know of us."""
        self.wire.connect(self.stage.plane.candidates, self.host)
        self.stage.plane.open_peer(self.id, self.credentials, [fingerprint or self.fingerprint])

    async def check(self, credentials: IceCredentials | None = None, *, use: bool = True) -> stun.StunMessage:
        """An authentic check, answered."""
        known = credentials or self.credentials
        self.wire.put(stun.binding_request(os.urandom(12), f"{known.ufrag}:me", known.pwd, use_candidate=use))
        before = len(self.wire.stun)
        await until(lambda: len(self.wire.stun) > before or None)
        answer = stun.parse(self.wire.stun[-1])
        assert answer is not None
        return answer

    async def handshake(self, profiles=SRTP_PROFILES) -> None:
        self.dtls._srtp_profiles = list(profiles)
        own = self.stage.plane.fingerprint
        await asyncio.wait_for(self.dtls.start(RTCDtlsParameters([RTCDtlsFingerprint(own.algorithm, own.value)])), 15)

    async def connect(self) -> None:
        """All the way."""
        self.open()
        await self.check()
        await self.handshake()
        await until(lambda: self.stage.of(self.id, "PeerConnected"))

    def send(
        self, ssrc: int, seq: int, *, payload: bytes = b"opus", payload_type: int = 111, elements=((4, b"3"),)
    ) -> None:
        block, _ = rtp.write_extensions(elements)
        head = struct.pack("!BBHII", 0x90, payload_type, seq & 0xFFFF, seq * 960, ssrc)
        self.wire.put(self.dtls._tx_srtp.protect(head + block + payload))

    def payloads(self) -> list[bytes]:
        """Of all media so far."""
        found = []
        while self.wire.media:
            data = self.wire.media.pop(0)
            if not 192 <= data[1] <= 223:
                plain = self.dtls._rx_srtp.unprotect(data)
                found.append(plain[rtp.header_size(plain, len(plain)) :])
        return found

    async def close(self) -> None:
        await self.dtls.stop()
        self.wire.close()


class Stage:
    """A media plane on a real port and its clients."""

    def __init__(self, make_plane: Callable[[Callable[[MediaEvent], None]], MediaPlane], *hosts: str) -> None:
        self.events: list[MediaEvent] = []
        self.hosts = hosts
        self.plane = make_plane(self.events.append)
        self.clients: list[Client] = []

    def client(self, name: str, *, tcp: bool = False, host: str | None = None) -> Client:
        """A client that comes to one of our addresses, the first by default."""
        self.clients.append(Client(self, name, TcpWire if tcp else Wire, host or self.hosts[0]))
        return self.clients[-1]

    def wire(self, *, tcp: bool = False, host: str | None = None) -> Wire:
        """A stranger."""
        wire = TcpWire() if tcp else Wire()
        wire.connect(self.plane.candidates, host or self.hosts[0])
        return wire

    def of(self, peer: PeerId, kind: str) -> list[MediaEvent]:
        """A peer's events of one kind."""
        return [e for e in self.events if type(e).__name__ == kind and getattr(e, "peer", None) == peer]

    @property
    def dropped(self) -> dict[str, int]:
        return dict(self.plane.stats().dropped)

    async def audio_call(self, *, publisher_tcp: bool = False, receiver_tcp: bool = False) -> tuple[Client, Client]:
        """Two connected clients, the first one's microphone going to the second."""
        publisher, receiver = self.client("a", tcp=publisher_tcp), self.client("b", tcp=receiver_tcp)
        await publisher.connect()
        await receiver.connect()
        self.plane.receive(self.uplink(publisher, Kind.AUDIO))
        self.plane.forward(self.downlink(receiver, Kind.AUDIO))
        return publisher, receiver

    async def heard(self, publisher: Client, receiver: Client, first: int, count: int = 5) -> set[bytes]:
        """Send and wait until all of it arrived."""
        expected = {b"packet %d" % seq for seq in range(first, first + count)}
        for seq in range(first, first + count):
            publisher.send(50, seq, payload=b"packet %d" % seq)
        got: set[bytes] = set()
        await self.until(lambda: expected <= got or got.update(receiver.payloads()))
        return got

    until = staticmethod(until)
    uplink = staticmethod(Lab.uplink)
    downlink = staticmethod(Lab.downlink)


@asynccontextmanager
async def staged(engine: str, *hosts: str) -> AsyncIterator[Stage]:
    made = Stage(lambda on_event: MediaPlane(hosts, 0, on_event, engine=engine), *hosts)
    await made.plane.start()
    yield made
    for client in made.clients:
        await client.close()
    await made.plane.close()


@pytest.fixture
async def stage(engine: str) -> AsyncIterator[Stage]:
    async with staged(engine, "127.0.0.1") as made:
        yield made


@pytest.fixture
async def dual_stage(engine: str) -> AsyncIterator[Stage]:
    """A plane with an IPv4 and an IPv6 address."""
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    async with staged(engine, "127.0.0.1", "::1") as made:
        yield made
