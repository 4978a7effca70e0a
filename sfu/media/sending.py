# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The Python engine's way out: one packet rewritten and protected for every follower."""

import struct
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from sfu.core.media import MediaStats
from sfu.core.rtp import HEADER, abs_send_time, write_extensions
from sfu.core.send_log import MASK, OVERHEAD
from sfu.media.contract import SendDatagram
from sfu.media.rows import Down, Packet, Stream

_REWRITE = struct.Struct("!BHI")  # marker and payload type, sequence, timestamp
_U16 = struct.Struct("!H")
_U32 = 0xFFFFFFFF

PROBE_PACKETS = 32
"""The newest so many packets of a downlink serve as padding."""


class Outlet(Protocol):
    """What the way out needs of the engine."""

    stats: MediaStats
    dropped: Counter[str]

    send: SendDatagram

    def forward(self, followers: Sequence[Down], packet: Packet, index: int, now: float) -> None:
        """Send to downlinks as it is."""
        ...


def switch(down: Down, stream: Stream, packet: Packet, index: int, now: float) -> None:
    """Follow a stream from this packet on, seamlessly."""
    old = down.stream
    aligned = None
    if old is not None and old.clock is not None and stream.clock is not None:
        aligned = stream.clock.translate(packet.timestamp, old.clock) + down.timestamp_offset
    vp8 = packet.vp8
    down.begin(
        index,
        packet.timestamp,
        now,
        stream.clock_rate,
        aligned=aligned,
        picture=vp8.picture_id if vp8 else 0,
        tl0=vp8.tl0 if vp8 else 0,
    )
    if old is not None:
        old.release(down)
    stream.take(down)


def forward(engine: Outlet, followers: Sequence[Down], packet: Packet, index: int, now: float) -> None:
    """Send to downlinks as it is. The hot loop: everything per packet is done above it, once."""
    payload, marker, level = packet.payload, packet.marker, packet.level
    timestamp, vp8, dependency = packet.timestamp, packet.vp8, packet.dependency
    send, rewrite, write_u16, stats = engine.send, _REWRITE.pack_into, _U16.pack_into, engine.stats
    sent_at = abs_send_time(now)
    size = len(payload)
    packets = octets = 0
    picture = tl0 = picture_at = tl0_at = 0
    wide = False
    writable = payload if isinstance(payload, bytearray) else None
    if vp8 is not None:
        picture_at, tl0_at, wide = vp8.picture_id_at, vp8.tl0_at, vp8.wide
    for down in followers:
        address = down.peer.target
        payload_type = down.payload_type
        if address is None or index < down.first:
            continue
        if payload_type < 0:
            engine.dropped["codec_missing"] += 1
            continue
        out = index + down.seq_offset
        out_timestamp = (timestamp + down.timestamp_offset) & _U32
        if dependency is not None and down.row.extensions.dependency_descriptor:
            head, at = down.head_with(dependency)
        elif level >= 0 and down.level_at:
            head = down.head_level
            head[down.level_at] = level
            at = down.level_time_at
        else:
            head = down.head
            at = down.time_at
        log = down.log
        if log is not None:  # as SendLog.note does, without its call
            number = log.next
            log.next = number + 1
            write_u16(head, at, number & 0xFFFF)
            slot = number & MASK
            log.times[slot] = now
            log.sizes[slot] = size
        elif at:
            head[at : at + 3] = sent_at
        rewrite(head, 1, marker | payload_type, out & 0xFFFF, out_timestamp)
        if writable is not None and vp8 is not None:  # as _write_vp8 does, without its call
            picture = (vp8.picture_id + down.picture_offset) & 0x7FFF
            tl0 = (vp8.tl0 + down.tl0_offset) & 0xFF
            if wide:
                write_u16(writable, picture_at, 0x8000 | picture)
            elif picture_at:
                writable[picture_at] = picture & 0x7F
            if tl0_at:
                writable[tl0_at] = tl0
        encrypt = down.encrypt
        if encrypt is not None:
            datagram = head + encrypt((down.iv ^ out).to_bytes(12, "big"), payload, head)
        else:
            sender = down.peer.sender
            protected = sender.rtp(head, payload, down.row.ssrc, out) if sender else None
            if protected is None:
                engine.dropped["too_long"] += 1
                continue
            datagram = bytearray(protected)
        send(datagram, address)
        history = down.history
        kept = packet if down.rtx_payload_type else datagram
        history.ring[out & history.mask] = (out, kept, out_timestamp, picture, tl0, 0, 0.0)
        if out > down.last_index:
            down.last_index = out
            down.last_timestamp = out_timestamp
            down.last_time = now
            down.last_picture = picture
            down.last_tl0 = tl0
        down.packets += 1
        down.octets += size
        down.meter[0] += size + OVERHEAD
        packets += 1
        octets += len(datagram)
    stats.packets_out += packets
    stats.bytes_out += octets


