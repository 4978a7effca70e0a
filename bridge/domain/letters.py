# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which letter is somebody owed who was invited by mail, and when is it tried again?

Nobody is told each change: what somebody was last told is compared with how the meeting is now, and the difference is
one letter. However often a meeting changes, and however long the mail server is away, one letter waits for a person.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import timedelta

from bridge.domain.names import InviteId, MeetingId
from bridge.domain.recurrence import Schedule

NEVER = -1
"""What somebody was told who was not told anything yet."""
MAX_INVITEES = 200
"""People invited to one meeting by mail. Stops: mailing lists; those have servers of their own."""
MAX_AT_ONCE = 50
"""People in one request."""
MIN_BETWEEN = timedelta(minutes=5)
"""Between two letters about one meeting to one person. Stops: a host who tries times out from filling mailboxes."""
RETRIES = (
    *(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 180, 360)),
    *(timedelta(hours=12),) * 4,
)
"""How long a letter waits after each failure; after the last it is given up, two and a half days later."""


class Letter(enum.StrEnum):
    """What a mail says."""

    INVITATION = "invitation"
    UPDATE = "update"
    CANCELLATION = "cancellation"


@dataclass(frozen=True, slots=True)
class Invitee:
    """Somebody who is invited by mail, with a link of their own, and the version that they were last told."""

    invite_id: InviteId
    meeting_id: MeetingId
    address: str
    name: str
    language: str
    told: int = NEVER
    withdrawn: bool = False
    failures: int = 0
    given_up: bool = False
    waits: bool = True
    """Whether somebody will look soon whether they are owed a letter."""


def version_of(schedule: Schedule | None) -> int:
    """Return a number that grows with all that invitees have to be told."""
    return 0 if schedule is None else schedule.sequence + 1


def owed(told: int, version: int, *, off: bool) -> Letter | None:
    """Return the letter for somebody who was told a version; `off`: the meeting is cancelled, or theirs no more."""
    if off:
        return None if told == NEVER else Letter.CANCELLATION
    if told == NEVER:
        return Letter.INVITATION
    return Letter.UPDATE if version > told else None


def retry_after(failures: int) -> timedelta | None:
    """Return how long to wait after this many failures (1: the first), or None to give up."""
    return RETRIES[failures - 1] if failures <= len(RETRIES) else None
