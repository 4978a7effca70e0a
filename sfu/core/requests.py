# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What may a client ask for? LiveKit's SignalRequest as values."""

from dataclasses import dataclass
from enum import Enum

from sfu.core.grants import Source
from sfu.core.media import Kind, Layer, PeerId, TrackSid
from sfu.core.media_description import OfferedSession


@dataclass(frozen=True, slots=True)
class Offer:
    """A session description; the answer repeats `id`."""

    id: int
    session: OfferedSession


@dataclass(frozen=True, slots=True)
class AnnouncedCodec:
    """A codec in which a track may be sent; without a cid it is offered only when somebody needs it."""

    mime: str
    """LiveKit's spelling; empty for one that this server does not carry."""
    cid: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply to an offer of ours; `id` repeats the offer's, or is 0."""

    id: int
    session: OfferedSession


@dataclass(frozen=True, slots=True)
class AddTrack:
    """A track that will be in an offer under `cid`."""

    cid: str
    kind: Kind
    source: Source
    name: str = ""
    muted: bool = False
    width: int = 0
    height: int = 0
    layers: tuple[Layer, ...] = ()
    codecs: tuple[AnnouncedCodec, ...] = ()
    """The first one is sent first; empty for clients that leave it to the negotiation."""
    stream: str = ""
    disable_dtx: bool = False
    stereo: bool = False
    disable_red: bool = False
    encryption: int = 0
    """LiveKit's Encryption.Type, echoed: receivers decrypt by it."""
    audio_features: tuple[int, ...] = ()
    backup_codec_policy: int = 0
    """LiveKit's BackupCodecPolicy, echoed."""
    packet_trailer_features: tuple[int, ...] = ()
    """What the publisher appends to frames, echoed: receivers read it by that."""
    backup_of: str = ""
    """The sid of the track of which this is the second codec."""
    echo: bytes = b""
    """The request as a refusal gives it back."""


@dataclass(frozen=True, slots=True)
class Mute:
    """A publisher muted or unmuted its track."""

    track: TrackSid
    muted: bool
    echo: bytes = b""


@dataclass(frozen=True, slots=True)
class Subscribe:
    """A receiver wants tracks, or wants them no longer."""

    tracks: tuple[TrackSid, ...]
    wanted: bool


@dataclass(frozen=True, slots=True)
class TrackSettings:
    """How a receiver shows tracks: hidden, a quality, or a size in pixels (0 when it names a quality)."""

    tracks: tuple[TrackSid, ...]
    disabled: bool
    quality: int
    width: int
    height: int
    fps: int = 0
    """0 for as many pictures as there are."""


@dataclass(frozen=True, slots=True)
class TrackPermission:
    """What one participant may subscribe to."""

    participant: PeerId
    identity: str
    all_tracks: bool
    tracks: frozenset[TrackSid]


@dataclass(frozen=True, slots=True)
class SubscriptionPermission:
    """A publisher limits who may subscribe to its tracks."""

    all_participants: bool
    permissions: tuple[TrackPermission, ...]


@dataclass(frozen=True, slots=True)
class UpdateMetadata:
    """A participant changes its own name, metadata or attributes; empty texts leave what is there."""

    request_id: int
    name: str
    metadata: str
    attributes: dict[str, str]
    """An empty value removes the key."""
    echo: bytes = b""


@dataclass(frozen=True, slots=True)
class UpdateTrack:
    """A publisher changes a track's features (audio) or size (video)."""

    track: TrackSid
    audio_features: tuple[int, ...] | None = None
    width: int = 0
    height: int = 0
    echo: bytes = b""


@dataclass(frozen=True, slots=True)
class SyncState:
    """What a client that is back on a new socket says of itself."""

    published: tuple[TrackSid, ...]
    """Its own tracks; an empty sid for one that it cannot name."""
    subscription: Subscribe
    """Where it differs from its automatic subscription."""
    disabled: tuple[TrackSid, ...] = ()
    """Tracks of others that it doesn't show now."""
    received: tuple[tuple[PeerId, int], ...] = ()
    """The last reliable packet that it has of each sender."""


class Scenario(Enum):
    """Which misbehaviour a client asks for, to test itself."""

    SPEAKER_UPDATE = "speaker_update"
    NODE_FAILURE = "node_failure"
    MIGRATION = "migration"
    SERVER_LEAVE = "server_leave"
    SWITCH_CANDIDATE_PROTOCOL = "switch_candidate_protocol"
    SUBSCRIBER_BANDWIDTH = "subscriber_bandwidth"
    DROP_ON_RESUME = "disconnect_signal_on_resume"
    DROP_ON_RESUME_UNHEARD = "disconnect_signal_on_resume_no_messages"
    FULL_RECONNECT = "leave_request_full_reconnect"


@dataclass(frozen=True, slots=True)
class Simulate:
    """LiveKit's SimulateScenario."""

    scenario: Scenario
    value: int = 0
    """Seconds of speech, a CandidateProtocol, or bits per second (0 for no limit); nothing for the others."""


@dataclass(frozen=True, slots=True)
class Leave:
    """The client goes."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """A request that needs no action here: trickled candidates (ICE-lite learns from checks)."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A request of a part of the protocol that this server does not have."""

    name: str
    request_id: int = 0
    echo: bytes = b""


Request = (
    Offer
    | Answer
    | AddTrack
    | Mute
    | Subscribe
    | TrackSettings
    | SubscriptionPermission
    | UpdateMetadata
    | UpdateTrack
    | SyncState
    | Simulate
    | Leave
    | Nothing
    | Unsupported
)


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """What a client says of itself when it joins, for ParticipantInfo and logs."""

    protocol: int = 0
    client_protocol: int = 0
    capabilities: tuple[int, ...] = ()
    sdk: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Join:
    """LiveKit's JoinRequest."""

    client: ClientInfo = ClientInfo()
    auto_subscribe: bool = True
    allow_pause: bool = False
    """Whether tracks may pause where the path is too narrow."""
    metadata: str = ""
    attributes: tuple[tuple[str, str], ...] = ()
    add_tracks: tuple[AddTrack, ...] = ()
    offer: Offer | None = None
    two_connections: bool = False
    """Whether the client gets what others publish over a second peer connection."""
    reconnect: bool = False
    participant: str = ""
