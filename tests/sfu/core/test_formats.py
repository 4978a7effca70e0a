# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which codecs are carried, who can read which, what an answer repeats of them."""

import pytest

from sfu.core.formats import CARRIED, answered_fmtp, decodes, format_of, mime_of, reader
from sfu.core.media import Codec


def video(mime: str, fmtp: str = "", clock_rate: int = 90000, number: int = 96) -> Codec:
    return Codec(number, mime, clock_rate, fmtp=fmtp)


CONSTRAINED = video("video/H264", "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f")
BASELINE = video("video/H264", "packetization-mode=1;profile-level-id=42001f")


@pytest.mark.parametrize(
    ("codec", "carried"),
    [
        (CONSTRAINED, True),
        (BASELINE, True),
        (video("video/H264", "packetization-mode=0;profile-level-id=42e01f"), False),
        (video("video/H264", "profile-level-id=42e01f"), False),
        (video("video/H264", "packetization-mode=1;profile-level-id=640032"), False),
        (video("video/VP9"), True),
        (video("video/VP9", "profile-id=2"), False),
        (video("video/AV1", "level-idx=5;profile=0;tier=0"), True),
        (video("video/AV1", "profile=1"), False),
        (video("video/H265", "level-id=93;profile-id=1"), True),
        (video("video/H265", "profile-id=2"), False),
    ],
)
def test_only_formats_that_every_decoder_reads_are_carried(codec: Codec, carried: bool) -> None:
    assert (format_of(codec) is not None) is carried


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (video("video/VP8"), video("video/vp8"), True),
        (video("video/VP8"), video("video/VP9"), False),
        (video("audio/opus", clock_rate=48000), video("audio/opus", "useinbandfec=1", 48000), True),
        (video("audio/CN", clock_rate=8000), video("audio/CN", clock_rate=16000), False),
        (CONSTRAINED, video("video/H264", "profile-level-id=42E034; packetization-mode=1"), True),
        (CONSTRAINED, BASELINE, True),
        (CONSTRAINED, video("video/H264", "packetization-mode=1;profile-level-id=640032"), False),
        (video("video/VP9"), video("video/VP9", "profile-id=0"), True),
        (video("video/VP9", "profile-id=2"), video("video/VP9", "profile-id=0"), False),
    ],
)
def test_codecs_match_by_what_decides_decoding(one: Codec, other: Codec, expected: bool) -> None:
    assert decodes(one, other) is expected
    assert decodes(other, one) is expected


def test_a_receiver_reads_by_the_payload_type_of_the_same_profile_where_it_has_one() -> None:
    mine = video("video/H264", BASELINE.fmtp, number=102), video("video/H264", CONSTRAINED.fmtp, number=106)
    assert reader(CONSTRAINED, mine) is mine[1]
    assert reader(CONSTRAINED, mine[:1]) is mine[0]
    assert reader(video("video/VP8"), mine) is None


def test_an_answer_repeats_what_decides_and_no_hint_of_the_client() -> None:
    hinted = video("video/VP9", "profile-id=0;x-google-start-bitrate=900")
    assert answered_fmtp(hinted) == "profile-id=0"
    assert answered_fmtp(CONSTRAINED) == CONSTRAINED.fmtp
    assert answered_fmtp(video("audio/red", "111/111", 48000)) == "111/111"
    assert answered_fmtp(video("video/VP8", "max-fr=30")) == ""


def test_clients_name_codecs_in_two_ways() -> None:
    assert [mime_of(mime) for mime in CARRIED] == list(CARRIED)
    assert (mime_of("vp8"), mime_of("AV1"), mime_of("video/h264"), mime_of("theora")) == (
        "video/VP8",
        "video/AV1",
        "video/H264",
        "",
    )
