# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What signalling and the media plane say to each other: descriptions going down, events coming up.

Signalling (SDP, LiveKit messages, rooms) decides who sends and who receives what; the media plane
(`sfu.media.planes.MediaPlanes`) moves packets. This module is the whole of their shared vocabulary.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NewType, Protocol

PeerId = NewType("PeerId", str)
"""One transport of one participant session. The participant's `PA_…` sid names the one over which it publishes;
with two peer connections `subscriber_transport` names the one over which it gets what others publish."""
TrackSid = NewType("TrackSid", str)
"""A published track, `TR_…`."""


def subscriber_transport(participant: PeerId) -> PeerId:
    """Name the second transport of a participant that has two."""
    return PeerId(f"{participant}/subscriber")


class Kind(Enum):
    """The two kinds of RTP media."""

    AUDIO = "audio"
    VIDEO = "video"


@dataclass(frozen=True, slots=True)
class IceCredentials:
    """A username fragment and password (RFC 8839 section 5.4)."""

    ufrag: str
    pwd: str


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A certificate's hash as SDP writes it (RFC 8122): `sha-256`, `AB:CD:…`."""

    algorithm: str
    value: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """One host candidate of the server (RFC 8839 section 5.1)."""

    host: str
    port: int
    protocol: str = "udp"


@dataclass(frozen=True, slots=True)
class DataChannel:
    """A data channel that the server opens (RFC 8832)."""

    label: str
    reliable: bool
    """Ordered and retransmitted; else unordered and sent once."""


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload type as one SDP section negotiated it."""

    payload_type: int
    mime: str
    """`audio/opus`, `video/VP8`: LiveKit's spelling."""
    clock_rate: int
    channels: int = 1
    fmtp: str = ""
    rtx_payload_type: int | None = None
    """The RTX payload type whose `apt` is this one (RFC 4588)."""
    feedback: tuple[str, ...] = ()
    """`nack`, `nack pli`, `ccm fir`, `goog-remb` …"""


@dataclass(frozen=True, slots=True)
class Extensions:
    """Header extension ids of one section (RFC 8285), 0 where not negotiated."""

    mid: int = 0
    rid: int = 0
    repaired_rid: int = 0
    audio_level: int = 0
    abs_send_time: int = 0
    transport_cc: int = 0
    dependency_descriptor: int = 0


@dataclass(frozen=True, slots=True)
class Layer:
    """A simulcast layer as AddTrackRequest announced it."""

    rid: str
    quality: int
    """LiveKit's VideoQuality: LOW 0, MEDIUM 1, HIGH 2."""
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Uplink:
    """A section in which a peer sends us one track."""

    peer: PeerId
    track: TrackSid
    kind: Kind
    mid: str
    codecs: tuple[Codec, ...]
    extensions: Extensions
    ssrcs: tuple[int, ...] = ()
    """From `a=ssrc` lines when there are any; for simulcast by RID usually none."""
    rtx_ssrcs: tuple[tuple[int, int], ...] = ()
    """(media SSRC, RTX SSRC) pairs from `a=ssrc-group:FID`."""
    layers: tuple[Layer, ...] = ()
    """Empty when the section has no simulcast."""
    screen_share: bool = False
    """Comes before cameras where not everything fits, and its pictures may be seconds apart."""
    room: str = ""
    max_speakers: int = 0
    """Of all tracks of a room that have this number only so many, the loudest, are sent on; 0: always sent on."""


@dataclass(frozen=True, slots=True)
class Downlink:
    """A section in which we send a track on to one peer."""

    peer: PeerId
    track: TrackSid
    kind: Kind
    mid: str
    ssrc: int
    rtx_ssrc: int
    codecs: tuple[Codec, ...]
    """What this peer's section accepted; the packet's codec is looked up here by mime (and fmtp)."""
    extensions: Extensions
    pausable: bool = False
    """Where not even the least of it fits, nothing may be sent (and the receiver is told)."""

    @property
    def numbered(self) -> bool:
        """Whether its packets carry a transport-wide number and the receiver reports on them."""
        return bool(self.extensions.transport_cc) and any("transport-cc" in codec.feedback for codec in self.codecs)


@dataclass(frozen=True, slots=True)
class Wish:
    """What a receiver wants of a video track (UpdateTrackSettings)."""

    paused: bool = False
    max_quality: int = 2
    """LiveKit's VideoQuality, already resolved from width and height."""
    max_fps: int = 0
    """Pictures per second that are shown; 0: as many as there are."""


@dataclass(frozen=True, slots=True)
class PeerConnected:
    """ICE and DTLS are up: media can flow."""

    peer: PeerId
    srtp_profile: str


@dataclass(frozen=True, slots=True)
class PeerLost:
    """The transport is gone: no valid packet for the consent time, DTLS failed or was closed."""

    peer: PeerId
    reason: str


@dataclass(frozen=True, slots=True)
class PeerSilent:
    """Nothing came over a connected transport for a while: it is kept, and may come back."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class PeerHeard:
    """A silent transport is back, at the same address or another."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class DataOpened:
    """A data channel can be written to."""

    peer: PeerId
    label: str


