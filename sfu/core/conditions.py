# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What do people learn of their own and others' network? Connection quality, and tracks that do not fit."""

from collections.abc import Iterable

from sfu.core.media import PeerId, TrackSid
from sfu.core.messages import Quality, QualityChanged, StreamPaused
from sfu.core.participant import Participant
from sfu.core.quality import BEST, ConnectionQuality, mean_opinion, quality_of
from sfu.core.roster import Roster


class Conditions:
    """Those of one room."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster

    def stream_state(self, peer: PeerId, track: TrackSid, *, paused: bool) -> None:
        """A receiver's path became too narrow for a track, or wide enough."""
        receiver, owner = self._roster.get(peer), self._roster.owner(track)
        if receiver is not None and owner is not None:
            self._roster.tell(receiver, StreamPaused(owner.sid, track, paused))

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
        if member is not None and member.quality is not ConnectionQuality.LOST:
            self._tell([member], lost=True)

    def heard(self, peer: PeerId) -> None:
        """Something came again."""
        member = self._roster.get(peer)
        if member is not None and member.quality is ConnectionQuality.LOST:
            self._tell([member])

    def _tell(self, changed: list[Participant], *, lost: bool = False) -> None:
        """Tell each of them, and who has their tracks."""
        news: dict[PeerId, Quality] = {}
        for member in changed:
            score = min(member.scores.values(), default=BEST)
            member.quality = ConnectionQuality.LOST if lost else quality_of(score)
            news[member.sid] = Quality(member.sid, member.quality, 1.0 if lost else mean_opinion(score))
        for receiver in self._roster if news else ():
            publishers = (self._roster.owner(track) for track in receiver.subscriptions)
            concerned = {receiver.sid} | {owner.sid for owner in publishers if owner is not None}
            own = tuple(quality for sid, quality in news.items() if sid in concerned)
            if own:
                self._roster.tell(receiver, QualityChanged(own))
