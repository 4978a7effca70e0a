# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What becomes of a meeting, from its planning to its deletion: one table of states, and what time alone brings about.

Three things move a meeting: hosts, the call in it (somebody joins; nobody has been there for a while), and time.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bridge.domain.errors import Refused
from bridge.domain.recurrence import Schedule, occurrences


class MeetingState(enum.StrEnum):
    """Where a meeting stands."""

    SCHEDULED = "scheduled"
    LOBBY = "lobby"
    """Open, and nobody is in the call yet."""
    LIVE = "live"
    ENDED = "ended"
    ARCHIVED = "archived"
    """To read, not to write or to call in."""
    DELETED = "deleted"
    """Nobody sees it any more; its row goes once its room is empty."""


class LifeEvent(enum.StrEnum):
    """What can happen to a meeting."""

    PLANNED = "planned"
    """It got a time, or another one."""
    OPENED = "opened"
    """A host opened it, or its doors open in time for its start."""
    CALL_BEGAN = "call_began"
    OVER = "over"
    """Its time is past, nobody is in the call, and no further one of its series follows."""
    PAUSED = "paused"
    """The same in a series that goes on; or a host ended one meeting of the series."""
    ENDED = "ended"
    """A host ended it for all."""
    CANCELLED = "cancelled"
    ARCHIVED = "archived"
    DELETED = "deleted"


_S, _E = MeetingState, LifeEvent
TRANSITIONS: dict[tuple[MeetingState, LifeEvent], MeetingState] = {
    (_S.SCHEDULED, _E.PLANNED): _S.SCHEDULED,
    (_S.SCHEDULED, _E.OPENED): _S.LOBBY,
    (_S.SCHEDULED, _E.CALL_BEGAN): _S.LIVE,
    (_S.SCHEDULED, _E.CANCELLED): _S.ENDED,
    (_S.SCHEDULED, _E.DELETED): _S.DELETED,
    (_S.LOBBY, _E.PLANNED): _S.SCHEDULED,
    (_S.LOBBY, _E.CALL_BEGAN): _S.LIVE,
    (_S.LOBBY, _E.OVER): _S.ENDED,
    (_S.LOBBY, _E.PAUSED): _S.SCHEDULED,
    (_S.LOBBY, _E.ENDED): _S.ENDED,
    (_S.LOBBY, _E.CANCELLED): _S.ENDED,
    (_S.LOBBY, _E.DELETED): _S.DELETED,
    (_S.LIVE, _E.PLANNED): _S.LIVE,
    (_S.LIVE, _E.OVER): _S.ENDED,
    (_S.LIVE, _E.PAUSED): _S.SCHEDULED,
    (_S.LIVE, _E.ENDED): _S.ENDED,
    (_S.LIVE, _E.DELETED): _S.DELETED,
    (_S.ENDED, _E.PLANNED): _S.SCHEDULED,
    (_S.ENDED, _E.OPENED): _S.LOBBY,
    (_S.ENDED, _E.CALL_BEGAN): _S.LIVE,
    (_S.ENDED, _E.ARCHIVED): _S.ARCHIVED,
    (_S.ENDED, _E.DELETED): _S.DELETED,
    (_S.ARCHIVED, _E.PLANNED): _S.SCHEDULED,
    (_S.ARCHIVED, _E.OPENED): _S.LOBBY,
    (_S.ARCHIVED, _E.DELETED): _S.DELETED,
}

CALL_POLL = timedelta(seconds=60)
"""How often the media server is asked whether anybody is still in the call of a live meeting."""
UNUSED = timedelta(days=30)
"""After so long an open meeting without a time, to which nobody came, has ended. Stops: rooms that nobody wants."""


@dataclass(frozen=True, slots=True)
class Life:
    """Where a meeting stands and since when, with the times that decide what follows.

    `starts_at` and `ends_at` are those of its present or next date, None without a time; `more` tells whether another
    date follows that one. `ended_by` is the host who ended or cancelled it, None when it ended by itself. Dates that
    end by `done_until` are over, even when they were ended before their time.
    """

    state: MeetingState
    since: datetime
    ended_by: str | None = None
    occupied_at: datetime | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    more: bool = False
    cancelled: bool = False
    done_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """What an operator wishes; None: never."""

    doors_open: timedelta
    quiet: timedelta
    archive_after: timedelta | None
    delete_after: timedelta | None


def after(state: MeetingState, event: LifeEvent) -> MeetingState:
    """Return the state to which an event leads, or refuse it (409)."""
    target = TRANSITIONS.get((state, event))
    if target is None:
        raise Refused(409, "PASSERELLE_MEETING_STATE", _REFUSALS[event].format(state=state.value))
    return target


