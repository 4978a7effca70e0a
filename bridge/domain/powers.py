# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who may send sound and pictures into a meeting's call? What its room's power levels say, and how they are changed.

Each right is an event type of ours that nobody ever sends: whoever could send it by the room's power levels has the
right. So Matrix keeps the rights, whoever changes them and by whatever client (docs/decisions/0010).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class Source(enum.StrEnum):
    """What can be sent into a call."""

    MICROPHONE = "microphone"
    CAMERA = "camera"
    SCREEN = "screen"


class Group(enum.StrEnum):
    """From whom a source can be taken; each of them holds the one before."""

    GUESTS = "guests"
    MEMBERS = "members"
    """Everybody but the hosts."""
    EVERYBODY = "everybody"


class Role(enum.StrEnum):
    """What somebody is in a meeting."""

    MEMBER = "member"
    SPEAKER = "speaker"
    """May send what is forbidden to guests, and where the others only listen."""
    HOST = "host"
    ORGANISER = "organiser"


LEVELS: dict[Role, int] = {Role.MEMBER: 0, Role.SPEAKER: 10, Role.HOST: 50, Role.ORGANISER: 100}
"""The power level that makes somebody each of these."""
NOBODY = 150
"""Above every member's level; the room's creator, our bot, stands above all levels."""

PUBLISH = "org.passerelle.publish"
"""The right to send anything at all; above a member's level the meeting has an audience."""
_NEEDED = {Group.GUESTS: LEVELS[Role.SPEAKER], Group.MEMBERS: LEVELS[Role.HOST], Group.EVERYBODY: NOBODY}

MAX_SPEAKERS = 200
"""People of one meeting who have a level of their own and are no hosts. Stops: power levels that outgrow an event."""

Content = Mapping[str, Any]
"""The content of `m.room.power_levels`, as any client may have written it."""


def right_to(source: Source, *, guest: bool = False) -> str:
    """Return the event type that stands for a source; guests need a second one besides."""
    return f"{PUBLISH}.{source}.guest" if guest else f"{PUBLISH}.{source}"


@dataclass(frozen=True, slots=True)
class Powers:
    """The power levels of one room, as far as they say who may send what."""

    users: Mapping[str, int]
    users_default: int
    events: Mapping[str, int]
    events_default: int

    @classmethod
    def of(cls, content: Content) -> Powers:
        """Read power levels; what is no whole number counts as not there, as homeservers have it."""
        return cls(
            _levels(content.get("users")),
            _level(content.get("users_default"), 0),
            _levels(content.get("events")),
            _level(content.get("events_default"), 0),
        )

    def level_of(self, user_id: str) -> int:
        """Return somebody's level."""
        return self.users.get(user_id, self.users_default)

    def needs(self, event_type: str) -> int:
        """Return the level that sending a message of this type needs."""
        return self.events.get(event_type, self.events_default)

    def role_of(self, user_id: str) -> Role:
        """Return what somebody is: the highest role that their level reaches."""
        level = self.level_of(user_id)
        return max((role for role in Role if LEVELS[role] <= level), key=LEVELS.__getitem__, default=Role.MEMBER)

    def may_send(self, user_id: str, *, guest: bool) -> frozenset[Source]:
        """Return what somebody may send; `guest` tells whether the account is a guest's."""
        level = self.level_of(user_id)
        return frozenset(source for source in Source if level >= self._needed(source, guest=guest))

    def _needed(self, source: Source, *, guest: bool) -> int:
        needed = [self.needs(PUBLISH), self.needs(right_to(source))]
        return max([*needed, self.needs(right_to(source, guest=True))] if guest else needed)

    @property
    def audience(self) -> bool:
        """Whether those who were not promoted only listen."""
        return self.needs(PUBLISH) > LEVELS[Role.MEMBER]

    def forbidden_to(self, source: Source) -> Group | None:
        """Return from whom a source is taken; None: it is everybody's."""
        needed = self.needs(right_to(source))
        if needed > LEVELS[Role.ORGANISER]:
            return Group.EVERYBODY
        if needed > LEVELS[Role.MEMBER]:
            return Group.MEMBERS
        return Group.GUESTS if self.needs(right_to(source, guest=True)) > LEVELS[Role.MEMBER] else None


def with_source(content: Content, source: Source, group: Group | None) -> dict[str, Any]:
    """Return power levels that take a source from a group and from nobody else; None gives it back to all."""
    events = _events_but(content, right_to(source), right_to(source, guest=True))
    if group is not None:
        events[right_to(source, guest=group is Group.GUESTS)] = _NEEDED[group]
    return {**content, "events": events}


def with_audience(content: Content, *, on: bool) -> dict[str, Any]:
    """Return power levels by which whoever was not promoted only listens, or may speak again."""
    events = _events_but(content, PUBLISH)
    return {**content, "events": events | ({PUBLISH: LEVELS[Role.SPEAKER]} if on else {})}


def with_level(content: Content, user_id: str, level: int) -> dict[str, Any]:
    """Return power levels that give somebody this one; the level of those who have none is not written down."""
    users = content.get("users")
    others = {user: known for user, known in (users.items() if isinstance(users, Mapping) else ()) if user != user_id}
    default = _level(content.get("users_default"), 0)
    return {**content, "users": others | ({} if level == default else {user_id: level})}


def _events_but(content: Content, *types: str) -> dict[str, Any]:
    events = content.get("events")
    return {name: level for name, level in (events.items() if isinstance(events, Mapping) else ()) if name not in types}


def _levels(raw: object) -> dict[str, int]:
    pairs = raw.items() if isinstance(raw, Mapping) else ()
    return {name: level for name, level in pairs if isinstance(name, str) and _is_level(level)}


def _level(raw: object, default: int) -> int:
    return raw if isinstance(raw, int) and _is_level(raw) else default


def _is_level(raw: object) -> bool:
    return isinstance(raw, int) and not isinstance(raw, bool)
