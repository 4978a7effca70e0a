# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What happens in a room? Sessions come, media comes and goes, time passes, administrators intervene.

One contract: call exactly one method, of the room or of one of its public parts, then `drain` and do what it
says, then look at `deadline`. Nothing here raises for what a client sent. `now` is monotonic seconds.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sfu.core import limits, requests, signalling
from sfu.core.administration import Administration
from sfu.core.conditions import Conditions
from sfu.core.data_packets import DataPackets
from sfu.core.departures import JOIN_TIMEOUT_S, Departures
from sfu.core.distribution import Distribution
from sfu.core.dynacast import Dynacast
from sfu.core.formats import CARRIED
from sfu.core.grants import Grants
from sfu.core.media import Codec, Kind, Level, PeerId, TrackSid, subscriber_transport
from sfu.core.messages import (
    DisconnectReason,
    Joined,
    LeaveAction,
    LeaveOrdered,
    ParticipantInfo,
    RoomChanged,
    RoomInfo,
    SpeakersChanged,
)
from sfu.core.negotiation import Negotiation
from sfu.core.orders import Order
from sfu.core.outputs import Happened, Occasion, Output
from sfu.core.participant import Participant, Subscriber
from sfu.core.publishing import Refusal
from sfu.core.replay import Replay
from sfu.core.resumption import Resumption
from sfu.core.roster import Roster
from sfu.core.server_offers import ServerOffers
from sfu.core.session import Sessions, merged
from sfu.core.sids import RoomSid, Sids
from sfu.core.signalling import Verdict
from sfu.core.simulation import Simulation
from sfu.core.transports import Transports

COUNTS_EVERY_S = 5.0
"""Changed counts of a room are told at most this often."""


@dataclass(frozen=True, slots=True)
class RoomSettings:
    """What CreateRoom chooses; times in seconds, 0 participants for the server's own limit."""

    empty_timeout: int = 300
    """How long a room is kept to which nobody ever came."""
    departure_timeout: int = 20
    """How long a room is kept after the last one left."""
    max_participants: int = 0
    metadata: str = ""


