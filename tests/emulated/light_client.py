# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A listener that costs little, so that a crowd fits beside the server: real signalling and transport, no decoder.

Signalling as clients with two peer connections do it (`/rtc`): the server offers, the listener answers.
"""

import asyncio
import re
import socket
import time

import aiohttp
from livekit.protocol import rtc as proto

from sfu.core.media import Fingerprint, IceCredentials
from tests.emulated import wire
from tests.emulated.client import Client

_COPIED = ("a=mid:", "a=rtpmap:", "a=fmtp:", "a=rtcp-fb:", "a=extmap:", "a=rtcp-mux", "a=sctp-port", "c=")


class Listener:
    """Joins, and notes when the first sound came. Fulfils `tests.emulated.client.Handler`."""

    def __init__(self, identity: str) -> None:
        self.heard: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self.client = Client(identity, self._socket.send, time.monotonic)
        self.client.handler = self

    async def listen(self, http: aiohttp.ClientSession, url: str, token: str) -> float:
        """Join and wait for sound: seconds since the first byte."""
        began = time.monotonic()
        query = {"access_token": token, "auto_subscribe": "1", "sdk": "js", "protocol": "16", "version": "2.16.0"}
        async with http.ws_connect(f"{url}/rtc", params=query, max_msg_size=0) as signal:
            reading = asyncio.ensure_future(self._signal(signal))
            try:
                return await asyncio.wait_for(self.heard, 60) - began
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def close(self) -> None:
        """Leave."""
        await self.client.close()
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    async def _signal(self, signal: aiohttp.ClientWebSocketResponse) -> None:
        connecting = None
        async for message in signal:
            response = proto.SignalResponse.FromString(message.data)
            if response.WhichOneof("message") != "offer":
                continue
            offer = response.offer
            answer = proto.SignalRequest(answer=proto.SessionDescription(type="answer", sdp=self._answer(offer.sdp)))
            if hasattr(offer, "id"):
                answer.answer.id = offer.id
            await signal.send_bytes(answer.SerializeToString())
            if connecting is None:
                connecting = asyncio.ensure_future(self._connect(offer.sdp))

    async def _connect(self, sdp: str) -> None:
        host, port = re.findall(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+)", sdp, re.IGNORECASE)[0]
        self._socket.connect((host, int(port)))
        asyncio.get_running_loop().add_reader(self._socket, self._read)
        self.client.credentials = IceCredentials(_value(sdp, "ice-ufrag"), _value(sdp, "ice-pwd"))
        await self.client.connect(Fingerprint(*_value(sdp, "fingerprint").split(" ")))

    def _answer(self, sdp: str) -> str:
        head, *sections = re.split(r"(?m)^(?=m=)", sdp.replace("\r\n", "\n"))
        own = self.client.fingerprint
        lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0"]
        lines += [line for line in head.split("\n") if line.startswith("a=group:")]
        for section in sections:
            first, *rest = section.strip().split("\n")
            lines += [first, *(line for line in rest if line.startswith(_COPIED))]
            lines += ["a=ice-ufrag:listener", "a=ice-pwd:0123456789abcdefghijklmn", "a=setup:active"]
            lines += [f"a=fingerprint:{own.algorithm} {own.value}"]
            lines += [] if first.startswith("m=application") else ["a=recvonly"]
        return "\r\n".join(lines) + "\r\n"

    def _read(self) -> None:
        while True:
            try:
                self.client.receive(self._socket.recv(2048))
            except (BlockingIOError, ConnectionRefusedError):
                return

    def on_rtp(self, packet: bytes, now: float) -> None:
        """Media."""
        if not self.heard.done() and len(wire.parse_rtp(packet).payload):
            self.heard.set_result(now)

    def on_rtcp(self, packet: bytes, now: float) -> None:
        """Reports."""

    def tick(self, now: float) -> None:
        """Nothing to do."""


def _value(sdp: str, name: str) -> str:
    found = re.search(rf"(?m)^a={name}:(.*?)\r?$", sdp)
    assert found is not None, f"no {name} in the offer"
    return found[1]
