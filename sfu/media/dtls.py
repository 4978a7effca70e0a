# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""DTLS as server: aiortc's transport behind a queue of datagrams, giving SRTP keys to the engine."""

import asyncio
from collections.abc import Callable, Sequence

from aiortc.rtcdtlstransport import (
    SRTP_AEAD_AES_128_GCM,
    SRTP_AES128_CM_SHA1_80,
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    State,
)
from OpenSSL import SSL

from sfu.core.limits_media import MAX_DTLS_QUEUE
from sfu.core.media import Fingerprint
from sfu.media.contract import SrtpKeys, SrtpProfile

_EXPORTER_LABEL = b"EXTRACTOR-dtls_srtp"  # RFC 5764 section 4.2
_PROFILES = (SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80)  # the server's order decides


class DtlsError(Exception):
    """The handshake did not end in a usable, identified session; the message is the reason."""


class DatagramQueue:
    """All that aiortc's DTLS needs of an ICE transport."""

    role = "controlled"
    state = "completed"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.send = send
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(MAX_DTLS_QUEUE)

    def put(self, datagram: bytes) -> bool:
        """Queue a datagram; False when the queue is full and it is lost."""
        try:
            self._queue.put_nowait(datagram)
        except asyncio.QueueFull:
            return False
        return True

    def close(self) -> None:
        """End the reader, before anything that is still queued."""
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put_nowait(None)

    async def _recv(self) -> bytes:
        datagram = await self._queue.get()
        if datagram is None:
            raise ConnectionError
        return datagram

    async def _send(self, datagram: bytes) -> None:
        self.send(datagram)


class DtlsServer(RTCDtlsTransport):
    """One peer's DTLS session."""

    def __init__(
        self,
        queue: DatagramQueue,
        certificate: RTCCertificate,
        on_keys: Callable[[SrtpKeys], None],
    ) -> None:
        super().__init__(queue, [certificate])  # type: ignore[arg-type]  # it uses no more than that
        self._queue = queue
        self._srtp_profiles = list(_PROFILES)
        self._set_role("server")
        self._on_keys = on_keys
        self._closed = asyncio.Event()
        self.on("statechange", self._on_state)

    async def accept(self, remote: Sequence[Fingerprint]) -> None:
        """Handshake and check who it is. Raises DtlsError."""
        if not remote:
            raise DtlsError("no fingerprint")
        fingerprints = [RTCDtlsFingerprint(one.algorithm, one.value) for one in remote]
        await self.start(RTCDtlsParameters(fingerprints=fingerprints))
        if self._state is not State.CONNECTED:
            if not self.encrypted:
                raise DtlsError("dtls handshake failed")
            assert self._ssl is not None
            self._notify_close(self._ssl)
            known = self._ssl.get_selected_srtp_profile() in {p.openssl_profile for p in _PROFILES}
            raise DtlsError("fingerprint mismatch" if known else "no common srtp profile")

    async def closed(self) -> None:
        """Wait until either side has closed."""
        await self._closed.wait()

    def _on_state(self) -> None:
        if self._state in {State.CLOSED, State.FAILED}:
            self._closed.set()

    def _notify_close(self, session: SSL.Connection) -> None:
        try:
            session.shutdown()
            alert = session.bio_read(1500)
        except SSL.Error:
            return
        self._queue.send(alert)

    def _setup_srtp(self) -> None:
        """Hand the keys to the engine instead of making sessions; aiortc calls this after the handshake."""
        assert self._ssl is not None
        chosen = self._ssl.get_selected_srtp_profile()
        profile = next((p for p in _PROFILES if p.openssl_profile == chosen), None)
        if profile is None:
            self._set_state(State.FAILED)
            return
        size = 2 * (profile.key_length + profile.salt_length)
        material = self._ssl.export_keying_material(_EXPORTER_LABEL, size)
        self._on_keys(
            SrtpKeys(
                SrtpProfile(chosen.decode()),
                receive=profile.get_key_and_salt(material, 0),
                send=profile.get_key_and_salt(material, 1),
            )
        )