class Room:
    """One room, its sessions and their tracks."""

    def __init__(
        self,
        name: str,
        settings: RoomSettings,
        sids: Sids,
        now: float,
        created_at_ms: int,
        *,
        codecs: tuple[str, ...] = CARRIED,
        max_speakers: int = 0,
    ) -> None:
        self.name = name
        self.sid: RoomSid = sids.room()
        self.closed = False
        self.settings = settings
        self._sids = sids
        self._created_at_ms = created_at_ms
        self._codecs = codecs
        self._roster = Roster()
        self.conditions = Conditions(self._roster)
        """What the media plane tells of paths goes there."""
        self._distribution = Distribution(self._roster, sids, codecs, self.sid, max_speakers)
        self._departures = Departures(self._roster, self._distribution)
        self._dynacast = Dynacast(self._roster)
        self._sessions = Sessions(self._roster, self._distribution, sids)
        self._administration = Administration(self._roster, self._distribution, self._departures)
        self._roster.put(Happened(Occasion.ROOM_STARTED))
        self.transports = Transports(self._roster, self._departures, self.conditions)
        replay = Replay()
        self.data = DataPackets(self._roster, self._departures, replay)
        self._resumption = Resumption(
            self._roster, self._distribution, self._departures, replay, self._dynacast, self.conditions
        )
        self._simulation = Simulation(self._roster, self._departures)
        self._close_at: float | None = now + settings.empty_timeout
        self._told_counts = (0, 0)
        self._counts_at: float | None = None

    # What others see of it.

    def info(self) -> RoomInfo:
        """Describe the room as it is now."""
        participants, publishers = self._counts()
        return RoomInfo(
            sid=self.sid,
            name=self.name,
            metadata=self.settings.metadata,
            empty_timeout=self.settings.empty_timeout,
            departure_timeout=self.settings.departure_timeout,
            max_participants=self.settings.max_participants,
            created_at_ms=self._created_at_ms,
            participants=participants,
            publishers=publishers,
            codecs=self._codecs,
        )

    def participants(self) -> tuple[ParticipantInfo, ...]:
        """Describe everybody who is not hidden."""
        return tuple(member.info() for member in self._roster if not member.hidden)

    def participant(self, identity: str) -> ParticipantInfo | None:
        """Describe one by identity."""
        found = self._roster.by_identity(identity)
        return None if found is None else found.info()

    def tracks_by_kind(self) -> tuple[Counter[Kind], Counter[Kind]]:
        """Count published tracks, and subscriptions to them."""
        members = list(self._roster)
        kinds = {sid: track.kind for member in members for sid, track in member.published.items()}
        subscribed = Counter(kinds[sid] for member in members for sid in member.subscriptions if sid in kinds)
        return Counter(kinds.values()), subscribed

    def refreshed_grants(self, peer: PeerId) -> Grants | None:
        """Give what a new token of this session has to say; None when it is over."""
        member = self._roster.get(peer)
        if member is None:
            return None
        return member.grants.reissued(member.name, member.metadata, dict(member.attributes))

    @property
    def is_full(self) -> bool:
        """Whether nobody more may come."""
        maximum = self.settings.max_participants or limits.PARTICIPANTS_PER_ROOM_MAX
        return len(self._roster) >= min(maximum, limits.PARTICIPANTS_PER_ROOM_MAX)

    def holds(self, identity: str) -> bool:
        """Say whether a session of this identity is here: its next one replaces it, however full."""
        return self._roster.by_identity(identity) is not None

    def __contains__(self, peer: PeerId) -> bool:
        return peer in self._roster

    def drain(self) -> list[Output]:
        """Hand over what is to be done, once, in order."""
        return self._roster.drain()

    # What happens.

    def join(self, grants: Grants, join: requests.Join, now: float, wall_ms: int) -> PeerId:
        """Let somebody in; the newest session of an identity wins."""
        older = self._roster.by_identity(grants.identity)
        if older is not None:
            self._departures.expel(older, DisconnectReason.DUPLICATE_IDENTITY, now, announce=False)
        own = grants.rights.can_update_own_metadata
        sid = self._sids.participant()
        participant = Participant(
            sid=sid,
            grants=grants,
            client=join.client,
            name=grants.name,
            metadata=join.metadata if own and join.metadata else grants.metadata,
            attributes=merged(grants.attributes, dict(join.attributes) if own else {}),
            auto_subscribe=join.auto_subscribe,
            allow_pause=join.allow_pause,
            joined_at_ms=wall_ms,
            downlink_peer=subscriber_transport(sid) if join.two_connections else sid,
            ice=self._sids.ice(),
            negotiation=Negotiation(self._sids.ssrc),
            subscriber=self._subscriber(grants) if join.two_connections else None,
            join_by=now + JOIN_TIMEOUT_S,
            candidates=self._roster.preferred(grants.identity),
        )
        others = self.participants()
        self._roster.add(participant)
        self._close_at = None
        primary = participant.subscriber is not None and participant.subscriber.primary
        joined = Joined(self.info(), participant.info(), others, primary, participant.candidates)
        self._roster.tell(participant, joined)
        self._roster.changed(participant)
        speakers = self._roster.speaking.active()
        if speakers:
            self._roster.tell(participant, SpeakersChanged(speakers))
        self._distribution.welcome(participant, now)
        for track in join.add_tracks:
            self._sessions.add_track(participant, track, now)
        if join.offer is not None:
            self._sessions.act(participant, join.offer, now)
        if primary:
            self._distribution.downlinks.ask(participant, now)
        self._note_counts(now)
        return participant.sid

    def resume(self, grants: Grants, peer: PeerId, now: float) -> bool:
        """Go on with a session on a new socket; False when it is not there: the client shall join anew."""
        member = self._roster.get(peer)
        if member is None or (member.sid, member.identity) != (peer, grants.identity):
            return False
        if not self._departures.resumed(member, now):
            return False
        if not self._simulation.drops(member, requests.Scenario.DROP_ON_RESUME_UNHEARD, now):
            self._resumption.welcome(member, self.info(), now)
            self._simulation.drops(member, requests.Scenario.DROP_ON_RESUME, now)
        return True

    def handle(self, peer: PeerId, request: requests.Request, now: float) -> None:
        """Take a client's request in."""
        member = self._roster.get(peer)
        if member is None:
            return
        match self._departures.step(member, signalling.EVENT_OF_REQUEST[type(request)]):
            case Verdict.REFUSE:
                self._sessions.refuse(member, request)
            case Verdict.IGNORE:
                pass
            case Verdict.ACT if isinstance(request, requests.Leave):
                self._departures.leave(member, now)
            case Verdict.ACT if isinstance(request, requests.Simulate):
                self._simulation.act(member, request, now)
            case Verdict.ACT if isinstance(request, requests.SyncState):
                self._resumption.sync(member, request, now)
            case Verdict.ACT:
                self._sessions.act(member, request, now)
        self._note_counts(now)

    def lost(self, peer: PeerId, now: float) -> None:
        """The media plane lost a transport: the client goes, or shall join anew."""
        member = self._roster.get(peer)
        if member is not None:
            self._departures.lost(member, now)
            self._note_counts(now)

    def socket_closed(self, peer: PeerId, now: float) -> None:
        """The session's socket is gone, with or without a goodbye."""
        member = self._roster.get(peer)
        if member is not None:
            self._departures.socket_closed(member, now)
            self._note_counts(now)

    def fault(self, peer: PeerId, now: float) -> None:
        """The client broke the protocol: its session ends, and it shall not come back by itself."""
        member = self._roster.get(peer)
        if member is not None:
            self._departures.expel(member, DisconnectReason.STATE_MISMATCH, now)
            self._note_counts(now)

    def measured(self, levels: Iterable[Level]) -> None:
        """Take loudness of tracks in."""
        owned = []
        for level in levels:
            owner = self._roster.owner(level.track)
            if owner is not None and not owner.hidden and not owner.published[level.track].muted:
                owned.append((owner.sid, level))
        speakers = self._roster.speaking.measured(owned)
        if speakers:
            self._roster.tell_all(SpeakersChanged(speakers))

    def started(self, peer: PeerId, track: TrackSid, codec: Codec, now: float) -> None:
        """The first media of a track came: its codec is certain now."""
        member = self._roster.get(peer)
        if member is not None:
            self._distribution.started(member, track, codec, now)

    # What administrators do.

    def obey(self, order: Order, now: float) -> Refusal | None:
        """Do what an administrator ordered about somebody; says why when it cannot be done."""
        refusal = self._administration.obey(order, now)
        self._note_counts(now)
        return refusal

    def configure(self, settings: RoomSettings, now: float) -> None:
        """Change the settings of a room that is there already."""
        told = settings.metadata != self.settings.metadata
        self.settings = settings
        if not len(self._roster) and self._close_at is not None:
            self._close_at = now + settings.empty_timeout
        if told:
            self._roster.tell_all(RoomChanged(self.info()))

    def close(self, reason: DisconnectReason, now: float, action: LeaveAction = LeaveAction.DISCONNECT) -> None:
        """End the room for everybody; `action` says what clients shall do then."""
        for member in self._roster:
            self._departures.send_off(member, LeaveOrdered(reason, action), now, announce=False)
        self._finish()

    # Time.

    def deadline(self) -> float | None:
        """When `tick` has something to do; None for never."""
        times = [
            self._close_at,
            self._counts_at,
            self._roster.updates.deadline,
            self._dynacast.deadline,
            *(member.deadline for member in self._roster),
        ]
        return min((time for time in times if time is not None), default=None)

    def tick(self, now: float) -> None:
        """Let time pass."""
        due = [member for member in self._roster if (at := member.deadline) is not None and at <= now]
        for member in due:
            if member.negotiate_at is not None and now >= member.negotiate_at:
                self._distribution.downlinks.ask(member, now)
            self._departures.tick(member, now)
            self._simulation.tick(member, now)
            self.transports.tick(member, now)
        self._roster.flush(now)
        self._dynacast.tick(now)
        self._note_counts(now)
        if self._counts_at is not None and now >= self._counts_at:
            self._counts_at = None
            self._told_counts = self._counts()
            self._roster.tell_all(RoomChanged(self.info()))
        if self._close_at is not None and now >= self._close_at:
            self._finish()

    def _finish(self) -> None:
        if not self.closed:
            self.closed = True
            self._roster.put(Happened(Occasion.ROOM_FINISHED))

    def _subscriber(self, grants: Grants) -> Subscriber:
        primary = grants.rights.can_subscribe
        return Subscriber(self._sids.ice(), ServerOffers(self._sids.ssrc, self._codecs, at_once=primary), primary)

    def _counts(self) -> tuple[int, int]:
        visible = [member for member in self._roster if not member.hidden]
        return len(visible), sum(bool(member.published) for member in visible)

    def _note_counts(self, now: float) -> None:
        """After every change: close an empty room in time, tell changed counts in time."""
        if not len(self._roster) and self._close_at is None:
            self._close_at = now + self.settings.departure_timeout
        if self._counts_at is None and self._counts() != self._told_counts:
            self._counts_at = now + COUNTS_EVERY_S