def resend(
    engine: Outlet, down: Down, sequences: Sequence[int], now: float, rtt: float, *, since_switch: bool, most: int
) -> int:
    """Send kept packets again, at most so many: as RTX where negotiated (RFC 4588), else the very same bytes."""
    address = down.peer.target
    sender = down.peer.sender
    if address is None or sender is None or (since_switch and down.wanted is not None) or most <= 0:
        return 0
    oldest = down.first + down.seq_offset if since_switch else 0
    sent = 0
    for sequence in sequences:
        entry = down.history.take(sequence, now, rtt)
        if entry is None or entry[0] < oldest:
            continue
        _, kept, timestamp, picture, tl0 = entry
        if isinstance(kept, Packet):
            _write_vp8(kept, picture, tl0)
            if not _send_rtx(engine, down, kept, sequence, timestamp, now):
                continue
        else:
            engine.send(kept, address)
        engine.stats.retransmitted += 1
        sent += 1
        if sent >= most:
            break
    return sent


def probe(engine: Outlet, down: Down, octets: int, now: float) -> int:
    """Send the newest kept packets again, as RTX, up to so many bytes; how many were sent."""
    sent = 0
    while sent < octets:
        before = sent
        for index in range(down.last_index, down.last_index - PROBE_PACKETS, -1):
            entry = down.history.ring[index & down.history.mask]
            if entry is None or entry[0] != index:
                continue
            _, kept, timestamp, picture, tl0, _, _ = entry
            if isinstance(kept, Packet) and down.rtx_payload_type:
                _write_vp8(kept, picture, tl0)
                if _send_rtx(engine, down, kept, index & 0xFFFF, timestamp, now):
                    sent += len(kept.payload) + OVERHEAD
                    engine.stats.probes += 1
            if sent >= octets:
                break
        if sent == before:
            break
    return sent


def _send_rtx(engine: Outlet, down: Down, kept: Packet, sequence: int, timestamp: int, now: float) -> bool:
    """Send a kept packet under the RTX SSRC; False when it cannot be sent."""
    address, sender = down.peer.target, down.peer.sender
    if address is None or sender is None:
        return False
    elements = [(down.row.extensions.mid, down.row.mid.encode()), down.stamp(now, len(kept.payload))]
    if kept.dependency is not None:
        elements.append((down.row.extensions.dependency_descriptor, kept.dependency))
    block, _ = write_extensions(elements)
    index, down.rtx_index = down.rtx_index, down.rtx_index + 1
    second = kept.marker | down.rtx_payload_type
    head = HEADER.pack(0x90 if block else 0x80, second, index & 0xFFFF, timestamp, down.row.rtx_ssrc)
    datagram = sender.rtp(head + block, _U16.pack(sequence) + kept.payload, down.row.rtx_ssrc, index)
    if datagram is None:
        return False
    engine.send(datagram, address)
    return True


def _write_vp8(packet: Packet, picture: int, tl0: int) -> None:
    """Overwrite the descriptor's numbers; the payload is shared, so every sending writes its own."""
    vp8 = packet.vp8
    payload = packet.payload
    if vp8 is None or not isinstance(payload, bytearray):
        return
    if vp8.picture_id_at:
        if vp8.wide:
            _U16.pack_into(payload, vp8.picture_id_at, 0x8000 | (picture & 0x7FFF))
        else:
            payload[vp8.picture_id_at] = picture & 0x7F
    if vp8.tl0_at:
        payload[vp8.tl0_at] = tl0
