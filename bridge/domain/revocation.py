# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What ends when something is revoked, in which order, who may ask for it, and what is tried again?

A revocation is one act. What stands in our database ends in the transaction that writes it down, so that from then on
no door opens; what others hold (a call, a Matrix session, a seat in a room) is marked there and ended after it, all at
once, and again until it is done. Nothing of that is remembered by a process: a bridge that dies goes on where it was.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from bridge.domain.errors import Refused
from bridge.domain.names import MeetingId, UserId, is_our_id, parse_server_name, server_of

WITHIN_S = 3.0
"""How soon everything is over, where everything answers."""
PAUSES_S = (0.2, 0.5, 1.0, 2.0, 5.0, 15.0)
"""Before what failed is tried again, after the first, second, … failure in a row; the last one for ever."""
AT_ONCE = 8
"""Requests of one kind that are under way. Stops: a revocation keeping the homeserver from everybody else's."""
MAX_LISTED = 500
"""Barred names in one answer. Stops: pages that never end."""


class Kind(enum.StrEnum):
    """What can be revoked."""

    LINK = "link"
    """An invite link, with the guests and partners who came by it."""
    GUEST = "guest"
    CONTRACTOR = "contractor"
    """A contractor's pass, with its visits."""
    PARTNERS = "partners"
    """A partner organisation in one meeting, `<meeting>/<homeserver>`; its people come back by a link that opens."""
    DEVICE = "device"
    """One sign-in of a member of staff."""
    EVERYWHERE = "everywhere"
    """All sign-ins of somebody, here and in every Matrix app, and what acts in their name."""
    PERSON = "person"
    """The same, and out of every meeting, until they are let in again. Anybody with a Matrix id."""
    SERVER = "server"
    """A partner organisation: everybody of a homeserver, until it is let in again."""


class Ending(enum.StrEnum):
    """What ends, in the order of how much harm it does while it lasts."""

    DOORS = "doors"
    """The link, the pass, the sign-in, the name opens nothing any more: no session, no token for a call."""
    PAGES = "pages"
    """Sessions of our pages, and the streams that they read."""
    KEYS = "keys"
    """What acts in somebody's name without a sign-in: API tokens, the address of a calendar."""
    LETTERS = "letters"
    """An invitation by mail is taken back, and its reader told so."""
    CALLS = "calls"
    """Media; tokens that were given out before are refused by the SFU from then on."""
    MATRIX = "matrix"
    """Matrix sessions on our homeserver; a guest's whole account."""
    ROOMS = "rooms"
    """Membership. For a server the room refuses its events, too (`m.room.server_acl`)."""


IN_TRANSACTION = frozenset((Ending.DOORS, Ending.PAGES, Ending.KEYS, Ending.LETTERS))
"""What is over when the act is written down. The rest others have to do, and is tried until they did."""

_D, _P, _K, _L, _C, _M, _R = Ending
ENDS: dict[Kind, frozenset[Ending]] = {
    Kind.LINK: frozenset((_D, _P, _L, _C, _M, _R)),
    Kind.GUEST: frozenset((_P, _C, _M, _R)),
    Kind.CONTRACTOR: frozenset((_D, _P, _C, _M, _R)),
    Kind.PARTNERS: frozenset((_D, _C, _R)),
    Kind.DEVICE: frozenset((_P, _C, _M)),
    Kind.EVERYWHERE: frozenset((_P, _K, _C, _M)),
    Kind.PERSON: frozenset((_D, _P, _K, _C, _M, _R)),
    Kind.SERVER: frozenset((_D, _C, _R)),
}


class Role(enum.StrEnum):
    """Why somebody may."""

    HOST = "host"
    """Of the meeting that the link, the guest or the partners belong to."""
    SPONSOR = "sponsor"
    """Of the pass."""
    SELF = "self"
    """It is their own sign-in."""
    OPERATOR = "operator"
    """`[operators]` names them, or they hold the internal token."""


MAY: dict[Kind, frozenset[Role]] = {
    Kind.LINK: frozenset((Role.HOST, Role.OPERATOR)),
    Kind.GUEST: frozenset((Role.HOST, Role.OPERATOR)),
    Kind.CONTRACTOR: frozenset((Role.SPONSOR, Role.OPERATOR)),
    Kind.PARTNERS: frozenset((Role.HOST, Role.OPERATOR)),
    Kind.DEVICE: frozenset((Role.SELF, Role.OPERATOR)),
    Kind.EVERYWHERE: frozenset((Role.SELF, Role.OPERATOR)),
    Kind.PERSON: frozenset((Role.OPERATOR,)),
    Kind.SERVER: frozenset((Role.OPERATOR,)),
}


