# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The SFU's server API as the bridge uses it: rooms are made before anybody joins, people are muted and taken out."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import aiohttp
from joserfc import jws
from joserfc.jwk import OctKey
from livekit.api.room_service import RoomService
from livekit.api.twirp_client import ServerError, ServerErrorCode
from livekit.protocol.models import ParticipantPermission, TrackSource
from livekit.protocol.room import (
    CreateRoomRequest,
    DeleteRoomRequest,
    ListParticipantsRequest,
    ListRoomsRequest,
    MuteRoomTrackRequest,
    RoomParticipantIdentity,
    UpdateParticipantRequest,
)

from bridge.domain import network_test
from bridge.domain.errors import Unavailable
from bridge.domain.powers import Source
from bridge.domain.rtc_grant import (
    DEPARTURE_TIMEOUT_S,
    EMPTY_TIMEOUT_S,
    SOURCES,
    join_claims,
    sources_granted,
)
from bridge.settings import SfuSettings

REQUEST_TIMEOUT_S = 3.0

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class SentTrack:
    """Something that somebody in a call sends; `source` is None for what is neither microphone, camera nor screen."""

    sid: str
    source: Source | None
    muted: bool


@dataclass(frozen=True, slots=True)
class InCall:
    """One identity in a call."""

    identity: str
    tracks: tuple[SentTrack, ...]


class Sfu:
    """Speaks Twirp to the SFU, and signs what admits to it."""

    def __init__(self, session: aiohttp.ClientSession, settings: SfuSettings) -> None:
        secret = settings.api_secret.get_secret_value()
        self.public_url = settings.public_url
        self._api_key = settings.api_key
        self._key = OctKey.import_key(secret)
        self._rooms = RoomService(session, settings.api_url, settings.api_key, secret, failover=False)

    async def create_room(self, room: str) -> datetime:
        """Make a room, or find it there; return when it was made."""
        return await self._create(
            CreateRoomRequest(
                name=room, empty_timeout=EMPTY_TIMEOUT_S, departure_timeout=DEPARTURE_TIMEOUT_S, max_participants=0
            )
        )

    async def create_test_room(self, room: str) -> None:
        """Make the room of a network test, for one."""
        await self._create(
            CreateRoomRequest(
                name=room, empty_timeout=network_test.ROOM_LIFETIME_S, departure_timeout=1, max_participants=1
            )
        )

    async def _create(self, request: CreateRoomRequest) -> datetime:
        made = await _answer(self._rooms.create_room(request))
        if made is None:
            raise Unavailable("the media server")
        return datetime.fromtimestamp(made.creation_time, UTC)

    async def people(self, room: str) -> list[InCall]:
        """Return who is in a call and what they send; nobody is in one that does not exist."""
        answer = await _answer(self._rooms.list_participants(ListParticipantsRequest(room=room)))
        people = [] if answer is None else answer.participants
        return [
            InCall(
                person.identity,
                tuple(SentTrack(track.sid, _OURS.get(track.source), track.muted) for track in person.tracks),
            )
            for person in people
        ]

    async def test_rooms(self) -> list[network_test.TestRoom]:
        """Return the rooms of network tests that there are."""
        answer = await _answer(self._rooms.list_rooms(ListRoomsRequest()))
        rooms = [] if answer is None else answer.rooms
        return [
            network_test.TestRoom(room.name, room.creation_time)
            for room in rooms
            if room.name.startswith(network_test.ROOM_PREFIX)
        ]

    async def delete_room(self, room: str) -> None:
        """End a room with all who are in it; one that is gone is gone."""
        await _answer(self._rooms.delete_room(DeleteRoomRequest(room=room)))

    async def identities(self, room: str) -> list[str]:
        """Return who is in a call."""
        return [person.identity for person in await self.people(room)]

    async def remove(self, room: str, identity: str) -> None:
        """Take somebody out of a call; whoever is not in it is out already, and older tokens admit them no more."""
        await _answer(self._rooms.remove_participant(RoomParticipantIdentity(room=room, identity=identity)))

    async def mute(self, room: str, identity: str, track: str) -> None:
        """Mute a track; its owner may unmute it. One that is gone is silent already."""
        request = MuteRoomTrackRequest(room=room, identity=identity, track_sid=track, muted=True)
        await _answer(self._rooms.mute_published_track(request))

    async def allow(self, room: str, identity: str, sources: Set[Source]) -> None:
        """Let somebody send these sources and no others, now and with every token that was issued before.

        What they send beyond that ends at once.
        """
        named = [name.upper() for name in sources_granted(sources) or ()]
        permission = ParticipantPermission(
            can_subscribe=True, can_publish_data=True, can_publish=bool(sources), can_publish_sources=named
        )
        request = UpdateParticipantRequest(room=room, identity=identity, permission=permission)
        await _answer(self._rooms.update_participant(request))

    def token(self, *, room: str, identity: str, now_s: int, sources: Set[Source]) -> str:
        """Return the JWT that admits one identity to one room for ten minutes, sending these sources."""
        return self._sign(
            join_claims(api_key=self._api_key, identity=identity, room=room, now_s=now_s, sources=sources)
        )

    def test_token(self, room: str, now_s: int) -> str:
        """Return the JWT that admits one page to the room of its network test."""
        return self._sign(network_test.claims(api_key=self._api_key, room=room, now_s=now_s))

    def _sign(self, claims: bytes) -> str:
        return jws.serialize_compact({"alg": "HS256", "typ": "JWT"}, claims, self._key, algorithms=["HS256"])


_OURS = {TrackSource.Value(name.upper()): source for source, names in SOURCES.items() for name in names}


async def _answer(asking: Awaitable[_T]) -> _T | None:
    """Return what the media server answers, None when it knows no such room, person or track."""
    try:
        async with asyncio.timeout(REQUEST_TIMEOUT_S):
            return await asking
    except ServerError as error:
        if error.code == ServerErrorCode.NOT_FOUND:
            return None
        raise Unavailable("the media server") from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise Unavailable("the media server") from error
