# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who has to wait at a meeting's door, and what becomes of a place in its queue: one table of states.

A place is held by a browser (a cookie), whichever door it came to. Nothing is made for whoever waits: no Matrix
account, no use of a link; so a crowd at the door costs rows, and only hosts can turn it into accounts.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.domain.errors import Refused
from bridge.domain.lifecycle import Life, MeetingState
from bridge.domain.names import InviteId, MeetingId, UserId


class LobbyPolicy(enum.StrEnum):
    """For whom a meeting has a lobby."""

    OFF = "off"
    GUESTS = "guests"
    """Guests, and contractors with their passes."""
    OUTSIDERS = "outsiders"
    """Everybody who is not staff here: guests and partners."""
    EVERYBODY = "everybody"
    """Everybody but hosts, and those who were let in before."""


class Door(enum.StrEnum):
    """How somebody comes."""

    GUEST = "guest"
    CONTRACTOR = "contractor"
    PARTNER = "partner"
    STAFF = "staff"


_WAITING_DOORS: dict[LobbyPolicy, frozenset[Door]] = {
    LobbyPolicy.OFF: frozenset(),
    LobbyPolicy.GUESTS: frozenset((Door.GUEST, Door.CONTRACTOR)),
    LobbyPolicy.OUTSIDERS: frozenset((Door.GUEST, Door.CONTRACTOR, Door.PARTNER)),
    LobbyPolicy.EVERYBODY: frozenset(Door),
}


def must_wait(policy: LobbyPolicy, door: Door) -> bool:
    """Tell whether whoever comes by this door, and is neither a host nor in already, has to be let in by a host."""
    return door in _WAITING_DOORS[policy]


def is_early(life: Life, door: Door) -> bool:
    """Tell whether a meeting's doors are still to open for this one; staff and partners may come before."""
    return life.state is MeetingState.SCHEDULED and door in {Door.GUEST, Door.CONTRACTOR}


class PlaceState(enum.StrEnum):
    """Where somebody at the door stands."""

    EARLY = "early"
    """The meeting is not open yet; hosts are not troubled with them."""
    WAITING = "waiting"
    ADMITTED = "admitted"
    """A host said yes, or nobody has to; their page goes on by itself."""
    ENTERED = "entered"
    REFUSED = "refused"
    LEFT = "left"
    EXPIRED = "expired"
    """Their page was not there for too long, or there is no meeting any more."""


class PlaceEvent(enum.StrEnum):
    """What can happen to a place."""

    OPENED = "opened"
    ADMITTED = "admitted"
    ENTERED = "entered"
    REFUSED = "refused"
    LEFT = "left"
    EXPIRED = "expired"
    RETURNED = "returned"
    """The page is back after it was away for too long: at the end of the queue."""


_S, _E = PlaceState, PlaceEvent
TRANSITIONS: dict[tuple[PlaceState, PlaceEvent], PlaceState] = {
    (_S.EARLY, _E.OPENED): _S.WAITING,
    (_S.EARLY, _E.ADMITTED): _S.ADMITTED,
    (_S.EARLY, _E.LEFT): _S.LEFT,
    (_S.EARLY, _E.EXPIRED): _S.EXPIRED,
    (_S.WAITING, _E.ADMITTED): _S.ADMITTED,
    (_S.WAITING, _E.REFUSED): _S.REFUSED,
    (_S.WAITING, _E.LEFT): _S.LEFT,
    (_S.WAITING, _E.EXPIRED): _S.EXPIRED,
    (_S.ADMITTED, _E.ENTERED): _S.ENTERED,
    (_S.ADMITTED, _E.REFUSED): _S.REFUSED,  # a host changes their mind
    (_S.ADMITTED, _E.LEFT): _S.LEFT,
    (_S.ADMITTED, _E.EXPIRED): _S.EXPIRED,
    (_S.ENTERED, _E.ENTERED): _S.ENTERED,  # the same browser, after a crash of its page
    (_S.ENTERED, _E.LEFT): _S.LEFT,
    (_S.ENTERED, _E.EXPIRED): _S.EXPIRED,
    (_S.REFUSED, _E.ADMITTED): _S.ADMITTED,  # likewise
    (_S.REFUSED, _E.LEFT): _S.LEFT,
    (_S.REFUSED, _E.EXPIRED): _S.EXPIRED,
    (_S.EXPIRED, _E.RETURNED): _S.EARLY,
}

