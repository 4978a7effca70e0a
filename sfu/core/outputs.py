# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does the room want done? Every input to a room is followed by draining these, in order."""

from dataclasses import dataclass
from enum import Enum

from sfu.core.media import DataChannel, Downlink, Fingerprint, IceCredentials, PeerId, TrackSid, Uplink, Wish
from sfu.core.messages import Message, ParticipantInfo, TrackInfo


@dataclass(frozen=True, slots=True)
class Tell:
    """Send one message to sessions; it is serialised once."""

    to: tuple[PeerId, ...]
    message: Message


@dataclass(frozen=True, slots=True)
class RenewToken:
    """Send a session a new token: what it may do or is called has changed."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class HangUp:
    """Close a session's socket after what was already told to it."""

    peer: PeerId
    broken: bool = False
    """As if the server had failed: livekit-client up to 2.21 does nothing about a clean close."""


@dataclass(frozen=True, slots=True)
class OpenPeer:
    """Await this peer on the media plane."""

    peer: PeerId
    local: IceCredentials
    remote: tuple[Fingerprint, ...]
    channels: tuple[DataChannel, ...] = ()
    """Those that the server opens."""


@dataclass(frozen=True, slots=True)
class RestartIce:
    """Accept new credentials of a peer."""

    peer: PeerId
    local: IceCredentials


@dataclass(frozen=True, slots=True)
class ClosePeer:
    """Forget a peer's media."""

    peer: PeerId


@dataclass(frozen=True, slots=True)
class Receive:
    """Take in a track."""

    uplink: Uplink


@dataclass(frozen=True, slots=True)
class StopReceiving:
    """Drop a track and all that was sent on of it."""

    track: TrackSid


@dataclass(frozen=True, slots=True)
class Forward:
    """Send a track on to a peer."""

    downlink: Downlink


@dataclass(frozen=True, slots=True)
class StopForwarding:
    """Send a track on to a peer no longer."""

    peer: PeerId
    track: TrackSid


@dataclass(frozen=True, slots=True)
class ExpectLayers:
    """A publisher was asked to send a track's layers up to this quality again: they come back soon."""

    track: TrackSid
    quality: int


@dataclass(frozen=True, slots=True)
class ApplyWish:
    """Change what a peer gets of a track."""

    peer: PeerId
    track: TrackSid
    wish: Wish


@dataclass(frozen=True, slots=True)
class CapBandwidth:
    """Send a peer at most so many bits per second; 0 lifts the cap."""

    peer: PeerId
    bps: int


@dataclass(frozen=True, slots=True)
class SendData:
    """Write a packet to the channel of that label."""

    peer: PeerId
    label: str
    payload: bytes


class Occasion(Enum):
    """What happens in a room that operators' programs are told: LiveKit's webhook events."""

    ROOM_STARTED = "room_started"
    ROOM_FINISHED = "room_finished"
    PARTICIPANT_JOINED = "participant_joined"
    """Its media is up, not only its signalling."""
    PARTICIPANT_LEFT = "participant_left"
    PARTICIPANT_CONNECTION_ABORTED = "participant_connection_aborted"
    """It left before its media was up."""
    TRACK_PUBLISHED = "track_published"
    TRACK_UNPUBLISHED = "track_unpublished"


@dataclass(frozen=True, slots=True)
class Happened:
    """Tell operators: log, metrics, webhooks."""

    occasion: Occasion
    participant: ParticipantInfo | None = None
    track: TrackInfo | None = None


Output = (
    Tell
    | RenewToken
    | HangUp
    | OpenPeer
    | RestartIce
    | ClosePeer
    | Receive
    | StopReceiving
    | Forward
    | StopForwarding
    | ApplyWish
    | ExpectLayers
    | CapBandwidth
    | SendData
    | Happened
)
