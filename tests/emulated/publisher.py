# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The sending side of a browser: VP8 simulcast of three layers and Opus, obeying feedback."""

import asyncio
import struct
from dataclasses import dataclass, field
from random import Random

from sfu.core.media import Codec, Extensions, Kind, Layer, TrackSid, Uplink
from tests.emulated import transport_cc, wire
from tests.emulated.client import Client
from tests.emulated.estimator import Estimator

OPUS = Codec(111, "audio/opus", 48000, 2, "minptime=10;useinbandfec=1", feedback=("transport-cc",))
VP8 = Codec(
    96, "video/VP8", 90000, rtx_payload_type=97, feedback=("nack", "nack pli", "ccm fir", "goog-remb", "transport-cc")
)
EXTENSIONS = Extensions(
    mid=wire.MID,
    rid=wire.RID,
    repaired_rid=wire.REPAIRED_RID,
    audio_level=wire.AUDIO_LEVEL,
    abs_send_time=wire.ABS_SEND_TIME,
    transport_cc=wire.TRANSPORT_CC,
)
AUDIO_MID, VIDEO_MID = "0", "1"
AUDIO_SSRC = 1000
MAX_PAYLOAD = 1130
KEYFRAME_FACTOR = 5
PACING_FACTOR = 2.5
HISTORY_S = 2.0


@dataclass(frozen=True, slots=True)
class Encoding:
    """One simulcast layer at its best."""

    rid: str
    bitrate: int
    frames_per_second: int


CAMERA_720P = (Encoding("q", 160_000, 15), Encoding("h", 450_000, 20), Encoding("f", 1_700_000, 30))
"""LiveKit's default layers of a 720p camera."""
CAMERA_540P = (Encoding("q", 100_000, 10), Encoding("h", 250_000, 15), Encoding("f", 700_000, 25))
"""A cheaper one, where the number of packets does not matter."""


@dataclass(slots=True)
class _Sending:
    """A layer's encoder and its RTP state."""

    encoding: Encoding
    ssrc: int
    rtx_ssrc: int
    sequence: int
    rtx_sequence: int
    timestamp: int
    picture: int
    tl0: int
    bitrate: float
    key_wanted: bool = True
    next_frame: float = 0.0
    frame: int = 0
    packets: int = 0
    octets: int = 0
    history: dict[int, tuple[float, bool, int, bytes, float]] = field(default_factory=dict)
    """By sequence number: (sent at, marker, timestamp, payload, last resent at)."""


