# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""When do the others hear that a participant came, changed or went?

Whoever publishes, or did, is told of at once: its tracks are about to come, or have ended. The changes of
those who only watch wait for each other, because in a large room they come in crowds. The first one after a
quiet moment does not wait at all: in a small room a name is there as soon as its owner.
"""

from sfu.core.media import PeerId
from sfu.core.messages import ParticipantInfo
from sfu.core.participant import Participant

UPDATES_EVERY_S = 0.5
"""Changes of those who only watch are told at most this often. LiveKit takes 3 s; a caller expects names
sooner, and two messages a second are nothing beside the media of a room."""


class Updates:
    """The changes of one room's participants that were not told yet."""

    def __init__(self) -> None:
        self._waiting: dict[PeerId, Participant | ParticipantInfo] = {}
        self._told_at: float | None = None

    @property
    def deadline(self) -> float | None:
        """When `take` is due; None while nothing waits."""
        if not self._waiting:
            return None
        return 0.0 if self._told_at is None else self._told_at + UPDATES_EVERY_S

    def wait(self, sid: PeerId, who: Participant | ParticipantInfo) -> None:
        """Note a change; of several changes of one participant the state at the end is told."""
        self._waiting[sid] = who

    def drop(self, sid: PeerId) -> bool:
        """It was told otherwise, or is not to be told; whether it waited."""
        return self._waiting.pop(sid, None) is not None

    def take(self, now: float) -> tuple[ParticipantInfo, ...]:
        """Give what is due, empty before its time."""
        deadline = self.deadline
        if deadline is None or now < deadline:
            return ()
        self._told_at = now
        waiting, self._waiting = self._waiting, {}
        return tuple(who.info() if isinstance(who, Participant) else who for who in waiting.values())
