# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""RFC 4571: the same datagrams come out of a stream, however the network cut it."""

from hypothesis import given
from hypothesis import strategies as st

from sfu.core.framing import FrameReader, frame
from sfu.core.limits_media import MAX_TCP_FRAME


@given(st.lists(st.binary(max_size=80), max_size=8), st.lists(st.integers(1, 40), min_size=1))
def test_frames_survive_any_segmentation(datagrams: list[bytes], sizes: list[int]) -> None:
    stream = b"".join(map(frame, datagrams))
    reader = FrameReader()
    got: list[bytes] = []
    at, turn = 0, 0
    while at < len(stream):
        size = sizes[turn % len(sizes)]
        got += map(bytes, reader.feed(memoryview(stream[at : at + size])))
        at, turn = at + size, turn + 1
    assert got == datagrams
    assert not reader.broken


def test_a_frame_that_no_client_sends_ends_the_stream_and_is_not_waited_for() -> None:
    reader = FrameReader()
    kept = reader.feed(memoryview(frame(b"first") + (MAX_TCP_FRAME + 1).to_bytes(2, "big") + frame(b"lost")))
    assert [bytes(one) for one in kept] == [b"first"]
    assert reader.broken
    assert reader.feed(memoryview(frame(b"later"))) == []


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=30))
def test_no_stream_of_bytes_makes_it_hold_more_than_one_frame(pieces: list[bytes]) -> None:
    reader = FrameReader()
    for piece in pieces:
        reader.feed(memoryview(piece))
        assert len(reader._rest) < MAX_TCP_FRAME + 2
