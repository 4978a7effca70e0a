# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""SRTP: AEAD_AES_128_GCM by `cryptography` (RFC 7714), AES_CM_128_HMAC_SHA1_80 and all SRTCP by libsrtp.

Replay windows of RTP are the engine's (`sfu.core.seqnum.ReplayWindow`); those of SRTCP are libsrtp's.
"""

from collections.abc import Callable

import pylibsrtp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from sfu.media.contract import SrtpKeys, SrtpProfile

KEY_SIZE = 16

_WINDOW = 1024
_LABEL_ENCRYPTION, _LABEL_AUTHENTICATION, _LABEL_SALT = 0, 1, 2
_SALTS = {SrtpProfile.GCM: 12, SrtpProfile.CM: 14}
_LIBSRTP = {
    SrtpProfile.GCM: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    SrtpProfile.CM: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
}
_REFUSED = (pylibsrtp.Error, ValueError)  # ValueError: longer than libsrtp's buffer


def derive(master: bytes, profile: SrtpProfile) -> tuple[bytes, bytes, bytes]:
    """Session key, salt and authentication key (none of GCM) of a master key and salt (RFC 3711 section 4.3)."""
    size = _SALTS[profile]
    key, salt = master[:KEY_SIZE], master[KEY_SIZE : KEY_SIZE + size].ljust(14, b"\0")

    def generate(label: int, size: int) -> bytes:
        block = bytearray(salt + b"\0\0")
        block[7] ^= label
        return Cipher(AES(key), CTR(bytes(block))).encryptor().update(bytes(size))

    authentication = generate(_LABEL_AUTHENTICATION, 20) if profile is SrtpProfile.CM else b""
    return generate(_LABEL_ENCRYPTION, KEY_SIZE), generate(_LABEL_SALT, size), authentication


def derive_gcm(master: bytes) -> tuple[bytes, int]:
    """Session key and salt (as an integer of 96 bits) under GCM."""
    key, salt, _ = derive(master, SrtpProfile.GCM)
    return key, int.from_bytes(salt, "big")


def _session(master: bytes, profile: SrtpProfile, ssrc_type: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(key=master, ssrc_type=ssrc_type, srtp_profile=_LIBSRTP[profile])
    policy.allow_repeat_tx = True  # identical bytes only: the engine resends what it kept
    policy.window_size = _WINDOW
    return pylibsrtp.Session(policy)


class Receiver:
    """Authenticates and decrypts what one peer sends."""

    __slots__ = ("_decrypt", "_salt", "_session")

    def __init__(self, keys: SrtpKeys) -> None:
        self._session = _session(keys.receive, keys.profile, pylibsrtp.Policy.SSRC_ANY_INBOUND)
        self._decrypt: Callable[[bytes, memoryview, memoryview], bytes] | None = None
        self._salt = 0
        if keys.profile is SrtpProfile.GCM:
            key, self._salt = derive_gcm(keys.receive)
            self._decrypt = AESGCM(key).decrypt

    def rtp(self, datagram: memoryview, head: int, ssrc: int, index: int) -> bytes | None:
        """The payload with its padding, or `None` when the packet isn't authentic."""
        if self._decrypt is not None:
            nonce = (self._salt ^ (ssrc << 48) ^ index).to_bytes(12, "big")
            try:
                return self._decrypt(nonce, datagram[head:], datagram[:head])
            except (InvalidTag, ValueError):  # ValueError: shorter than a tag
                return None
        try:
            plain: bytes = self._session.unprotect(bytes(datagram))
        except _REFUSED:
            return None
        return plain[head:]

    def rtcp(self, datagram: bytes) -> bytes | None:
        """The plain compound packet, or `None` when it isn't authentic or came before."""
        try:
            plain: bytes = self._session.unprotect_rtcp(datagram)
        except _REFUSED:
            return None
        return plain


class Sender:
    """Protects what goes to one peer."""

    __slots__ = ("_session", "encrypt", "salt")

    def __init__(self, keys: SrtpKeys) -> None:
        self._session = _session(keys.send, keys.profile, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
        self.encrypt: Callable[[bytes, bytes | bytearray, bytes | bytearray], bytes] | None = None
        """AES-GCM with the session key; `None` under the other profile."""
        self.salt = 0
        if keys.profile is SrtpProfile.GCM:
            key, self.salt = derive_gcm(keys.send)
            self.encrypt = AESGCM(key).encrypt

    def rtp(self, head: bytes | bytearray, payload: bytes | bytearray, ssrc: int, index: int) -> bytes | None:
        """The datagram, `None` when it is too long. An index is used once per SSRC, by the caller's care."""
        if self.encrypt is not None:
            nonce = (self.salt ^ (ssrc << 48) ^ index).to_bytes(12, "big")
            return bytes(head) + self.encrypt(nonce, payload, head)
        try:
            protected: bytes = self._session.protect(bytes(head) + payload)
        except _REFUSED:
            return None
        return protected

    def rtcp(self, packet: bytes) -> bytes | None:
        """The protected compound packet, `None` when it is too long."""
        try:
            protected: bytes = self._session.protect_rtcp(packet)
        except _REFUSED:
            return None
        return protected
