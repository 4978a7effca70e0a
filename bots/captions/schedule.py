# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which utterance is read next, and how often when there is more speech than processor."""

import heapq
from dataclasses import dataclass, field

from bots.captions.track import Job

INTERVALS_S = (1.0, 2.0, float("inf"))
"""Time between two readings of an open utterance, by load: usual, slower, only final texts."""
LATE_S = 1.0
_PROMPT_S = 0.3
_CALM_STARTS = 8
MAX_FINALS = 64
"""stops: audio waiting for a processor that never catches up, at most 50 MB. The oldest is dropped."""


@dataclass(slots=True)
class Load:
    """Lengthens the interval when a reading starts over a second late, shortens it after eight prompt ones."""

    level: int = 0
    _calm: int = 0

    @property
    def interval_s(self) -> float:
        """Time between two readings of an open utterance; infinite: final texts only."""
        return INTERVALS_S[self.level]

    def started(self, late_s: float) -> None:
        """Learn how long a reading had to wait."""
        if late_s > LATE_S:
            self.level = min(self.level + 1, len(INTERVALS_S) - 1)
            self._calm = 0
        elif late_s <= _PROMPT_S:
            self._calm += 1
            if self._calm >= _CALM_STARTS:
                self.level = max(self.level - 1, 0)
                self._calm = 0


@dataclass(slots=True)
class DecodeQueue:
    """Oldest first. An utterance's final reading takes the place of its partial one."""

    load: Load = field(default_factory=Load)
    dropped_finals: int = 0
    _heap: list[tuple[float, int, Job]] = field(default_factory=list)
    _count: int = 0

    def __len__(self) -> int:
        return len(self._heap)

    def holds(self, room_id: str) -> bool:
        """Tell whether utterances of a room still wait."""
        return any(job.track.speaker.room_id == room_id for _, _, job in self._heap)

    def push(self, job: Job, now: float) -> None:
        """Queue a reading asked for at ``now`` (seconds, monotonic)."""
        if job.final:
            self._heap = [entry for entry in self._heap if entry[2].utterance is not job.utterance]
            finals = [entry for entry in self._heap if entry[2].final]
            if len(finals) >= MAX_FINALS:
                self._heap.remove(min(finals))
                self.dropped_finals += 1
            heapq.heapify(self._heap)
        self._count += 1
        heapq.heappush(self._heap, (now, self._count, job))

    def pop(self, now: float) -> Job | None:
        """Return the reading that waited longest; partial ones that waited over a second are not worth it any more."""
        while self._heap:
            asked, _, job = heapq.heappop(self._heap)
            self.load.started(now - asked)
            if job.final or now - asked <= LATE_S:
                return job
            job.track.skipped(job)
        return None
