# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How does a client's signalling connection live? Refusals before the upgrade, then frames both ways."""

import asyncio

import structlog
from aiohttp import WSCloseCode, WSMsgType, web

from sfu.core import limits
from sfu.core.grants import Grants
from sfu.core.media import PeerId
from sfu.core.messages import DisconnectReason, LeaveOrdered, ResumeRefused
from sfu.core.meter import Meter
from sfu.core.registry import AdmissionError
from sfu.core.requests import Join
from sfu.shell.authentication import bearer_grants
from sfu.shell.outbox import Outbox
from sfu.shell.worker import Worker, wall_ms
from sfu.wire.join_parameters import read_parameters
from sfu.wire.requests import WireError, read_join, read_request, to_core
from sfu.wire.responses import encode, encode_pongs
from sfu.wire.sdp import Descriptions, SdpError
from sfu.wire.token import TokenError

log = structlog.get_logger()

WORKER: web.AppKey[Worker] = web.AppKey("worker", Worker)

HEARTBEAT_S = 10.0
REFRESH_TOKEN_EVERY_S = 300.0
CLOSE_TIMEOUT_S = 3.0

_CLOSE_REASON_MAX = 120
"""Bytes of a close frame's reason are limited (RFC 6455 section 5.5)."""


class Refused(Exception):  # noqa: N818
    """A join that is refused; theirs, with status and a text that is safe to show."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


def admitted(request: web.Request) -> tuple[Grants, Join]:
    """Check all of a join before anything is done. Raises `Refused`.

    The parameter, not the path, tells a client with one peer connection from one with two: Go has but one path.
    """
    worker = request.app[WORKER]
    parameter = request.query.get("join_request")
    if worker.stopping:
        raise Refused(503, "this server is about to stop: try again soon")
    try:
        grants = bearer_grants(request, worker.keys)
        worker.registry.check(grants)
        if parameter:
            return grants, read_join(parameter)
        if request.path.startswith("/rtc/v1"):
            raise Refused(400, "join_request is missing")
        return grants, read_parameters(request.query)
    except TokenError as error:
        raise Refused(401, str(error)) from error
    except AdmissionError as error:
        raise Refused(error.status, error.text) from error
    except (WireError, SdpError) as error:
        raise Refused(400, str(error)) from error


async def validate(request: web.Request) -> web.Response:
    """Answer what the WebSocket would: clients read refusals here."""
    try:
        admitted(request)
    except Refused as refused:
        return web.Response(status=refused.status, text=refused.text)
    return web.Response(text="success")


async def signalling(request: web.Request) -> web.StreamResponse:
    """Serve one signalling session."""
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=limits.FRAME_MAX, compress=False)
    try:
        if not socket.can_prepare(request).ok:
            raise Refused(404, "a WebSocket is served here")
        grants, join = admitted(request)
    except Refused as refused:
        request.app[WORKER].joins["signal_validation_failed"] += 1
        log.info("join_refused", status=refused.status, cause=refused.text)
        return web.Response(status=refused.status, text=refused.text)
    await socket.prepare(request)
    outbox = Outbox()
    if join.reconnect:
        resumed = request.app[WORKER].resume(grants, join, outbox)
        if resumed is None:
            await _say_last(socket, encode(ResumeRefused()))
        else:
            await _Session(request.app[WORKER], resumed, socket, outbox).run()
        return socket
    try:
        peer = request.app[WORKER].join(grants, join, outbox)
    except AdmissionError:  # the room filled up or closed during the upgrade
        await _say_last(socket, encode(LeaveOrdered(DisconnectReason.JOIN_FAILURE)))
        return socket
    await _Session(request.app[WORKER], peer, socket, outbox).run()
    return socket


async def _say_last(socket: web.WebSocketResponse, frame: bytes) -> None:
    await socket.send_bytes(frame)
    await socket.close()


class _Session:
    """One open socket of one participant."""

    def __init__(self, worker: Worker, peer: PeerId, socket: web.WebSocketResponse, outbox: Outbox) -> None:
        self._worker = worker
        self._peer = peer
        self._socket = socket
        self._outbox = outbox
        self._descriptions = Descriptions()
        self._meter = Meter(limits.REQUESTS_PER_SECOND, limits.REQUESTS_BURST)
        self._delayed = Meter(limits.REQUESTS_DELAYED_FORGOTTEN, limits.REQUESTS_DELAYED)

    async def run(self) -> None:
        """Serve until either side ends it."""
        try:
            async with asyncio.TaskGroup() as tasks:
                refresher = tasks.create_task(self._refresh_tokens())
                writer = tasks.create_task(self._write())
                await self._read()
                self._outbox.close()
                refresher.cancel()
                # The peer is gone or was told everything: don't wait for a socket that takes no more.
                await asyncio.wait([writer], timeout=CLOSE_TIMEOUT_S)
                writer.cancel()
        finally:
            self._worker.socket_closed(self._peer, self._outbox)

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type is WSMsgType.ERROR:  # a frame beyond the limit, or one that breaks RFC 6455
                self._worker.fault(self._peer)
            elif message.type is not WSMsgType.BINARY:
                self._fault(int(WSCloseCode.UNSUPPORTED_DATA), "binary protobuf frames only")
            elif not await self._its_turn():
                self._fault(WSCloseCode.POLICY_VIOLATION, "too many requests")
            else:
                self._take(message.data)
            if self._outbox.closed:
                break

    async def _its_turn(self) -> bool:
        """Let a request wait that came too early, and all that come after it; False when too many had to."""
        now = asyncio.get_running_loop().time()
        early = self._meter.owe(now, 1.0)
        if early:
            if not self._delayed.take(now):
                return False
            await asyncio.sleep(early)
        return True

    def _take(self, frame: bytes) -> None:
        try:
            request = read_request(frame)
            pong = encode_pongs(request, wall_ms())
            if pong is not None:
                self._outbox.put(pong)
            else:
                self._worker.signal(self._peer, to_core(request, self._descriptions))
        except (WireError, SdpError) as error:
            self._fault(WSCloseCode.INVALID_TEXT, str(error))

    def _fault(self, code: int, text: str) -> None:
        """End a session that broke the protocol, and say why."""
        log.info("session_faulted", participant=self._peer, code=code, cause=text)
        self._outbox.blame(code, text)
        self._worker.fault(self._peer)

    async def _write(self) -> None:
        try:
            while (frame := await self._outbox.get()) is not None:
                await self._socket.send_bytes(frame)
        except ConnectionError:
            return
        reason = self._outbox.reason.encode()[:_CLOSE_REASON_MAX]
        await self._socket.close(code=self._outbox.code, message=reason)

    async def _refresh_tokens(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_TOKEN_EVERY_S)
            self._worker.refresh_token(self._peer)
