# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What may the server tell a client? LiveKit's SignalResponse as values, and what they are made of."""

from dataclasses import dataclass
from enum import IntEnum

from sfu.core.formats import CARRIED
from sfu.core.grants import ParticipantKind, Rights, Source
from sfu.core.media import IceCredentials, Kind, Layer, PeerId, TrackSid
from sfu.core.media_description import OwnSection
from sfu.core.quality import ConnectionQuality
from sfu.core.sids import RoomSid


class ParticipantState(IntEnum):
    """LiveKit's ParticipantInfo.State."""

    JOINING = 0
    JOINED = 1
    ACTIVE = 2
    DISCONNECTED = 3


class DisconnectReason(IntEnum):
    """LiveKit's DisconnectReason, those that this server gives."""

    UNKNOWN_REASON = 0
    CLIENT_INITIATED = 1
    DUPLICATE_IDENTITY = 2
    SERVER_SHUTDOWN = 3
    PARTICIPANT_REMOVED = 4
    ROOM_DELETED = 5
    STATE_MISMATCH = 6
    JOIN_FAILURE = 7
    MIGRATION = 8
    SIGNAL_CLOSE = 9
    MEDIA_FAILURE = 15


class LeaveAction(IntEnum):
    """What the client shall do after it was told to leave."""

    DISCONNECT = 0
    RESUME = 1
    RECONNECT = 2


class Outcome(IntEnum):
    """LiveKit's RequestResponse.Reason, those that this server gives."""

    OK = 0
    NOT_FOUND = 1
    NOT_ALLOWED = 2
    LIMIT_EXCEEDED = 3
    UNSUPPORTED_TYPE = 5
    INVALID_REQUEST = 11


@dataclass(frozen=True, slots=True)
class BackupCodec:
    """The second codec of a track, sent while somebody cannot read the first; without a mid it is not sent yet."""

    mime: str
    cid: str = ""
    mid: str = ""
    layers: tuple[Layer, ...] = ()


@dataclass(frozen=True, slots=True)
class TrackInfo:
    """A published track as everybody sees it."""

    sid: TrackSid
    cid: str
    kind: Kind
    source: Source
    name: str
    muted: bool
    mime: str
    mid: str = ""
    width: int = 0
    height: int = 0
    layers: tuple[Layer, ...] = ()
    simulcast: bool = False
    stream: str = ""
    disable_dtx: bool = False
    stereo: bool = False
    disable_red: bool = False
    encryption: int = 0
    audio_features: tuple[int, ...] = ()
    backup: BackupCodec | None = None
    backup_codec_policy: int = 0
    """LiveKit's BackupCodecPolicy, passed on: whoever reads the first codec is sent that."""
    packet_trailer_features: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ParticipantInfo:
    """A participant as everybody sees it; a higher version replaces a lower one."""

    sid: PeerId
    identity: str
    name: str
    metadata: str
    attributes: tuple[tuple[str, str], ...]
    state: ParticipantState
    kind: ParticipantKind
    rights: Rights
    joined_at_ms: int
    version: int
    tracks: tuple[TrackInfo, ...]
    client_protocol: int = 0
    capabilities: tuple[int, ...] = ()
    reason: DisconnectReason = DisconnectReason.UNKNOWN_REASON


@dataclass(frozen=True, slots=True)
class RoomInfo:
    """A room as clients and the server API see it; timeouts in seconds."""

    sid: RoomSid
    name: str
    metadata: str
    empty_timeout: int
    departure_timeout: int
    max_participants: int
    created_at_ms: int
    participants: int
    publishers: int
    codecs: tuple[str, ...] = CARRIED
    """What may be published in it, the preferred video codec first."""


TCP = "tcp"
TLS = "tls"
"""Ways to which media can be limited: candidates of the server over TCP, or a relay that is reached over TLS."""


@dataclass(frozen=True, slots=True)
class Joined:
    """The first message of a session."""

    room: RoomInfo
    participant: ParticipantInfo
    others: tuple[ParticipantInfo, ...]
    subscriber_primary: bool = False
    """Whether the second peer connection is the one to wait for."""
    candidates: str = ""
    """As in a `Description`."""


@dataclass(frozen=True, slots=True)
class Reconnected:
    """The first message on the new socket of a session that goes on."""

    last_reliable: int
    """The number of the last reliable packet that came from the client: it sends again what it sent since."""
    candidates: str = ""
    """As in a `Description`."""


