# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The SFU's HTTP side on a real port, with a media plane that only takes notes."""

import asyncio
import base64
import gzip
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from livekit import api
from livekit.protocol import rtc

from sfu.core.media import Candidate, Fingerprint, MediaStats
from sfu.core.turn import Turn
from sfu.shell.app import make_app
from sfu.shell.worker import Worker

KEY, SECRET = "key", "0123456789abcdefghijklmnopqrstuv"
OFFER = (Path(__file__).parents[2] / "fixtures" / "sdp" / "python-1.2.1-join-offer.sdp").read_text()


class NotingPlane:
    """Fulfils `sfu.core.media.Plane`; every call is kept by name."""

    engine = "python"
    fingerprint = Fingerprint("sha-256", "AB:CD")
    candidates = (Candidate("127.0.0.1", 7882),)

    def __init__(self, on_event):
        self.on_event = on_event
        self.calls = []
        self.writable = True
        self.waiting = {}
        self.counters = MediaStats(packets_in=3, packets_out=5, packets_lost=1, tcp_connections=4, dropped={"empty": 2})

    def __getattr__(self, name):
        if name not in {
            "open_peer",
            "close_room",
            "restart_ice",
            "close_peer",
            "receive",
            "stop_receiving",
            "forward",
            "stop_forwarding",
            "wish",
            "send_data",
            "hold_data",
        }:
            raise AttributeError(name)

        def note(*arguments, **more):
            self.calls.append((name, *arguments, *more.values()))
            return self.writable

        return note

    def candidates_of(self, room):
        return self.candidates

    def data_waiting(self, peer):
        return self.waiting.get(peer, 0)

    def stats(self):
        return self.counters

    def named(self, name):
        return [call[1:] for call in self.calls if call[0] == name]


class Server:
    """One running worker and how to reach it."""

    def __init__(self, worker, url):
        self.worker = worker
        self.plane = worker.plane
        self.url = url
        self.http = None

    def token(self, identity="alice", room="room", **grants):
        video = api.VideoGrants(**{"room_join": True, "room": room, **grants})
        return api.AccessToken(KEY, SECRET).with_identity(identity).with_grants(video).to_jwt()

    async def refusal(self, path="/rtc/v1", token=None, **query):
        """Try to open signalling; give the status and text of the refusal."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        try:
            async with self.http.ws_connect(self.url + path, headers=headers, params=query):
                return 101, ""
        except aiohttp.WSServerHandshakeError as error:
            status = error.status
        async with self.http.get(f"{self.url}{path}/validate", headers=headers, params=query) as answer:
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
            assert answer.status == status
            return status, await answer.text()

    @asynccontextmanager
    async def client(self, identity="alice", **grants):
        client = Client(self)
        await client.join(identity, **grants)
        try:
            yield client
        finally:
            await client.socket.close()


class Client:
    """A signalling client without media."""

    def __init__(self, server):
        self.server = server
        self.heard = []

    async def join(self, identity, *, path="/rtc/v1", join=None, **grants):
        self.socket = await self.server.http.ws_connect(
            self.server.url + path,
            headers={"Authorization": f"Bearer {self.server.token(identity, **grants)}"},
            params={"join_request": join or join_request()},
        )
        first = await self.hear()
        if first.WhichOneof("message") == "join":
            self.sid = first.join.participant.sid

    async def say(self, **request):
        await self.socket.send_bytes(rtc.SignalRequest(**request).SerializeToString())

    async def hear(self, kind=None):
        """Wait for the next message, or for the next one of a kind."""
        async with asyncio.timeout(5):
            while True:
                frame = await self.socket.receive()
                assert frame.type is aiohttp.WSMsgType.BINARY, frame
                message = rtc.SignalResponse.FromString(frame.data)
                self.heard.append(message)
                if kind is None or message.WhichOneof("message") == kind:
                    return message

    async def heard_or_hears(self, kind):
        """Give the last message of a kind, or wait for the first one."""
        heard = [message for message in self.heard if message.WhichOneof("message") == kind]
        return heard[-1] if heard else await self.hear(kind)

    async def closing(self):
        """Hear until the server closes; give the close code."""
        async with asyncio.timeout(5):
            while True:
                frame = await self.socket.receive()
                if frame.type is aiohttp.WSMsgType.BINARY:
                    self.heard.append(rtc.SignalResponse.FromString(frame.data))
                else:
                    return self.socket.close_code

    async def is_alive(self):
        """Whether the session still answers."""
        await self.say(ping_req=rtc.Ping(timestamp=4))
        return (await self.hear("pong_resp")).pong_resp.last_ping_timestamp == 4


def join_request(**fields):
    fields.setdefault("publisher_offer", rtc.SessionDescription(type="offer", sdp=OFFER, id=1))
    fields.setdefault("connection_settings", rtc.ConnectionSettings(auto_subscribe=True))
    return packed(rtc.JoinRequest(**fields).SerializeToString())


def packed(content):
    wrapped = rtc.WrappedJoinRequest(compression=1, join_request=gzip.compress(content))
    return base64.urlsafe_b64encode(wrapped.SerializeToString()).decode()


@pytest.fixture
def make_join_request():
    return join_request


@pytest.fixture
def pack_join_request():
    return packed


@pytest.fixture
def offer_text():
    return OFFER


@pytest.fixture
def credentials():
    return KEY, SECRET


@asynccontextmanager
async def running(*, auto_create=True, **more):
    worker = Worker({KEY: SECRET}, NotingPlane, auto_create=auto_create, **more)
    runner = web.AppRunner(make_app(worker), shutdown_timeout=1.0, max_line_size=16 * 1024)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0]
    server = Server(worker, f"http://{host}:{port}")
    try:
        async with aiohttp.ClientSession() as server.http:
            yield server
    finally:
        worker.shut_down()
        await runner.cleanup()
        worker.stop()


@pytest.fixture
def run_server():
    """Run a server with settings of its own."""
    return running


@pytest.fixture
async def server():
    async with running(auto_create=True) as started:
        yield started


@pytest.fixture
async def server_with_turn():
    turn = Turn(("turn:turn.example:3478",), "shared with coturn", 600)
    async with running(auto_create=True, turn=turn) as started:
        yield started


@pytest.fixture
async def closed_server():
    """A server where rooms are made by the API alone."""
    async with running(auto_create=False) as started:
        yield started
