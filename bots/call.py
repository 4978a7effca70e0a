# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A member of a call, as Element Call is one: membership in the room, a token from the service, media on the SFU."""

import asyncio
import time
from http import HTTPStatus
from types import TracebackType

import aiohttp
import structlog
from livekit import rtc

from bots import membership
from bots.matrix_rtc import MatrixError, MatrixSession

LEAVE_DELAY_MS = 18_000
"""If this process dies, the homeserver ends its membership after this time (Element Call's figure)."""
RESTART_S = 4.0
_CONNECT_TIMEOUT_S = 20.0
_DISCONNECT_TIMEOUT_S = 5.0
_RENEW_BEFORE_MS = 600_000

log = structlog.get_logger(__name__)


class CallError(Exception):
    """The call can't be joined: no service, a refusal of the service (its words), or no SFU behind it."""


class CallMember:
    """One device in one room's call.

    ``join`` gives the connected room of the LiveKit SDK; ``leave`` undoes everything, also after a failed ``join``.
    As an async context manager it does both and yields the room.

    Args:
        service_url: the authorisation service to use if the homeserver names none.
        auto_subscribe: receive every track; off, subscribe with ``publication.set_subscribed(True)``.
        intent: ``"video"`` or ``"audio"``, what other people see before the first track.
    """

    def __init__(
        self,
        session: MatrixSession,
        room_id: str,
        *,
        service_url: str | None = None,
        auto_subscribe: bool = True,
        intent: str | None = None,
    ) -> None:
        self._session = session
        self._room_id = room_id
        self._service_url = service_url
        self._auto_subscribe = auto_subscribe
        self._intent = intent
        self._key = membership.state_key(session.user_id, session.device_id)
        self._room: rtc.Room | None = None
        self._delay_id: str | None = None
        self._keep: asyncio.Task[None] | None = None
        self._since_ms: int | None = None
        self._expires_ms = membership.EXPIRES_MS

    @property
    def identity(self) -> str:
        """This device's name on the SFU."""
        return membership.identity(self._session.user_id, self._session.device_id)

    async def __aenter__(self) -> rtc.Room:
        return await self.join()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.leave()

    async def join(self) -> rtc.Room:
        """Become a member and connect.

        Raises:
            CallError: the service or the SFU refused.
            MatrixError: the homeserver refused the membership.
        """
        try:
            self._service_url = await self._discover()
            await self._enter()
            self._keep = asyncio.create_task(self._keep_membership())
            return await self.connect()
        except BaseException:
            await self.leave()
            raise

    async def connect(self) -> rtc.Room:
        """Get a token and connect to the SFU; again, after it went away. The membership stays as it is."""
        await self._disconnect()
        url, token = await self._authorise()
        room = rtc.Room()
        self._room = room
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                await room.connect(url, token, rtc.RoomOptions(auto_subscribe=self._auto_subscribe))
        except (rtc.ConnectError, TimeoutError) as error:
            raise CallError(f"the SFU at {url} can't be joined: {str(error) or 'no answer'}") from error
        return room

    async def reassert(self) -> None:
        """Write the membership anew, after somebody else, or a leave that an earlier process scheduled, ended it."""
        if self._since_ms is not None:
            await self._write()

    async def leave(self) -> None:
        """Disconnect and end the membership; does what it can if the homeserver is away."""
        if self._keep is not None:
            self._keep.cancel()
            await asyncio.wait([self._keep])
            self._keep = None
        await self._disconnect()
        if self._since_ms is None and self._delay_id is None:
            return
        self._since_ms = None
        try:
            if not await self._leave_now():
                await self._session.send_state(self._room_id, membership.CALL_MEMBER, self._key, {})
        except (MatrixError, aiohttp.ClientError, TimeoutError) as error:
            log.warning("call_leave_failed", room_id=self._room_id, reason=type(error).__name__)

    async def _discover(self) -> str:
        for transport in await self._session.rtc_transports():
            url = transport.get("livekit_service_url")
            if transport.get("type") == "livekit" and isinstance(url, str):
                return url
        if self._service_url is None:
            raise CallError("the homeserver names no call service and none is configured")
        return self._service_url

    async def _authorise(self) -> tuple[str, str]:
        """Ask the authorisation service for the SFU's address and a token."""
        body = {
            "room": self._room_id,
            "device_id": self._session.device_id,
            "openid_token": await self._session.openid_token(),
        }
        try:
            async with self._session.http.post(f"{self._service_url}/sfu/get", json=body) as response:
                answer = await response.json(content_type=None)
                if not response.ok or not isinstance(answer, dict):
                    reason = answer.get("error", "") if isinstance(answer, dict) else ""
                    raise CallError(f"{self._service_url} answered {response.status}: {reason}")
                return str(answer["url"]), str(answer["jwt"])
        except (aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
            raise CallError(f"{self._service_url} gave no token: {str(error) or 'no answer'}") from error

    async def _enter(self) -> None:
        """Schedule the leave first: from the moment of the membership, the process may die."""
        try:
            self._delay_id = await self._session.schedule_state(
                self._room_id, membership.CALL_MEMBER, self._key, {}, LEAVE_DELAY_MS
            )
        except MatrixError as error:
            self._delay_id = None
            log.warning("delayed_leave_refused", room_id=self._room_id, errcode=error.errcode)
        await self._write()
        if self._delay_id is not None:
            await self._session.restart_delayed(self._delay_id)

    async def _write(self) -> None:
        content = membership.content(
            self._session.user_id,
            self._session.device_id,
            room_id=self._room_id,
            service_url=self._service_url or "",
            intent=self._intent,
            created_ms=self._since_ms,
            expires_ms=self._expires_ms,
        )
        await self._session.send_state(self._room_id, membership.CALL_MEMBER, self._key, content)
        self._since_ms = self._since_ms or int(time.time() * 1000)

    async def _keep_membership(self) -> None:
        """Restart the delayed leave for as long as we live; write the membership anew if it was sent after all."""
        while True:
            await asyncio.sleep(RESTART_S)
            try:
                await self._renew()
            except MatrixError as error:
                if error.status in {HTTPStatus.FORBIDDEN, HTTPStatus.UNAUTHORIZED}:
                    log.warning("membership_lost", room_id=self._room_id, errcode=error.errcode)
                    return
                log.warning("membership_not_renewed", room_id=self._room_id, errcode=error.errcode)
            except (aiohttp.ClientError, TimeoutError) as error:
                log.warning("membership_not_renewed", room_id=self._room_id, reason=type(error).__name__)

    async def _renew(self) -> None:
        if self._delay_id is not None:
            try:
                await self._session.restart_delayed(self._delay_id)
            except MatrixError as error:
                if error.status != HTTPStatus.NOT_FOUND:
                    raise
                await self._enter()
        if self._since_ms is not None:
            left_ms = self._since_ms + self._expires_ms - int(time.time() * 1000)
            if left_ms < _RENEW_BEFORE_MS:
                self._expires_ms += membership.EXPIRES_MS
                await self._write()

    async def _leave_now(self) -> bool:
        """Have the scheduled leave sent; False if there is none any more."""
        delay_id, self._delay_id = self._delay_id, None
        if delay_id is None:
            return False
        try:
            await self._session.send_delayed(delay_id)
        except MatrixError:
            return False
        return True

    async def _disconnect(self) -> None:
        room, self._room = self._room, None
        if room is not None and room.isconnected():
            try:
                async with asyncio.timeout(_DISCONNECT_TIMEOUT_S):
                    await room.disconnect()
            except TimeoutError:
                log.warning("sfu_disconnect_slow", room_id=self._room_id)
