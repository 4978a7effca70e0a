# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which utterance is read next, what waits for the bridge, and what goes into the room."""

import json

import pytest

from bots.captions.outbox import MAX_FINALS as MAX_OUTBOX_FINALS
from bots.captions.outbox import MAX_PARTIALS, Outbox
from bots.captions.schedule import INTERVALS_S, MAX_FINALS, DecodeQueue, Load
from bots.captions.thread import CAPTION, MAX_BODY_CHARS, POST_INTERVAL_S, Pace, caption_event, read_back
from bots.captions.track import Job, Utterance


def job(track, name: str = "U", *, final: bool = False, utterance: Utterance | None = None) -> Job:
    return Job(track, utterance or Utterance(name, 0, 0), final)


def test_the_oldest_wish_is_read_first(track):
    queue = DecodeQueue()
    first, second, third = job(track), job(track, final=True), job(track)
    for number, wish in enumerate((first, second, third)):
        queue.push(wish, number / 10)
    assert [queue.pop(0.3) for _ in range(4)] == [first, second, third, None]


def test_a_final_reading_replaces_the_partial_one_that_still_waits(track):
    queue = DecodeQueue()
    partial = job(track)
    queue.push(partial, 0.0)
    final = job(track, final=True, utterance=partial.utterance)
    queue.push(final, 1.0)
    assert queue.pop(1.0) is final
    assert queue.pop(1.0) is None


def test_a_partial_reading_that_waited_too_long_is_left_out_and_may_be_asked_again(tape, track):
    queue = DecodeQueue()
    tape.play((1, True))
    queue.push(track.due(1.0), 0.0)
    assert queue.pop(1.5) is None
    assert queue.load.interval_s == 2.0
    tape.play((1.1, True))
    assert track.due(1.0) is not None


def test_a_final_reading_is_never_left_out(track):
    queue = DecodeQueue()
    final = job(track, final=True)
    queue.push(job(track), 0.0)
    queue.push(final, 0.5)
    assert queue.pop(30.0) is final


def test_finals_that_nobody_can_read_in_time_are_dropped_oldest_first(track):
    queue = DecodeQueue()
    for number in range(MAX_FINALS + 3):
        queue.push(job(track, f"U{number}", final=True), float(number))
    assert len(queue) == MAX_FINALS
    assert queue.dropped_finals == 3
    assert queue.pop(100.0).utterance.id == "U3"


def test_a_queue_knows_whose_utterances_wait(track):
    queue = DecodeQueue()
    assert not queue.holds("!room")
    queue.push(job(track), 0.0)
    assert queue.holds("!room")
    assert not queue.holds("!other")


def test_late_readings_lengthen_the_interval_and_prompt_ones_shorten_it_again():
    load = Load()
    assert load.interval_s == 1.0
    load.started(1.5)
    assert load.interval_s == 2.0
    load.started(1.5)
    load.started(1.5)
    assert load.interval_s == INTERVALS_S[-1] == float("inf")
    for _ in range(16):
        load.started(0.0)
    assert load.interval_s == 1.0
    load.started(0.5)
    assert load.interval_s == 1.0


def test_a_newer_revision_takes_the_older_ones_place(segment):
    outbox = Outbox()
    outbox.put(segment(1, final=False, rev=1))
    outbox.put(segment(2))
    outbox.put(segment(1, rev=2))
    outbox.put(segment(1, final=False, rev=1))
    assert outbox.peek() == segment(1, rev=2)
    outbox.done(outbox.peek())
    assert outbox.peek() == segment(2)


def test_a_version_that_came_while_the_older_was_under_way_is_sent_too(segment):
    outbox = Outbox()
    outbox.put(segment(1, final=False, rev=1))
    under_way = outbox.peek()
    outbox.put(segment(1, rev=2))
    outbox.done(under_way)
    assert outbox.peek() == segment(1, rev=2)


def test_old_partials_are_dropped_and_finals_kept(segment):
    outbox = Outbox()
    finals = [segment(number) for number in range(10)]
    for final in finals:
        outbox.put(final)
    for number in range(1000, 1000 + MAX_PARTIALS + 50):
        assert outbox.put(segment(number, final=False)) is None
    assert len(outbox) == MAX_PARTIALS + 10
    for final in finals:
        assert outbox.peek() == final
        outbox.done(outbox.peek())


def test_finals_are_given_up_only_past_their_limit_and_said_to_be(segment):
    outbox = Outbox()
    for number in range(MAX_OUTBOX_FINALS):
        assert outbox.put(segment(number)) is None
    assert outbox.put(segment(9_999)) == segment(0)
    assert outbox.given_up == 1
    assert len(outbox) == MAX_OUTBOX_FINALS


def test_the_room_gets_one_event_a_second_and_what_waits_goes_into_one(segment):
    pace = Pace()
    pace.put(segment(1))
    assert pace.due_in(0.0) == 0.0
    assert pace.take(0.0) == [segment(1)]
    pace.put(segment(2))
    pace.put(segment(3))
    assert pace.due_in(0.4) == pytest.approx(POST_INTERVAL_S - 0.4)
    assert pace.take(1.0) == [segment(2), segment(3)]
    assert pace.due_in(1.1) is None


def test_a_segment_that_was_taken_back_needs_no_event(segment):
    pace = Pace()
    pace.put(segment(1, text=""))
    assert pace.due_in(0.0) is None


def test_an_event_never_grows_past_what_matrix_takes(segment):
    pace = Pace()
    for number in range(200):
        pace.put(segment(number, text="é" * 300))
    events = 0
    while len(pace):
        taken = pace.take(float(events))
        content = caption_event(taken, "$root", "$last")
        assert len(content["body"]) <= MAX_BODY_CHARS + 400
        assert len(json.dumps(content, ensure_ascii=False).encode()) < 60_000
        events += 1
    assert events > 1


def test_a_caption_event_is_a_quiet_reply_in_the_thread(segment):
    content = caption_event([segment(1, display_name="Marie\nCurie"), segment(2)], "$root", "$last")
    assert content["msgtype"] == "m.notice"
    assert content["body"] == "Marie Curie: phrase 1\nMarie: phrase 2"
    assert content["m.mentions"] == {}
    assert content["m.relates_to"] == {
        "rel_type": "m.thread",
        "event_id": "$root",
        "is_falling_back": True,
        "m.in_reply_to": {"event_id": "$last"},
    }
    assert [entry["segment_id"] for entry in content[CAPTION]] == ["S1", "S2"]


def test_captions_are_read_back_from_the_room_after_a_restart(segment):
    content = caption_event([segment(1), segment(2, voice="voice-1", display_name="Voix 1")], "$root", "$last")
    back = read_back({"content": content}, "!room", "$call")
    assert [(entry.id, entry.text, entry.display_name, entry.voice) for entry in back] == [
        ("S1", "phrase 1", "Marie", ""),
        ("S2", "phrase 2", "Voix 1", "voice-1"),
    ]


def test_captions_written_before_voices_were_told_apart_are_read_back_too(segment):
    content = caption_event([segment(1)], "$root", "$last")
    del content[CAPTION][0]["voice"]
    assert read_back({"content": content}, "!room", "$call") == [segment(1, rev=0, stable_chars=len("phrase 1"))]


@pytest.mark.parametrize("content", [{}, {CAPTION: None}, {CAPTION: [{}]}, {CAPTION: 5}, {CAPTION: ["x"]}])
def test_other_events_of_the_thread_hold_no_captions(content):
    assert read_back({"content": content}, "!room", "$call") == []
