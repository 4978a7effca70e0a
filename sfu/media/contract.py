# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The engine contract: what a packet path must do, whether it is written in Python or in C.

Tables go in (peers with keys and addresses, streams by SSRC, downlinks, who follows which stream);
packets go through without anybody else looking at them; rare things come up as calls of `EngineEvents`.
Decisions (which layer, when to ask for a key frame, what to report) are made above the engine.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NewType, Protocol

from sfu.core.ice_lite import Address
from sfu.core.layers import EVERY
from sfu.core.limits_media import MAX_NACK_ANSWERS
from sfu.core.media import Codec, Downlink, Extensions, Kind, MediaStats, PeerId, TrackSid
from sfu.core.send_log import SendLog
from sfu.core.sender_clock import SenderClock
from sfu.core.seqnum import Reception
from sfu.core.speakers import Window

StreamId = NewType("StreamId", int)
"""One received SSRC of media: a layer of a track. Never used again within a worker's life."""

SendDatagram = Callable[[bytes | bytearray, Address], object]
"""Put a datagram on the wire, or lose it; never blocks, never raises."""


class SrtpProfile(Enum):
    """The negotiated protection (RFC 5764, RFC 7714), named as OpenSSL names it."""

    GCM = "SRTP_AEAD_AES_128_GCM"
    CM = "SRTP_AES128_CM_SHA1_80"


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """Master key followed by master salt, for each direction."""

    profile: SrtpProfile
    receive: bytes
    send: bytes

    def __repr__(self) -> str:
        """Never the keys."""
        return f"SrtpKeys({self.profile.value})"


@dataclass(frozen=True, slots=True)
class StreamRow:
    """One layer that a peer sends us."""

    stream: StreamId
    peer: PeerId
    track: TrackSid
    ssrc: int
    kind: Kind
    codecs: tuple[Codec, ...]
    extensions: Extensions
    room: str = ""
    max_speakers: int = 0
    """Where not 0: the stream competes with the others of its room for so many seats (`sfu.core.loudest`)."""


class StreamView(Protocol):
    """Counters of a stream. The decisions read them on their timers."""

    @property
    def reception(self) -> Reception:
        """For receiver reports."""
        ...

    @property
    def packets(self) -> int:
        """All that were accepted, retransmissions included."""
        ...

    @property
    def octets(self) -> int:
        """Payload bytes of those packets."""
        ...

    @property
    def waiting_count(self) -> int:
        """Downlinks that wait for this stream's next key frame, to begin or to change layers."""
        ...


class SendView(Protocol):
    """Counters of a downlink."""

    @property
    def packets(self) -> int:
        """Sent, without retransmissions."""
        ...

    @property
    def octets(self) -> int:
        """Payload bytes of those packets."""
        ...

    @property
    def following(self) -> StreamId | None:
        """The stream that is followed now."""
        ...

    @property
    def timestamp_offset(self) -> int:
        """From the followed stream's timestamps to ours."""
        ...


class EngineEvents(Protocol):
    """What comes up; all of it is rare next to the packets."""

    def learn(self, peer: PeerId, ssrc: int, payload_type: int, elements: Mapping[int, bytes]) -> None:
        """An authentic packet of an SSRC that no row names. May add rows; the packet is then looked at again."""

    def started(self, stream: StreamId, codec: Codec) -> None:
        """A stream's first packet, or its first after a change of codec."""

    def gap(self, stream: StreamId, first: int, stop: int, now: float) -> None:
        """Indices `first` to `stop - 1` were skipped."""

    def late(self, stream: StreamId, index: int) -> None:
        """An index below the highest came after all, late or by retransmission."""

    def rtcp(self, peer: PeerId, packet: bytes, now: float) -> None:
        """An authentic compound packet."""

    def layered(self, stream: StreamId, spatial: int, temporal: int) -> None:
        """So many spatial and temporal layers of a stream flow now; before anything is told it is one and one."""

    def blocked(self, stream: StreamId, now: float) -> None:
        """A downlink cannot get the layers that it is to follow without a key frame of this stream."""

    def switched(self, peer: PeerId, track: TrackSid, stream: StreamId) -> None:
        """A downlink follows this stream from now on."""


