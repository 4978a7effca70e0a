# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What a bot finishes that its predecessor left half done."""

from bots.captions.leftover import left_behind

BORN_MS = 1_700_000_100_000


def found(stored, posted=(), agreed=lambda user: True):
    return left_behind(stored, posted, agreed, BORN_MS)


def test_a_line_in_the_middle_of_which_it_died_is_final_as_far_as_it_was_shown(segment):
    line = segment(text="je voulais encore", stable_chars=3, final=False, rev=4)
    (ended,) = found([line]).broken
    assert (ended.id, ended.text, ended.stable_chars, ended.final, ended.rev) == (line.id, line.text, 17, True, 5)


def test_of_somebody_who_withdrew_meanwhile_it_is_taken_back(segment):
    (ended,) = found([segment(final=False)], agreed=lambda user: False).broken
    assert (ended.text, ended.final) == ("", True)


def test_the_room_gets_the_stored_lines_that_it_lacks_and_none_twice(segment):
    lines = [segment(number) for number in range(4)]
    left = found(lines, posted=[lines[0], lines[2]])
    assert left.unposted == (lines[1], lines[3])
    assert left.broken == ()


def test_a_line_that_somebody_removed_from_the_room_long_ago_stays_away(segment):
    lines = [segment(0), segment(30)]
    assert found(lines, posted=[lines[1]]).unposted == ()
    assert found(lines).unposted == tuple(lines), "in an empty thread nothing was removed"


def test_what_this_process_heard_itself_is_in_good_hands(segment):
    own = segment(start_ms=BORN_MS, end_ms=BORN_MS + 900)
    for final in (True, False):
        left = found([segment(start_ms=own.start_ms, end_ms=own.end_ms, final=final)])
        assert (left.unposted, left.broken) == ((), ())
