# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The table of RFC 7983."""

from hypothesis import given
from hypothesis import strategies as st

from sfu.core.demux import Traffic, classify


def test_every_first_byte_has_its_place() -> None:
    for byte in range(256):
        expected = (
            Traffic.STUN
            if byte <= 3
            else Traffic.DTLS
            if 20 <= byte <= 63
            else Traffic.RTP
            if 128 <= byte <= 191
            else Traffic.UNKNOWN
        )
        assert classify(bytes((byte, 96)) + bytes(30)) is expected


def test_rtcp_is_told_by_its_second_byte() -> None:
    kinds = {second for second in range(256) if classify(bytes((0x80, second)) + bytes(30)) is Traffic.RTCP}
    assert kinds == set(range(192, 224))


def test_too_short_for_anything() -> None:
    assert classify(b"") is Traffic.UNKNOWN
    assert classify(b"\x80") is Traffic.UNKNOWN
    assert classify(b"\x80\x60" + bytes(9)) is Traffic.UNKNOWN


@given(st.binary(max_size=64))
def test_it_never_raises(data: bytes) -> None:
    assert classify(data) is classify(memoryview(data))
