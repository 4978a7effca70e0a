# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How does a light client reach the server? One UDP socket, ICE checks, DTLS as client, and then the keys."""

import asyncio
import secrets
import socket

from aioice import stun
from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    State,
)

from sfu.core.demux import Traffic, classify
from sfu.core.media import Candidate, Fingerprint, IceCredentials
from sfu.load.traffic import LoadError
from sfu.media.contract import SrtpKeys, SrtpProfile
from sfu.media.dtls import DatagramQueue

CHECK_EVERY_S = 0.25
CHECKS_MAX = 40
"""Ten seconds without an answer: the server does not hear us."""
HANDSHAKE_S = 20.0
BUFFER_BYTES = 4 * 1024 * 1024

_EXPORTER_LABEL = b"EXTRACTOR-dtls_srtp"  # RFC 5764 section 4.2


class _Dtls(RTCDtlsTransport):
    """aiortc's DTLS that gives the keys away instead of using them."""

    def __init__(self, queue: DatagramQueue, certificate: RTCCertificate) -> None:
        super().__init__(queue, [certificate])  # type: ignore[arg-type]  # it uses no more than that
        self._srtp_profiles = [SRTP_AEAD_AES_128_GCM]
        self._set_role("client")
        self.keys: SrtpKeys | None = None

    def _setup_srtp(self) -> None:
        assert self._ssl is not None
        profile = SRTP_AEAD_AES_128_GCM
        if self._ssl.get_selected_srtp_profile() != profile.openssl_profile:
            self._set_state(State.FAILED)
            return
        size = 2 * (profile.key_length + profile.salt_length)
        material = self._ssl.export_keying_material(_EXPORTER_LABEL, size)
        send, receive = profile.get_key_and_salt(material, 0), profile.get_key_and_salt(material, 1)
        self.keys = SrtpKeys(SrtpProfile.GCM, receive=receive, send=send)

    @property
    def connected(self) -> bool:
        """Whether the handshake succeeded, with the right certificate."""
        return self._state is State.CONNECTED


class Endpoint:
    """One transport of one client; `connect` once, then its socket is the traffic's to read."""

    def __init__(self, certificate: RTCCertificate) -> None:
        self.local = IceCredentials(secrets.token_hex(4), secrets.token_hex(12))
        self.keys: SrtpKeys | None = None
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        self._queue = DatagramQueue(self._send)
        self._dtls = _Dtls(self._queue, certificate)
        self._answered = asyncio.Event()
        self._check = b""
        self._reading = False

    async def connect(self, candidate: Candidate, remote: IceCredentials, fingerprint: Fingerprint) -> SrtpKeys:
        """Check, then shake hands. Raises LoadError."""
        try:
            self.socket.connect((candidate.host, candidate.port))
        except OSError as error:
            raise LoadError(f"no way to the media port {candidate.host}:{candidate.port}: {error.strerror}") from error
        asyncio.get_running_loop().add_reader(self.socket, self._read)
        self._reading = True
        self._check = self._request(remote)
        for _ in range(CHECKS_MAX):
            self.refresh()
            try:
                await asyncio.wait_for(self._answered.wait(), CHECK_EVERY_S)
                break
            except TimeoutError:
                continue
        else:
            raise LoadError(f"no answer to ICE checks from {candidate.host}:{candidate.port}: is UDP let through?")
        expected = RTCDtlsParameters(fingerprints=[RTCDtlsFingerprint(fingerprint.algorithm, fingerprint.value)])
        try:
            await asyncio.wait_for(self._dtls.start(expected), HANDSHAKE_S)
        except TimeoutError:
            raise LoadError(f"the DTLS handshake took more than {HANDSHAKE_S:.0f} s") from None
        if not self._dtls.connected or self._dtls.keys is None:
            raise LoadError("the DTLS handshake failed; the server must take SRTP_AEAD_AES_128_GCM")
        self.keys = self._dtls.keys
        return self.keys

    def hand_over(self) -> socket.socket:
        """Read the socket no more: from now on the traffic does."""
        self._stop_reading()
        return self.socket

    def refresh(self) -> None:
        """Send the check again: consent lasts 30 s (RFC 7675)."""
        if self._check:
            self._send(self._check)

    async def close(self) -> None:
        """Say goodbye and close."""
        await self._dtls.stop()
        self._stop_reading()
        self.socket.close()

    def _stop_reading(self) -> None:
        if self._reading:
            self._reading = False
            asyncio.get_running_loop().remove_reader(self.socket)

    def _request(self, remote: IceCredentials) -> bytes:
        request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
        request.attributes["USERNAME"] = f"{remote.ufrag}:{self.local.ufrag}"
        request.attributes["PRIORITY"] = 1
        request.attributes["ICE-CONTROLLING"] = 1
        request.attributes["USE-CANDIDATE"] = None
        request.add_message_integrity(remote.pwd.encode())
        request.add_fingerprint()
        return bytes(request)

    def _send(self, datagram: bytes) -> None:
        try:
            self.socket.send(datagram)
        except OSError:
            return  # a full buffer, or a server that is gone: its WebSocket tells

    def _on_stun(self, datagram: bytes) -> None:
        """Note an answer; answer the checks of a server with full ICE, which sends its own."""
        message = stun.parse_message(datagram)
        if message.message_class is stun.Class.RESPONSE:
            self._answered.set()
        elif message.message_class is stun.Class.REQUEST:
            answer = stun.Message(stun.Method.BINDING, stun.Class.RESPONSE, transaction_id=message.transaction_id)
            answer.attributes["XOR-MAPPED-ADDRESS"] = self.socket.getpeername()[:2]
            answer.add_message_integrity(self.local.pwd.encode())
            answer.add_fingerprint()
            self._send(bytes(answer))

    def _read(self) -> None:
        while True:
            try:
                datagram = self.socket.recv(2048)
            except OSError:
                return
            traffic = classify(memoryview(datagram)) if datagram else Traffic.UNKNOWN
            if traffic is Traffic.STUN:
                self._on_stun(datagram)
            elif traffic is Traffic.DTLS:
                self._queue.put(datagram)
