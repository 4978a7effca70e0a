# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The receiving side of a browser: NACK, RTX, frames put together in order, reports, REMB, transport-cc, PLI."""

import struct
from dataclasses import dataclass, field

from sfu.core.media import Codec, Downlink, Extensions, Kind, TrackSid
from tests.emulated import wire
from tests.emulated.client import Client
from tests.emulated.estimator import Estimator
from tests.emulated.publisher import Publisher
from tests.emulated.transport_cc import INTERVAL_S, Recorder

OPUS = Codec(109, "audio/opus", 48000, 2, "minptime=10;useinbandfec=1", feedback=("transport-cc",))
VP8 = Codec(
    120, "video/VP8", 90000, rtx_payload_type=121, feedback=("nack", "nack pli", "ccm fir", "goog-remb", "transport-cc")
)
FIRST_SSRC = 70_001
# Chromium's figures: modules/video_coding/nack_requester.cc, video/video_receive_stream2.h
MAX_NACKS = 1000
MAX_RETRIES = 10
NACK_EVERY_S = 0.02
KEYFRAME_WAIT_S = 0.2
FRAME_WAIT_S = 3.0
REPORT_EVERY_S = 1.0
START_BITRATE, MAX_BITRATE = 3_000_000, 10_000_000


@dataclass(slots=True)
class Missing:
    """A packet that is asked for."""

    tries: int
    asked: float


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame that could be shown."""

    at: float
    delay: float
    """Since it was captured, the network's delay included."""
    layer: int
    key: bool
    size: int


