# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Sections of our own offers: filled, freed, used again; offers one at a time."""

import pytest

from sfu.core import limits, server_offers
from sfu.core.formats import CARRIED, OPUS, VP8
from sfu.core.media import Kind
from sfu.core.media_description import Direction
from sfu.core.negotiation import Sending
from sfu.core.server_offers import TABLE, Happening, ServerOffers, Stage

AUDIO, VIDEO = Kind.AUDIO, Kind.VIDEO


def fresh(*, at_once=True):
    numbers = iter(range(1, 10_000))
    return ServerOffers(lambda: next(numbers), CARRIED, at_once=at_once)


def sending(sid, kind=AUDIO):
    return Sending(sid, kind, OPUS if kind is AUDIO else VP8, f"PA_x|{sid}")


@pytest.fixture
def reply(make_answered, make_session):
    """Answer an offer as a client that takes everything, but for the sections given by mid."""

    def answer(offers, offer, **changes):
        sections = [changes.get(f"mid{own.offered.mid}") or make_answered(own) for own in offer.sections]
        return offers.answer(offer.id, make_session(sections))

    return answer


def directions(offer):
    return [section.direction for section in offer.sections[1:]]


def test_the_first_offer_has_the_section_of_data_channels_and_nothing_else():
    offer = fresh().offer()
    assert (offer.id, offer.tracks) == (1, ())
    (data,) = offer.sections
    assert data.offered.is_data
    assert data.direction is Direction.SENDRECV


def test_whoever_may_not_subscribe_is_offered_nothing_before_there_is_a_track():
    offers = fresh(at_once=False)
    assert offers.offer() is None
    offers.send(sending("TR_1"))
    assert offers.offer().tracks == (("1", "TR_1"),)


def test_a_track_is_offered_and_begins_with_the_answer(reply):
    offers = fresh()
    offers.send(sending("TR_A"))
    offers.send(sending("TR_V", VIDEO))
    offer = offers.offer()
    assert offer.tracks == (("1", "TR_A"), ("2", "TR_V"))
    sent = offer.sections[2].sent
    assert (sent.stream_id, sent.track_id) == ("PA_x|TR_V", "TR_V")
    assert 0 not in {sent.ssrc, sent.rtx_ssrc}
    started = reply(offers, offer).started
    assert [(start.track, start.section.mid) for start in started] == [("TR_A", "1"), ("TR_V", "2")]
    assert started[1].sent == sent
    assert offers.offer() is None


def test_changes_while_an_offer_is_out_are_in_one_offer_after_the_answer(reply):
    offers = fresh()
    first = offers.offer()
    for number in range(3):
        offers.send(sending(f"TR_{number}"))
        assert offers.offer() is None
    assert offers.stop("TR_1") is False
    assert reply(offers, first).started == []
    second = offers.offer()
    assert (second.id, second.tracks) == (2, (("1", "TR_0"), ("2", "TR_2")))


def test_only_the_outstanding_offer_can_be_answered(reply, make_session, make_answered):
    offers = fresh()
    first = offers.offer()
    answer = make_session([make_answered(own) for own in first.sections])
    assert offers.answer(7, answer) is None
    assert offers.answer_due
    assert offers.answer(1, answer) is not None
    assert offers.answer(1, answer) is None
    offers.send(sending("TR_1"))
    second = offers.offer()
    unnumbered = make_session([make_answered(own) for own in second.sections])
    assert [start.track for start in offers.answer(0, unnumbered).started] == ["TR_1"]


def test_a_freed_section_is_offered_inactive_once_and_then_used_again(reply):
    offers = fresh()
    offers.send(sending("TR_1"))
    first = offers.offer()
    reply(offers, first)
    assert offers.stop("TR_1") is True
    between = offers.offer()
    assert (directions(between), between.tracks) == ([Direction.INACTIVE], ())
    assert between.sections[1].sent is None
    assert reply(offers, between).started == []
    offers.send(sending("TR_2"))
    last = offers.offer()
    assert last.tracks == (("1", "TR_2"),)
    assert last.sections[1].sent.ssrc != first.sections[1].sent.ssrc
    assert [start.track for start in reply(offers, last).started] == ["TR_2"]


def test_a_track_that_comes_as_another_goes_has_a_section_of_its_own(reply):
    offers = fresh()
    offers.send(sending("TR_1"))
    reply(offers, offers.offer())
    offers.stop("TR_1")
    offers.send(sending("TR_2"))
    offer = offers.offer()
    assert directions(offer) == [Direction.INACTIVE, Direction.SENDONLY]
    assert offer.tracks == (("2", "TR_2"),)


def test_a_track_that_goes_while_its_offer_is_out_never_begins(reply):
    offers = fresh()
    offers.send(sending("TR_1"))
    offer = offers.offer()
    assert offers.stop("TR_1") is True
    assert reply(offers, offer).started == []
    assert directions(offers.offer()) == [Direction.INACTIVE]


