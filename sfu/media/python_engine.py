# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The engine in Python: its tables and the way in. The way out is `sfu.media.sending`."""

import secrets
from collections import Counter
from collections.abc import Sequence

from sfu.core.codecs import parse_vp8
from sfu.core.ice_lite import Address
from sfu.core.limits_media import (
    MAX_DOWNLINKS_PER_PEER,
    MAX_NACK_ANSWERS,
    MAX_SPENT_SSRCS_PER_PEER,
    MAX_SSRCS_PER_PEER,
    MAX_UNKNOWN_SSRCS_PER_PEER,
)
from sfu.core.media import Downlink, Kind, MediaStats, PeerId, TrackSid
from sfu.core.rtp import HEADER, abs_send_time, header_size, read_extensions
from sfu.core.sender_clock import SenderClock
from sfu.core.speakers import Window
from sfu.media.contract import EngineEvents, SendDatagram, SrtpKeys, StreamId, StreamRow
from sfu.media.rows import Down, Inbound, Packet, Peer, Stream
from sfu.media.sending import forward, resend, switch
from sfu.media.srtp import Receiver, Sender


class PythonEngine:
    """Fulfils `sfu.media.contract.Engine` in one thread, one call per packet."""

    name = "python"

    def __init__(self, send: SendDatagram, events: EngineEvents) -> None:
        self._send = send
        self._events = events
        self._peers: dict[PeerId, Peer] = {}
        self._streams: dict[StreamId, Stream] = {}
        self.stats = MediaStats()
        self.dropped: Counter[str] = Counter()
        self.stats.dropped = self.dropped

    # tables

    def open_peer(self, peer: PeerId) -> None:
        """A row without keys or address."""
        self.close_peer(peer)
        self._peers[peer] = Peer(peer)

    def set_keys(self, peer: PeerId, keys: SrtpKeys) -> None:
        """From the finished handshake."""
        row = self._peers.get(peer)
        if row is None:
            return
        row.receiver, row.sender = Receiver(keys), Sender(keys)
        row.target = row.address
        for down in row.downs.values():
            down.set_keys()

    def set_address(self, peer: PeerId, address: Address | None) -> None:
        """Where its packets go."""
        row = self._peers.get(peer)
        if row is not None:
            row.address = address
            row.target = address if row.sender else None

    def heard(self, peer: PeerId) -> float:
        """When its last authentic packet came; 0 before."""
        row = self._peers.get(peer)
        return row.heard if row else 0.0

    def close_peer(self, peer: PeerId) -> None:
        """Drop its row, streams and downlinks."""
        row = self._peers.pop(peer, None)
        if row is None:
            return
        for inbound in row.inbound.values():
            if inbound.stream is not None and not inbound.rtx:
                self.drop_stream(inbound.stream.id)
        for down in row.downs.values():
            self._leave(down)

    def put_stream(self, row: StreamRow) -> bool:
        """Add or change a layer."""
        known = self._streams.get(row.stream)
        if known is not None:
            known.change(row)
            return True
        peer = self._peers.get(row.peer)
        inbound = self._claim(peer, row.ssrc) if peer else None
        if peer is None or inbound is None:
            return False
        stream = Stream(row, peer, inbound.window)
        inbound.stream, inbound.rtx = stream, False
        self._streams[row.stream] = stream
        return True

    def put_rtx(self, stream: StreamId, ssrc: int) -> bool:
        """Name the SSRC of a stream's retransmissions."""
        known = self._streams.get(stream)
        inbound = self._claim(known.peer, ssrc) if known else None
        if known is None or inbound is None:
            return False
        inbound.stream, inbound.rtx = known, True
        known.rtx_ssrc = ssrc
        return True

    def set_clock(self, stream: StreamId, clock: SenderClock) -> None:
        """The latest sender report."""
        known = self._streams.get(stream)
        if known is not None:
            known.clock = clock

    def drop_stream(self, stream: StreamId) -> None:
        """Its followers stand still."""
        known = self._streams.pop(stream, None)
        if known is None:
            return
        for ssrc in (known.row.ssrc, known.rtx_ssrc):
            inbound = known.peer.inbound.get(ssrc)
            if inbound is not None and inbound.stream is known:
                inbound.stream = None
        for down in (*known.followers, *known.waiting):
            if down.stream is known:
                down.stream = None
            if down.wanted is known:
                down.wanted = None

    def put_downlink(self, downlink: Downlink) -> bool:
        """Add a downlink or change it in place."""
        peer = self._peers.get(downlink.peer)
        if peer is None:
            return False
        known = peer.downs.get(downlink.track)
        if known is not None and (known.row.ssrc, known.row.rtx_ssrc) == (downlink.ssrc, downlink.rtx_ssrc):
            known.change(downlink)
            return True
        self.drop_downlink(downlink.peer, downlink.track)
        if len(peer.downs) >= MAX_DOWNLINKS_PER_PEER or len(peer.spent) >= MAX_SPENT_SSRCS_PER_PEER:
            self.dropped["downlink_cap"] += 1
            return False
        taken = peer.downs_by_ssrc.get(downlink.ssrc)
        if taken is not None:
            self.drop_downlink(downlink.peer, taken.row.track)
        first = peer.spent.pop(downlink.ssrc, None)
        first_rtx = peer.spent.pop(downlink.rtx_ssrc, None)
        down = Down(
            downlink,
            peer,
            secrets.randbelow(0x8000) if first is None else first,
            secrets.randbelow(0x8000) if first_rtx is None else first_rtx,
        )
        peer.downs[downlink.track] = down
        peer.downs_by_ssrc[downlink.ssrc] = down
        return True

    def drop_downlink(self, peer: PeerId, track: TrackSid) -> None:
        """Stop; remember the packet index."""
        row = self._peers.get(peer)
        down = row.downs.pop(track, None) if row else None
        if row is None or down is None:
            return
        self._leave(down)
        row.downs_by_ssrc.pop(down.row.ssrc, None)
        row.spent[down.row.ssrc] = down.last_index + 1
        if down.row.rtx_ssrc:
            row.spent[down.row.rtx_ssrc] = down.rtx_index

    def follow(self, peer: PeerId, track: TrackSid, stream: StreamId | None) -> None:
        """Switch at the next key frame (audio: next packet), or pause."""
        row = self._peers.get(peer)
        down = row.downs.get(track) if row else None
        if down is None:
            return
        if stream is None:
            self._leave(down)
            return
        wanted = self._streams.get(stream)
        if down.wanted is not wanted:
            if down.wanted is not None:
                down.wanted.waiting.remove(down)
            down.wanted = wanted
            if wanted is not None:
                wanted.waiting.append(down)

    def _leave(self, down: Down) -> None:
        if down.stream is not None:
            down.stream.followers.remove(down)
            down.stream = None
        if down.wanted is not None:
            down.wanted.waiting.remove(down)
            down.wanted = None

    def _claim(self, peer: Peer, ssrc: int) -> Inbound | None:
        """The row of an SSRC, taken from whatever stream had it before."""
        inbound = peer.inbound.get(ssrc)
        if inbound is None:
            if len(peer.inbound) >= MAX_SSRCS_PER_PEER:
                self.dropped["ssrc_cap"] += 1
                return None
            inbound = peer.inbound[ssrc] = Inbound()
        elif not inbound.claimed:
            peer.unknown -= 1
        elif inbound.stream is not None and not inbound.rtx:
            self.drop_stream(inbound.stream.id)
        inbound.claimed = True
        return inbound

    # packets in

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
        if first & 0x20:
            padding = payload[-1] if payload else 0
            if not 0 < padding <= len(payload):
                self.dropped["rtp_malformed"] += 1
                return
            payload = payload[:-padding]
        if ssrc not in row.inbound:
            row.inbound[ssrc] = inbound
            row.unknown += 1
        before = window.highest
        window.commit(index)
        row.heard = now
        self.stats.packets_in += 1
        self.stats.bytes_in += size
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
            self.dropped["rtx_duplicate"] += 1
            return
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
            stream.use(codec)
            self._events.started(stream.id, codec)
        stream.packets += 1
        if before >= 0 and index != before + 1:
            if index > before:
                self._events.gap(stream.id, before + 1, index, now)
            else:
                self._events.late(stream.id, index)
        level, dependency, vp8 = -1, None, None
        if stream.needs_extensions:
            elements = read_extensions(datagram)
            dependency = elements.get(stream.dependency_id)
            value = elements.get(stream.audio_level_id)
            if value:
                level = value[0]
                stream.hear(level, timestamp)
        data: bytes | bytearray = payload
        if stream.is_vp8:
            vp8 = parse_vp8(payload)
            if vp8 is not None and (vp8.picture_id_at or vp8.tl0_at):
                data = bytearray(payload)
        packet = Packet(data, timestamp, second & 0x80, level, dependency, vp8)
        if stream.waiting and index >= before and (stream.row.kind is Kind.AUDIO or stream.is_keyframe(payload)):
            waiting, stream.waiting = stream.waiting, []
            for down in waiting:
                down.wanted = None
                switch(down, stream, packet, index, now)
                self._events.switched(down.peer.id, down.row.track, stream.id)
        if stream.followers:
            forward(self, stream, packet, index, now)

    # packets out

    def send(self, datagram: bytes | bytearray, address: Address) -> None:
        """Put a datagram on the wire."""
        self._send(datagram, address)

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
            self._send(protected, row.target)

    def resend(self, peer: PeerId, ssrc: int, sequences: Sequence[int], now: float, rtt: float) -> None:
        """Answer a receiver's NACK from the history."""
        row = self._peers.get(peer)
        down = row.downs_by_ssrc.get(ssrc) if row else None
        if down is not None:
            resend(self, down, sequences[:MAX_NACK_ANSWERS], now, rtt, abs_send_time(now))

    # counters

    def stream(self, stream: StreamId) -> Stream | None:
        """Counters of a stream."""
        return self._streams.get(stream)

    def sending(self, peer: PeerId, track: TrackSid) -> Down | None:
        """Counters of a downlink."""
        row = self._peers.get(peer)
        return row.downs.get(track) if row else None

    def take_levels(self) -> dict[TrackSid, Window]:
        """End a window of audio levels."""
        return {stream.row.track: stream.take_window() for stream in self._streams.values() if stream.audio_level_id}
