# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who is in the room, and who must hear of a change? The state that a room's parts share."""

from collections import deque
from collections.abc import Iterable, Iterator

from sfu.core import limits
from sfu.core.media import Kind, PeerId, TrackSid
from sfu.core.messages import (
    Message,
    ParticipantInfo,
    ParticipantsChanged,
    ParticipantState,
    SpeakersChanged,
    TrackInfo,
)
from sfu.core.outputs import Output, Tell
from sfu.core.participant import Participant
from sfu.core.signalling import State
from sfu.core.speaking import Speaking
from sfu.core.updates import Updates

_WITH_SOCKET = {State.JOINED, State.ACTIVE, State.LOST}


class Roster:
    """Participants of one room, and the outputs that wait to be drained."""

    def __init__(self) -> None:
        self._members: dict[PeerId, Participant] = {}
        self._transports: dict[PeerId, Participant] = {}
        self._owners: dict[TrackSid, Participant] = {}
        self._outputs: list[Output] = []
        self._candidates: dict[str, str] = {}
        self.speaking = Speaking()
        self.updates = Updates()
        self.unsettled: dict[TrackSid, set[PeerId]] = {}
        """Tracks of which these receivers may want something else than before; nobody: new, changed or gone."""
        self.departed: deque[tuple[float, ParticipantInfo]] = deque(maxlen=limits.DEPARTED_MAX)
        """Who left lately, and when; oldest first."""

    def __iter__(self) -> Iterator[Participant]:
        return iter(list(self._members.values()))

    def __len__(self) -> int:
        return len(self._members)

    def __contains__(self, peer: PeerId) -> bool:
        return peer in self._transports

    def get(self, peer: PeerId) -> Participant | None:
        """Find a session by either of its transports."""
        return self._transports.get(peer)

    def by_identity(self, identity: str) -> Participant | None:
        """Find a session by who it is."""
        return next((member for member in self._members.values() if member.identity == identity), None)

    def add(self, participant: Participant) -> None:
        """Let somebody in."""
        self._members[participant.sid] = participant
        self._transports[participant.sid] = self._transports[participant.downlink_peer] = participant

    def discard(self, participant: Participant) -> None:
        """Take somebody out."""
        for track in participant.subscriptions:
            self.unsettle(track, participant)
        self._members.pop(participant.sid, None)
        self._transports.pop(participant.sid, None)
        self._transports.pop(participant.downlink_peer, None)

    def prefer(self, identity: str, candidates: str) -> None:
        """Limit the media of somebody's next sessions to a way; empty for all."""
        self._candidates.pop(identity, None)
        if candidates:
            self._candidates[identity] = candidates
        if len(self._candidates) > limits.PREFERENCES_MAX:
            del self._candidates[next(iter(self._candidates))]

    def preferred(self, identity: str) -> str:
        """Give what `prefer` noted."""
        return self._candidates.get(identity, "")

    def own(self, owner: Participant, track: TrackInfo) -> None:
        """Note a published track, or what changed about it."""
        if track.kind is Kind.VIDEO:
            self.unsettled[track.sid] = set()
        owner.published[track.sid] = track
        self._owners[track.sid] = owner

    def disown(self, track: TrackSid) -> None:
        """Forget a published track and who spoke in it."""
        self.unsettled[track] = set()
        owner = self._owners.pop(track, None)
        if owner is not None:
            owner.published.pop(track, None)
            owner.mutes_by_server.pop(track, None)
            owner.subscribed_once.discard(track)
            self.hush(track)

    def owner(self, track: TrackSid) -> Participant | None:
        """Say whose track it is."""
        return self._owners.get(track)

    def unsettle(self, track: TrackSid, receiver: Participant) -> None:
        """Somebody may want something else of a track than before."""
        receivers = self.unsettled.setdefault(track, {receiver.sid})
        if receivers:  # else everybody's turn it is already
            receivers.add(receiver.sid)

    def take_unsettled(self) -> dict[TrackSid, set[PeerId]]:
        """Hand over what `unsettled` holds, once."""
        taken, self.unsettled = self.unsettled, {}
        return taken

    def put(self, *outputs: Output) -> None:
        """Append to what the room wants done."""
        self._outputs.extend(outputs)

    def drain(self) -> list[Output]:
        """Hand over what the room wants done, once."""
        outputs, self._outputs = self._outputs, []
        return outputs

    def tell(self, to: Participant, message: Message) -> None:
        """Send one session a message, if it has a socket."""
        if to.state in _WITH_SOCKET:
            self.put(Tell((to.sid,), message))

    def tell_all(self, message: Message, besides: Iterable[Participant] = ()) -> None:
        """Send every session a message, serialised once."""
        left_out = {participant.sid for participant in besides}
        to = tuple(
            member.sid
            for member in self._members.values()
            if member.state in _WITH_SOCKET and member.sid not in left_out
        )
        if to:
            self.put(Tell(to, message))

    def changed(self, participant: Participant, *, and_tell_itself: bool = False) -> None:
        """Raise a participant's version and tell the others what it is now, at once or soon."""
        participant.version += 1
        if and_tell_itself:
            self.tell(participant, ParticipantsChanged((participant.info(),)))
        if not participant.hidden:
            self._spread(participant, participant)

    def gone(self, participant: Participant, info: ParticipantInfo, now: float) -> None:
        """Tell the others that somebody left, at once or soon; again to those who resume later."""
        self.departed.append((now, info))
        self._spread(participant, info)

    def replaced(self, participant: Participant) -> None:
        """Tell nothing more of a session: a newer one of the same identity takes its place."""
        self.updates.drop(participant.sid)

    def flush(self, now: float) -> None:
        """Tell the changes that waited for each other, once they are due."""
        changed = self.updates.take(now)
        if changed:
            # Whoever is hidden now is gone for others alone.
            unheard = [info.sid for info in changed if len(changed) == 1 or info.state is ParticipantState.DISCONNECTED]
            besides = filter(None, map(self._members.get, unheard))
            self.tell_all(ParticipantsChanged(changed), besides)

    def introduce(self, participant: Participant) -> bool:
        """Tell at once what waits to be told of somebody; whether anything did."""
        waited = not participant.hidden and self.updates.drop(participant.sid)
        if waited:
            self.tell_all(ParticipantsChanged((participant.info(),)), besides=(participant,))
        return waited

    def _spread(self, participant: Participant, what: Participant | ParticipantInfo) -> None:
        publishes = bool(participant.published)
        if publishes or participant.told_tracks:
            participant.told_tracks = publishes
            self.updates.drop(participant.sid)
            info = what.info() if isinstance(what, Participant) else what
            self.tell_all(ParticipantsChanged((info,)), besides=(participant,))
        else:
            self.updates.wait(participant.sid, what)

    def hush(self, track: TrackSid) -> None:
        """A track is muted or gone: tell it when its participant is silent now."""
        speakers = self.speaking.ended(track)
        if speakers:
            self.tell_all(SpeakersChanged(speakers))