@dataclass(frozen=True, slots=True)
class DataReceived:
    """One message on a data channel."""

    peer: PeerId
    label: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class TrackStarted:
    """The first valid packet of an uplink arrived; tells which of the section's codecs is used."""

    peer: PeerId
    track: TrackSid
    codec: Codec


@dataclass(frozen=True, slots=True)
class Level:
    """How loud a track was in the last window: linear 0..1."""

    track: TrackSid
    level: float
    active: bool


@dataclass(frozen=True, slots=True)
class LevelsMeasured:
    """Sent every 400 ms for the tracks whose smoothed level changed."""

    levels: tuple[Level, ...]


@dataclass(frozen=True, slots=True)
class StreamStateChanged:
    """A receiver's path does not carry even the least of a track; or carries it again."""

    peer: PeerId
    track: TrackSid
    paused: bool


@dataclass(frozen=True, slots=True)
class QualityMeasured:
    """Sent every 5 s for the transports whose score, 0 to 100, moved."""

    scores: tuple[tuple[PeerId, float], ...]


MediaEvent = (
    PeerConnected
    | PeerSilent
    | PeerHeard
    | PeerLost
    | DataOpened
    | DataReceived
    | TrackStarted
    | LevelsMeasured
    | StreamStateChanged
    | QualityMeasured
)


@dataclass(slots=True)
class MediaStats:
    """Counters since start. Packets are RTP; `lost` counts sequence gaps of uplinks never filled."""

    packets_in: int = 0
    packets_out: int = 0
    packets_lost: int = 0
    tcp_connections: int = 0
    """Open now, strangers' included."""
    retransmitted: int = 0
    probes: int = 0
    """Packets sent again to find out what a path carries; in neither count above."""
    pauses: int = 0
    """Times that a track was paused because a receiver's path was too narrow."""
    nacked: int = 0
    """Packets that receivers asked for again."""
    keyframes_asked: int = 0
    """Key frames that publishers were asked for."""
    receivers_limited: int = 0
    """Receivers that get less now than they want, because of their paths."""
    estimated_bps: int = 0
    """Sum of what the paths of all receivers are estimated to carry now."""
    bytes_in: int = 0
    bytes_out: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    """Refused datagrams by cause, e.g. `empty`, `stranger`, `replay`, `unknown_ssrc`."""


class Plane(Protocol):
    """The media plane as signalling sees it. No method blocks; none raises for what a peer sent."""

    engine: str
    """`python` or `native`."""

    @property
    def fingerprint(self) -> Fingerprint:
        """The certificate of this worker."""
        ...

    def candidates_of(self, room: str) -> Sequence[Candidate]:
        """Where the people of a room reach its media port; the same until `close_room`."""
        ...

    def close_room(self, room: str) -> None:
        """Nobody is in this room any more."""

    def open_peer(
        self,
        peer: PeerId,
        local: IceCredentials,
        remote: Sequence[Fingerprint],
        channels: Sequence[DataChannel] = (),
        *,
        room: str,
    ) -> None:
        """Await STUN checks for `local.ufrag`, then DTLS as server, then SCTP on port 5000; open `channels` there."""

    def restart_ice(self, peer: PeerId, local: IceCredentials) -> None:
        """Accept checks with new credentials, keep DTLS and media. The consent time starts anew."""

    def close_peer(self, peer: PeerId) -> None:
        """Forget the peer with all its uplinks and downlinks; sends close_notify. Unknown peers are fine."""

    def receive(self, uplink: Uplink) -> None:
        """Take a peer's section in; again with the same track sid replaces it."""

    def stop_receiving(self, track: TrackSid) -> None:
        """Drop an uplink and all its downlinks."""

    def forward(self, downlink: Downlink) -> None:
        """Send a track to a peer; asks the publisher for a keyframe where it is video."""

    def stop_forwarding(self, peer: PeerId, track: TrackSid) -> None:
        """Drop one downlink."""

    def wish(self, peer: PeerId, track: TrackSid, wish: Wish) -> None:
        """Apply what a receiver shows of a track."""

    def cap_bandwidth(self, peer: PeerId, bps: int) -> None:
        """Send a peer at most so many bits per second, whatever is estimated; 0 lifts the cap."""

    def expect(self, track: TrackSid, max_quality: int) -> None:
        """The publisher was asked to send layers up to this quality again: follow them from their first key frame."""

    def send_data(self, peer: PeerId, label: str, payload: bytes) -> bool:
        """Write to the channel of that label; False when it isn't open or its buffer is full."""

    def data_waiting(self, peer: PeerId) -> int:
        """Give the bytes that wait in a peer's channels to be sent."""
        ...

    def hold_data(self, peer: PeerId, *, held: bool) -> None:
        """Take no reliable messages from a peer, so that its window closes; or go on with those that waited."""

    def stats(self) -> MediaStats:
        """Counters of this worker."""
        ...
