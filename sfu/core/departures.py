# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How do sessions end? By a goodbye, by silence, by time, by others; and what is said and undone then."""

from sfu.core import requests, signalling
from sfu.core.distribution import Distribution
from sfu.core.messages import DisconnectReason, LeaveAction, LeaveOrdered, ParticipantsChanged
from sfu.core.outputs import ClosePeer, HangUp, ParticipantLeft
from sfu.core.participant import Participant
from sfu.core.roster import Roster
from sfu.core.signalling import Event, State, Verdict

JOIN_TIMEOUT_S = 60.0
"""A session whose media is not up by then ends."""

LOST_GRACE_S = 1.0
"""A session whose media path is gone is told to join anew after this, unless it says goodbye."""

DETACHED_GRACE_S = 5.0
"""A session without a socket ends after this; a client that joins anew replaces it before."""


class Departures:
    """The ends of one room's sessions."""

    def __init__(self, roster: Roster, distribution: Distribution) -> None:
        self._roster = roster
        self._distribution = distribution

    def step(self, member: Participant, event: Event) -> Verdict:
        """Look an event up in the state table and enter the next state, except that of having left."""
        step = signalling.step(member.state, event)
        if step.next is not State.LEFT:  # leaving is told before it is entered
            member.state = step.next
        return step.verdict

    def leave(self, member: Participant, now: float) -> None:
        """The client said goodbye."""
        self._gone(member, DisconnectReason.CLIENT_INITIATED, now)

    def expel(self, member: Participant, reason: DisconnectReason, now: float, *, announce: bool = True) -> None:
        """End a session that may not come back by itself."""
        self._end(member, Event.EXPELLED, LeaveOrdered(reason), now, announce=announce)

    def simulate(self, member: Participant, scenario: requests.Scenario, now: float) -> None:
        """Misbehave as a client asked for, to test itself."""
        if scenario is requests.Scenario.SERVER_LEAVE:
            self._roster.tell(member, LeaveOrdered(DisconnectReason.SERVER_SHUTDOWN))
        elif scenario is requests.Scenario.FULL_RECONNECT:
            self._roster.tell(member, LeaveOrdered(DisconnectReason.UNKNOWN_REASON, LeaveAction.RECONNECT))
        self._gone(member, DisconnectReason.UNKNOWN_REASON, now)

    def lost(self, member: Participant, now: float) -> None:
        """The media path is gone: wait a moment for a goodbye."""
        if self.step(member, Event.PEER_LOST) is not Verdict.ACT:
            return
        if member.state is State.LOST:
            _disarm(member)
            member.lost_at = now + LOST_GRACE_S
        else:  # no socket either
            self._gone(member, DisconnectReason.SIGNAL_CLOSE, now)

    def socket_closed(self, member: Participant, now: float) -> None:
        """The socket is gone: wait a moment for the same client's next session."""
        if self.step(member, Event.SOCKET_CLOSED) is not Verdict.ACT:
            return
        if member.state is State.DETACHED:
            _disarm(member)
            member.gone_at = now + DETACHED_GRACE_S
        else:  # no media path either
            self._gone(member, DisconnectReason.SIGNAL_CLOSE, now)

    def tick(self, member: Participant, now: float) -> None:
        """End a session whose time is over."""
        if member.join_by is not None and now >= member.join_by:
            member.join_by = None
            self._end(member, Event.JOIN_TIMEOUT, LeaveOrdered(DisconnectReason.JOIN_FAILURE), now)
        if member.offer_by is not None and now >= member.offer_by:
            member.offer_by = None
            order = LeaveOrdered(DisconnectReason.STATE_MISMATCH, LeaveAction.RECONNECT)
            self._end(member, Event.OFFER_TIMEOUT, order, now)
        if member.gone_at is not None and now >= member.gone_at:
            member.gone_at = None
            self._end(member, Event.GRACE_OVER, LeaveOrdered(DisconnectReason.SIGNAL_CLOSE), now)
        if member.lost_at is not None and now >= member.lost_at:
            member.lost_at = None
            order = LeaveOrdered(DisconnectReason.MEDIA_FAILURE, LeaveAction.RECONNECT)
            self._end(member, Event.MEDIA_TIMEOUT, order, now)

    def _end(
        self, member: Participant, event: Event, order: LeaveOrdered, now: float, *, announce: bool = True
    ) -> None:
        if self.step(member, event) is Verdict.ACT:
            self._roster.tell(member, order)
            self._gone(member, order.reason, now, announce=announce)

    def _gone(self, member: Participant, reason: DisconnectReason, now: float, *, announce: bool = True) -> None:
        """Take a session out. Clients replace a session of the same identity by themselves."""
        member.state = State.LEFT
        for track in list(member.published):
            self._distribution.withdraw(track, now)
        self._roster.discard(member)
        self._roster.speaking.left(member.sid)
        self._roster.put(HangUp(member.sid))
        self._roster.put(*(ClosePeer(peer) for peer in dict.fromkeys((member.sid, member.downlink_peer))))
        self._roster.put(ParticipantLeft(member.sid, member.identity, reason))
        if announce and not member.hidden:
            member.version += 1
            self._roster.tell_all(ParticipantsChanged((member.info(reason),)))


def _disarm(member: Participant) -> None:
    member.join_by = member.offer_by = member.negotiate_at = None
