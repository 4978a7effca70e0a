# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The emulated client's transport: ICE checks by aioice, DTLS by aiortc, SRTP by libsrtp."""

import asyncio
import secrets
from collections.abc import Callable
from typing import Protocol

import pylibsrtp
from aioice import stun
from aiortc.rtcdtlstransport import (
    SRTP_PROFILES,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
)

from sfu.core.media import Fingerprint, IceCredentials, PeerId

CHECK_EVERY_S = 1.0
FIRST_CHECKS_EVERY_S = 0.25
DEFAULT_RTT_S = 0.1
DISCONNECTED_S = 15.0
"""Without an answer to a check for this long a real client gives its transport up."""


class Handler(Protocol):
    """What a client does with media: a publisher or a receiver."""

    def on_rtp(self, packet: bytes, now: float) -> None:
        """A plain RTP packet."""

    def on_rtcp(self, packet: bytes, now: float) -> None:
        """A plain compound packet."""

    def tick(self, now: float) -> None:
        """Every 10 ms."""


class Client:
    """One person's transport. `send` puts a datagram on the emulated network."""

    role = "controlling"
    state = "completed"

    def __init__(self, name: str, send: Callable[[bytes], None], clock: Callable[[], float]) -> None:
        self.id = PeerId(name)
        self.credentials = IceCredentials(secrets.token_hex(4), secrets.token_hex(12))
        self.certificate = RTCCertificate.generateCertificate()
        self.handler: Handler | None = None
        self.answered = float("-inf")
        """When the last check was answered."""
        self.longest_silence = 0.0
        """Between two answers."""
        self.rtt = DEFAULT_RTT_S
        """By the checks, smoothed as Chromium does with that of its reports."""
        self.refused = 0
        """Not authentic, or for the second time."""
        self._send_datagram = send
        self._clock = clock
        self._dtls = RTCDtlsTransport(self, [self.certificate])  # type: ignore[arg-type]  # it uses no more
        self._dtls._set_role("client")
        self._dtls._srtp_profiles = list(SRTP_PROFILES)
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()
        self._reached = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._next_check = 0.0
        self._checked: dict[bytes, float] = {}  # transaction: when

    @property
    def fingerprint(self) -> Fingerprint:
        """Of this client's certificate."""
        own = next(one for one in self.certificate.getFingerprints() if one.algorithm == "sha-256")
        return Fingerprint(own.algorithm, own.value)

    async def connect(self, server: Fingerprint) -> None:
        """Checks until one is answered, then the handshake."""
        while not self._reached.is_set():
            self._check()
            try:
                await asyncio.wait_for(self._reached.wait(), FIRST_CHECKS_EVERY_S)
            except TimeoutError:
                continue
        await self._dtls.start(RTCDtlsParameters(fingerprints=[RTCDtlsFingerprint(server.algorithm, server.value)]))
        assert self._dtls.state == "connected", self._dtls.state
        self._next_check = self._clock() + CHECK_EVERY_S
        self._tick()

    async def close(self) -> None:
        """End the session."""
        if self._timer is not None:
            self._timer.cancel()
        await self._dtls.stop()

    def send_rtp(self, packet: bytes) -> None:
        """Protect and send."""
        self._send_datagram(self._dtls._tx_srtp.protect(packet))

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and send a compound packet."""
        self._send_datagram(self._dtls._tx_srtp.protect_rtcp(packet))

    def receive(self, datagram: bytes) -> None:
        """A datagram came in."""
        first = datagram[0]
        if first < 2:
            self._on_stun(datagram)
        elif first < 64:
            self._queue.put_nowait(datagram)
        elif self.handler is not None:
            self._on_srtp(self.handler, datagram)

    def _on_srtp(self, handler: Handler, datagram: bytes) -> None:
        control = 192 <= datagram[1] <= 223
        session = self._dtls._rx_srtp
        try:
            plain = session.unprotect_rtcp(datagram) if control else session.unprotect(datagram)
        except pylibsrtp.Error:
            self.refused += 1
            return
        (handler.on_rtcp if control else handler.on_rtp)(plain, self._clock())

    async def _recv(self) -> bytes:
        return await self._queue.get()

    async def _send(self, data: bytes) -> None:
        self._send_datagram(data)

    def _check(self) -> None:
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{self.credentials.ufrag}:client"
        request.attributes["PRIORITY"] = 1
        request.attributes["ICE-CONTROLLING"] = 1
        request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(self.credentials.pwd.encode())
        self._checked[request.transaction_id] = self._clock()
        self._send_datagram(bytes(request))

    def _on_stun(self, datagram: bytes) -> None:
        message = stun.parse_message(datagram)
        assert message.message_class is stun.Class.RESPONSE
        assert message.check_message_integrity(self.credentials.pwd.encode())
        now = self._clock()
        sent = self._checked.pop(message.transaction_id, None)
        if sent is not None:
            self.rtt += 0.3 * (now - sent - self.rtt)
        if self._reached.is_set():
            self.longest_silence = max(self.longest_silence, now - self.answered)
        self.answered = now
        self._reached.set()

    def _tick(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(0.01, self._tick)
        now = self._clock()
        if now >= self._next_check:
            self._next_check = now + CHECK_EVERY_S
            self._check()
        if self.handler is not None:
            self.handler.tick(now)
