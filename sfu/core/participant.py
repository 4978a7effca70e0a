# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does the room know of one participant session?

Clients have one peer connection or two (LiveKit: publisher and subscriber). Tracks of its own come over the
transport `sid`, those of others go over `downlink_peer`: the same one, or another.
"""

from collections import deque
from dataclasses import dataclass, field

from sfu.core import limits
from sfu.core.grants import Grants
from sfu.core.media import IceCredentials, PeerId, TrackSid
from sfu.core.messages import DisconnectReason, ParticipantInfo, ParticipantState, TrackInfo
from sfu.core.meter import Meter
from sfu.core.negotiation import Negotiation
from sfu.core.quality import ConnectionQuality
from sfu.core.relay import Channels, Sequence
from sfu.core.requests import ClientInfo, Scenario, SubscriptionPermission
from sfu.core.server_offers import ServerOffers
from sfu.core.signalling import State
from sfu.core.subscriptions import EVERYBODY, Subscription


@dataclass(frozen=True, slots=True)
class Pending:
    """An announced track that no offer has held yet."""

    track: TrackInfo
    cids: frozenset[str]


@dataclass(slots=True)
class Subscriber:
    """The second of two peer connections."""

    ice: IceCredentials
    offers: ServerOffers
    primary: bool
    """Whether its connection makes the participant active: so it is when the client may subscribe."""
    is_open: bool = False
    """Whether the media plane awaits it."""


@dataclass(slots=True)
class Participant:
    """One session, from join to leave; only the room's own modules change it."""

    sid: PeerId
    grants: Grants
    client: ClientInfo
    name: str
    metadata: str
    attributes: dict[str, str]
    auto_subscribe: bool
    joined_at_ms: int
    downlink_peer: PeerId
    ice: IceCredentials
    negotiation: Negotiation
    subscriber: Subscriber | None = None
    """None with a single peer connection."""
    state: State = State.JOINED
    was_active: bool = False
    version: int = 1
    told_tracks: bool = False
    """Whether the others know of tracks of its own."""
    remote_ice: IceCredentials | None = None
    """Of the last offer; None until the media plane awaits this peer."""
    permission: SubscriptionPermission = EVERYBODY
    limited_permission: bool = False
    """Whether it ever limited who may subscribe."""
    pending: list[Pending] = field(default_factory=list)
    published: dict[TrackSid, TrackInfo] = field(default_factory=dict)
    subscribed_once: set[TrackSid] = field(default_factory=set)
    """Own tracks of which the first subscription was told."""
    subscriptions: dict[TrackSid, Subscription] = field(default_factory=dict)
    chosen: dict[TrackSid, bool] = field(default_factory=dict)
    """Tracks that were subscribed to (True) or unsubscribed from by hand."""
    silent: set[PeerId] = field(default_factory=set)
    """Transports over which nothing comes."""
    mutes_by_server: dict[TrackSid, bool] = field(default_factory=dict)
    ended_by_server: deque[TrackSid] = field(default_factory=lambda: deque(maxlen=limits.TRACKS_PER_PARTICIPANT_MAX))
    """Own tracks that the server muted or unmuted, or ended: told again to a client that may have missed it."""
    resumes: Meter = field(default_factory=lambda: Meter(limits.RESUMES_PER_SECOND, limits.RESUMES_BURST))
    scores: dict[PeerId, float] = field(default_factory=dict)
    """Of its transports, 0 to 100."""
    quality: ConnectionQuality = ConnectionQuality.EXCELLENT
    """As it was told last."""
    allow_pause: bool = False
    """Where its path does not carry even the least of a track, nothing shall be sent of it."""
    reliable: Sequence = field(default_factory=Sequence)
    channels: Channels = field(default_factory=Channels)
    join_by: float | None = None
    negotiate_at: float | None = None
    negotiated_at: float = float("-inf")
    """When an exchange of descriptions began last that the server wanted."""
    offer_by: float | None = None
    gone_at: float | None = None
    lost_at: float | None = None
    flows_at: float | None = None
    """When it is told how good connections are, for the first time."""
    speaks_until: float | None = None
    """Only simulated."""
    drop_resume: tuple[Scenario, float] | None = None
    """How a resume before that time is cut off, to simulate it."""
    candidates: str = ""
    """The way to which its media is limited, `TCP` or `TLS`; empty for all."""

    @property
    def identity(self) -> str:
        """Who it is; the contract with callers' applications, never altered."""
        return self.grants.identity

    @property
    def primary_peer(self) -> PeerId:
        """The transport whose connection makes it active, and over which it gets data."""
        return self.downlink_peer if self.subscriber is None or self.subscriber.primary else self.sid

    @property
    def downlinks(self) -> Negotiation | ServerOffers:
        """The sections that carry what others publish."""
        return self.negotiation if self.subscriber is None else self.subscriber.offers

    @property
    def hidden(self) -> bool:
        """Whether others must not see it."""
        return self.grants.rights.hidden

    def source(self, track: TrackSid) -> TrackSid:
        """Name what it is sent of a track on the media plane: the track itself, or its second codec."""
        subscription = self.subscriptions.get(track)
        return track if subscription is None else subscription.source or track

    def wants(self, track: TrackSid) -> bool:
        """Say whether this receiver shall have a track if it may: by hand, else by its automatic subscription."""
        return self.chosen.get(track, self.auto_subscribe)

    @property
    def deadline(self) -> float | None:
        """When time alone changes something about this session."""
        soonest = None
        for time in (
            self.join_by,
            self.negotiate_at,
            self.offer_by,
            self.gone_at,
            self.lost_at,
            self.speaks_until,
            self.flows_at,
        ):  # a plain loop: this is asked of everybody after every change of a room
            if time is not None and (soonest is None or time < soonest):
                soonest = time
        return soonest

    def info(self, reason: DisconnectReason | None = None) -> ParticipantInfo:
        """Describe it as it is now; with a reason, as gone."""
        if reason is not None:
            state = ParticipantState.DISCONNECTED
        else:
            state = ParticipantState.ACTIVE if self.was_active else ParticipantState.JOINED
        return ParticipantInfo(
            sid=self.sid,
            identity=self.identity,
            name=self.name,
            metadata=self.metadata,
            attributes=tuple(self.attributes.items()),
            state=state,
            kind=self.grants.kind,
            rights=self.grants.rights,
            joined_at_ms=self.joined_at_ms,
            version=self.version,
            tracks=() if reason is not None else tuple(self.published.values()),
            client_protocol=self.client.client_protocol,
            capabilities=self.client.capabilities,
            reason=DisconnectReason.UNKNOWN_REASON if reason is None else reason,
        )