class Engine(Protocol):
    """The packet path."""

    name: str
    stats: MediaStats
    dropped: Counter[str]
    """The same object as `stats.dropped`."""

    def open_peer(self, peer: PeerId) -> None:
        """A row without keys or address: nothing flows yet."""

    def set_keys(self, peer: PeerId, keys: SrtpKeys) -> None:
        """From the finished handshake."""

    def set_address(self, peer: PeerId, address: Address | None) -> None:
        """Where its packets go: over which link (a UDP socket or a TCP connection) and to which host and port.

        `None`: nowhere, until there is an address again.
        """

    def heard(self, peer: PeerId) -> float:
        """When its last authentic packet came; 0 before."""

    def close_peer(self, peer: PeerId) -> None:
        """Drop its row, streams and downlinks."""

    def note_arrivals(self, peer: PeerId, extension: int) -> None:
        """Note when packets come, of all SSRCs, that carry a transport-wide number in this header extension."""

    def take_arrivals(self, peer: PeerId) -> Sequence[tuple[int, float]]:
        """(number, time) of what came since the last call, in order of arrival; at most `MAX_ARRIVALS`."""

    def send_log(self, peer: PeerId) -> SendLog | None:
        """When and how much was sent to a peer under which transport-wide number, retransmissions included."""

    def probe(self, peer: PeerId, octets: int, now: float) -> int:
        """Fill the path to a peer with packets that its decoder ignores: old ones again, as RTX.

        How many bytes were sent: 0 where there is no RTX, or nothing was sent yet.
        """

    def put_stream(self, row: StreamRow) -> bool:
        """Add or change a layer; an SSRC's replay window survives. False at the cap of SSRCs."""

    def put_rtx(self, stream: StreamId, ssrc: int) -> bool:
        """Name the SSRC that carries a stream's retransmissions. False at the cap of SSRCs."""

    def set_clock(self, stream: StreamId, clock: SenderClock) -> None:
        """The latest sender report, by which switches align timestamps."""

    def drop_stream(self, stream: StreamId) -> None:
        """Its followers stand still."""

    def put_downlink(self, downlink: Downlink) -> bool:
        """Add a downlink, or change it in place when its SSRC is the same. False at a cap."""

    def drop_downlink(self, peer: PeerId, track: TrackSid) -> None:
        """Stop; the SSRC's packet index is remembered."""

    def follow(
        self, peer: PeerId, track: TrackSid, stream: StreamId | None, *, spatial: int = EVERY, temporal: int = EVERY
    ) -> None:
        """Video: switch at the stream's next key frame. Audio: at its next packet. `None`: pause.

        `spatial` and `temporal` are the highest layers sent of a stream that holds several. Of the stream that
        is followed already they can be changed at any time: less at once, more from the first frame that can
        be decoded with what was sent before.
        """

    def on_rtp(self, peer: PeerId, datagram: memoryview, now: float) -> None:
        """A datagram from a validated address."""

    def on_rtcp(self, peer: PeerId, datagram: bytes, now: float) -> None:
        """A datagram from a validated address."""

    def send_rtcp(self, peer: PeerId, packet: bytes) -> None:
        """Protect and send a compound packet."""

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
        """Answer a receiver's NACK from the history with `most` packets at most; how many were sent.

        `since_switch`: only with packets since the last change of stream, and with none while one is awaited: its
        key frame makes all before it superfluous.
        """

    def stream(self, stream: StreamId) -> StreamView | None:
        """Counters of a stream."""

    def sending(self, peer: PeerId, track: TrackSid) -> SendView | None:
        """Counters of a downlink."""

    def sent(self, peer: PeerId) -> tuple[int, int]:
        """Bytes of (video, audio) that went to a peer, headers estimated; nothing that was sent again."""

    def take_levels(self) -> dict[TrackSid, Window]:
        """What the audio level extensions said since the last call."""
