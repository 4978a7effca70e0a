# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What may a guest do? Decisions on names and events alone; Synapse is not imported here.

A guest is known by the account's name, which also says when it ends: `guest-<end>-<random>`, the end in Unix seconds,
hexadecimal. So nothing has to be asked of anybody: a guest's account is over at its time even if the bridge that made
it is down, and a name that says no time is over already.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields

CALL_STATE = frozenset(
    (
        "org.matrix.msc3401.call.member",
        "m.call.member",
        "org.passerelle.captions.consent",
    )
)
"""State that a guest writes about itself: being in the call, agreeing to captions. Everything else is the hosts'."""
MAX_UPLOAD_BYTES = 100 * 1024 * 1024
"""Stops: a slip in the configuration that turns guests' uploads into free storage."""

_END = re.compile(r"([0-9a-f]{8,10})-[0-9a-f]+\Z")
_PREFIX = re.compile(r"[a-z0-9._=/+-]+\Z")
_USER_ID = re.compile(r"@[a-z0-9._=/+-]+:[^\s:]+(:[0-9]+)?\Z")


class BadConfigError(Exception):
    """The module's configuration cannot be used; the text says which key to change."""


@dataclass(frozen=True, slots=True)
class Config:
    """The module's configuration in homeserver.yaml."""

    guest_prefix: str
    """What localparts of guests begin with; the same as `[homeserver] guest_prefix` in bridge.toml."""
    bot: str
    """User id of the bridge's bot, the only one who may invite guests."""
    max_upload_bytes: int = 0
    """The largest file that a guest may upload; 0: none."""


def parse(raw: object) -> Config:
    """Check what stands in homeserver.yaml; raises `BadConfigError`."""
    if not isinstance(raw, Mapping):
        raise BadConfigError("config must be a mapping with guest_prefix and bot")
    known = {field.name for field in fields(Config)}
    for key in raw:
        if key not in known:
            raise BadConfigError(f"unknown key {key!r}; there are {', '.join(sorted(known))}")
    for key in ("guest_prefix", "bot"):
        if not isinstance(raw.get(key), str):
            raise BadConfigError(f"{key} is missing or no text")
    config = Config(**raw)
    if not _PREFIX.match(config.guest_prefix):
        raise BadConfigError("guest_prefix must be the beginning of a Matrix localpart, for example guest-")
    if not _USER_ID.match(config.bot):
        raise BadConfigError("bot must be a Matrix user id, for example @passerelle:example.org")
    size: object = config.max_upload_bytes
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= MAX_UPLOAD_BYTES:
        raise BadConfigError(f"max_upload_bytes must be a number from 0 to {MAX_UPLOAD_BYTES}")
    if config.bot.startswith(f"@{config.guest_prefix}"):
        raise BadConfigError("bot must not be named like a guest: it could do nothing")
    return config


@dataclass(frozen=True, slots=True)
class Member:
    """What a membership event says about a person."""

    membership: object
    name: object
    avatar: object

    @classmethod
    def of(cls, content: Mapping[str, object]) -> Member:
        """Read the content of an `m.room.member`."""
        return cls(content.get("membership"), content.get("displayname"), content.get("avatar_url"))


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one homeserver."""

    config: Config
    server_name: str

    def is_guest(self, user_id: str) -> bool:
        """Tell whether an account is a guest's."""
        return user_id.startswith(f"@{self.config.guest_prefix}") and user_id.endswith(f":{self.server_name}")

    def is_over(self, user_id: str, now_s: float) -> bool:
        """Tell whether a guest's time is over; a guest whose name says no time never had any."""
        localpart = user_id[1 : -len(self.server_name) - 1]
        end = _END.match(localpart[len(self.config.guest_prefix) :])
        return end is None or now_s >= int(end[1], 16)

    def may_invite(self, inviter: str, invitee: str) -> bool:
        """Guests invite nobody, and nobody but the bridge invites guests: the invitation is what binds to a meeting."""
        return not self.is_guest(inviter) and (not self.is_guest(invitee) or inviter == self.config.bot)

    def may_join(self, user_id: str, *, invited: bool) -> bool:
        """Guests enter where the bridge invited them, not what is public, and never a second time under a new name."""
        return invited or not self.is_guest(user_id)

    def may_send(self, sender: str, event_type: str, state_key: str | None) -> bool:
        """Tell whether a guest may send an event that is no membership; others are not our business."""
        return not self.is_guest(sender) or state_key is None or event_type in CALL_STATE

    def may_become(self, sender: str, target: str, now: Member, before: Member | None) -> bool:
        """Tell whether a guest may change a membership: leave, or come in as who they were invited as."""
        if not self.is_guest(sender):
            return True
        if sender != target:
            return False
        if now.membership == "leave":
            return True
        if now.membership != "join" or before is None:
            return False
        if before.membership == "invite":
            return True  # by the bridge's hand: the guest gets its session when it is in
        return before.membership == "join" and (now.name, now.avatar) == (before.name, before.avatar)

    def may_upload(self, user_id: str, size: int) -> bool:
        """Tell whether a file is small enough."""
        return not self.is_guest(user_id) or 0 < size <= self.config.max_upload_bytes

    def is_hidden(self, user_id: str, searcher: str) -> bool:
        """Tell whether somebody is left out of a search in the user directory."""
        return self.is_guest(user_id) or self.is_guest(searcher)