class Publisher:
    """Publishes one camera and one microphone over a client's transport."""

    def __init__(
        self,
        client: Client,
        random: Random,
        encodings: tuple[Encoding, ...] = CAMERA_720P,
        *,
        adapts: bool = True,
        resend_after_s: float = 0.05,
    ) -> None:
        self.audio_track = TrackSid(f"TR_A{client.id}")
        self.video_track = TrackSid(f"TR_V{client.id}")
        self.audio_sent = 0
        self.frames_sent = 0
        self.keyframes_asked = 0
        self.nacked = 0
        self.resent = 0
        self.sent_bytes = 0
        self.paused = False
        """Sends no new media, but still answers."""
        self.client = client
        self._random = random
        self._adapts = adapts
        self._resend_after_s = resend_after_s
        most = sum(encoding.bitrate for encoding in encodings)
        self._estimator = Estimator(most, 2 * most)
        self._remb: float | None = None
        self._layers = [
            _Sending(
                encoding,
                ssrc=2000 + n,
                rtx_ssrc=3000 + n,
                sequence=random.randrange(0x8000),
                rtx_sequence=random.randrange(0x8000),
                timestamp=random.randrange(2**32),
                picture=random.randrange(2**15),
                tl0=random.randrange(2**8),
                bitrate=float(encoding.bitrate),
            )
            for n, encoding in enumerate(encodings)
        ]
        self._transport_sequence = random.randrange(0x10000)
        self._on_the_way: dict[int, tuple[float, int]] = {}
        self._audio_sequence = random.randrange(0x10000)
        self._audio_timestamp = random.randrange(2**32)
        self._next_audio = 0.0
        self._next_report = 0.0
        self._pacer_free = 0.0

    def uplinks(self) -> list[Uplink]:
        """What the media plane is told of this publisher."""
        layers = tuple(Layer(one.encoding.rid, quality) for quality, one in enumerate(self._layers))
        peer = self.client.id
        return [
            Uplink(peer, self.audio_track, Kind.AUDIO, AUDIO_MID, (OPUS,), EXTENSIONS, (AUDIO_SSRC,)),
            Uplink(peer, self.video_track, Kind.VIDEO, VIDEO_MID, (VP8,), EXTENSIONS, layers=layers),
        ]

    @property
    def bitrate(self) -> float:
        """What may be sent, by the feedback so far."""
        known = [self._estimator.bitrate] + ([] if self._remb is None else [self._remb])
        return min(known)

    # the clock

    def tick(self, now: float) -> None:
        """Capture, encode, report."""
        if self.paused:
            return
        if now >= self._next_audio:
            self._next_audio = max(self._next_audio, now - 0.04) + 0.02
            self._send_audio(now)
        for layer in self._active():
            if now >= layer.next_frame:
                layer.next_frame = max(layer.next_frame, now - 0.1) + 1 / layer.encoding.frames_per_second
                self._send_frame(layer, now)
        if now >= self._next_report:
            self._next_report = now + 1.0
            self._report(now)

    def _active(self) -> list[_Sending]:
        """The layers that fit, cheapest first; the last that fits partly is made smaller, as Chromium does."""
        left, active = self.bitrate, []
        for layer in self._layers:
            if active and self._adapts and left < 0.5 * layer.encoding.bitrate:
                break
            if not self._adapts:
                layer.bitrate = float(layer.encoding.bitrate)
            else:
                layer.bitrate = min(float(layer.encoding.bitrate), max(left, 50_000.0))
            left -= layer.bitrate
            active.append(layer)
        for layer in self._layers[len(active) :]:
            layer.key_wanted = True
        return active

    def _send_audio(self, now: float) -> None:
        level = b"\x1e" if self._random.random() < 0.7 else b"\x7f"
        elements = [(wire.MID, AUDIO_MID.encode()), (wire.AUDIO_LEVEL, level)]
        payload = struct.pack("!Id", self.audio_sent, now) + bytes(80)
        self.audio_sent += 1
        self._audio_sequence += 1
        self._audio_timestamp += 960
        self._emit(OPUS.payload_type, False, self._audio_sequence, self._audio_timestamp, AUDIO_SSRC, elements, payload)

    def _send_frame(self, layer: _Sending, now: float) -> None:
        key, layer.key_wanted = layer.key_wanted, False
        encoding = layer.encoding
        size = layer.bitrate / encoding.frames_per_second / 8 * self._random.uniform(0.7, 1.3)
        size = int(size * (KEYFRAME_FACTOR if key else 1)) + 60
        parts = -(-size // MAX_PAYLOAD)
        timestamp = layer.timestamp + int(now * 90000)
        elements = [(wire.MID, VIDEO_MID.encode()), (wire.RID, encoding.rid.encode())]
        for part in range(parts):
            payload = wire.vp8(
                start=part == 0,
                key=key,
                picture=layer.picture,
                tl0=layer.tl0,
                layer=self._layers.index(layer),
                frame=layer.frame,
                part=part,
                captured=now,
                size=size // parts,
            )
            self._pace(layer, part == parts - 1, timestamp, elements, payload, now)
        layer.picture += 1
        layer.tl0 += 1
        layer.frame += 1
        self.frames_sent += 1

    def _pace(
        self,
        layer: _Sending,
        marker: bool,
        timestamp: int,
        elements: list[tuple[int, bytes]],
        payload: bytes,
        now: float,
    ) -> None:
        """Spread a frame's packets (Chromium's pacer: 2.5 times the rate)."""
        at = max(now, self._pacer_free)
        self._pacer_free = at + len(payload) * 8 / (PACING_FACTOR * max(sum(e.bitrate for e in self._layers), 300_000))
        sequence, layer.sequence = layer.sequence, layer.sequence + 1
        loop = asyncio.get_running_loop()
        loop.call_at(at, self._send_media, layer, sequence, marker, timestamp, elements, payload)

    def _send_media(
        self,
        layer: _Sending,
        sequence: int,
        marker: bool,
        timestamp: int,
        elements: list[tuple[int, bytes]],
        payload: bytes,
    ) -> None:
        now = asyncio.get_running_loop().time()
        layer.history[sequence & 0xFFFF] = (now, marker, timestamp, payload, float("-inf"))
        layer.history.pop((sequence - 3000) & 0xFFFF, None)
        layer.packets += 1
        layer.octets += len(payload)
        self._emit(VP8.payload_type, marker, sequence, timestamp, layer.ssrc, elements, payload)

    def _emit(
        self,
        payload_type: int,
        marker: bool,
        sequence: int,
        timestamp: int,
        ssrc: int,
        elements: list[tuple[int, bytes]],
        payload: bytes,
    ) -> None:
        now = asyncio.get_running_loop().time()
        number = self._transport_sequence = (self._transport_sequence + 1) & 0xFFFF
        stamped = [
            *elements,
            (wire.ABS_SEND_TIME, (int(now * 262144) & 0xFFFFFF).to_bytes(3, "big")),
            (wire.TRANSPORT_CC, struct.pack("!H", number)),
        ]
        packet = wire.rtp(payload_type, marker, sequence, timestamp, ssrc, stamped, payload)
        self._on_the_way[number] = (now, len(packet))
        self._on_the_way.pop((number - 5000) & 0xFFFF, None)
        self.sent_bytes += len(packet)
        self.client.send_rtp(packet)

    def _report(self, now: float) -> None:
        for layer in self._layers:
            if layer.packets:
                timestamp = layer.timestamp + int(now * 90000)
                self.client.send_rtcp(wire.sender_report(layer.ssrc, now, timestamp, layer.packets, layer.octets))
        self.client.send_rtcp(
            wire.sender_report(AUDIO_SSRC, now, self._audio_timestamp, self.audio_sent, 92 * self.audio_sent)
        )

    # feedback

    def on_rtp(self, packet: bytes, now: float) -> None:
        """A publisher receives none."""

    def on_rtcp(self, packet: bytes, now: float) -> None:
        """Obey it."""
        for kind, count, body in wire.split_rtcp(packet):
            if kind == wire.PSFB and count in {1, 4}:
                self._keyframe(struct.unpack_from("!I", body, 4 if count == 1 else 8)[0])
            elif kind == wire.PSFB and count == 15:
                self._remb = wire.parse_remb(body)
            elif kind == wire.RTPFB and count == 1:
                self._resend(*wire.parse_nack(body), now)
            elif kind == wire.RTPFB and count == 15:
                self._judge(transport_cc.parse_feedback(body), now)

    def _keyframe(self, ssrc: int) -> None:
        self.keyframes_asked += 1
        for layer in self._layers:
            if layer.ssrc == ssrc:
                layer.key_wanted = True

    def _resend(self, ssrc: int, sequences: list[int], now: float) -> None:
        layer = next((one for one in self._layers if one.ssrc == ssrc), None)
        if layer is None:
            return
        elements = [(wire.MID, VIDEO_MID.encode()), (wire.REPAIRED_RID, layer.encoding.rid.encode())]
        for sequence in sequences:
            self.nacked += 1
            kept = layer.history.get(sequence)
            if kept is None:
                continue
            sent, marker, timestamp, payload, resent = kept
            if now - sent > HISTORY_S or now - resent < self._resend_after_s:
                continue
            layer.history[sequence] = (sent, marker, timestamp, payload, now)
            layer.rtx_sequence += 1
            self.resent += 1
            body = struct.pack("!H", sequence) + payload
            assert VP8.rtx_payload_type is not None
            self._emit(VP8.rtx_payload_type, marker, layer.rtx_sequence, timestamp, layer.rtx_ssrc, elements, body)

    def _judge(self, told: list[transport_cc.Told], now: float) -> None:
        for one in told:
            known = self._on_the_way.get(one.sequence)
            if known is None:
                continue
            if one.at is None:
                self._estimator.lost()
            else:
                del self._on_the_way[one.sequence]
                self._estimator.came(known[0], one.at, known[1])
        self._estimator.update(now if not told else max((one.at for one in told if one.at is not None), default=now))
