# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""RTP headers and extensions, right and wrong."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from sfu.core import rtp

PLAIN = struct.pack("!BBHII", 0x80, 0x80 | 96, 7, 8, 9) + b"payload"


def test_a_header_is_read() -> None:
    header = rtp.parse(PLAIN)
    assert header == rtp.RtpHeader(True, 96, 7, 8, 9, payload_at=12, padding=0)


def test_sources_extensions_and_padding_are_counted() -> None:
    block, _ = rtp.write_extensions([(1, b"ab"), (2, b"c")])
    data = struct.pack("!BBHII", 0xB1, 96, 7, 8, 9) + bytes(4) + block + b"payload" + b"\0\0\3"
    header = rtp.parse(data)
    assert header is not None
    assert data[header.payload_at : -header.padding] == b"payload"
    assert rtp.read_extensions(data) == {1: b"ab", 2: b"c"}


def test_padding_longer_than_the_payload_is_malformed() -> None:
    assert rtp.parse(struct.pack("!BBHII", 0xA0, 96, 7, 8, 9) + b"ab\7") is None
    assert rtp.parse(struct.pack("!BBHII", 0xA0, 96, 7, 8, 9)) is None


ELEMENTS = st.dictionaries(st.integers(1, 14), st.binary(min_size=1, max_size=16), min_size=1, max_size=6)
LONG_ELEMENTS = st.dictionaries(st.integers(1, 255), st.binary(max_size=40), min_size=1, max_size=6)


@given(st.one_of(ELEMENTS, LONG_ELEMENTS))
def test_what_is_written_reads_back(elements: dict[int, bytes]) -> None:
    block, offsets = rtp.write_extensions(elements.items())
    data = struct.pack("!BBHII", 0x90, 96, 7, 8, 9) + block + b"rest"
    assert len(block) % 4 == 0
    assert rtp.header_size(data, len(data)) == 12 + len(block)
    assert rtp.read_extensions(data) == elements
    for (ident, value), at in zip(elements.items(), offsets, strict=True):
        assert block[at : at + len(value)] == value
        if value:
            assert rtp.find_extension(data, ident, len(value)) == 12 + at
        if len(value) != rtp.MAX_ONE_BYTE_SIZE:  # no length of the short form is longer
            assert rtp.find_extension(data, ident, len(value) + 1) == 0


def test_elements_without_an_id_are_left_out() -> None:
    assert rtp.write_extensions([(0, b"x")]) == (b"", ())


def test_short_elements_use_the_short_form() -> None:
    assert rtp.write_extensions([(4, b"3")])[0] == bytes.fromhex("bede0001") + b"\x40" + b"3\0\0"


def test_send_time_wraps_after_64_seconds() -> None:
    assert rtp.abs_send_time(1.0) == (1 << 18).to_bytes(3, "big")
    assert rtp.abs_send_time(65.0) == rtp.abs_send_time(1.0)


@given(st.binary(max_size=120))
def test_rubbish_never_raises(data: bytes) -> None:
    header = rtp.parse(data)
    if rtp.header_size(data, len(data)):
        rtp.read_extensions(data)
    if header is not None:
        assert 12 <= header.payload_at <= len(data) - header.padding


@given(st.binary(min_size=12, max_size=120), st.integers(0, 0x1F))
def test_packets_with_random_extensions_never_raise(data: bytes, low: int) -> None:
    forged = bytes((0x80 | low,)) + data[1:]
    size = rtp.header_size(forged, len(forged))
    assert 0 <= size <= len(forged)
    if size:
        rtp.read_extensions(memoryview(forged))
        assert all(0 <= rtp.find_extension(forged, ident, 2) <= size - 2 for ident in range(1, 256))
