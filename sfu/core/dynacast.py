# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which qualities of its video does anybody want of a publisher? (LiveKit's dynacast)

Of every codec all qualities up to the highest wanted one are sent. More is told at once, less only after
`LOWER_AFTER_S`: people flip through layouts. A track begins with everything of its first codec, as clients send it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from sfu.core.media import Kind, PeerId, TrackSid
from sfu.core.messages import SubscribedQualities, TrackInfo
from sfu.core.outputs import ExpectLayers
from sfu.core.participant import Participant
from sfu.core.publishing import backup_sid
from sfu.core.roster import Roster
from sfu.core.subscriptions import HIGH

LOWER_AFTER_S = 5.0
"""LiveKit's figure."""

REVIEW_EVERY_S = 0.02
"""What changes within this time is looked at in one go; the first change after a quiet moment at once. stops: a crowd
of which everybody wants something of every track."""

NOTHING = -1
"""Not even the lowest quality is wanted."""


class Tally:
    """How many receivers want which quality of a track in which codec."""

    def __init__(self) -> None:
        self._of: dict[PeerId, tuple[str, int]] = {}
        self._counts: Counter[tuple[str, int]] = Counter()

    def put(self, receiver: PeerId, wanted: tuple[str, int] | None) -> None:
        """Take in what one receiver wants now; None for nothing."""
        before = self._of.pop(receiver, None)
        if before is not None:
            self._counts[before] -= 1
        if wanted is not None:
            self._of[receiver] = wanted
            self._counts[wanted] += 1

    def highest(self) -> dict[str, int]:
        """Give the highest quality that anybody wants, by codec."""
        found: dict[str, int] = {}
        for (mime, quality), count in self._counts.items():
            if count:
                found[mime] = max(found.get(mime, NOTHING), quality)
        return found


@dataclass(slots=True)
class Wanted:
    """What is wanted of one track, and what its publisher was told; qualities by codec."""

    told: dict[str, int]
    wanted: dict[str, int] = field(default_factory=dict)
    lower_at: float | None = None
    tally: Tally = field(default_factory=Tally)

    def change(self, wanted: Mapping[str, int], now: float) -> bool:
        """Take in what is wanted now; True when the publisher is to be told."""
        self.wanted = dict(wanted)
        raised = {mime: quality for mime, quality in wanted.items() if quality > self.told.get(mime, NOTHING)}
        self.told.update(raised)
        lowered = any(quality > wanted.get(mime, NOTHING) for mime, quality in self.told.items())
        if not lowered:
            self.lower_at = None
        elif self.lower_at is None:
            self.lower_at = now + LOWER_AFTER_S
        return bool(raised)

    def tick(self, now: float) -> bool:
        """Let time pass; True when the publisher is to be told."""
        if self.lower_at is None or now < self.lower_at:
            return False
        self.lower_at = None
        self.told = {mime: self.wanted.get(mime, NOTHING) for mime in self.told}
        return True


class Dynacast:
    """The video tracks of one room."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._tracks: dict[TrackSid, Wanted] = {}
        self._review_at = 0.0

    @property
    def deadline(self) -> float | None:
        """When `tick` has something to do; None for never."""
        if self._roster.unsettled:
            return self._review_at
        return min((track.lower_at for track in self._tracks.values() if track.lower_at is not None), default=None)

    def tick(self, now: float) -> None:
        """Look at the tracks of which somebody wants something else, and at those whose time has come."""
        if self._roster.unsettled and now >= self._review_at:
            self._review_at = now + REVIEW_EVERY_S
            for sid, receivers in sorted(self._roster.take_unsettled().items()):
                owner = self._roster.owner(sid)
                if owner is None:
                    self._tracks.pop(sid, None)
                elif owner.published[sid].kind is Kind.VIDEO:
                    self._review(owner, owner.published[sid], receivers, now)
        for sid, wanted in self._tracks.items():
            owner = self._roster.owner(sid)
            if owner is not None and wanted.tick(now):
                self._tell(owner, owner.published[sid], wanted)

    def reminders(self, publisher: Participant) -> list[SubscribedQualities]:
        """Say again what is wanted of a publisher that may have missed it."""
        return [
            _message(publisher.published[sid], wanted)
            for sid, wanted in self._tracks.items()
            if sid in publisher.published
        ]

    def _review(self, owner: Participant, track: TrackInfo, receivers: set[PeerId], now: float) -> None:
        known = self._tracks.get(track.sid)
        if known is None:
            known = self._tracks[track.sid] = Wanted({track.mime: HIGH})
        elif track.mime not in known.told:  # another codec than announced came
            known.told = {track.mime: max(known.told.values())}
        if not receivers:
            known.tally, receivers = Tally(), {member.sid for member in self._roster}
        for sid in receivers:
            known.tally.put(sid, _wanted(track, self._roster.get(sid)))
        before = dict(known.told)
        if known.change(known.tally.highest(), now):
            self._tell(owner, track, known)
            for mime, quality in known.told.items():
                if quality > before.get(mime, NOTHING):
                    source = track.sid if mime == track.mime else backup_sid(track.sid)
                    self._roster.put(ExpectLayers(source, quality))

    def _tell(self, owner: Participant, track: TrackInfo, wanted: Wanted) -> None:
        self._roster.tell(owner, _message(track, wanted))


def _wanted(track: TrackInfo, receiver: Participant | None) -> tuple[str, int] | None:
    """In which codec a receiver wants a track, and up to which quality."""
    subscription = None if receiver is None else receiver.subscriptions.get(track.sid)
    if receiver is None or subscription is None or subscription.wish.paused:
        return None
    mime = track.mime
    if track.backup is not None and not receiver.downlinks.reads(mime):
        mime = track.backup.mime
    return mime, subscription.wish.max_quality


def _message(track: TrackInfo, wanted: Wanted) -> SubscribedQualities:
    first = [(mime, quality) for mime, quality in wanted.told.items() if mime == track.mime]
    return SubscribedQualities(track.sid, (*first, *(entry for entry in wanted.told.items() if entry not in first)))
