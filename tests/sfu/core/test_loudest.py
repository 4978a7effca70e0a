# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The few loudest are sent on, from their first word to the end of their last."""

import random

from sfu.core.loudest import AUDIBLE, MARGIN_DB, SILENT_S, Loudest
from sfu.core.media import TrackSid

ANN, BEN, CAT = TrackSid("TR_a"), TrackSid("TR_b"), TrackSid("TR_c")
NOISE = 80


def test_the_first_loud_packet_of_a_new_speaker_is_sent_on() -> None:
    room = Loudest(2)
    assert not room.passes(ANN, NOISE, 0.0)
    assert room.passes(ANN, AUDIBLE - 1, 0.02)
    assert room.passes(BEN, 30, 0.02)
    assert room.passes(ANN, NOISE, 0.04)  # a pause is no reason to lose the seat


def test_nobody_is_held_back_without_a_limit_or_without_levels() -> None:
    assert all(Loudest(0).passes(track, 127, 0.0) for track in (ANN, BEN, CAT))
    assert all(Loudest(1).passes(track, -1, 0.0) for track in (ANN, BEN, CAT))


def test_a_newcomer_takes_the_seat_of_somebody_silent_or_clearly_quieter() -> None:
    room = Loudest(1)
    assert room.passes(ANN, 40, 0.0)
    assert not room.passes(BEN, 40 - MARGIN_DB + 1, 0.02)
    assert room.passes(BEN, 40 - MARGIN_DB, 0.04)
    assert not room.passes(ANN, 40, 0.06)
    assert room.passes(BEN, NOISE, 0.08)
    assert room.passes(ANN, 45, 0.10)
    assert not room.passes(CAT, 45, 0.12)
    assert room.passes(CAT, 45, 0.14 + SILENT_S)  # nothing came of ann


def test_of_several_silent_ones_the_one_that_spoke_last_keeps_its_seat() -> None:
    room = Loudest(2)
    for number, track in enumerate((ANN, BEN)):
        assert room.passes(track, 20, number * 0.02)
        assert room.passes(track, NOISE, 0.04)
    assert room.passes(CAT, 49, 0.06)
    assert room.passes(BEN, NOISE, 0.08)
    assert not room.passes(ANN, NOISE, 0.08)


def test_two_equal_voices_do_not_take_turns() -> None:
    chance, room = random.Random(5), Loudest(1)
    owners = {
        track
        for number in range(1000)
        for track in (ANN, BEN)
        if room.passes(track, 30 + chance.randrange(-2, 3), number * 0.02)
    }
    assert owners == {ANN}


def test_a_track_that_ends_leaves_its_seat_to_the_next() -> None:
    room = Loudest(1)
    assert room.passes(ANN, 20, 0.0)
    assert not room.passes(BEN, 30, 0.1)
    room.forget(ANN)
    assert room.passes(BEN, 30, 0.2)


def test_no_more_than_the_seats_are_ever_taken() -> None:
    chance, room = random.Random(6), Loudest(3)
    for number in range(5000):
        room.passes(TrackSid(f"TR_{chance.randrange(50)}"), chance.randrange(128), number * 0.001)
        assert len(room._voices) <= 3
