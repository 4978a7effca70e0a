# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The engine in Python: the way in. Its tables are `sfu.media.tables`, the way out is `sfu.media.sending`."""

import secrets
from collections.abc import Callable, Sequence

from sfu.core.codecs import parse_vp8
from sfu.core.limits_media import MAX_ARRIVALS, MAX_NACK_ANSWERS, MAX_SSRCS_PER_PEER, MAX_UNKNOWN_SSRCS_PER_PEER
from sfu.core.media import PeerId
from sfu.core.rtp import HEADER, find_extension, header_size, read_extensions
from sfu.media.contract import EngineEvents, SendDatagram
from sfu.media.rows import Down, Inbound, Packet, Stream
from sfu.media.selecting import pass_on, start
from sfu.media.sending import forward, probe, resend
from sfu.media.tables import Tables


class PythonEngine(Tables):
    """Fulfils `sfu.media.contract.Engine` in one thread, one call per packet."""

    name = "python"

    def __init__(
        self, send: SendDatagram, events: EngineEvents, randbelow: Callable[[int], int] = secrets.randbelow
    ) -> None:
        super().__init__(randbelow)
        self.send = send
        self._events = events

    def on_rtp(self, peer: PeerId, datagram: memoryview, now: float) -> None:
        """Unprotect, account, forward."""
        row = self._peers.get(peer)
        if row is None or row.receiver is None:
            self.dropped["before_keys"] += 1
            return
        size = len(datagram)
        head = header_size(datagram, size)
        if not head:
            self.dropped["rtp_malformed"] += 1
            return
        first, second, sequence, timestamp, ssrc = HEADER.unpack_from(datagram)
        inbound = row.inbound.get(ssrc)
        if inbound is None:
            if row.unknown >= MAX_UNKNOWN_SSRCS_PER_PEER or len(row.inbound) >= MAX_SSRCS_PER_PEER:
                self.dropped["ssrc_cap"] += 1
                return
            inbound = Inbound()
        window = inbound.window
        index = window.index(sequence)
        if not window.fresh(index):
            self.dropped["replay"] += 1
            return
        payload = row.receiver.rtp(datagram, head, ssrc, index)
        if payload is None:
            self.dropped["srtp_auth"] += 1
            return
        if ssrc not in row.inbound:
            row.inbound[ssrc] = inbound
            row.unknown += 1
        before = window.highest
        window.commit(index)
        if first & 0x20:
            padding = payload[-1] if payload else 0
            if not 0 < padding <= len(payload):
                self.dropped["rtp_malformed"] += 1
                return
            payload = payload[:-padding]
        row.heard = now
        self.stats.packets_in += 1
        self.stats.bytes_in += size
        if row.arrival_id:
            at = find_extension(datagram, row.arrival_id, 2)
            if at and len(row.arrivals) < MAX_ARRIVALS:
                row.arrivals.append(((datagram[at] << 8) | datagram[at + 1], now))
        if inbound.stream is None:
            self._events.learn(row.id, ssrc, second & 0x7F, read_extensions(datagram))
            if inbound.stream is None:
                self.dropped["unknown_ssrc"] += 1
                return
        stream = inbound.stream
        if inbound.rtx:
            self._restore(stream, second, timestamp, payload, datagram, now)
            return
        stream.reception.arrived(index, timestamp, now)
        self._accept(stream, index, before, second, timestamp, payload, datagram, now)

    def _restore(
        self, stream: Stream, second: int, timestamp: int, payload: bytes, datagram: memoryview, now: float
    ) -> None:
        """Take the original packet out of a retransmission (RFC 4588 section 4)."""
        payload_type = stream.rtx_types.get(second & 0x7F)
        if len(payload) < 2:
            return  # padding to probe bandwidth
        if payload_type is None:
            self.dropped["unknown_payload_type"] += 1
            return
        window = stream.window
        if window.highest < 0:
            self.dropped["rtx_early"] += 1
            return
        index = window.index(int.from_bytes(payload[:2], "big"))
        if not window.fresh(index):
            return  # it came after all, or the sender probes bandwidth with old packets
        before = window.highest
        window.commit(index)
        self._accept(stream, index, before, (second & 0x80) | payload_type, timestamp, payload[2:], datagram, now)

    def _accept(
        self,
        stream: Stream,
        index: int,
        before: int,
        second: int,
        timestamp: int,
        payload: bytes,
        datagram: memoryview,
        now: float,
    ) -> None:
        payload_type = second & 0x7F
        if payload_type != stream.payload_type:
            codec = stream.codecs.get(payload_type)
            if codec is None:
                self.dropped["unknown_payload_type"] += 1
                return
            start(self._events, stream, codec)
        stream.packets += 1
        stream.octets += len(payload)
        if before >= 0 and index != before + 1:
            if index > before:
                self._events.gap(stream.id, before + 1, index, now)
            else:
                self._events.late(stream.id, index)
        level, dependency, vp8 = -1, None, None
        if stream.needs_extensions:
            elements = read_extensions(datagram)
            dependency = elements.get(stream.dependency_id) if stream.dependency_id else None
            value = elements.get(stream.audio_level_id) if stream.audio_level_id else None
            if value:
                level = value[0]
                stream.hear(level, timestamp)
        data: bytes | bytearray = payload
        if stream.is_vp8:
            vp8 = parse_vp8(payload)
            if vp8 is not None and (vp8.picture_id_at or vp8.tl0_at):
                data = bytearray(payload)
        packet = Packet(data, timestamp, second & 0x80, level, dependency, vp8)
        pass_on(self, self._events, stream, packet, before, index, now)

    def forward(self, followers: Sequence[Down], packet: Packet, index: int, now: float) -> None:
        """Send a packet to downlinks as it is."""
        forward(self, followers, packet, index, now)

    def on_rtcp(self, peer: PeerId, datagram: bytes, now: float) -> None:
        """Unprotect and hand up."""
        row = self._peers.get(peer)
        if row is None or row.receiver is None:
            self.dropped["before_keys"] += 1
            return
        packet = row.receiver.rtcp(datagram)
        if packet is None:
            self.dropped["srtcp_auth"] += 1
            return
        row.heard = now
        self._events.rtcp(peer, packet, now)

    def send_rtcp(self, peer: PeerId, packet: bytes) -> None:
        """Protect and send a compound packet."""
        row = self._peers.get(peer)
        if row is None or row.sender is None or row.target is None:
            return
        protected = row.sender.rtcp(packet)
        if protected is not None:
            self.send(protected, row.target)

    def resend(
        self,
        peer: PeerId,
        ssrc: int,
        sequences: Sequence[int],
        now: float,
        rtt: float,
        *,
        since_switch: bool = False,
        most: int = MAX_NACK_ANSWERS,
    ) -> int:
        """Answer a receiver's NACK from the history."""
        row = self._peers.get(peer)
        down = row.downs_by_ssrc.get(ssrc) if row else None
        if down is not None and down.row.ssrc == ssrc:
            return resend(self, down, sequences[:MAX_NACK_ANSWERS], now, rtt, since_switch=since_switch, most=most)
        return 0

    def probe(self, peer: PeerId, octets: int, now: float) -> int:
        """Send old packets again to fill a path."""
        row = self._peers.get(peer)
        for down in row.downs.values() if row else ():
            if down.rtx_payload_type:
                sent = probe(self, down, octets, now)
                if sent:
                    return sent
        return 0
