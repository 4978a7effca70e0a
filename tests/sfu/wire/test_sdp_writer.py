# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Answers and our own offers: read back by another parser, compared with the offer."""

from pathlib import Path

import pytest
from aiortc.sdp import SessionDescription

from sfu.core.formats import CARRIED
from sfu.core.media import Candidate, Fingerprint, IceCredentials, Kind
from sfu.core.media_description import EXTENSION_URIS, Direction
from sfu.core.messages import Answer, ServerOffer
from sfu.core.negotiation import Negotiation, Sending
from sfu.core.reach import reach
from sfu.core.server_offers import ServerOffers
from sfu.wire.sdp import parse_description
from sfu.wire.sdp_writer import render

RECORDED = Path(__file__).parents[2] / "fixtures" / "sdp"
OFFERS = sorted(path.name for path in RECORDED.glob("*offer.sdp"))
FINGERPRINT = Fingerprint("sha-256", "AB:" * 31 + "CD")
CANDIDATES = [Candidate("127.0.0.1", 7882), Candidate("192.0.2.1", 7882)]
OPUS = "minptime=10;useinbandfec=1;usedtx=1"


def answered(name, opus=OPUS, candidates=CANDIDATES):
    offer = parse_description((RECORDED / name).read_text())
    numbers = iter(range(100, 200))
    negotiation = Negotiation(lambda: next(numbers))
    negotiation.send(Sending("TR_AMbob", Kind.AUDIO, "audio/opus", "PA_bob|TR_AMbob"))
    negotiation.send(Sending("TR_VCbob", Kind.VIDEO, "video/VP8", "PA_bob|TR_VCbob"))
    result = negotiation.answer(offer, lambda section: f"TR_{section.mid}")
    answer = Answer(3, tuple(result.sections), IceCredentials("ours", "s" * 32), opus, tuple(result.tracks))
    return render(answer, FINGERPRINT, candidates)


def sections(text):
    return [part.split("\r\n") for part in text.split("\r\nm=")[1:]]


@pytest.mark.parametrize("name", OFFERS)
def test_another_parser_reads_the_same_sections_in_the_same_order(name):
    offer = SessionDescription.parse((RECORDED / name).read_text())
    answer = SessionDescription.parse(answered(name))
    assert [(media.kind, media.rtp.muxId) for media in answer.media] == [
        (media.kind, media.rtp.muxId) for media in offer.media
    ]
    for media in answer.media:
        assert (media.ice.usernameFragment, media.ice.password) == ("ours", "s" * 32)
        assert media.ice.iceLite
        assert media.dtls.role == "server"
        assert media.dtls.fingerprints[0].value == FINGERPRINT.value
        assert media.kind == "application" or media.rtcp_mux
    assert {candidate.ip for candidate in answer.media[0].ice_candidates} == {"127.0.0.1", "192.0.2.1"}
    assert answer.media[0].ice_candidates_complete
    assert answer.group[0].items == [media.rtp.muxId for media in answer.media]


def test_every_candidate_by_udp_is_preferred_to_any_by_tcp():
    answer = answered(OFFERS[0], candidates=reach(["2001:db8::1", "192.0.2.1"]).candidates(7882, tcp=True))
    [section] = [part for part in sections(answer) if any(line.startswith("a=candidate:") for line in part)]
    lines = [line.split() for line in section if line.startswith("a=candidate:")]
    assert [(words[2], words[4], words[5], words[7:]) for words in lines] == [
        ("udp", "2001:db8::1", "7882", ["host"]),
        ("udp", "192.0.2.1", "7882", ["host"]),
        ("tcp", "2001:db8::1", "7882", ["host", "tcptype", "passive"]),
        ("tcp", "192.0.2.1", "7882", ["host", "tcptype", "passive"]),
    ]
    priorities = [int(words[3]) for words in lines]
    assert priorities == sorted(set(priorities), reverse=True)
    assert len({words[0] for words in lines}) == len(lines)


@pytest.mark.parametrize("name", OFFERS)
def test_codecs_keep_the_offered_numbers_and_one_set_of_parameters(name):
    parameters = {}
    for part in sections(answered(name)):
        if part[0].startswith("audio"):
            assert part[0].split()[3:] == ["111", "63"]
        elif part[0].startswith("video"):
            assert part[0].split()[3:5] == ["96", "97"]
        for line in part:
            if line.startswith("a=fmtp:"):
                number, _, value = line[7:].partition(" ")
                parameters.setdefault(number, set()).add(value)
    assert all(len(values) == 1 for values in parameters.values())
    assert (parameters["111"], parameters["63"], parameters["97"]) == ({OPUS}, {"111/111"}, {"apt=96"})
    assert not any("x-google" in value for values in parameters.values() for value in values)


