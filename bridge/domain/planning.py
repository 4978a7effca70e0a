# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What hosts may change of a meeting's plan, and what the plan is then: agenda and times, checked."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bridge.domain import recurrence
from bridge.domain.errors import Refused
from bridge.domain.recurrence import Schedule

MAX_AGENDA = 10_000
"""Characters. Stops: books in invitations."""
_KEPT = frozenset("\n\t")


@dataclass(frozen=True, slots=True)
class Times:
    """When somebody wants to meet: a local wall time of a zone, and perhaps a rule."""

    start: datetime
    zone: str
    duration: timedelta
    rrule: str | None = None


def clean_agenda(raw: str) -> str:
    """Return an agenda (plain text or Markdown) as it is kept: its lines, and no other control signs."""
    if len(raw) > MAX_AGENDA:
        raise Refused(
            400, "PASSERELLE_BAD_AGENDA", f"This agenda is too long: at most {MAX_AGENDA} characters, please."
        )
    text = raw.replace("\r\n", "\n").replace("\r", "\n")
    kept = (sign for sign in text if sign in _KEPT or unicodedata.category(sign) not in {"Cc", "Cs", "Co", "Cn"})
    return unicodedata.normalize("NFC", "".join(kept)).strip()


def plan(was: Schedule | None, times: Times, *, uid: str, now: datetime) -> Schedule:
    """Return a meeting's first schedule or its next one; a time that is over is refused."""
    if was is None:
        made = recurrence.new_schedule(
            uid, start=times.start, zone=times.zone, duration=times.duration, rrule=times.rrule, now=now
        )
    else:
        made = recurrence.move_all(
            was, start=times.start, zone=times.zone, duration=times.duration, rrule=times.rrule, now=now
        )
    if not recurrence.occurrences(made, now, 1):
        raise Refused(400, "M_BAD_JSON", "This time is over. Please choose one that is still to come.")
    return made


def reworded(schedule: Schedule) -> Schedule:
    """Return the schedule of a meeting whose title or agenda changed: whoever is invited has to be told."""
    return replace(schedule, sequence=schedule.sequence + 1)