@dataclass(frozen=True, slots=True)
class ResumeRefused:
    """The first and only message to a client that wants to resume: join anew."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a session description of ours says, with the map from section to track for the client."""

    id: int
    sections: tuple[OwnSection, ...]
    ice: IceCredentials
    opus_fmtp: str
    """The same in every section: libwebrtc refuses one payload type with two parameter sets."""
    tracks: tuple[tuple[str, TrackSid], ...]
    candidates: str = ""
    """The way to which media is limited, `TCP` or `TLS`; empty for all."""


@dataclass(frozen=True, slots=True)
class Answer(Description):
    """The reply to an offer, under its number."""


@dataclass(frozen=True, slots=True)
class ServerOffer(Description):
    """Our offer on the second of two peer connections."""


@dataclass(frozen=True, slots=True)
class TrackPublished:
    """An announced track got its sid."""

    cid: str
    track: TrackInfo


@dataclass(frozen=True, slots=True)
class TrackUnpublished:
    """The server ended a track of the receiver."""

    track: TrackSid


@dataclass(frozen=True, slots=True)
class TrackSubscribed:
    """Somebody subscribed to the receiver's track for the first time."""

    track: TrackSid


@dataclass(frozen=True, slots=True)
class ParticipantsChanged:
    """Participants came, changed or went."""

    participants: tuple[ParticipantInfo, ...]


@dataclass(frozen=True, slots=True)
class RoomChanged:
    """Metadata or counts of the room changed."""

    room: RoomInfo


@dataclass(frozen=True, slots=True)
class MuteOrdered:
    """An administrator muted the receiver's track."""

    track: TrackSid
    muted: bool


@dataclass(frozen=True, slots=True)
class Speaker:
    """How loud a participant is: 0..1 in steps of an eighth."""

    participant: PeerId
    level: float
    active: bool


@dataclass(frozen=True, slots=True)
class SpeakersChanged:
    """Those whose level changed."""

    speakers: tuple[Speaker, ...]


@dataclass(frozen=True, slots=True)
class MediaFlows:
    """Connection quality: the media path of these participants is up."""

    participants: tuple[PeerId, ...]


@dataclass(frozen=True, slots=True)
class SubscribedQualities:
    """What anybody wants of the receiver's track, so that it need not send more."""

    track: TrackSid
    codecs: tuple[tuple[str, int], ...]
    """(mime type, highest VideoQuality, -1 for nothing), the track's first codec first."""


@dataclass(frozen=True, slots=True)
class Quality:
    """How good a participant's connection is."""

    participant: PeerId
    quality: ConnectionQuality
    score: float
    """Mean opinion score, 1 to 4.5."""


@dataclass(frozen=True, slots=True)
class QualityChanged:
    """Those whose connection became better or worse."""

    qualities: tuple[Quality, ...]


@dataclass(frozen=True, slots=True)
class StreamPaused:
    """A track does not fit the receiver's path, or does again."""

    participant: PeerId
    track: TrackSid
    paused: bool


class SubscriptionError(IntEnum):
    """LiveKit's SubscriptionError."""

    CODEC_UNSUPPORTED = 1
    TRACK_NOTFOUND = 2


@dataclass(frozen=True, slots=True)
class SubscriptionFailed:
    """A track that the receiver should have cannot be sent to it."""

    track: TrackSid
    error: SubscriptionError = SubscriptionError.TRACK_NOTFOUND


@dataclass(frozen=True, slots=True)
class SubscriptionAllowed:
    """A publisher changed whether the receiver may subscribe to a track."""

    participant: PeerId
    track: TrackSid
    allowed: bool


@dataclass(frozen=True, slots=True)
class SectionsRequired:
    """Add so many receiving sections and offer again; zeros ask for an offer alone."""

    audios: int
    videos: int


@dataclass(frozen=True, slots=True)
class RequestAnswered:
    """How a request ended."""

    outcome: Outcome
    message: str = ""
    request_id: int = 0
    echo: bytes = b""
    """The failed request as it came: some clients find by it what has failed."""


@dataclass(frozen=True, slots=True)
class LeaveOrdered:
    """The session is over."""

    reason: DisconnectReason
    action: LeaveAction = LeaveAction.DISCONNECT


@dataclass(frozen=True, slots=True)
class TokenRefreshed:
    """A new token with the same rights, to reconnect with."""

    token: str


Message = (
    Joined
    | Reconnected
    | ResumeRefused
    | Answer
    | ServerOffer
    | TrackPublished
    | TrackUnpublished
    | TrackSubscribed
    | ParticipantsChanged
    | RoomChanged
    | MuteOrdered
    | SpeakersChanged
    | MediaFlows
    | SubscribedQualities
    | QualityChanged
    | StreamPaused
    | SubscriptionFailed
    | SubscriptionAllowed
    | SectionsRequired
    | RequestAnswered
    | LeaveOrdered
    | TokenRefreshed
)