AT_THE_DOOR = frozenset((PlaceState.EARLY, PlaceState.WAITING))
"""Those who count against the limits below."""
PASSES = frozenset((PlaceState.ADMITTED, PlaceState.ENTERED))

MAX_PER_MEETING = 200
"""People at one meeting's door. Stops: a queue that no host can read."""
MAX_PER_INVITE = 100
"""Of these, by one link. Stops: one leaked link filling the queue for all others."""
MAX_PER_ADDRESS = 30
"""Of these, from one address; an office is often behind one. Stops: one machine filling the queue."""

AWAY_AFTER = timedelta(seconds=45)
"""Without its stream for so long a place is shown to hosts as away."""
KEEPS: dict[PlaceState, timedelta] = {
    PlaceState.EARLY: timedelta(minutes=5),
    PlaceState.WAITING: timedelta(minutes=5),
    PlaceState.ADMITTED: timedelta(minutes=15),
    PlaceState.REFUSED: timedelta(minutes=5),
    PlaceState.ENTERED: timedelta(hours=12),
}
"""How long a place lives without its stream. Stops: hosts admitting people who went away long ago."""
FORGET = timedelta(hours=1)
"""After which a place that is over is deleted, with the name in it; till then its number is nobody else's."""


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody at the door. `user_id` is a partner's or colleague's, or a guest's once their account is made.

    `number` is by what hosts call a place; 0 before the meeting opens.
    """

    id: str
    meeting_id: MeetingId
    door: Door
    name: str
    organisation: str
    state: PlaceState
    since: datetime
    seen_at: datetime
    number: int = 0
    invite_id: InviteId | None = None
    contractor_id: str | None = None
    user_id: UserId | None = None
    sponsor: UserId | None = None
    decided_by: str | None = None
    announced_at: datetime | None = None
    check_hash: bytes | None = None
    email: str = ""
    """Shown to be theirs; "" where nobody asked."""


def after(state: PlaceState, event: PlaceEvent) -> PlaceState:
    """Return the state to which an event leads, or refuse it (409)."""
    target = TRANSITIONS.get((state, event))
    if target is None:
        raise Refused(409, "PASSERELLE_LOBBY_STATE", f"This person is {state.value}; that cannot be done any more.")
    return target


def due(place: Place, life: Life, policy: LobbyPolicy, *, locked: bool) -> PlaceEvent | None:
    """Return what has happened to somebody at the door by what the meeting is now; None: they go on waiting."""
    if place.state not in AT_THE_DOOR or is_early(life, place.door):
        return None
    if not locked and not must_wait(policy, place.door):
        return PlaceEvent.ADMITTED
    return PlaceEvent.OPENED if place.state is PlaceState.EARLY else None


def overdue(place: Place, now: datetime) -> bool:
    """Tell whether nobody has been seen behind a place for too long."""
    keeps = KEEPS.get(place.state)
    return keeps is not None and now - place.seen_at > keeps


def is_away(place: Place, now: datetime) -> bool:
    """Tell whether the page of a place seems to be gone."""
    return now - place.seen_at > AWAY_AFTER


def require_room(in_meeting: int, of_invite: int, from_address: int) -> None:
    """Refuse (429) whoever comes to a queue that is full."""
    full = in_meeting >= MAX_PER_MEETING or of_invite >= MAX_PER_INVITE or from_address >= MAX_PER_ADDRESS
    if full:
        raise Refused(
            429,
            "PASSERELLE_LOBBY_FULL",
            "Too many people are waiting for this meeting. Please try again in a minute.",
            retry_after_s=60,
        )
