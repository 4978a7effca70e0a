# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How long does a contractor's pass open doors? One table of states, moved by time and by its sponsor.

A pass is a link of one person, for months and for the meetings that its sponsor names. It is no account: each visit
is a guest's (`bridge.domain.guests`), who ends with the day. docs/decisions/0006 says why.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.domain.errors import Refused
from bridge.domain.names import UserId

MAX_TERM = timedelta(days=190)
"""Half a year and a little. Stops: passes that nobody decides about any more."""
MIN_TERM = timedelta(hours=1)
MAX_PASSES = 100
"""Passes of one sponsor that have not ended. Stops: a member of staff becoming an office of admissions."""
MAX_MEETINGS = 200
"""Meetings of one pass. Stops: requests that write for ever."""
VISIT = timedelta(hours=12)
"""How long one visit lasts at most: a working day, as a session of staff."""


class ContractorState(enum.StrEnum):
    """Where a pass stands."""

    VALID = "valid"
    REMINDED = "reminded"
    """Valid, and its sponsor knows that it ends soon."""
    EXPIRED = "expired"
    """Opens nothing; can still be renewed."""
    ENDED = "ended"


class ContractorEvent(enum.StrEnum):
    """What can happen to a pass."""

    END_IS_NEAR = "end_is_near"
    RENEWED = "renewed"
    TIME_OVER = "time_over"
    GRACE_OVER = "grace_over"
    REVOKED = "revoked"


_S, _E = ContractorState, ContractorEvent
TRANSITIONS: dict[tuple[ContractorState, ContractorEvent], ContractorState] = {
    (_S.VALID, _E.END_IS_NEAR): _S.REMINDED,
    (_S.VALID, _E.RENEWED): _S.VALID,
    (_S.VALID, _E.TIME_OVER): _S.EXPIRED,  # nobody could be reminded in time: the homeserver was away
    (_S.VALID, _E.REVOKED): _S.ENDED,
    (_S.REMINDED, _E.RENEWED): _S.VALID,
    (_S.REMINDED, _E.TIME_OVER): _S.EXPIRED,
    (_S.REMINDED, _E.REVOKED): _S.ENDED,
    (_S.EXPIRED, _E.RENEWED): _S.VALID,
    (_S.EXPIRED, _E.GRACE_OVER): _S.ENDED,
    (_S.EXPIRED, _E.REVOKED): _S.ENDED,
}


@dataclass(frozen=True, slots=True)
class Policy:
    """When sponsors are reminded, and how long an expired pass can still be renewed."""

    remind: timedelta
    grace: timedelta


@dataclass(frozen=True, slots=True)
class Contractor:
    """One pass, without the secret of its link."""

    id: str
    sponsor: UserId
    display_name: str
    organisation: str
    state: ContractorState
    created_at: datetime
    ends_at: datetime


def due(contractor: Contractor, now: datetime, policy: Policy) -> ContractorEvent | None:
    """Return what time has brought about; one event at a time, ask again after it."""
    if contractor.state is _S.ENDED:
        return None
    if contractor.state is _S.EXPIRED:
        return _E.GRACE_OVER if now >= contractor.ends_at + policy.grace else None
    if now >= contractor.ends_at:
        return _E.TIME_OVER
    if contractor.state is _S.VALID and now >= contractor.ends_at - policy.remind:
        return _E.END_IS_NEAR
    return None


def begin(ends_at: datetime, now: datetime, policy: Policy) -> ContractorState:
    """Return the state of a pass just given or renewed: of one that is short, its sponsor knows the end already."""
    return _S.REMINDED if now >= ends_at - policy.remind else _S.VALID


def after(contractor: Contractor, event: ContractorEvent) -> ContractorState:
    """Return where an event leads, or refuse it."""
    target = TRANSITIONS.get((contractor.state, event))
    if target is None:
        raise Refused(409, "PASSERELLE_CONTRACTOR_ENDED", "This access has ended for good. Please give a new one.")
    return target


def require_end(ends_at: datetime, now: datetime) -> None:
    """Refuse an end that is past or too far away."""
    if ends_at.tzinfo is None or not MIN_TERM <= ends_at - now <= MAX_TERM:
        raise Refused(
            400, "PASSERELLE_BAD_END", f"ends_at must name its time zone, and be within {MAX_TERM.days} days from now."
        )


def require_visit(contractor: Contractor, now: datetime) -> datetime:
    """Return when a visit that begins now ends, or refuse it; an end that is past counts before any sweep."""
    if contractor.state is _S.ENDED:
        raise Refused(410, "PASSERELLE_INVITE_REVOKED", "This link was withdrawn. Please ask who gave it to you.")
    if contractor.state is _S.EXPIRED or now >= contractor.ends_at:
        raise Refused(
            410, "PASSERELLE_INVITE_EXPIRED", "Your access has ended. Who gave it to you can still renew it for you."
        )
    return min(contractor.ends_at, now + VISIT)
