# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A laboratory: the router and engine without sockets or clocks, its peers protected by libsrtp."""

import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass

import pylibsrtp
import pytest

from sfu.core import rtcp, rtp
from sfu.core.media import Codec, Downlink, Extensions, Kind, Layer, MediaEvent, PeerId, TrackSid, Uplink
from sfu.media.contract import SrtpKeys, SrtpProfile
from sfu.media.python_engine import PythonEngine
from sfu.media.router import Router

OPUS = Codec(111, "audio/opus", 48000, 2)
VP8 = Codec(96, "video/VP8", 90000, rtx_payload_type=97, feedback=("nack", "nack pli", "goog-remb"))
EXTENSIONS = Extensions(mid=4, rid=10, repaired_rid=11, audio_level=1, abs_send_time=2)
RECEIVER_EXTENSIONS = Extensions(mid=9, audio_level=5, abs_send_time=7)
TRACK = TrackSid("TR_1")
SIMULCAST = (Layer("q", 0), Layer("h", 1), Layer("f", 2))
SIZES = {SrtpProfile.GCM: 28, SrtpProfile.CM: 30}
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

    def __init__(self) -> None:
        self.now = 1000.0
        self.wire: dict[object, list[tuple[bytes, float]]] = {}
        self.events: list[MediaEvent] = []
        self.router = Router(lambda events: PythonEngine(self._send, events), self.events.append, lambda: self.now)
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


@pytest.fixture
def lab() -> Lab:
    return Lab()


@pytest.fixture(scope="session")
def new_lab() -> type[Lab]:
    """For tests that need one per example."""
    return Lab
