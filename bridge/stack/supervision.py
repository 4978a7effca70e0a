# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What to do with one supervised process when something happens to it. Decisions only, no processes.

The table is the whole of it: a pair that is not in it can't happen, and raises. Before a process was ready for
the first time its end is an error of the start and is reported as one; afterwards it is started again, for ever: at
once, and if it does not hold, after a pause that doubles up to a cap.
"""

from dataclasses import dataclass
from enum import Enum

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
# Ready for this long, and the next end counts as the first one again.
STABLE_AFTER_S = 30.0
# From this many ends in a row on, the report says that it keeps failing.
KEEPS_FAILING_AFTER = 5


class State(Enum):
    """Where a process stands."""

    FIRST_START = "first start"
    READY = "ready"
    PAUSING = "pausing"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Event(Enum):
    """What happened to it."""

    BECAME_READY = "became ready"
    TOOK_TOO_LONG = "took too long"
    EXITED = "exited"
    PAUSE_OVER = "pause over"
    STOP_ASKED = "stop asked"


class Action(Enum):
    """What the shell does next."""

    NOTHING = "nothing"
    SPAWN = "spawn"
    PAUSE = "pause"
    TERMINATE = "terminate"
    KILL = "kill"


TRANSITIONS: dict[tuple[State, Event], tuple[State, Action]] = {
    (State.FIRST_START, Event.BECAME_READY): (State.READY, Action.NOTHING),
    (State.FIRST_START, Event.EXITED): (State.STOPPED, Action.NOTHING),
    (State.FIRST_START, Event.TOOK_TOO_LONG): (State.STOPPING, Action.KILL),
    (State.FIRST_START, Event.STOP_ASKED): (State.STOPPING, Action.TERMINATE),
    (State.READY, Event.EXITED): (State.PAUSING, Action.PAUSE),
    (State.READY, Event.STOP_ASKED): (State.STOPPING, Action.TERMINATE),
    (State.PAUSING, Event.PAUSE_OVER): (State.RESTARTING, Action.SPAWN),
    (State.PAUSING, Event.STOP_ASKED): (State.STOPPED, Action.NOTHING),
    (State.RESTARTING, Event.BECAME_READY): (State.READY, Action.NOTHING),
    (State.RESTARTING, Event.EXITED): (State.PAUSING, Action.PAUSE),
    (State.RESTARTING, Event.TOOK_TOO_LONG): (State.RESTARTING, Action.KILL),
    (State.RESTARTING, Event.STOP_ASKED): (State.STOPPING, Action.TERMINATE),
    (State.STOPPING, Event.EXITED): (State.STOPPED, Action.NOTHING),
    (State.STOPPING, Event.TOOK_TOO_LONG): (State.STOPPING, Action.KILL),
}


class ImpossibleTransitionError(RuntimeError):
    """The shell reported something that can't happen in this state: a bug of ours."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do, and for PAUSE how long."""

    action: Action
    pause_s: float = 0.0


class Supervision:
    """The state of one process. It is spawned once before the first event."""

    def __init__(self) -> None:
        self.state = State.FIRST_START
        self.restarts = 0
        self.failures_in_a_row = 0
        self._ready_since: float | None = None

    @property
    def keeps_failing(self) -> bool:
        """Whether somebody should look at its log."""
        return self.failures_in_a_row >= KEEPS_FAILING_AFTER

    def handle(self, event: Event, *, now: float, jitter: float) -> Decision:
        """Move on.

        Args:
            event: what happened.
            now: monotonic seconds.
            jitter: a random number from 0 to 1; pauses are scaled by it so that several do not come in step.

        Raises:
            ImpossibleTransitionError: no such pair in the table.
        """
        try:
            self.state, action = TRANSITIONS[self.state, event]
        except KeyError:
            raise ImpossibleTransitionError(f"{event.value} while {self.state.value}") from None
        if event is Event.BECAME_READY:
            self._ready_since = now
        elif action is Action.PAUSE:
            return Decision(action, self._count_failure(now, jitter))
        elif action is Action.SPAWN:
            self.restarts += 1
        return Decision(action)

    def _count_failure(self, now: float, jitter: float) -> float:
        if self._ready_since is not None and now - self._ready_since >= STABLE_AFTER_S:
            self.failures_in_a_row = 0
        self._ready_since = None
        self.failures_in_a_row += 1
        if self.failures_in_a_row == 1:
            return 0.0
        pause = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(self.failures_in_a_row - 2, 16))
        return pause * (0.5 + 0.5 * jitter)
