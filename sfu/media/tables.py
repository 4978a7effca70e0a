# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The Python engine's tables and what changes them."""

import secrets
from collections import Counter
from collections.abc import Callable

from sfu.core.ice_lite import Address
from sfu.core.layers import EVERY
from sfu.core.limits_media import MAX_DOWNLINKS_PER_PEER, MAX_SPENT_SSRCS_PER_PEER, MAX_SSRCS_PER_PEER
from sfu.core.loudest import Loudest
from sfu.core.media import Downlink, Kind, MediaStats, PeerId, TrackSid
from sfu.core.send_log import SendLog
from sfu.core.sender_clock import SenderClock
from sfu.core.speakers import Window
from sfu.media.contract import SrtpKeys, StreamId, StreamRow
from sfu.media.rows import Down, Inbound, Peer, Stream
from sfu.media.srtp import Receiver, Sender


class Tables:
    """Peers, streams and downlinks, and who follows what.

    `randbelow` gives the first packet index of an SSRC that was never sent before.
    """

    peer_row: type[Peer] = Peer
    stream_row: type[Stream] = Stream
    down_row: type[Down] = Down
    seats_row: type[Loudest] = Loudest

    def __init__(self, randbelow: Callable[[int], int] = secrets.randbelow) -> None:
        self._randbelow = randbelow
        self._peers: dict[PeerId, Peer] = {}
        self._streams: dict[StreamId, Stream] = {}
        self._seats: dict[str, Loudest] = {}
        """By room, where not everybody is sent on."""
        self.stats = MediaStats()
        self.dropped: Counter[str] = Counter()
        self.stats.dropped = self.dropped

    def open_peer(self, peer: PeerId) -> None:
        """A row without keys or address."""
        self.close_peer(peer)
        self._peers[peer] = self.peer_row(peer)

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

    def note_arrivals(self, peer: PeerId, extension: int) -> None:
        """Note when packets with a transport-wide number come."""
        row = self._peers.get(peer)
        if row is not None:
            row.arrival_id = extension

    def take_arrivals(self, peer: PeerId) -> list[tuple[int, float]]:
        """What came since the last call."""
        row = self._peers.get(peer)
        if row is None:
            return []
        arrivals, row.arrivals = row.arrivals, []
        return arrivals

    def send_log(self, peer: PeerId) -> SendLog | None:
        """What was sent to a peer under which number."""
        row = self._peers.get(peer)
        return row.log if row else None

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
        stream = self.stream_row(row, peer, inbound.window)
        inbound.stream, inbound.rtx = stream, False
        self._streams[row.stream] = stream
        if row.max_speakers:
            stream.seats = self._seats.setdefault(row.room, self.seats_row(row.max_speakers))
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
        if known.seats is not None:
            known.seats.forget(known.row.track)
            if not any(other.seats is known.seats for other in self._streams.values()):
                self._seats.pop(known.row.room, None)
        for ssrc in (known.row.ssrc, known.rtx_ssrc):
            inbound = known.peer.inbound.get(ssrc)
            if inbound is not None and inbound.stream is known:
                inbound.stream = None
        for down in (*known.followers, *known.selective, *known.waiting):
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
        ssrcs = {downlink.ssrc, downlink.rtx_ssrc} - {0}
        if downlink.ssrc == downlink.rtx_ssrc or any(ssrc in peer.downs_by_ssrc for ssrc in ssrcs):
            self.dropped["ssrc_clash"] += 1  # two packets of one index would give the key stream away
            return False
        first = peer.spent.pop(downlink.ssrc, None)
        first_rtx = peer.spent.pop(downlink.rtx_ssrc, None)
        down = self.down_row(
            downlink,
            peer,
            self._randbelow(0x8000) if first is None else first,
            self._randbelow(0x8000) if first_rtx is None else first_rtx,
        )
        peer.downs[downlink.track] = down
        peer.downs_by_ssrc.update(dict.fromkeys(ssrcs, down))
        return True

    def drop_downlink(self, peer: PeerId, track: TrackSid) -> None:
        """Stop; remember the packet index."""
        row = self._peers.get(peer)
        down = row.downs.pop(track, None) if row else None
        if row is None or down is None:
            return
        self._leave(down)
        for ssrc in (down.row.ssrc, down.row.rtx_ssrc):
            row.downs_by_ssrc.pop(ssrc, None)
        row.spent[down.row.ssrc] = down.last_index + 1
        if down.row.rtx_ssrc:
            row.spent[down.row.rtx_ssrc] = down.rtx_index

    def follow(
        self, peer: PeerId, track: TrackSid, stream: StreamId | None, *, spatial: int = EVERY, temporal: int = EVERY
    ) -> None:
        """Switch at the next key frame (audio: next packet), or pause."""
        row = self._peers.get(peer)
        down = row.downs.get(track) if row else None
        if down is None:
            return
        down.spatial, down.temporal = spatial, temporal
        if stream is None:
            self._leave(down)
            return
        wanted = self._streams.get(stream)
        if wanted is not None and down.stream is wanted:
            wanted.select(down)
        if down.wanted is not wanted:
            if down.wanted is not None:
                down.wanted.forgo(down)
            down.wanted = wanted
            if wanted is not None:
                wanted.await_keyframe(down)

    def _leave(self, down: Down) -> None:
        if down.stream is not None:
            down.stream.release(down)
        if down.wanted is not None:
            down.wanted.forgo(down)
            down.wanted = None

    def _claim(self, peer: Peer, ssrc: int) -> Inbound | None:
        """The row of an SSRC, taken from whatever stream had it before."""
        inbound = peer.inbound.get(ssrc)
        if inbound is None:
            if len(peer.inbound) >= MAX_SSRCS_PER_PEER:
                self.dropped["ssrc_cap"] += 1
                return None
            inbound = peer.admit(ssrc)
        elif not inbound.claimed:
            peer.unknown -= 1
        elif inbound.stream is not None and not inbound.rtx:
            self.drop_stream(inbound.stream.id)
        inbound.claimed = True
        return inbound

    def stream(self, stream: StreamId) -> Stream | None:
        """Counters of a stream."""
        return self._streams.get(stream)

    def sending(self, peer: PeerId, track: TrackSid) -> Down | None:
        """Counters of a downlink."""
        row = self._peers.get(peer)
        return row.downs.get(track) if row else None

    def sent(self, peer: PeerId) -> tuple[int, int]:
        """Bytes of (video, audio) that went to a peer."""
        row = self._peers.get(peer)
        return (row.sent[Kind.VIDEO][0], row.sent[Kind.AUDIO][0]) if row else (0, 0)

    def take_levels(self) -> dict[TrackSid, Window]:
        """End a window of audio levels."""
        return {stream.row.track: stream.take_window() for stream in self._streams.values() if stream.audio_level_id}
