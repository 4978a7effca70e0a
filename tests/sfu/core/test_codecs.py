# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""VP8 descriptors, key frames, matching codecs."""

import pytest
from aiortc.codecs.vpx import VpxPayloadDescriptor
from hypothesis import given
from hypothesis import strategies as st

from sfu.core.codecs import keyframe_test, parse_vp8, same_codec
from sfu.core.media import Codec


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


@given(st.binary(max_size=12), st.sampled_from(["video/VP8", "video/H264", "video/VP9", "video/AV1", "audio/opus"]))
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


def video(mime: str, fmtp: str = "", clock_rate: int = 90000) -> Codec:
    return Codec(96, mime, clock_rate, fmtp=fmtp)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (video("video/VP8"), video("video/vp8"), True),
        (video("video/VP8"), video("video/VP9"), False),
        (video("audio/opus", clock_rate=48000), video("audio/opus", "useinbandfec=1", 48000), True),
        (video("audio/CN", clock_rate=8000), video("audio/CN", clock_rate=16000), False),
        (
            video("video/H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
            video("video/H264", "profile-level-id=42E034; packetization-mode=1"),
            True,
        ),
        (
            video("video/H264", "packetization-mode=1;profile-level-id=42e01f"),
            video("video/H264", "packetization-mode=0;profile-level-id=42e01f"),
            False,
        ),
        (
            video("video/H264", "packetization-mode=1;profile-level-id=42e01f"),
            video("video/H264", "packetization-mode=1;profile-level-id=640032"),
            False,
        ),
        (video("video/VP9"), video("video/VP9", "profile-id=0"), True),
        (video("video/VP9", "profile-id=2"), video("video/VP9", "profile-id=0"), False),
    ],
)
def test_codecs_match_by_what_decides_decoding(one: Codec, other: Codec, expected: bool) -> None:
    assert same_codec(one, other) is expected
    assert same_codec(other, one) is expected
