# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who speaks? Levels of tracks become levels of participants, and only changes are told."""

import math
from collections.abc import Iterable

from sfu.core.media import Level, PeerId, TrackSid
from sfu.core.messages import Speaker

_STEPS = 8


class Speaking:
    """The last told level of every participant of a room."""

    def __init__(self) -> None:
        self._tracks: dict[TrackSid, tuple[PeerId, float, bool]] = {}
        self._told: dict[PeerId, Speaker] = {}

    def measured(self, levels: Iterable[tuple[PeerId, Level]]) -> tuple[Speaker, ...]:
        """Take measurements in, each with the participant whose track it is; give what changed."""
        touched = []
        for participant, level in levels:
            self._tracks[level.track] = (participant, level.level, level.active)
            touched.append(participant)
        return self._changes(dict.fromkeys(touched))

    def ended(self, track: TrackSid) -> tuple[Speaker, ...]:
        """Forget a track; give the change when its participant is silent now."""
        known = self._tracks.pop(track, None)
        return () if known is None else self._changes([known[0]])

    def left(self, participant: PeerId) -> None:
        """Forget a participant: clients drop its level with it."""
        self._tracks = {sid: entry for sid, entry in self._tracks.items() if entry[0] != participant}
        self._told.pop(participant, None)

    def active(self) -> tuple[Speaker, ...]:
        """Give those who speak now, for somebody who joins."""
        return tuple(speaker for speaker in self._told.values() if speaker.active)

    def all(self) -> tuple[Speaker, ...]:
        """Give everybody of whom something was ever told, for somebody who may have missed it."""
        return tuple(self._told.values())

    def _changes(self, participants: Iterable[PeerId]) -> tuple[Speaker, ...]:
        changes = []
        for participant in participants:
            levels = [level for owner, level, active in self._tracks.values() if owner == participant and active]
            level = math.ceil(min(1.0, max(levels)) * _STEPS) / _STEPS if levels else 0.0
            speaker = Speaker(participant, level, bool(levels))
            before = self._told.get(participant, Speaker(participant, 0.0, active=False))
            if speaker != before:
                changes.append(speaker)
                self._told[participant] = speaker
        return tuple(changes)
