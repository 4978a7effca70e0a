# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which utterance is read next, and how often when there is more speech than processor."""

import heapq
from dataclasses import dataclass, field
from enum import IntEnum

from bots.captions.track import Job

BRISK_S, SLOWEST_S = 0.8, 4.0
"""Time between two readings of an open utterance, with time to spare and at worst."""
SLOWER_S = 2.0
"""From here on people notice."""
LATE_S = 2.0
"""A reading this late although all go as slowly as they may: only final texts are left."""
HOPELESS_S = 5.0
"""A reading this late, as after an outage of the engine: only final texts at once."""
_BEHIND_S, _PROMPT_S = 0.7, 0.35
_STEP_S = 1.0
_SLOW_DOWN, _SPEED_UP = 1.1, 0.9
_CALM_STEPS = 5
_MAX_STEPS = 30
_FINAL_FIRST_S = 0.3
"""A final text goes before the partial ones asked for just before: it stays, and people wait for it."""
MAX_FINALS = 64
"""stops: audio waiting for a processor that never catches up, at most 50 MB. The oldest is dropped."""


class Level(IntEnum):
    """How far captions are degraded for want of time."""

    USUAL = 0
    SLOWER = 1
    FINALS_ONLY = 2


@dataclass(slots=True)
class Load:
    """Sets the time between readings by how late the latest of each second starts.

    In virtual time, with base's costs and two readers: 8 people who talk without a stop are read as usual (median and
    90th percentile of the delay 1.0 and 1.5 s), 12 slower (1.3, 2.3), 16 slower still (1.9, 3.7), 24 mostly in final
    texts (3.1, 6.5); nobody is read at another's expense.
    """

    interval_s: float = BRISK_S
    """Time between two readings of an open utterance; infinite: final texts only."""
    _since: float = float("-inf")
    _worst_s: float = 0.0
    _calm: int = 0

    @property
    def level(self) -> Level:
        """Tell what people notice."""
        if self.interval_s == float("inf"):
            return Level.FINALS_ONLY
        return Level.SLOWER if self.interval_s >= SLOWER_S else Level.USUAL

    def started(self, late_s: float, now: float) -> None:
        """Learn at ``now`` (seconds, monotonic) how long a reading had to wait."""
        self._worst_s = max(self._worst_s, late_s)
        if late_s > HOPELESS_S:
            self.interval_s, self._calm = float("inf"), 0
        if now - self._since < _STEP_S:
            return
        if self._worst_s > _BEHIND_S:
            self._slow_down()
        elif self._worst_s <= _PROMPT_S:
            for _ in range(int(min((now - self._since) / _STEP_S, _MAX_STEPS))):  # nobody talked meanwhile
                self._speed_up()
        self._since, self._worst_s = now, 0.0

    def _slow_down(self) -> None:
        self._calm = 0
        if self.interval_s < SLOWEST_S:
            self.interval_s = min(self.interval_s * _SLOW_DOWN, SLOWEST_S)
        elif self._worst_s > LATE_S:
            self.interval_s = float("inf")

    def _speed_up(self) -> None:
        if self.level is not Level.FINALS_ONLY:
            self.interval_s = max(self.interval_s * _SPEED_UP, BRISK_S)
        else:
            self._calm += 1
            if self._calm >= _CALM_STEPS:
                self.interval_s, self._calm = SLOWEST_S, 0


@dataclass(slots=True)
class DecodeQueue:
    """Oldest first, so that nobody is read at another's expense. An utterance's final reading takes the place of its
    partial one.
    """

    load: Load = field(default_factory=Load)
    dropped_finals: int = 0
    _heap: list[tuple[float, int, float, Job]] = field(default_factory=list)
    _count: int = 0

    def __len__(self) -> int:
        return len(self._heap)

    def holds(self, room_id: str) -> bool:
        """Tell whether utterances of a room still wait."""
        return any(job.track.speaker.room_id == room_id for *_, job in self._heap)

    def push(self, job: Job, now: float) -> None:
        """Queue a reading asked for at ``now`` (seconds, monotonic)."""
        if job.final:
            self._heap = [entry for entry in self._heap if entry[-1].utterance is not job.utterance]
            finals = [entry for entry in self._heap if entry[-1].final]
            if len(finals) >= MAX_FINALS:
                self._heap.remove(min(finals))
                self.dropped_finals += 1
            heapq.heapify(self._heap)
        self._count += 1
        heapq.heappush(self._heap, (now - _FINAL_FIRST_S if job.final else now, self._count, now, job))

    def pop(self, now: float) -> Job | None:
        """Return the reading that waited longest; where only final texts are left, partial ones are passed over."""
        while self._heap:
            *_, asked, job = heapq.heappop(self._heap)
            self.load.started(now - asked, now)
            if job.final or self.load.level is not Level.FINALS_ONLY:
                return job
            job.track.skipped(job)
        return None
