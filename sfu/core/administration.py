# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does each order of an administrator do to somebody in the room?"""

from dataclasses import replace

from sfu.core import orders
from sfu.core.departures import Departures
from sfu.core.distribution import Distribution
from sfu.core.grants import Rights
from sfu.core.messages import DisconnectReason, MuteOrdered, Outcome
from sfu.core.outputs import RenewToken
from sfu.core.participant import Participant
from sfu.core.publishing import Refusal
from sfu.core.roster import Roster
from sfu.core.session import merged, oversize

_NOBODY = Refusal(Outcome.NOT_FOUND, "participant does not exist")
_NO_TRACK = Refusal(Outcome.NOT_FOUND, "track is not found")


class Administration:
    """The server API's hand in one room."""

    def __init__(self, roster: Roster, distribution: Distribution, departures: Departures) -> None:
        self._roster = roster
        self._distribution = distribution
        self._departures = departures

    def obey(self, order: orders.Order, now: float) -> Refusal | None:
        """Do what was ordered; says why when it cannot be done, and then nothing is."""
        member = self._roster.by_identity(order.identity)
        if member is None:
            return _NOBODY
        match order:
            case orders.Remove():
                self._departures.expel(member, DisconnectReason.PARTICIPANT_REMOVED, now)
            case orders.MuteTrack():
                return self._mute(member, order)
            case orders.SetSubscribed(_, tracks, wanted):
                if wanted and not all(map(self._roster.owner, tracks)):
                    return _NO_TRACK
                self._distribution.set_subscribed(member, tracks, now, wanted=wanted)
            case orders.Change():
                return self._change(member, order, now)
        return None

    def _mute(self, member: Participant, order: orders.MuteTrack) -> Refusal | None:
        track = member.published.get(order.track)
        if track is None:
            return _NO_TRACK
        if track.muted != order.muted:
            self._roster.own(member, replace(track, muted=order.muted))
            if order.muted:
                self._roster.hush(track.sid)
            member.mutes_by_server[track.sid] = order.muted
            self._roster.tell(member, MuteOrdered(track.sid, order.muted))
            self._roster.changed(member)
        return None

    def _change(self, member: Participant, order: orders.Change, now: float) -> Refusal | None:
        attributes = merged(member.attributes, order.attributes)
        too_large = oversize(order.name, order.metadata, attributes)
        if too_large:
            return Refusal(Outcome.LIMIT_EXCEEDED, too_large)
        member.name = order.name or member.name
        member.metadata = order.metadata or member.metadata
        member.attributes = attributes
        if order.rights is not None and order.rights != member.grants.rights:
            self._set_rights(member, order.rights, now)
        self._roster.changed(member, and_tell_itself=True)
        self._roster.put(RenewToken(member.sid))
        return None

    def _set_rights(self, member: Participant, rights: Rights, now: float) -> None:
        before, member.grants = member.grants.rights, replace(member.grants, rights=rights)
        self._distribution.revoke(member, now)
        if rights.hidden and not before.hidden:
            member.version += 1
            self._roster.gone(member, member.info(DisconnectReason.UNKNOWN_REASON), now)
        if rights.hidden != before.hidden:
            self._distribution.show(member, now)
        if rights.can_subscribe and not before.can_subscribe:
            self._distribution.welcome(member, now)
