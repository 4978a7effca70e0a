# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Offers as real clients wrote them, and what is no offer."""

import contextlib
import random
from pathlib import Path

import pytest

from sfu.core import limits
from sfu.core.formats import format_of
from sfu.core.media import IceCredentials
from sfu.core.media_description import Direction, extension_ids
from sfu.wire.sdp import Descriptions, SdpError, parse_description

RECORDED = Path(__file__).parents[2] / "fixtures" / "sdp"
OFFERS = sorted(path.name for path in RECORDED.glob("*offer.sdp"))


def recorded(name):
    return (RECORDED / name).read_text()


@pytest.mark.parametrize("name", OFFERS)
def test_recorded_offers_are_read(name):
    offer = parse_description(recorded(name))
    kinds = [section.media for section in offer.sections]
    assert kinds[:7].count("audio") == 3
    assert kinds[:7].count("video") == 3
    assert "application" in kinds
    assert not any(section.rejected for section in offer.sections)
    assert len(offer.fingerprints) == 1
    assert offer.bundle == tuple(str(number) for number in range(len(kinds)))
    for section in offer.sections:
        assert section.ice == offer.ice
        if section.media == "audio":
            assert [(codec.payload_type, codec.mime) for codec in section.codecs] == [
                (111, "audio/opus"),
                (63, "audio/red"),
            ]
        if section.media == "video":
            codec = section.codecs[0]
            assert (codec.payload_type, codec.rtx_payload_type, codec.mime) == (96, 97, "video/VP8")
            assert set(codec.feedback) == {"nack", "nack pli", "ccm fir", "goog-remb", "transport-cc"}
            assert {codec.mime for codec in section.codecs} >= {"video/VP8", "video/VP9", "video/H264", "video/AV1"}
            for codec in section.codecs:
                assert codec.rtx_payload_type is not None
                assert "nack" in codec.feedback
                assert format_of(codec) is not None


def test_there_are_recorded_offers_of_two_clients():
    assert {name.split("-")[0] for name in OFFERS} == {"js", "python"}


def test_a_simulcast_section_of_chromium_has_rids_and_no_ssrcs():
    offer = parse_description(recorded("js-2.22.3-third-offer.sdp"))
    camera = next(section for section in offer.sections if section.mid == "8")
    assert camera.direction is Direction.SENDONLY
    assert camera.rids == ("q", "h", "f")
    assert camera.ssrcs == ()
    assert camera.msid == ("8426c1bf-c518-43ff-9d76-695e064203ce", "435d940b-a237-4201-9f6b-f4532dfda514")
    ids = extension_ids(camera.extensions)
    assert (ids.mid, ids.rid, ids.repaired_rid, ids.transport_cc, ids.abs_send_time) == (4, 10, 11, 3, 2)
    assert ids.dependency_descriptor == 12
    microphone = next(section for section in offer.sections if section.mid == "7")
    assert microphone.ssrcs == (861329598,)
    assert extension_ids(microphone.extensions).audio_level == 1


def minimal(*lines, media="m=audio 9 UDP/TLS/RTP/SAVPF 111", mid="0"):
    return "\r\n".join(
        [
            "v=0",
            "o=- 1 1 IN IP4 0.0.0.0",
            "s=-",
            "t=0 0",
            "a=ice-ufrag:abcd",
            f"a=ice-pwd:{'p' * 22}",
            "a=fingerprint:sha-256 ab:cd",
            media,
            f"a=mid:{mid}",
            "a=rtpmap:111 opus/48000/2",
            *lines,
            "",
        ]
    )


def test_equal_sections_differ_in_their_mid_alone():
    text = recorded("js-2.22.3-join-offer.sdp")
    audio = "m=audio" + text.split("m=audio")[1]
    offer = parse_description(text + "".join(audio.replace("a=mid:0", f"a=mid:{mid}") for mid in range(7, 300)))
    assert [section.mid for section in offer.sections] == [str(number) for number in range(300)]
    assert {section.codecs for section in offer.sections[7:]} == {offer.sections[0].codecs}


def test_of_a_client_s_next_description_only_what_changed_is_read_again():
    text, reader = recorded("js-2.22.3-join-offer.sdp"), Descriptions()
    first = reader.read(text)
    changed = text.replace("a=mid:1\n", "a=mid:1\na=x-unknown\n")
    second = reader.read(changed)
    assert second == parse_description(changed)
    assert [one is other for one, other in zip(first.sections, second.sections, strict=True)] == [
        section.mid != "1" for section in first.sections
    ]
    with pytest.raises(SdpError, match="same mid"):
        reader.read(text + "m=" + text.split("m=")[1])
    assert reader.read(text) == first


def test_transport_attributes_of_the_session_hold_for_all_sections():
    offer = parse_description(minimal())
    assert offer.ice == IceCredentials("abcd", "p" * 22)
    assert offer.fingerprints[0].value == "AB:CD"
    assert offer.sections[0].direction is Direction.SENDRECV