def test_every_extension_that_may_be_needed_is_accepted_with_the_offered_id():
    offer = (RECORDED / "js-2.22.3-join-offer.sdp").read_text()
    wanted = {line for line in offer.splitlines() if line.startswith("a=extmap:")}
    wanted = {line for line in wanted if line.split()[1] in EXTENSION_URIS}
    accepted = {line for line in answered("js-2.22.3-join-offer.sdp").splitlines() if "extmap:" in line}
    assert accepted == wanted
    assert len(accepted) >= 8


def test_congestion_feedback_is_accepted_in_both_forms():
    text = answered("js-2.22.3-third-offer.sdp")
    assert {"a=rtcp-fb:96 goog-remb", "a=rtcp-fb:96 transport-cc", "a=rtcp-fb:111 transport-cc"} <= set(
        text.splitlines()
    )


def test_a_sent_track_names_its_participant_and_its_sources():
    text = answered("js-2.22.3-join-offer.sdp")
    video = next(part for part in sections(text) if "a=mid:3" in part)
    assert "a=sendonly" in video
    assert "a=msid:PA_bob|TR_VCbob TR_VCbob" in video
    group = next(line for line in video if line.startswith("a=ssrc-group:FID "))
    media, rtx = group.split()[1:]
    assert media != rtx
    assert {line.split()[0] for line in video if line.startswith("a=ssrc:")} == {
        f"a=ssrc:{media}",
        f"a=ssrc:{rtx}",
    }


def test_simulcast_is_accepted_layer_by_layer():
    text = answered("js-2.22.3-third-offer.sdp")
    camera = next(part for part in sections(text) if "a=mid:8" in part)
    assert "a=recvonly" in camera
    assert [line for line in camera if line.startswith(("a=rid", "a=simulcast"))] == [
        "a=rid:q recv",
        "a=rid:h recv",
        "a=rid:f recv",
        "a=simulcast:recv q;h;f",
    ]


def test_refused_sections_keep_their_place_and_stay_out_of_the_bundle():
    offer = (RECORDED / "js-2.22.3-join-offer.sdp").read_text()
    refused = offer.replace("m=audio 9 ", "m=audio 0 ", 1)
    numbers = iter(range(100, 200))
    result = Negotiation(lambda: next(numbers)).answer(parse_description(refused), lambda _section: None)
    answer = Answer(1, tuple(result.sections), IceCredentials("ours", "s" * 32), OPUS, ())
    text = render(answer, FINGERPRINT, CANDIDATES)
    parts = sections(text)
    assert len(parts) == 7
    assert parts[0][0].split()[1] == "0"
    assert "a=group:BUNDLE 1 2 3 4 5 6" in text
    assert any(line.startswith("a=candidate") for line in parts[1])


def test_data_channels_have_a_port_and_a_size():
    data = next(part for part in sections(answered(OFFERS[0])) if part[0].startswith("application"))
    assert data[0].split()[2:] == ["UDP/DTLS/SCTP", "webrtc-datachannel"]
    assert {"a=sctp-port:5000", "a=max-message-size:65535"} <= set(data)


def offered():
    """An offer of ours with a track of each kind."""
    numbers = iter(range(100, 200))
    offers = ServerOffers(lambda: next(numbers), CARRIED, at_once=True)
    offers.send(Sending("TR_A", Kind.AUDIO, "audio/opus", "PA_bob|TR_A"))
    offers.send(Sending("TR_V", Kind.VIDEO, "video/VP8", "PA_bob|TR_V"))
    offer = offers.offer()
    return render(
        ServerOffer(offer.id, offer.sections, IceCredentials("ours", "s" * 32), OPUS, offer.tracks),
        FINGERPRINT,
        CANDIDATES,
    )


def test_another_parser_reads_our_own_offer():
    text = offered()
    read = SessionDescription.parse(text)
    assert [(media.kind, media.rtp.muxId, media.direction) for media in read.media] == [
        ("application", "0", None),
        ("audio", "1", "sendonly"),
        ("video", "2", "sendonly"),
    ]
    assert [media.msid for media in read.media[1:]] == ["PA_bob|TR_A TR_A", "PA_bob|TR_V TR_V"]
    assert all(media.dtls.role == "auto" and media.ice.iceLite for media in read.media)
    video = read.media[2]
    assert [codec.name for codec in video.rtp.codecs if codec.payloadType in {96, 97}] == ["VP8", "rtx"]
    assert [group.items for group in video.ssrc_group] == [[101, 102]]
    assert {ssrc.ssrc for ssrc in video.ssrc} == {101, 102}


def test_what_we_offer_we_can_read_in_an_answer():
    text = offered()
    sections = parse_description(text.replace("a=sendonly", "a=recvonly")).sections
    assert [section.direction for section in sections[1:]] == [Direction.RECVONLY, Direction.RECVONLY]
    assert {codec.mime for section in sections for codec in section.codecs} == set(CARRIED)
    assert {uri for section in sections for _, uri in section.extensions} <= EXTENSION_URIS
