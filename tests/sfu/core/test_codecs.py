# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""VP8 descriptors and key frames."""

import pytest
from aiortc.codecs.vpx import VpxPayloadDescriptor
from hypothesis import given
from hypothesis import strategies as st

from sfu.core.codecs import keyframe_test, parse_vp8
from sfu.core.formats import CARRIED


@given(
    st.integers(0, 1),
    st.integers(0, 7),
    st.none() | st.integers(0, 0x7FFF),
    st.none() | st.integers(0, 255),
    st.none() | st.tuples(st.integers(0, 3), st.integers(0, 1)),
    st.none() | st.integers(0, 31),
)
def test_the_descriptor_agrees_with_another_implementation(
    start: int, part: int, picture: int | None, tl0: int | None, tid: tuple[int, int] | None, key: int | None
) -> None:
    written = bytes(VpxPayloadDescriptor(start, part, picture, tl0, tid, key)) + b"\0frame"
    read = parse_vp8(written)
    assert read is not None
    assert written[read.size :] == b"\0frame"
    assert read.starts_frame == (start == 1 and part == 0)
    assert bool(read.picture_id_at) == (picture is not None)
    assert read.picture_id == (picture or 0)
    assert bool(read.tl0_at) == (tl0 is not None)
    assert read.tl0 == (tl0 or 0)


@given(st.binary(max_size=12), st.sampled_from(CARRIED))
def test_cut_payloads_never_raise(payload: bytes, mime: str) -> None:
    parse_vp8(payload)
    keyframe_test(mime)(payload)


@pytest.mark.parametrize(
    ("mime", "payload", "expected"),
    [
        ("video/VP8", "1000", True),
        ("video/VP8", "1001", False),
        ("video/VP8", "0000", False),
        ("video/VP8", "1100", False),
        ("video/VP8", "90e08001052000", True),
        ("video/H264", "67", True),
        ("video/H264", "65", True),
        ("video/H264", "41", False),
        ("video/H264", "7800010900026742", True),
        ("video/H264", "7800010900024142", False),
        ("video/H264", "7c85", True),
        ("video/H264", "7c05", False),
        ("video/H265", "400100", True),
        ("video/H265", "2601af", True),
        ("video/H265", "0201d0", False),
        ("video/H265", "600100024001", True),
        ("video/H265", "620193", True),
        ("video/H265", "620113", False),
        ("video/VP9", "08", True),
        ("video/VP9", "48", False),
        ("video/VP9", "00", False),
        ("video/VP9", "a8800100", True),
        ("video/VP9", "a8800102", False),
        ("video/AV1", "18", True),
        ("video/AV1", "10", False),
        ("audio/opus", "", True),
    ],
)
def test_key_frames_are_recognised(mime: str, payload: str, expected: bool) -> None:
    assert keyframe_test(mime)(bytes.fromhex(payload)) is expected
