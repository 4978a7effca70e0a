# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What must a client be told that comes back on a new socket? State, not history.

What was written to the old socket may have been lost from some moment on that nobody knows. So whatever a
client may have missed is told again as it is now; all of it is harmless to hear twice.
"""

from dataclasses import replace

from sfu.core import subscriptions
from sfu.core.conditions import Conditions
from sfu.core.departures import DEPARTED_KEPT_S, Departures
from sfu.core.distribution import Distribution
from sfu.core.dynacast import Dynacast
from sfu.core.messages import (
    MediaFlows,
    Message,
    MuteOrdered,
    ParticipantsChanged,
    Reconnected,
    RoomChanged,
    RoomInfo,
    SpeakersChanged,
    SubscriptionAllowed,
    TrackPublished,
    TrackSubscribed,
    TrackUnpublished,
)
from sfu.core.outputs import SendData
from sfu.core.participant import Participant
from sfu.core.publishing import public_sid
from sfu.core.relay import RELIABLE
from sfu.core.replay import Replay
from sfu.core.requests import SyncState, TrackSettings
from sfu.core.roster import Roster
from sfu.core.subscriptions import EVERYBODY


class Resumption:
    """The way back into one room."""

    def __init__(
        self,
        roster: Roster,
        distribution: Distribution,
        departures: Departures,
        replay: Replay,
        dynacast: Dynacast,
        conditions: Conditions,
    ) -> None:
        self._roster = roster
        self._dynacast = dynacast
        self._conditions = conditions
        self._distribution = distribution
        self._departures = departures
        self._replay = replay

    def welcome(self, member: Participant, room: RoomInfo, now: float) -> None:
        """Draw the whole picture again; `Reconnected` comes first, clients drop what comes before."""
        tell = self._roster.tell
        tell(member, Reconnected(member.reliable.last, member.candidates))
        tell(member, self._people(member, now))
        tell(member, RoomChanged(room))
        reminders: list[Message] = [
            SpeakersChanged(self._roster.speaking.all()),
            MediaFlows(tuple(other.sid for other in self._roster if other.was_active and not other.hidden)),
            *(
                TrackPublished(pending.track.cid, replace(pending.track, sid=public_sid(pending.track.sid)))
                for pending in member.pending
            ),
            *self._conditions.reminders(member),
            *self._dynacast.reminders(member),
            *(MuteOrdered(track, muted) for track, muted in member.mutes_by_server.items()),
            *(TrackUnpublished(track) for track in member.ended_by_server),
            *(TrackSubscribed(track) for track in sorted(member.subscribed_once)),
            *self._permissions(member),
        ]
        for reminder in reminders:
            tell(member, reminder)
        self._distribution.downlinks.resumed(member, now)

    def sync(self, member: Participant, state: SyncState, now: float) -> None:
        """Take in what the client says of itself: unknown tracks of its own need a new session."""
        announced = {pending.track.sid for pending in member.pending}
        known = member.published.keys() | announced | set(member.ended_by_server)
        if not known.issuperset(state.published):
            self._departures.mismatch(member, now)
            return
        self._distribution.set_wishes(
            member, TrackSettings(state.disabled, disabled=True, quality=0, width=0, height=0)
        )
        tracks = tuple(track for track in state.subscription.tracks if self._roster.owner(track) is not None)
        self._distribution.set_subscribed(member, tracks, now, wanted=state.subscription.wanted)
        peer = member.primary_peer
        for payload in self._replay.missed(peer, dict(state.received), now):
            self._roster.put(SendData(peer, RELIABLE, payload))

    def _people(self, member: Participant, now: float) -> ParticipantsChanged:
        """Everybody who is here, itself too, and those who left: clients don't notice who is not named."""
        here = [other.info() for other in self._roster if not other.hidden or other is member]
        identities = {info.identity for info in here}
        departed = self._roster.departed
        while departed and departed[0][0] < now - DEPARTED_KEPT_S:
            departed.popleft()
        gone = {info.identity: info for _, info in departed if info.identity not in identities}
        return ParticipantsChanged((*gone.values(), *here))

    def _permissions(self, member: Participant) -> list[SubscriptionAllowed]:
        """Whose tracks it may have, of those who ever limited that."""
        return [
            SubscriptionAllowed(
                other.sid, sid, subscriptions.allowed(other.permission, member.sid, member.identity, sid)
            )
            for other in self._roster
            if other is not member and (other.permission != EVERYBODY or other.limited_permission)
            for sid in other.published
        ]
