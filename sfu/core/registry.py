# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which rooms are there, who may enter with which rights, and whose tokens were revoked?"""

import math
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import replace
from typing import TypeVar

from sfu.core import limits
from sfu.core.formats import CARRIED
from sfu.core.grants import Grants, Rights
from sfu.core.room import Room, RoomSettings
from sfu.core.sids import Sids

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")


class AdmissionError(Exception):
    """Somebody may not enter; theirs, safe to show, with the HTTP status of the refusal."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Registry:
    """All rooms of one worker."""

    def __init__(
        self, sids: Sids, *, auto_create: bool, codecs: tuple[str, ...] = CARRIED, max_speakers: int = 0
    ) -> None:
        self._sids = sids
        self._codecs = codecs
        self._max_speakers = max_speakers
        self._auto_create = auto_create
        self._rooms: dict[str, Room] = {}
        self._removed: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._ended: OrderedDict[str, float] = OrderedDict()
        self._changed: OrderedDict[tuple[str, str], tuple[float, Rights]] = OrderedDict()

    def __iter__(self) -> Iterator[Room]:
        return iter(list(self._rooms.values()))

    def get(self, name: str) -> Room | None:
        """Find a room that is open."""
        return self._rooms.get(name)

    def create(self, name: str, settings: RoomSettings, now: float, wall_ms: int) -> Room:
        """Make a room, or change the settings of the one that is there."""
        room = self._rooms.get(name)
        if room is not None:
            room.configure(settings, now)
            return room
        if len(self._rooms) >= limits.ROOMS_MAX:
            raise AdmissionError(503, f"this server keeps at most {limits.ROOMS_MAX} rooms")
        room = self._rooms[name] = Room(
            name, settings, self._sids, now, wall_ms, codecs=self._codecs, max_speakers=self._max_speakers
        )
        return room

    def forget(self, room: Room) -> None:
        """Drop a room that closed."""
        if self._rooms.get(room.name) is room:
            del self._rooms[room.name]

    def check(self, grants: Grants) -> Room | None:
        """Say whether the holder of a token may enter, and where; None for a room yet to be made."""
        if not grants.room_join:
            raise AdmissionError(401, "the token does not allow to join a room")
        if not grants.identity or not grants.room:
            raise AdmissionError(400, "the token names no identity or no room")
        if max(len(grants.identity), len(grants.room), len(grants.name)) > limits.NAME_MAX_CHARS:
            raise AdmissionError(400, f"room, identity and name have at most {limits.NAME_MAX_CHARS} characters each")
        if grants.issued_at <= self._removed.get((grants.room, grants.identity), -1.0):
            raise AdmissionError(401, "the token was issued before its holder was removed from the room")
        if grants.issued_at < self._ended.get(grants.room, 0.0):
            raise AdmissionError(401, "the token was issued before the room was ended")
        room = self._rooms.get(grants.room)
        if room is None:
            if not self._auto_create:
                raise AdmissionError(404, "requested room does not exist")
            if len(self._rooms) >= limits.ROOMS_MAX:
                raise AdmissionError(503, f"this server keeps at most {limits.ROOMS_MAX} rooms")
        elif room.is_full and not room.holds(grants.identity):
            raise AdmissionError(503, "the room is full")
        return room

    def admit(self, grants: Grants, now: float, wall_ms: int) -> Room:
        """Give the room that the holder of a token enters."""
        return self.check(grants) or self.create(grants.room, RoomSettings(), now, wall_ms)

    def change_rights(self, room: str, identity: str, rights: Rights, at: float) -> None:
        """Hold tokens that were issued up to a moment (Unix seconds) to these rights instead of their own."""
        _remember(self._changed, (room, identity), (at, rights))

    def current(self, grants: Grants) -> Grants:
        """Give the claims of a token as they are now: whoever joins anew with an old one wins nothing back."""
        changed = self._changed.get((grants.room, grants.identity))
        if changed is None or grants.issued_at > changed[0]:
            return grants
        return replace(grants, rights=changed[1])

    def revoke(self, room: str, identity: str, at: float) -> None:
        """Refuse tokens that were issued up to a moment (Unix seconds) from now on.

        Tokens count whole seconds, so one issued in the very second of the removal is refused too.
        """
        _remember(self._removed, (room, identity), at)

    def revoke_room(self, room: str, at: float) -> None:
        """Refuse all tokens for a room that were issued before the second of a moment (Unix seconds).

        Those of the same second open its successor: rooms are ended and made again in one go.
        """
        _remember(self._ended, room, math.floor(at))


def _remember(known: OrderedDict[_K, _V], key: _K, value: _V) -> None:
    known.pop(key, None)
    known[key] = value
    if len(known) > limits.REVOCATIONS_MAX:
        known.popitem(last=False)
