# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What changes when a transport of a participant comes up, falls silent or is heard again?"""

from sfu.core.conditions import Conditions
from sfu.core.departures import Departures
from sfu.core.media import PeerId
from sfu.core.messages import MediaFlows
from sfu.core.outputs import Happened, Occasion
from sfu.core.participant import Participant
from sfu.core.roster import Roster
from sfu.core.signalling import Event, Verdict

FIRST_QUALITY_S = 1.0
"""After its media is up. Clients pass over what they hear before they are done with connecting, and the others
must have heard of a newcomer before."""


class Transports:
    """Those of one room, as the media plane tells of them."""

    def __init__(self, roster: Roster, departures: Departures, conditions: Conditions) -> None:
        self._roster = roster
        self._departures = departures
        self._conditions = conditions

    def connected(self, peer: PeerId, now: float) -> None:
        """The media plane has a transport up."""
        member = self._roster.get(peer)
        if member is None or peer != member.primary_peer:
            return
        if self._departures.step(member, Event.CONNECTED) is not Verdict.ACT:
            return
        self._departures.reachable(member, now)
        is_first, member.was_active = not member.was_active, True
        self._roster.changed(member, and_tell_itself=True)
        if is_first:
            self._roster.put(Happened(Occasion.PARTICIPANT_JOINED, member.info()))
        member.flows_at = now + FIRST_QUALITY_S

    def tick(self, member: Participant, now: float) -> None:
        """Tell how good a new connection is, and those of the others."""
        if member.flows_at is None or now < member.flows_at:
            return
        member.flows_at = None
        visible = [other.sid for other in self._roster if other.was_active and not other.hidden]
        self._roster.tell(member, MediaFlows(tuple(dict.fromkeys([*visible, member.sid]))))
        for reminder in self._conditions.reminders(member):
            self._roster.tell(member, reminder)
        if not member.hidden:
            self._roster.tell_all(MediaFlows((member.sid,)), besides=(member,))

    def silent(self, peer: PeerId, now: float) -> None:
        """Nothing comes over a transport of this peer."""
        member = self._roster.get(peer)
        if member is not None:
            before = member.state
            self._departures.silent(member, peer, now)
            if member.state is not before:
                self._conditions.silent(peer)

    def heard(self, peer: PeerId, now: float) -> None:
        """A silent transport of this peer is back."""
        member = self._roster.get(peer)
        if member is not None:
            before = member.state
            self._departures.heard(member, peer, now)
            if member.state is not before:
                self._conditions.heard(peer)
