# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Sections of one participant: filled, freed, used again, asked for."""

from sfu.core.media import Kind
from sfu.core.media_description import Direction
from sfu.core.negotiation import Negotiation, Sending

AUDIO, VIDEO = Kind.AUDIO, Kind.VIDEO


def fresh():
    numbers = iter(range(1, 1000))
    return Negotiation(lambda: next(numbers))


def sending(sid, kind=AUDIO):
    return Sending(sid, kind, "audio/opus" if kind is AUDIO else "video/VP8", f"PA_x|{sid}")


def nobody(_section):
    return None


def test_a_waiting_track_takes_the_first_free_section_of_its_kind(make_section, make_session):
    negotiation = fresh()
    negotiation.send(sending("TR_V", VIDEO))
    offer = make_session([make_section(0, AUDIO), make_section(1, VIDEO), make_section(2, VIDEO)])
    result = negotiation.answer(offer, nobody)
    assert result.tracks == [("1", "TR_V")]
    directions = [section.direction for section in result.sections]
    assert directions == [Direction.INACTIVE, Direction.SENDONLY, Direction.INACTIVE]
    assert result.sections[1].sent.stream_id == "PA_x|TR_V"
    assert result.sections[1].sent.rtx_ssrc != result.sections[1].sent.ssrc


def test_nothing_is_asked_for_before_the_first_offer(make_section, make_session):
    negotiation = fresh()
    negotiation.send(sending("TR_1"))
    assert negotiation.wanted() is None
    assert negotiation.answer(make_session([make_section(0, AUDIO)]), nobody).tracks == [("0", "TR_1")]
    assert negotiation.wanted() is None


def test_missing_sections_are_asked_for_once(make_section, make_session):
    negotiation = fresh()
    negotiation.answer(make_session([make_section(0, AUDIO)]), nobody)
    for number in range(3):
        negotiation.send(sending(f"TR_{number}"))
    assert negotiation.wanted() == (2, 0)
    assert negotiation.wanted() is None
    assert negotiation.offer_due


def test_a_crossing_offer_without_the_new_sections_leaves_the_request_open(make_section, make_session):
    negotiation = fresh()
    sections = [make_section(0, AUDIO)]
    negotiation.answer(make_session(sections), nobody)
    negotiation.send(sending("TR_1"))
    negotiation.send(sending("TR_2"))
    assert negotiation.wanted() == (1, 0)
    assert negotiation.answer(make_session(sections), nobody).tracks == [("0", "TR_1")]
    assert negotiation.offer_due
    assert negotiation.wanted() is None
    sections.append(make_section(1, AUDIO))
    assert negotiation.answer(make_session(sections), nobody).tracks == [("0", "TR_1"), ("1", "TR_2")]
    assert not negotiation.offer_due


def test_only_the_difference_is_asked_for_while_sections_are_under_way(make_section, make_session):
    negotiation = fresh()
    negotiation.answer(make_session([make_section(0, AUDIO)]), nobody)
    negotiation.send(sending("TR_1"))
    negotiation.send(sending("TR_2"))
    assert negotiation.wanted() == (1, 0)
    negotiation.send(sending("TR_3"))
    negotiation.send(sending("TR_V", VIDEO))
    assert negotiation.wanted() == (1, 1)


def test_a_freed_section_is_inactive_once_before_it_carries_another_track(make_section, make_session):
    negotiation = fresh()
    negotiation.send(sending("TR_1"))
    offer = make_session([make_section(0, AUDIO)])
    first = negotiation.answer(offer, nobody)
    assert negotiation.stop("TR_1")
    negotiation.send(sending("TR_2"))
    assert negotiation.wanted() == (0, 0)
    between = negotiation.answer(offer, nobody)
    assert between.sections[0].direction is Direction.INACTIVE
    assert between.tracks == []
    assert negotiation.wanted() == (0, 0)
    last = negotiation.answer(offer, nobody)
    assert last.tracks == [("0", "TR_2")]
    assert last.sections[0].sent.ssrc != first.sections[0].sent.ssrc


def test_unsubscribing_alone_asks_for_an_offer_without_new_sections(make_section, make_session):
    negotiation = fresh()
    negotiation.send(sending("TR_1"))
    offer = make_session([make_section(0, AUDIO)])
    negotiation.answer(offer, nobody)
    negotiation.stop("TR_1")
    assert negotiation.wanted() == (0, 0)
    negotiation.answer(offer, nobody)
    assert negotiation.wanted() is None


def test_a_track_whose_section_the_client_rejects_waits_for_another(make_section, make_session):
    negotiation = fresh()
    negotiation.send(sending("TR_1"))
    negotiation.answer(make_session([make_section(0, AUDIO)]), nobody)
    result = negotiation.answer(make_session([make_section(0, AUDIO, rejected=True)]), nobody)
    assert result.stopped == ["TR_1"]
    assert negotiation.wanted() == (1, 0)
    again = negotiation.answer(make_session([make_section(0, AUDIO, rejected=True), make_section(1, AUDIO)]), nobody)
    assert again.tracks == [("1", "TR_1")]


def test_a_section_without_our_codec_is_not_given_a_track(make_section, make_session):
    negotiation = fresh()
    negotiation.send(sending("TR_V", VIDEO))
    offer = make_session([make_section(0, VIDEO, codecs=()), make_section(1, VIDEO)])
    assert negotiation.answer(offer, nobody).tracks == [("1", "TR_V")]


def test_a_client_track_is_taken_in_once_and_ends_with_its_direction(make_section, make_session):
    negotiation = fresh()
    sends = make_session([make_section(0, AUDIO, cid="mic")])
    first = negotiation.answer(sends, lambda _section: "TR_mine")
    assert [sid for sid, _ in first.taken_in] == ["TR_mine"]
    assert first.sections[0].direction is Direction.RECVONLY
    again = negotiation.answer(sends, nobody)
    assert (again.taken_in, again.ended) == ([], [])
    stopped = make_session([make_section(0, AUDIO, Direction.INACTIVE)])
    assert negotiation.answer(stopped, nobody).ended == ["TR_mine"]


def test_a_section_used_for_another_client_track_ends_the_first(make_section, make_session):
    negotiation = fresh()
    negotiation.answer(make_session([make_section(0, AUDIO, cid="one")]), lambda _section: "TR_1")
    result = negotiation.answer(make_session([make_section(0, AUDIO, cid="two")]), lambda _section: "TR_2")
    assert result.ended == ["TR_1"]
    assert [sid for sid, _ in result.taken_in] == ["TR_2"]


def test_a_track_offered_before_it_was_announced_leads_to_another_offer(make_section, make_session):
    negotiation = fresh()
    offer = make_session([make_section(0, AUDIO, cid="early")])
    result = negotiation.answer(offer, nobody)
    assert result.sections[0].direction is Direction.INACTIVE
    assert negotiation.wanted() is None
    negotiation.announced(frozenset({"early"}))
    assert negotiation.wanted() == (0, 0)
    assert negotiation.answer(offer, lambda _section: "TR_1").taken_in[0][0] == "TR_1"
    assert negotiation.wanted() is None


def test_a_section_whose_track_ended_is_given_back_for_use_again_except_the_first(make_section, make_session):
    negotiation = fresh()
    ended = [make_section(mid, AUDIO, Direction.INACTIVE) for mid in range(2)]
    assert [section.rejected for section in negotiation.answer(make_session(ended), nobody).sections] == [False, True]