def test_rtx_sources_are_paired_and_not_taken_for_media():
    video = parse_description(
        minimal(
            "a=rtpmap:96 VP8/90000",
            "a=rtpmap:97 rtx/90000",
            "a=fmtp:97 apt=96",
            "a=ssrc-group:FID 11 12",
            "a=ssrc:11 cname:x",
            "a=ssrc:12 cname:x",
            "a=ssrc:99999999999 cname:x",
            media="m=video 9 UDP/TLS/RTP/SAVPF 96 97",
        )
    ).sections[0]
    assert video.ssrcs == (11,)
    assert video.rtx_ssrcs == ((11, 12),)
    assert video.codecs[0].rtx_payload_type == 97


def test_what_this_server_does_not_speak_is_rejected_and_not_an_error():
    for media in (
        "m=video 9 UDP/TLS/RTP/SAVPF 98",
        "m=text 9 UDP/TLS/RTP/SAVPF 98",
        "m=audio 0 UDP/TLS/RTP/SAVPF 111",
    ):
        section = parse_description(minimal(media=media)).sections[0]
        assert section.rejected or section.kind is None


def test_unknown_lines_and_odd_numbers_are_passed_over():
    section = parse_description(
        minimal(
            "a=whatever:x",
            "b=AS:1",
            "a=rtpmap:111",
            f"a=rtpmap:{'9' * 5000} opus/48000/2",
            f"a=extmap:{'9' * 5000} urn:ietf:params:rtp-hdrext:sdes:mid",
            "a=extmap:15 urn:ietf:params:rtp-hdrext:sdes:mid",
            "a=extmap:3/sendonly urn:ietf:params:rtp-hdrext:sdes:mid attributes=1",
            f"a=ssrc:{'9' * 5000} cname:x",
            "a=ssrc:",
            "a=simulcast:recv 1;2",
            "a=msid:alone",
        )
    ).sections[0]
    assert len(section.codecs) == 1
    assert section.extensions == ((3, "urn:ietf:params:rtp-hdrext:sdes:mid"),)
    assert (section.ssrcs, section.rids, section.msid) == ((), (), None)


def test_only_announced_rids_count_and_alternatives_once():
    section = parse_description(
        minimal("a=rid:a send", "a=rid:b send", "a=rid:c recv", "a=simulcast:send ~a,b;b;c;d recv x")
    ).sections[0]
    assert section.rids == ("a", "b")


def test_rids_that_are_too_long_or_too_many_are_not_read():
    fits, long = "r" * limits.RID_MAX_CHARS, "r" * (limits.RID_MAX_CHARS + 1)
    names = [long, fits, *(f"r{number}" for number in range(limits.LAYERS_MAX))]
    section = parse_description(
        minimal(*(f"a=rid:{name} send" for name in names), f"a=simulcast:send {';'.join(names)}")
    ).sections[0]
    assert section.rids == tuple(names[1 : limits.LAYERS_MAX + 1])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "begins with v=0"),
        ("hello", "begins with v=0"),
        ("\x00\xff" * 50, "begins with v=0"),
        ("v=0\r\n", "no section"),
        (minimal(media="m=audio"), "m=<media>"),
        (minimal(media="m=audio nine UDP/TLS/RTP/SAVPF 111"), "m=<media>"),
        (minimal(mid=""), "mid"),
        (minimal(mid="x" * 33), "mid"),
        (minimal("m=audio 9 UDP/TLS/RTP/SAVPF 111", "a=mid:0"), "same mid"),
        (minimal().replace("a=ice-pwd", "a=other"), "no ICE credentials"),
        (minimal().replace("p" * 22, "p" * 21), "wrong length"),
        (minimal().replace("a=fingerprint:sha-256", "a=fingerprint:md5"), "fingerprint"),
        (minimal(*["a=x"] * (limits.SDP_LINES_PER_SECTION_MAX + 1)), "lines"),
        (minimal(*[f"m=audio 9 X 1\r\na=mid:m{n}" for n in range(limits.SDP_SECTIONS_MAX)]), "sections"),
        ("v=0" + "x" * limits.SDP_MAX, "characters"),
    ],
)
def test_what_is_no_offer_is_refused_with_a_text(text, complaint):
    with pytest.raises(SdpError, match=complaint):
        parse_description(text)


@pytest.mark.parametrize("seed", range(20))
def test_damaged_offers_are_read_or_refused_and_nothing_else(seed):
    chance = random.Random(seed)
    lines = recorded(chance.choice(OFFERS)).splitlines()
    for _ in range(40):
        damaged = list(lines)
        for _ in range(chance.randint(1, 6)):
            index = chance.randrange(len(damaged))
            line = damaged[index]
            what = chance.randrange(4)
            if what == 0:
                del damaged[index]
            elif what == 1:
                damaged[index] = line[: chance.randrange(len(line) + 1)]
            elif what == 2:
                at = chance.randrange(len(line) + 1)
                damaged[index] = line[:at] + chance.choice("\x00 :;=/,~é٣9") * 3 + line[at:]
            else:
                damaged.insert(index, chance.choice(lines))
        with contextlib.suppress(SdpError):
            parse_description("\r\n".join(damaged))