@dataclass(frozen=True, slots=True)
class Revocation:
    """One act. `subject` names what it is about, `users` those whom it ended; `done_at` is None while it goes on.

    `people` counts them, and stays when they are forgotten.
    """

    id: str
    kind: Kind
    subject: str
    actor: str
    asked_at: datetime
    users: tuple[UserId, ...] = ()
    done_at: datetime | None = None
    people: int = 0


@dataclass(frozen=True, slots=True)
class Barred:
    """A homeserver or a person that is let in nowhere, since when, and who said so."""

    name: str
    by: str
    at: datetime


def pause_s(failures: int) -> float:
    """Return how long to wait after so many failures in a row (1: the first)."""
    return PAUSES_S[min(failures, len(PAUSES_S)) - 1]


def require_may(kind: Kind, roles: frozenset[Role]) -> None:
    """Refuse whoever has none of the roles that may."""
    if not roles & MAY[kind]:
        raise Refused(
            403, "M_FORBIDDEN", "You may not end this access. Ask a host of the meeting, or who runs this server."
        )


def require_subject(kind: Kind, subject: str, own_server: str) -> None:
    """Refuse what cannot be a thing of this kind, and what would shut ourselves out."""
    if kind in {Kind.SERVER, Kind.PARTNERS}:
        meeting_id, subject = partners_of(subject) if kind is Kind.PARTNERS else (None, subject)
        if meeting_id is not None and not is_our_id(meeting_id):
            raise Refused(400, "M_BAD_JSON", "subject must be a meeting's id, a slash and a homeserver's name.")
        if parse_server_name(subject) is None:
            raise Refused(400, "M_BAD_JSON", "subject must be a homeserver's name, for example partner.example.")
        if subject == own_server:
            raise Refused(400, "M_BAD_JSON", "This is our own homeserver. Revoke a person instead.")
        return
    if kind in {Kind.GUEST, Kind.PERSON, Kind.EVERYWHERE}:
        if server_of(subject) is None:
            raise Refused(400, "PASSERELLE_BAD_USER_ID", "This is no Matrix user id; they look like @name:server.")
        if kind is not Kind.PERSON and server_of(subject) != own_server:
            raise Refused(400, "M_BAD_JSON", "Sign-ins and guests are of our own homeserver. Revoke a person instead.")
        return
    if kind is not Kind.DEVICE and not is_our_id(subject):
        raise Refused(404, "M_NOT_FOUND", "There is no such thing.")


def partners_of(subject: str) -> tuple[MeetingId, str]:
    """Return the meeting and the homeserver that a revocation of partners is about."""
    meeting_id, _, server = subject.partition("/")
    return MeetingId(meeting_id), server


def names_of(user_id: str) -> list[str]:
    """Return the names under which somebody may be barred: their own, and their homeserver's."""
    server = server_of(user_id)
    return [user_id] if server is None else [user_id, server]


def shuts_out(barred: frozenset[str], user_id: str) -> bool:
    """Tell whether somebody may be nowhere."""
    return not barred.isdisjoint(names_of(user_id))


def server_acl(barred: frozenset[str], own_server: str) -> dict[str, object]:
    """Return the `m.room.server_acl` of our rooms.

    The specification compares names without their port, Synapse with it: both stand here, but never the one that would
    shut out our own server, whose name may differ from a barred one by the port alone.
    """
    own = parse_server_name(own_server)
    deny: set[str] = set()
    for name in barred:
        parsed = parse_server_name(name)
        if parsed is not None:
            deny |= {name} | ({parsed.host} if own is None or parsed.host != own.host else set())
    return {"allow": ["*"], "deny": sorted(deny - {own_server}), "allow_ip_literals": True}


def as_json(revocation: Revocation) -> Mapping[str, str | float | list[str] | None]:
    """Return the Revocation of docs/ARCHITECTURE.md; `seconds` is how long it took, `ends` what ended."""
    done = revocation.done_at
    return {
        "id": revocation.id,
        "kind": revocation.kind.value,
        "subject": revocation.subject,
        "asked_at": revocation.asked_at.isoformat(),
        "done_at": None if done is None else done.isoformat(),
        "seconds": None if done is None else round((done - revocation.asked_at).total_seconds(), 3),
        "people": revocation.people,
        "ends": [ending.value for ending in Ending if ending in ENDS[revocation.kind]],
    }
