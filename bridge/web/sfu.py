# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The SFU's server API as the bridge uses it: rooms are made before anybody joins, and people are taken out."""

from __future__ import annotations

import asyncio

import aiohttp
from joserfc import jws
from joserfc.jwk import OctKey
from livekit.api.room_service import RoomService
from livekit.api.twirp_client import ServerError, ServerErrorCode
from livekit.protocol.room import CreateRoomRequest, ListParticipantsRequest, RoomParticipantIdentity

from bridge.domain.errors import Unavailable
from bridge.domain.rtc_grant import DEPARTURE_TIMEOUT_S, EMPTY_TIMEOUT_S, join_claims
from bridge.settings import SfuSettings

REQUEST_TIMEOUT_S = 3.0


class Sfu:
    """Speaks Twirp to the SFU, and signs what admits to it."""

    def __init__(self, session: aiohttp.ClientSession, settings: SfuSettings) -> None:
        secret = settings.api_secret.get_secret_value()
        self.public_url = settings.public_url
        self._api_key = settings.api_key
        self._key = OctKey.import_key(secret)
        self._rooms = RoomService(session, settings.api_url, settings.api_key, secret, failover=False)

    async def create_room(self, room: str) -> None:
        """Make a room, or find it there."""
        request = CreateRoomRequest(
            name=room, empty_timeout=EMPTY_TIMEOUT_S, departure_timeout=DEPARTURE_TIMEOUT_S, max_participants=0
        )
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                await self._rooms.create_room(request)
        except (ServerError, aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unavailable("the media server") from error

    async def identities(self, room: str) -> list[str]:
        """Return who is in a call; nobody is in one that does not exist."""
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                answer = await self._rooms.list_participants(ListParticipantsRequest(room=room))
        except ServerError as error:
            if error.code == ServerErrorCode.NOT_FOUND:
                return []
            raise Unavailable("the media server") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unavailable("the media server") from error
        return [participant.identity for participant in answer.participants]

    async def remove(self, room: str, identity: str) -> None:
        """Take somebody out of a call; whoever is not in it is out already."""
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                await self._rooms.remove_participant(RoomParticipantIdentity(room=room, identity=identity))
        except ServerError as error:
            if error.code != ServerErrorCode.NOT_FOUND:
                raise Unavailable("the media server") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unavailable("the media server") from error

    def token(self, *, room: str, identity: str, now_s: int) -> str:
        """Return the JWT that admits one identity to one room for ten minutes."""
        claims = join_claims(api_key=self._api_key, identity=identity, room=room, now_s=now_s)
        return jws.serialize_compact({"alg": "HS256", "typ": "JWT"}, claims, self._key, algorithms=["HS256"])
