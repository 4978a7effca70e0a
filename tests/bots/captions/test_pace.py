# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the room gets, and when."""

import json
from itertools import pairwise

import pytest

from bots.captions.pace import MAX_EVENTS, POST_INTERVAL_S, Change, Pace, Post
from bots.captions.thread import MAX_LINE_CHARS, caption_event, changed_event

MATRIX_MAX_EVENT = 65_536


@pytest.fixture
def pace():
    return Pace()


def stand(pace, *segments, event_id="$1", now=0.0):
    """Let these lines stand in the room."""
    for segment in segments:
        pace.put(segment)
    assert pace.take(now) == Post(segments)
    pace.done(event_id)


def test_the_first_line_goes_at_once_and_what_comes_in_the_next_five_seconds_goes_together(pace, segment):
    stand(pace, segment(1))
    pace.put(segment(3))
    pace.put(segment(2))
    assert pace.due_in(1.0) == POST_INTERVAL_S - 1.0
    assert pace.due_in(POST_INTERVAL_S) == 0.0
    assert pace.take(POST_INTERVAL_S) == Post((segment(2), segment(3))), "in the order in which it was said"
    pace.done("$2")
    assert pace.due_in(POST_INTERVAL_S) is None
    assert pace.idle


def test_in_ten_minutes_of_talk_and_corrections_no_two_events_are_closer_than_five_seconds(pace, segment):
    sent, now = [], 0.0
    for step in range(6000):
        now = step / 10
        if step % 13 == 0:
            pace.put(segment(step))
        if step % 31 == 0 and step > 130:
            pace.put(segment((step - 100) // 13 * 13, text="corrigé", rev=9))
        if pace.due_in(now) == 0:
            sent.append((now, pace.take(now)))
            pace.done(f"${step}")
    assert all(later - earlier >= POST_INTERVAL_S - 1e-9 for (earlier, _), (later, _) in pairwise(sent))
    kinds = {type(what) for _, what in sent}
    assert kinds == {Post, Change}
    posted = [entry.id for _, what in sent if isinstance(what, Post) for entry in what.segments]
    assert len(posted) == len(set(posted)) >= 455


def test_a_line_that_was_taken_back_before_it_went_out_never_does(pace, segment):
    pace.put(segment(1))
    pace.put(segment(1, text="", rev=2))
    pace.put(segment(2, text=""))
    assert pace.due_in(0.0) is None


def test_a_newer_revision_takes_the_waiting_ones_place(pace, segment):
    pace.put(segment(1, rev=2))
    pace.put(segment(1, rev=3, text="mieux"))
    pace.put(segment(1, rev=1, text="pire"))
    assert pace.take(0.0) == Post((segment(1, rev=3, text="mieux"),))


def test_a_correction_changes_the_event_that_holds_the_line(pace, segment):
    stand(pace, segment(1), segment(2))
    better = segment(2, rev=7, text="corrigée")
    pace.put(better)
    assert pace.take(5.0) == Change("$1", (segment(1), better), (better,))
    pace.done("$2")
    assert pace.idle


def test_corrections_of_one_event_go_in_one_change(pace, segment):
    stand(pace, segment(1), segment(2))
    for rev in (2, 3):
        pace.put(segment(1, rev=rev, text=f"un {rev}"))
    pace.put(segment(2, rev=2, display_name="Jean"))
    newest = (segment(1, rev=3, text="un 3"), segment(2, rev=2, display_name="Jean"))
    assert pace.take(5.0) == Change("$1", newest, newest)
    pace.done("$2")
    assert pace.idle


def test_an_old_revision_or_the_same_words_change_nothing(pace, segment):
    stand(pace, segment(1, rev=5))
    pace.put(segment(1, rev=4, text="vieux"))
    pace.put(segment(1, rev=6))
    assert pace.idle


def test_an_event_whose_lines_were_all_taken_back_is_taken_away(pace, segment):
    stand(pace, segment(1))
    pace.put(segment(1, rev=2, text=""))
    assert pace.take(5.0) == Change("$1", (), ())


def test_a_correction_that_comes_while_its_line_is_being_sent_is_not_lost(pace, segment):
    pace.put(segment(1))
    pace.take(0.0)
    better = segment(1, rev=2, text="mieux")
    pace.put(better)
    assert not pace.idle
    pace.done("$1")
    assert pace.take(5.0) == Change("$1", (better,), (better,))


def test_what_the_room_refuses_is_not_tried_for_ever(pace, segment):
    pace.put(segment(1))
    pace.take(0.0)
    pace.done(None)
    assert pace.idle


def test_many_changes_do_not_keep_new_lines_from_the_room(pace, segment):
    for number in range(20):
        stand(pace, segment(number), event_id=f"${number}", now=5.0 * number)
    for number in range(20):
        pace.put(segment(number, rev=2, display_name="Awa"))
    pace.put(segment(100))
    kinds = []
    for step in range(4):
        kinds.append(type(pace.take(200.0 + 5 * step)))
        pace.done("$x")
        pace.put(segment(101 + step))
    assert kinds == [Change, Post, Change, Post]


def test_after_a_restart_the_event_that_holds_a_line_is_still_known(pace, segment):
    pace.recall("$old", [segment(1), segment(2)])
    better = segment(1, rev=3, text="corrigée")
    pace.put(better)
    assert pace.take(0.0) == Change("$old", (better, segment(2)), (better,))


def test_lines_of_very_long_ago_are_forgotten(pace, segment):
    for number in range(MAX_EVENTS + 1):
        pace.recall(f"${number}", [segment(number)])
    pace.put(segment(1, rev=2, text="corrigée"))
    assert pace.take(0.0).event_id == "$1"
    pace.done("$c")
    pace.put(segment(0, rev=2, text="oubliée"))
    assert pace.take(5.0) == Post((segment(0, rev=2, text="oubliée"),)), "as a line of its own"


@pytest.mark.parametrize("text", ["é" * 300, "<&>" * 100, '"\\' * 150, "語" * 5000, "🙂" * 5000])
def test_no_event_grows_past_what_matrix_takes_even_if_all_of_it_is_changed(pace, segment, text):
    for number in range(100):
        pace.put(segment(number, text=text))
    now, lines = 0.0, 0
    while pace.due_in(now) is not None:
        what = pace.take(now)
        lines += len(what.segments)
        post = caption_event(what.segments, "$r" * 22, "$l" * 22)
        change = changed_event("$e" * 22, what.segments, what.segments)
        for content in (post, change):
            assert len(json.dumps(content, ensure_ascii=False).encode()) < MATRIX_MAX_EVENT - 4_000
        pace.done(f"${now}")
        now += POST_INTERVAL_S
    assert lines == 100
    assert len(post["org.passerelle.caption"][0]["text"]) <= MAX_LINE_CHARS
