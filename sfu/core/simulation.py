# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How does the server misbehave when a client asks for it, to test itself? LiveKit's SimulateScenario."""

from sfu.core import limits
from sfu.core.departures import Departures
from sfu.core.messages import TCP, TLS, DisconnectReason, LeaveAction, LeaveOrdered, Speaker, SpeakersChanged
from sfu.core.outputs import CapBandwidth, HangUp
from sfu.core.participant import Participant
from sfu.core.requests import Scenario, Simulate
from sfu.core.roster import Roster

DROP_ON_RESUME_S = 5.0
"""A resume within this of the request is cut off: LiveKit's figure."""

_LOUD = 0.9

_PROTOCOLS = {1: TCP, 2: TLS}
"""LiveKit's CandidateProtocol; 0 is UDP, and all."""


class Simulation:
    """The scenarios of one room."""

    def __init__(self, roster: Roster, departures: Departures) -> None:
        self._roster = roster
        self._departures = departures

    def act(self, member: Participant, request: Simulate, now: float) -> None:
        """Misbehave at once, or note to do so."""
        match request.scenario:
            case Scenario.SERVER_LEAVE:
                self._departures.send_off(member, LeaveOrdered(DisconnectReason.SERVER_SHUTDOWN), now)
            case Scenario.FULL_RECONNECT:
                order = LeaveOrdered(DisconnectReason.UNKNOWN_REASON, LeaveAction.RECONNECT)
                self._departures.send_off(member, order, now)
            case Scenario.NODE_FAILURE:
                self._departures.vanish(member, DisconnectReason.UNKNOWN_REASON, now)
            case Scenario.MIGRATION:  # there is no other node: the session is gone, the client joins anew
                self._departures.vanish(member, DisconnectReason.MIGRATION, now)
            case Scenario.SPEAKER_UPDATE:
                member.speaks_until = now + min(request.value, limits.SIMULATED_SPEECH_MAX_S)
                self._speaks(member, _LOUD)
            case Scenario.SUBSCRIBER_BANDWIDTH:
                self._roster.put(CapBandwidth(member.downlink_peer, max(0, request.value)))
            case Scenario.SWITCH_CANDIDATE_PROTOCOL:
                self._roster.prefer(member.identity, _PROTOCOLS.get(request.value, ""))  # its client joins anew then
            case Scenario.DROP_ON_RESUME | Scenario.DROP_ON_RESUME_UNHEARD:
                member.drop_resume = (request.scenario, now + DROP_ON_RESUME_S)

    def drops(self, member: Participant, scenario: Scenario, now: float) -> bool:
        """Cut a resume off if the client asked for that, once; True when this was done."""
        if member.drop_resume is None or member.drop_resume[0] is not scenario:
            return False
        until, member.drop_resume = member.drop_resume[1], None
        if now > until:
            return False
        self._roster.put(HangUp(member.sid, broken=True))
        return True

    def tick(self, member: Participant, now: float) -> None:
        """End simulated speech."""
        if member.speaks_until is not None and now >= member.speaks_until:
            member.speaks_until = None
            self._speaks(member, 0.0)

    def _speaks(self, member: Participant, level: float) -> None:
        self._roster.tell_all(SpeakersChanged((Speaker(member.sid, level, level > 0),)))
