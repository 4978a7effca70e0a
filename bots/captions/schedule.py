# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which utterance is read next, and how often when there is more speech than processor."""

import heapq
from dataclasses import dataclass, field
from enum import IntEnum

from bots.captions.track import Job

BRISK_S = 0.8
"""Time between two readings of an open utterance. With more speech than processor it grows by what each has to wait."""
SLOWER_S = 1.2
"""Partial readings wait this long: people notice."""
LATE_S = 3.0
"""Readings wait this long: only final texts are left."""
HOPELESS_S = 5.0
"""A reading that waited this long, as after an outage of the engine: only final texts at once."""
_PROMPT_S = 0.7
_STEP_S = 1.0
REST_S = (5.0, 60.0)
"""Only final texts for so long at least; twice as long if partial ones came back too soon, up to the second."""
PAUSE_LEAD_S = 0.5
"""A reading in a pause goes before others asked for so much earlier: it is in time to be the final one."""
MAX_FINALS = 64
"""stops: audio waiting for a processor that never catches up, at most 50 MB. The oldest is dropped."""


class Level(IntEnum):
    """How far captions are degraded for want of time."""

    USUAL = 0
    SLOWER = 1
    FINALS_ONLY = 2


@dataclass(slots=True)
class Load:
    """Tells by how long readings wait whether there is processor enough for all.

    In virtual time, with two readers, readings of 0.2 s and people who talk without a stop: 8 of them are read every
    0.9 s or so (delay of a word: median 0.8 s, 90th percentile 1.4 s), 12 every 1.5 s (1.2, 2.0).
    """

    level: Level = Level.USUAL
    _since: float = float("-inf")
    _waited: dict[bool, list[float]] = field(default_factory=lambda: {False: [], True: []})
    _rest_s: float = REST_S[0]
    _stopped: float = float("-inf")

    @property
    def interval_s(self) -> float:
        """Time between two readings of an open utterance; infinite: final texts only."""
        return float("inf") if self.level is Level.FINALS_ONLY else BRISK_S

    def started(self, late_s: float, now: float, *, final: bool) -> None:
        """Learn at ``now`` (seconds, monotonic) how long a reading had to wait."""
        self._waited[final].append(late_s)
        if late_s > HOPELESS_S:
            self._stop(now)
        if now - self._since < _STEP_S:
            return
        usual_s = max(sum(waited) / len(waited) for waited in self._waited.values() if waited)
        self._since = now
        for waited in self._waited.values():
            waited.clear()
        if self.level is Level.FINALS_ONLY:
            if usual_s > _PROMPT_S:
                self._stopped = now
            elif now - self._stopped >= self._rest_s:
                self.level = Level.SLOWER
        elif usual_s > LATE_S:
            self._stop(now)
        else:
            noticed_s = SLOWER_S if self.level is Level.USUAL else _PROMPT_S
            self.level = Level.SLOWER if usual_s >= noticed_s else Level.USUAL

    def _stop(self, now: float) -> None:
        if self.level is not Level.FINALS_ONLY:
            again = now - self._stopped < 2 * self._rest_s + REST_S[0]
            self._rest_s = min(2 * self._rest_s, REST_S[1]) if again else REST_S[0]
        self.level, self._stopped = Level.FINALS_ONLY, now


@dataclass(slots=True)
class DecodeQueue:
    """Final texts first, since they stay and people wait for them; then the oldest first, so that nobody is read at
    another's expense. An utterance's final reading takes the place of its partial one.
    """

    load: Load = field(default_factory=Load)
    dropped_finals: int = 0
    _heap: list[tuple[bool, float, int, float, Job]] = field(default_factory=list)
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
        turn = now - PAUSE_LEAD_S if job.in_pause else now
        heapq.heappush(self._heap, (not job.final, turn, self._count, now, job))

    def pop(self, now: float) -> Job | None:
        """Return the reading that waited longest; where only final texts are left, partial ones are passed over."""
        while self._heap:
            *_, asked, job = heapq.heappop(self._heap)
            self.load.started(now - asked, now, final=job.final)
            if job.final or self.load.level is not Level.FINALS_ONLY:
                return job
            job.track.skipped(job)
        return None