def test_a_track_begins_once_however_often_it_is_offered(reply):
    offers = fresh()
    offers.send(sending("TR_1"))
    reply(offers, offers.offer())
    offers.send(sending("TR_2"))
    assert [start.track for start in reply(offers, offers.offer()).started] == ["TR_2"]


def test_a_track_begins_again_when_the_client_takes_it_in_otherwise(reply, make_answered):
    offers = fresh()
    offers.send(sending("TR_V", VIDEO))
    reply(offers, offers.offer())
    offers.restart()
    offer = offers.offer()
    fewer = make_answered(offer.sections[1], extensions=())
    (again,) = reply(offers, offer, mid1=fewer).started
    assert again.section.extensions == ()


def test_without_rtx_in_the_answer_nothing_is_sent_as_rtx(reply, make_answered, make_section):
    offers = fresh()
    offers.send(sending("TR_V", VIDEO))
    offer = offers.offer()
    plain = tuple(codec for codec in make_section(1, VIDEO).codecs)
    without = tuple(type(codec)(codec.payload_type, codec.mime, codec.clock_rate) for codec in plain)
    (started,) = reply(offers, offer, mid1=make_answered(offer.sections[1], codecs=without)).started
    assert started.sent.rtx_ssrc == 0
    assert started.sent.ssrc == offer.sections[1].sent.ssrc


def test_a_track_in_a_codec_that_the_client_leaves_out_is_refused_and_its_section_freed(reply, make_answered):
    offers = fresh()
    offers.send(sending("TR_V", VIDEO))
    offer = offers.offer()
    others = tuple(codec for codec in offer.sections[1].offered.codecs if codec.mime != VP8)
    result = reply(offers, offer, mid1=make_answered(offer.sections[1], codecs=others))
    assert (result.started, result.refused) == ([], ["TR_V"])
    assert not offers.reads(VP8)
    assert offers.reads(OPUS)
    following = offers.offer()
    assert directions(following) == [Direction.INACTIVE]
    reply(offers, following)
    offers.send(sending("TR_W", VIDEO))
    assert offers.offer().tracks == (("1", "TR_W"),)


def test_a_section_that_the_client_rejects_stays_rejected(reply, make_answered):
    offers = fresh()
    offers.send(sending("TR_1"))
    offer = offers.offer()
    result = reply(offers, offer, mid1=make_answered(offer.sections[1], rejected=True))
    assert result.refused == ["TR_1"]
    offers.send(sending("TR_2"))
    following = offers.offer()
    assert [section.rejected for section in following.sections] == [False, True, False]
    assert following.tracks == (("2", "TR_2"),)


def test_after_a_restart_everything_is_offered_anew_and_older_answers_count_no_more(reply):
    offers = fresh()
    offers.send(sending("TR_1"))
    lost = offers.offer()
    offers.restart()
    again = offers.offer()
    assert (again.id, again.tracks) == (2, lost.tracks)
    assert reply(offers, lost) is None
    assert [start.track for start in reply(offers, again).started] == ["TR_1"]


def test_sections_have_a_limit_and_tracks_beyond_it_wait(reply, monkeypatch):
    monkeypatch.setattr(limits, "SDP_SECTIONS_MAX", 3)
    offers = fresh()
    for number in range(4):
        offers.send(sending(f"TR_{number}"))
    first = offers.offer()
    assert first.tracks == (("1", "TR_0"), ("2", "TR_1"))
    reply(offers, first)
    assert offers.offer() is None
    offers.stop("TR_0")
    reply(offers, offers.offer())
    assert offers.offer().tracks == (("1", "TR_2"), ("2", "TR_1"))


def test_only_codecs_that_the_room_allows_are_offered():
    offers = ServerOffers(lambda: 1, (VP8, OPUS), at_once=True)
    offers.send(sending("TR_V", VIDEO))
    assert {codec.mime for codec in offers.offer().sections[1].offered.codecs} == {VP8}


@pytest.mark.parametrize("stage", Stage)
def test_an_offer_is_out_only_in_the_stages_that_wait_for_an_answer(stage):
    waiting = {Stage.OFFERED, Stage.STALE}
    assert ((stage, Happening.ANSWER) in TABLE) == (stage in waiting)
    assert ((stage, Happening.OFFER) in TABLE) == (stage is Stage.DUE)
    assert TABLE[stage, Happening.RESTART] is Stage.DUE
    assert TABLE[stage, Happening.CHANGED] is (Stage.STALE if stage in waiting else Stage.DUE)


def test_numbers_of_the_offered_codecs_and_extensions_mean_one_thing_each():
    for kind in Kind:
        codecs = server_offers.CODECS[kind]
        numbers = [number for codec in codecs for number in (codec.payload_type, codec.rtx_payload_type) if number]
        assert len(numbers) == len(set(numbers))
    names = {}
    for kind in Kind:
        for number, uri in server_offers.EXTENSIONS[kind]:
            assert names.setdefault(number, uri) == uri
    assert len(set(names.values())) == len(names)
