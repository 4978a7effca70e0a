# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Our AES-GCM is libsrtp's, byte for byte, across the wrap."""

import os
import struct

import pylibsrtp
import pytest

from sfu.media.contract import SrtpKeys, SrtpProfile
from sfu.media.srtp import Receiver, Sender

NUMBERS = {SrtpProfile.GCM: (28, 7), SrtpProfile.CM: (30, 1)}


def libsrtp(key: bytes, number: int, ssrc_type: int) -> pylibsrtp.Session:
    return pylibsrtp.Session(pylibsrtp.Policy(key=key, ssrc_type=ssrc_type, srtp_profile=number))


@pytest.mark.parametrize("profile", list(SrtpProfile))
def test_both_directions_agree_with_libsrtp_across_the_wrap(profile: SrtpProfile) -> None:
    size, number = NUMBERS[profile]
    key = os.urandom(size)
    keys = SrtpKeys(profile, receive=key, send=key)
    sender, receiver = Sender(keys), Receiver(keys)
    theirs_out = libsrtp(key, number, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    theirs_in = libsrtp(key, number, pylibsrtp.Policy.SSRC_ANY_INBOUND)
    for index in range(65_000, 65_000 + 1500):
        head = struct.pack("!BBHIIHHI", 0x90, 96, index & 0xFFFF, index, 77, 0xBEDE, 1, 0x10FF0000)
        payload = os.urandom(index % 700)
        ours = sender.rtp(head, payload, 77, index)
        assert ours == theirs_out.protect(head + payload)
        assert theirs_in.unprotect(ours) == head + payload
        assert receiver.rtp(memoryview(ours), len(head), 77, index) == payload


@pytest.mark.parametrize("profile", list(SrtpProfile))
def test_rtcp_is_protected_and_replays_are_refused(profile: SrtpProfile) -> None:
    key = os.urandom(NUMBERS[profile][0])
    keys = SrtpKeys(profile, receive=key, send=key)
    sender, receiver = Sender(keys), Receiver(keys)
    packet = struct.pack("!BBHI", 0x80, 201, 1, 5)
    protected = sender.rtcp(packet)
    assert protected is not None
    assert packet[8:] not in {protected, b""} or len(protected) > len(packet)
    assert receiver.rtcp(protected) == packet
    assert receiver.rtcp(protected) is None


@pytest.mark.parametrize("profile", list(SrtpProfile))
def test_short_and_long_datagrams_are_refused_quietly(profile: SrtpProfile) -> None:
    key = os.urandom(NUMBERS[profile][0])
    keys = SrtpKeys(profile, receive=key, send=key)
    receiver, sender = Receiver(keys), Sender(keys)
    for size in (12, 13, 20, 27, 28, 1600, 2000):
        assert receiver.rtp(memoryview(b"\x80" + bytes(size - 1)), 12, 0, 0) is None
        assert receiver.rtcp(b"\x80\xc9" + bytes(size - 2)) is None
    assert sender.rtcp(b"\x80\xc9" + bytes(3000)) is None