class Counting:
    """What a receiver report says of one SSRC (RFC 3550 appendix A.3, A.8)."""

    def __init__(self, ssrc: int, clock_rate: int) -> None:
        self.ssrc = ssrc
        self.highest: int | None = None
        self.first = 0
        self.received = 0
        self._clock_rate = clock_rate
        self._before = (0, 0)
        self._jitter = 0.0
        self._transit: float | None = None
        self._last_sr = (0, 0.0)

    def arrived(self, sequence: int, timestamp: int, now: float) -> int:
        """Count a packet; its unwrapped number."""
        if self.highest is None:
            self.highest = self.first = sequence + 0x10000
        number = wire.unwrap(sequence, self.highest)
        self.highest = max(self.highest, number)
        self.received += 1
        transit = now * self._clock_rate - timestamp
        if self._transit is not None and abs(transit - self._transit) < 2**31:
            self._jitter += (abs(transit - self._transit) - self._jitter) / 16
        self._transit = transit
        return number

    def reported(self, ntp: int, now: float) -> None:
        """A sender report came."""
        self._last_sr = (ntp >> 16 & 0xFFFFFFFF, now)

    def block(self, now: float) -> bytes | None:
        """For the next receiver report; nothing before the first packet."""
        if self.highest is None:
            return None
        expected = self.highest - self.first + 1
        new, came = expected - self._before[0], self.received - self._before[1]
        self._before = (expected, self.received)
        fraction = min(255, ((new - came) << 8) // new) if new > 0 and new > came else 0
        last, at = self._last_sr
        lost = expected - self.received
        return wire.report_block(
            self.ssrc, fraction, lost, self.highest, int(self._jitter), last, now - at if last else 0.0
        )


@dataclass(slots=True)
class _Kept:
    """A packet that waits for its frame."""

    timestamp: int
    marker: bool
    payload: bytes


class VideoStream:
    """One video track: packets in, frames out in order."""

    def __init__(self, client: Client, ssrc: int, rtx_ssrc: int) -> None:
        self.ssrc, self.rtx_ssrc = ssrc, rtx_ssrc
        self.counting = Counting(ssrc, 90000)
        self.frames: list[Frame] = []
        self.lost_frames = 0
        self.switches = 0
        """From one layer to another."""
        self.discontinuities: list[str] = []
        self.recovered = 0
        self.given_up = 0
        self.plis = 0
        self.nacks = 0
        self._client = client
        self._buffer: dict[int, _Kept] = {}
        self._missing: dict[int, Missing] = {}
        self._cursor: int | None = None
        """The first packet of the next frame to show."""
        self._frontier = 0
        """The first packet that has not come."""
        self._waits_for_key = True
        self._last_shown: tuple[wire.Vp8, int, float] | None = None
        self._last_packet = float("-inf")
        self._pli_at = 0.0
        self._shown_at: float | None = None
        self._next_nack = 0.0

    def on_media(self, packet: wire.Rtp, now: float) -> None:
        """A packet of the media SSRC."""
        highest = self.counting.highest
        number = self.counting.arrived(packet.sequence, packet.timestamp, now)
        if highest is not None and number > highest + 1:
            for missing in range(max(highest + 1, number - MAX_NACKS - 1), number):
                self._missing[missing] = Missing(0, now)
            self._ask(now)
        self._came(number, packet, packet.payload, now)

    def on_rtx(self, packet: wire.Rtp, now: float) -> None:
        """A packet sent again, or padding."""
        if self.counting.highest is None or len(packet.payload) < 2:
            return
        number = wire.unwrap(struct.unpack_from("!H", packet.payload)[0], self.counting.highest)
        self.recovered += number in self._missing
        self._came(number, packet, packet.payload[2:], now)

    def tick(self, now: float) -> None:
        """Every 10 ms: ask again, and ask for a key frame when nothing moves."""
        if self._missing and now >= self._next_nack:
            self._ask(now)
        if now - self._last_packet > 1.0:
            return
        since = now - (self._shown_at if self._shown_at is not None else self._pli_at)
        if since > (KEYFRAME_WAIT_S if self._waits_for_key else FRAME_WAIT_S) and now - self._pli_at > KEYFRAME_WAIT_S:
            self._ask_keyframe(now)

    def _came(self, number: int, packet: wire.Rtp, payload: bytes, now: float) -> None:
        self._last_packet = now
        self._missing.pop(number, None)
        if (self._cursor is not None and number < self._cursor) or number in self._buffer:
            return
        self._buffer[number] = _Kept(packet.timestamp, packet.marker, payload)
        if self._cursor is None:
            self._cursor = self._frontier = number
        self._advance(now)
        if self._frontier in self._missing or self._waits_for_key:
            self._jump(number, now)

    def _advance(self, now: float) -> None:
        """Show all frames that are complete and in order."""
        while (kept := self._buffer.get(self._frontier)) is not None:
            if kept.payload and kept.payload[0] & 0x10 and self._frontier != self._cursor:
                self._cut_off()
            self._frontier += 1
            if kept.marker or not kept.payload:
                self._show(now)

    def _cut_off(self) -> None:
        """The frame before this start got no end: the sender switched to a layer whose key frame this is."""
        assert self._cursor is not None
        packets = [self._buffer.pop(number) for number in range(self._cursor, self._frontier)]
        assert wire.parse_vp8(self._buffer[self._frontier].payload).key
        self._cursor = self._frontier
        self.lost_frames += 1
        if self._last_shown is not None:
            self._last_shown = (wire.parse_vp8(packets[-1].payload), packets[-1].timestamp, self._last_shown[2])

    def _show(self, now: float) -> None:
        assert self._cursor is not None
        packets = [self._buffer.pop(number) for number in range(self._cursor, self._frontier)]
        self._cursor = self._frontier
        parsed = [(wire.parse_vp8(kept.payload), kept.timestamp) for kept in packets if kept.payload]
        if not parsed:
            return
        first = parsed[0][0]
        if not self.frames and not (first.key and first.start):
            return
        self._check(parsed, now)
        self._waits_for_key = False
        self._last_shown = (*parsed[-1], now)
        self._shown_at = now
        size = sum(len(kept.payload) for kept in packets)
        self.switches += bool(self.frames) and self.frames[-1].layer != first.layer
        self.frames.append(Frame(now, now - first.captured, first.layer, first.key, size))

    def _check(self, parsed: list[tuple[wire.Vp8, int]], now: float) -> None:
        """Every number must go on as one sender's would."""
        before = self._last_shown
        for vp8, timestamp in parsed:
            new = vp8 is parsed[0][0]
            if vp8.start != new:
                self.discontinuities.append(f"{now:.3f}: frame {vp8.frame} has a start where none belongs")
            if before is not None:
                step = int(new)
                moved = (timestamp - before[1]) & 0xFFFFFFFF
                elapsed = (now - before[2] + 1.0) * 90000
                for what, after, old, size in (
                    ("picture id", vp8.picture, before[0].picture, 0x8000),
                    ("TL0PICIDX", vp8.tl0, before[0].tl0, 0x100),
                ):
                    if (after - old) % size != step:
                        self.discontinuities.append(f"{now:.3f}: {what} from {old} to {after}")
                if (moved and not new) or (new and not 0 < moved < elapsed + 90000):
                    self.discontinuities.append(f"{now:.3f}: timestamp moved by {moved}")
            before = (vp8, timestamp, now)

    def _jump(self, number: int, now: float) -> None:
        """A complete key frame further on makes what is missing before it needless."""
        kept = self._buffer.get(number)
        if kept is None or not kept.payload:
            return
        if not wire.parse_vp8(kept.payload).key:
            return
        first = last = number
        while not wire.parse_vp8(self._buffer[first].payload).start:
            first -= 1
            if first not in self._buffer or self._buffer[first].timestamp != kept.timestamp:
                return
        while not self._buffer[last].marker:
            last += 1
            if last not in self._buffer or self._buffer[last].timestamp != kept.timestamp:
                return
        shown = self._last_shown
        vp8 = wire.parse_vp8(self._buffer[first].payload)
        if shown is not None:
            self.lost_frames += max(0, ((vp8.picture - shown[0].picture) & 0x7FFF) - 1)
        for old in [at for at in self._buffer if at < first]:
            del self._buffer[old]
        for old in [at for at in self._missing if at < first]:
            del self._missing[old]
        self._last_shown = None
        self._cursor = self._frontier = first
        self._advance(now)

    def _ask(self, now: float) -> None:
        self._next_nack = now + NACK_EVERY_S
        due = []
        if len(self._missing) > MAX_NACKS:
            self._missing.clear()
            self._give_up(now)
            return
        for number, missing in list(self._missing.items()):
            if missing.tries and now - missing.asked < self._client.rtt:
                continue
            if missing.tries >= MAX_RETRIES:
                del self._missing[number]
                self.given_up += 1
                self._give_up(now)
                continue
            missing.tries += 1
            missing.asked = now
            due.append(number)
        if due:
            self.nacks += 1
            self._client.send_rtcp(wire.receiver_report([]) + wire.nack(self.ssrc, sorted(due)))

    def _give_up(self, now: float) -> None:
        self._waits_for_key = True
        if now - self._pli_at > KEYFRAME_WAIT_S:
            self._ask_keyframe(now)

    def _ask_keyframe(self, now: float) -> None:
        self._pli_at = now
        self._waits_for_key = True
        self.plis += 1
        self._client.send_rtcp(wire.receiver_report([]) + wire.pli(self.ssrc))


@dataclass(slots=True)
class AudioStream:
    """One audio track: what came, by the publisher's own count."""

    ssrc: int
    counting: Counting
    came: dict[int, float] = field(default_factory=dict)
    """When, by the publisher's number."""
    twice: int = 0


class Receiver:
    """Receives the tracks of publishers over a client's transport."""

    def __init__(self, client: Client, *, transport_cc: bool = True) -> None:
        self.client = client
        self.video: dict[TrackSid, VideoStream] = {}
        self.audio: dict[TrackSid, AudioStream] = {}
        self.estimator = Estimator(START_BITRATE, MAX_BITRATE)
        self.unknown = 0
        self.padding = 0
        self._transport_cc = transport_cc
        self._recorder = Recorder()
        self._media: dict[int, VideoStream | AudioStream] = {}
        self._rtx: dict[int, VideoStream] = {}
        self._next_report = 0.0
        self._next_feedback = 0.0
        self._next_ssrc = FIRST_SSRC

    def downlinks(self, publisher: Publisher) -> list[Downlink]:
        """What the media plane is told when this receiver subscribes to a publisher."""
        extensions = Extensions(
            mid=wire.MID,
            audio_level=wire.AUDIO_LEVEL,
            abs_send_time=wire.ABS_SEND_TIME,
            transport_cc=wire.TRANSPORT_CC if self._transport_cc else 0,
        )
        audio_ssrc, ssrc, rtx_ssrc = range(self._next_ssrc, self._next_ssrc + 3)
        self._next_ssrc += 3
        peer = self.client.id
        stream = VideoStream(self.client, ssrc, rtx_ssrc)
        sound = AudioStream(audio_ssrc, Counting(audio_ssrc, 48000))
        self.video[publisher.video_track], self.audio[publisher.audio_track] = stream, sound
        self._media |= {audio_ssrc: sound, ssrc: stream}
        self._rtx[rtx_ssrc] = stream
        return [
            Downlink(peer, publisher.audio_track, Kind.AUDIO, "0", audio_ssrc, 0, (OPUS,), extensions),
            Downlink(peer, publisher.video_track, Kind.VIDEO, "1", ssrc, rtx_ssrc, (VP8,), extensions),
        ]

    def on_rtp(self, packet: bytes, now: float) -> None:
        """Count, put together, remember the arrival."""
        parsed = wire.parse_rtp(packet)
        number = parsed.extensions.get(wire.TRANSPORT_CC)
        if number is not None:
            self._recorder.arrived(struct.unpack("!H", number)[0], now)
        stamp = parsed.extensions.get(wire.ABS_SEND_TIME)
        if stamp is not None:
            sent = wire.unwrap(int.from_bytes(stamp, "big"), int(now * 262144), 24) / 262144
            self.estimator.came(sent, now, len(packet))
        if not parsed.payload:
            self.padding += 1
        stream = self._media.get(parsed.ssrc)
        if isinstance(stream, VideoStream):
            stream.on_media(parsed, now)
        elif stream is not None:
            stream.counting.arrived(parsed.sequence, parsed.timestamp, now)
            (sent_number,) = struct.unpack_from("!I", parsed.payload)
            stream.twice += sent_number in stream.came
            stream.came[sent_number] = now
        elif parsed.ssrc in self._rtx:
            self._rtx[parsed.ssrc].on_rtx(parsed, now)
        else:
            self.unknown += 1

    def on_rtcp(self, packet: bytes, now: float) -> None:
        """Note the sender reports."""
        for kind, _, body in wire.split_rtcp(packet):
            if kind == wire.SR:
                ssrc, stamp = struct.unpack_from("!IQ", body)
                if ssrc in self._media:
                    self._media[ssrc].counting.reported(stamp, now)

    def tick(self, now: float) -> None:
        """Report, feed back, ask."""
        for stream in self.video.values():
            stream.tick(now)
        if now >= self._next_feedback:
            self._next_feedback = now + INTERVAL_S
            feedback = self._recorder.feedback()
            if feedback is not None:
                self.client.send_rtcp(feedback)
            estimate = int(self.estimator.update(now))
            if not self._transport_cc and self.video:
                ssrcs = [stream.ssrc for stream in self.video.values()]
                self.client.send_rtcp(wire.receiver_report([]) + wire.remb(estimate, ssrcs))
        if now >= self._next_report:
            self._next_report = now + REPORT_EVERY_S
            blocks = [block for one in self._media.values() if (block := one.counting.block(now)) is not None]
            if blocks:
                self.client.send_rtcp(wire.receiver_report(blocks))
