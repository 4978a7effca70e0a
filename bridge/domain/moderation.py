# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who may do what to whom in a meeting? One table over the room's power levels; bot, API and pages ask here.

Two rules of Matrix decide: an act needs a level, and nobody is moved by somebody who does not stand above them.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from bridge.domain.errors import Refused
from bridge.domain.names import UserId, server_of
from bridge.domain.powers import LEVELS, MAX_SPEAKERS, Powers, Role, Source

MAX_HOSTS = 50
"""Hosts of one meeting. Stops: power levels that outgrow an event."""


class Act(enum.StrEnum):
    """What a host can do to people, and to the meeting as a whole."""

    MUTE = "mute"
    FORBID = "forbid"
    AUDIENCE = "audience"
    LOWER_HAND = "lower_hand"
    TAKE_NEXT = "take_next"
    REMOVE = "remove"
    BAR = "bar"
    UNBAR = "unbar"


@dataclass(frozen=True, slots=True)
class Rule:
    """What an act asks of whoever does it."""

    role: Role
    outranks: bool = False
    """Whether they must stand above the person."""


RULES: dict[Act, Rule] = {
    Act.MUTE: Rule(Role.HOST),
    Act.FORBID: Rule(Role.HOST),
    Act.AUDIENCE: Rule(Role.HOST),
    Act.LOWER_HAND: Rule(Role.HOST),
    Act.TAKE_NEXT: Rule(Role.HOST),
    Act.REMOVE: Rule(Role.HOST, outranks=True),
    Act.BAR: Rule(Role.HOST, outranks=True),
    Act.UNBAR: Rule(Role.HOST),
}


def require(act: Act, powers: Powers, actor: str, person: str | None = None) -> None:
    """Refuse (403) an act that the room's power levels do not give to whoever wants it."""
    rule, level = RULES[act], powers.level_of(actor)
    if level < LEVELS[rule.role]:
        raise _only(rule.role)
    if rule.outranks and person is not None and (person == actor or powers.level_of(person) >= level):
        raise Refused(403, "PASSERELLE_OUTRANKED", "Only somebody who stands above this person may do this.")


def require_role(powers: Powers, actor: str, person: str, role: Role, *, guest: bool) -> bool:
    """Refuse (403, 409) a role that may not be given; tell whether it is another one than they have.

    Hosts let people speak; the organiser says who hosts; nobody makes or unmakes an organiser here.
    """
    known = powers.role_of(person)
    needed = Role.ORGANISER if Role.HOST in {known, role} else Role.HOST
    if powers.level_of(actor) < LEVELS[needed]:
        raise _only(needed)
    if role is Role.ORGANISER:
        raise Refused(403, "M_FORBIDDEN", "A meeting has one organiser.")
    if known is Role.ORGANISER:
        raise Refused(403, "M_FORBIDDEN", "Organisers stay hosts. They can step back in their Matrix app.")
    if role is Role.HOST and guest:
        raise Refused(403, "M_FORBIDDEN", "Guests cannot be hosts.")
    if known is role:
        return False
    if role is Role.HOST and sum(level >= LEVELS[Role.HOST] for level in powers.users.values()) >= MAX_HOSTS:
        raise Refused(409, "PASSERELLE_TOO_MANY_HOSTS", f"A meeting has at most {MAX_HOSTS} hosts.")
    if role is Role.SPEAKER and sum(level < LEVELS[Role.HOST] for level in powers.users.values()) >= MAX_SPEAKERS:
        raise Refused(409, "PASSERELLE_TOO_MANY_SPEAKERS", f"A meeting has at most {MAX_SPEAKERS} speakers.")
    return True


def promoted(powers: Powers, person: str) -> Role:
    """Return what somebody becomes who is promoted and nobody says to what.

    Where members may not send everything, they become speakers; else, and from there, hosts.
    """
    restricted = len(powers.may_send("", guest=True)) < len(Source)
    return Role.SPEAKER if restricted and powers.role_of(person) is Role.MEMBER else Role.HOST


def named(words: str, names: Mapping[str, str]) -> UserId:
    """Return whom words mean: a user id, or a name (or its beginning) that one person in the room has.

    `names` are what those in the room are called, by user id. Raises `Refused`: nobody, or several.
    """
    wanted = words.strip().rstrip(":").casefold()
    if server_of(words.strip()) is not None:
        return UserId(words.strip())
    shown = {user_id: name.casefold() for user_id, name in names.items()}
    for fits in (str.__eq__, str.startswith):
        found = [user_id for user_id, name in shown.items() if wanted and fits(name, wanted)]
        if len(found) == 1:
            return UserId(found[0])
        if found:
            raise Refused(409, "PASSERELLE_SEVERAL", f"Several people are called {words}. Please give the Matrix id.")
    raise Refused(404, "PASSERELLE_NOBODY", "Nobody in this meeting has this name. Please give the Matrix id.")


def _only(role: Role) -> Refused:
    return Refused(403, "M_FORBIDDEN", f"Only the {role} of this meeting may do this.")