_REFUSALS = {
    LifeEvent.PLANNED: "A meeting that is {state} cannot get another time.",
    LifeEvent.OPENED: "This meeting is {state} and needs no opening.",
    LifeEvent.CALL_BEGAN: "There is no call in a meeting that is {state}.",
    LifeEvent.OVER: "A meeting that is {state} does not run out.",
    LifeEvent.PAUSED: "A meeting that is {state} cannot be ended. Cancel it, or cancel one of its dates.",
    LifeEvent.ENDED: "A meeting that is {state} cannot be ended. Cancel it instead if it has not begun.",
    LifeEvent.CANCELLED: "A meeting that is {state} cannot be cancelled. End it instead if it is running.",
    LifeEvent.ARCHIVED: "Only a meeting that is over can be archived; this one is {state}. End or cancel it first.",
    LifeEvent.DELETED: "This meeting is {state} already.",
}


def is_ahead(life: Life, policy: Policy) -> bool:
    """Tell whether people met before the doors of the next occurrence opened; that one is still to come."""
    if life.starts_at is None:
        return False
    return life.starts_at - policy.doors_open > (life.occupied_at or life.since)


def end_by_host(life: Life, policy: Policy) -> LifeEvent:
    """Return what happens to a meeting that a host ends for all: a series goes on with its next occurrence."""
    return LifeEvent.PAUSED if life.more or is_ahead(life, policy) else LifeEvent.ENDED


def following(life: Life, schedule: Schedule | None, now: datetime, policy: Policy) -> Life:
    """Return this life with the times of the occurrence that is present or next, now that one is over."""
    if life.ends_at is not None and not is_ahead(life, policy):
        life = replace(life, done_until=life.ends_at)
    return planned(life, schedule, now)


def planned(life: Life, schedule: Schedule | None, now: datetime) -> Life:
    """Return this life with the times of the occurrence that is present or next by a new schedule."""
    past = now if life.done_until is None else max(now, life.done_until)
    found = [] if schedule is None else occurrences(schedule, past, 2)
    if not found:
        return replace(life, starts_at=None, ends_at=None, more=False)
    return replace(life, starts_at=found[0].begin, ends_at=found[0].end, more=len(found) > 1)


def deadline(life: Life, policy: Policy) -> tuple[datetime, LifeEvent] | None:
    """Return what time alone will bring about next, and when; None where it brings nothing."""
    ahead = life.state is MeetingState.LIVE and is_ahead(life, policy)
    over = LifeEvent.PAUSED if life.more or ahead else LifeEvent.OVER
    match life.state:
        case MeetingState.SCHEDULED if life.starts_at is not None:
            return life.starts_at - policy.doors_open, LifeEvent.OPENED
        case MeetingState.LOBBY if life.ends_at is None:
            return life.since + UNUSED, over
        case MeetingState.LOBBY | MeetingState.LIVE:
            known = (life.since, life.occupied_at, None if ahead else life.ends_at)
            return max(at for at in known if at is not None) + policy.quiet, over
        case MeetingState.ENDED if policy.archive_after is not None:
            return life.since + policy.archive_after, LifeEvent.ARCHIVED
        case MeetingState.ARCHIVED if policy.delete_after is not None:
            return life.since + policy.delete_after, LifeEvent.DELETED
    return None


def wake_at(life: Life, now: datetime, policy: Policy) -> datetime | None:
    """Return when somebody has to look at this meeting again; a live one is looked at every `CALL_POLL`."""
    if life.state is MeetingState.LIVE:
        return now + CALL_POLL
    due = deadline(life, policy)
    return None if due is None else due[0]


def require_call(life: Life, *, host: bool) -> None:
    """Refuse whoever may not join the call now; before the doors open and after the end hosts may, and so open it."""
    if life.state in _GONE:
        raise _over()
    if life.state in _OPEN or host:
        return
    if life.state is MeetingState.SCHEDULED:
        raise _not_yet(life)
    if life.ended_by is not None:
        raise Refused(403, "PASSERELLE_MEETING_OVER", "This meeting was ended. A host can open it again.")


def require_admission(life: Life, *, locked: bool) -> None:
    """Refuse whoever comes by a link and is not in yet: locked, or over."""
    if life.state in _GONE or (life.state is MeetingState.ENDED and life.ended_by is not None):
        raise _over()
    if locked:
        raise Refused(403, "PASSERELLE_MEETING_LOCKED", "This meeting is locked. Please ask its host to unlock it.")


_OPEN = frozenset((MeetingState.LOBBY, MeetingState.LIVE))
_GONE = frozenset((MeetingState.ARCHIVED, MeetingState.DELETED))


def _over() -> Refused:
    return Refused(410, "PASSERELLE_MEETING_OVER", "This meeting is over. Please ask its organiser for the next one.")


def _not_yet(life: Life) -> Refused:
    when = "" if life.starts_at is None else f" It begins at {life.starts_at:%Y-%m-%d %H:%M} UTC."
    return Refused(403, "PASSERELLE_MEETING_NOT_OPEN", f"This meeting is not open yet.{when}")
