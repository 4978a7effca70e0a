# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How do sessions end? By a goodbye, by silence, by time, by others; and what is said and undone then."""

from sfu.core import signalling
from sfu.core.distribution import Distribution
from sfu.core.media import PeerId
from sfu.core.messages import DisconnectReason, LeaveAction, LeaveOrdered
from sfu.core.outputs import ClosePeer, HangUp, Happened, Occasion
from sfu.core.participant import Participant
from sfu.core.roster import Roster
from sfu.core.signalling import Event, State, Verdict

JOIN_TIMEOUT_S = 60.0
"""A session whose media is not up by then ends."""

RESUMED_TIMEOUT_S = 15.0
"""A client that resumed has so long to bring silent media back: the time after which clients join anew."""

LOST_GRACE_S = 1.0
"""A session whose media path is gone is told to join anew after this, unless it says goodbye."""

DETACHED_GRACE_S = 60.0
"""A session whose media flows waits so long for its client's new socket: clients give up after 45 s."""

DARK_GRACE_S = 16.0
"""A session with neither socket nor media ends after this.

Media counts as silent after 12 s, so a dead client is gone from the room 29 s after its last packet at the
latest; one whose network was away for 20 s has 8 s more to open a socket, which with TCP's back-off (1, 2
and 4 s) is enough.
"""

DEPARTED_KEPT_S = 90.0
"""How long it is remembered that somebody left: longer than any session waits for its client."""


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
        self.send_off(member, LeaveOrdered(reason), now, announce=announce)

    def send_off(self, member: Participant, order: LeaveOrdered, now: float, *, announce: bool = True) -> None:
        """End a session whose client is told what to do next."""
        self._end(member, Event.EXPELLED, order, now, announce=announce)

    def vanish(self, member: Participant, reason: DisconnectReason, now: float) -> None:
        """End a session as if this server had died: without a word to its client."""
        if self.step(member, Event.EXPELLED) is Verdict.ACT:
            self._roster.put(HangUp(member.sid, broken=True))
            self._gone(member, reason, now)

    def mismatch(self, member: Participant, now: float) -> None:
        """What the client that came back believes is not so: it shall join anew."""
        order = LeaveOrdered(DisconnectReason.STATE_MISMATCH, LeaveAction.RECONNECT)
        self._end(member, Event.MISMATCH, order, now)

    def lost(self, member: Participant, now: float) -> None:
        """The media transport was closed: wait a moment for a goodbye."""
        if self.step(member, Event.PEER_LOST) is not Verdict.ACT:
            return
        if member.state is State.LOST:
            _disarm(member)
            member.lost_at = now + LOST_GRACE_S
        else:  # no socket either
            self._gone(member, DisconnectReason.SIGNAL_CLOSE, now)

    def silent(self, member: Participant, peer: PeerId, now: float) -> None:
        """Nothing comes over a transport: have the client resume, then wait for it."""
        member.silent.add(peer)
        if member.state is State.ACTIVE:
            self._roster.tell(member, LeaveOrdered(DisconnectReason.MEDIA_FAILURE, LeaveAction.RESUME))
            self._roster.put(HangUp(member.sid))
        if self.step(member, Event.SILENT) is Verdict.ACT:
            _disarm(member)
            member.gone_at = now + DARK_GRACE_S

    def heard(self, member: Participant, peer: PeerId, now: float) -> None:
        """A silent transport is back."""
        member.silent.discard(peer)
        if not member.silent and self.step(member, Event.HEARD) is Verdict.ACT:
            self.reachable(member, now)

    def reachable(self, member: Participant, now: float) -> None:
        """Media flows: nothing is to be waited for but a socket, where there is none."""
        member.join_by = None
        if member.state is State.DETACHED:
            member.gone_at = now + DETACHED_GRACE_S

    def socket_closed(self, member: Participant, now: float) -> None:
        """The socket is gone: wait for the client to resume, or for its next session."""
        if self.step(member, Event.SOCKET_CLOSED) is not Verdict.ACT:
            return
        if member.state is State.DETACHED:
            _disarm(member)
            member.gone_at = now + DETACHED_GRACE_S
        elif member.state is State.DARK:
            _disarm(member)
            member.gone_at = now + DARK_GRACE_S
        else:  # no media transport either
            self._gone(member, DisconnectReason.SIGNAL_CLOSE, now)

    def resumed(self, member: Participant, now: float) -> bool:
        """The client is back on a new socket; False when there is nothing to go on with."""
        if not member.resumes.take(now) or self.step(member, Event.RESUMED) is not Verdict.ACT:
            return False
        member.gone_at = None
        if member.state is State.JOINED:
            member.join_by = now + RESUMED_TIMEOUT_S
        return True

    def tick(self, member: Participant, now: float) -> None:
        """End a session whose time is over."""
        if member.join_by is not None and now >= member.join_by:
            member.join_by = None
            order = LeaveOrdered(DisconnectReason.JOIN_FAILURE)
            if member.was_active:
                order = LeaveOrdered(DisconnectReason.MEDIA_FAILURE, LeaveAction.RECONNECT)
            self._end(member, Event.JOIN_TIMEOUT, order, now)
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
        member.version += 1
        gone = member.info(reason)
        left = Occasion.PARTICIPANT_LEFT if member.was_active else Occasion.PARTICIPANT_CONNECTION_ABORTED
        self._roster.put(Happened(left, gone))
        if announce and not member.hidden:
            self._roster.gone(member, gone, now)
        else:
            self._roster.replaced(member)


def _disarm(member: Participant) -> None:
    member.join_by = member.offer_by = member.negotiate_at = None
