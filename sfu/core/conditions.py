# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What do people learn of their own and others' network? Connection quality, and tracks that do not fit."""

from collections.abc import Iterable
from dataclasses import replace

from sfu.core.media import PeerId, TrackSid
from sfu.core.messages import Quality, QualityChanged, StreamPaused
from sfu.core.participant import Participant
from sfu.core.publishing import public_sid
from sfu.core.quality import BEST, ConnectionQuality, mean_opinion, quality_of
from sfu.core.roster import Roster


class Conditions:
    """Those of one room."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    def stream_state(self, peer: PeerId, track: TrackSid, *, paused: bool) -> None:
        """A receiver's path became too narrow for a track, or wide enough."""
        sid = public_sid(track)
        receiver, owner = self._roster.get(peer), self._roster.owner(sid)
        subscription = None if receiver is None else receiver.subscriptions.get(sid)
        if receiver is not None and owner is not None and subscription is not None:
            receiver.subscriptions[sid] = replace(subscription, starved=paused)
            self._roster.tell(receiver, StreamPaused(owner.sid, sid, paused))

    def scored(self, scores: Iterable[tuple[PeerId, float]]) -> None:
        """Transports were scored anew; a participant is as well off as its worse one."""
        changed = []
        for peer, score in scores:
            member = self._roster.get(peer)
            if member is not None:
                member.scores[peer] = score
                if quality_of(min(member.scores.values())) is not member.quality:
                    changed.append(member)
        self._tell(changed)

    def silent(self, peer: PeerId) -> None:
        """Nothing comes from a participant, not even connectivity checks."""
        member = self._roster.get(peer)
        if member is not None and not _is_lost(member):
            self._tell([member], lost=True)

    def heard(self, peer: PeerId) -> None:
        """Something came again."""
        member = self._roster.get(peer)
        if member is not None and _is_lost(member):
            self._tell([member])

    def reminders(self, receiver: Participant) -> list[QualityChanged | StreamPaused]:
        """Say again what a receiver that begins or comes back may not know, or was told otherwise by `MediaFlows`."""
        owners = {sid: self._roster.owner(sid) for sid in receiver.subscriptions}
        concerned = {member.sid: member for member in (receiver, *filter(None, owners.values()))}
        qualities = tuple(_quality(member) for member in concerned.values() if member.scores or _is_lost(member))
        paused = [
            StreamPaused(owner.sid, sid, subscription.starved)
            for sid, subscription in receiver.subscriptions.items()
            if (owner := owners[sid]) is not None and subscription.starved is not None
        ]
        return [*([QualityChanged(qualities)] if qualities else []), *paused]

    def _tell(self, changed: list[Participant], *, lost: bool = False) -> None:
        """Tell each of them, and who has their tracks."""
        news: dict[PeerId, Quality] = {}
        for member in changed:
            member.quality = ConnectionQuality.LOST if lost else quality_of(_score(member))
            news[member.sid] = _quality(member)
        for receiver in self._roster if news else ():
            publishers = (self._roster.owner(track) for track in receiver.subscriptions)
            concerned = {receiver.sid} | {owner.sid for owner in publishers if owner is not None}
            own = tuple(quality for sid, quality in news.items() if sid in concerned)
            if own:
                self._roster.tell(receiver, QualityChanged(own))


def _is_lost(member: Participant) -> bool:
    return member.quality is ConnectionQuality.LOST


def _score(member: Participant) -> float:
    return min(member.scores.values(), default=BEST)


def _quality(member: Participant) -> Quality:
    return Quality(member.sid, member.quality, 1.0 if _is_lost(member) else mean_opinion(_score(member)))
