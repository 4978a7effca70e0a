# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which utterance is read next, and what waits for the bridge."""

from bots.captions.outbox import MAX_FINALS as MAX_OUTBOX_FINALS
from bots.captions.outbox import MAX_PARTIALS, Outbox
from bots.captions.schedule import BRISK_S, HOPELESS_S, LATE_S, MAX_FINALS, SLOWEST_S, DecodeQueue, Level, Load
from bots.captions.track import Job, Utterance


def job(track, name: str = "U", *, final: bool = False, utterance: Utterance | None = None) -> Job:
    return Job(track, utterance or Utterance(name, 0, 0), final)


def test_the_oldest_wish_is_read_first(track):
    queue = DecodeQueue()
    first, second, third = job(track), job(track), job(track)
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


def finals_only() -> DecodeQueue:
    queue = DecodeQueue()
    now = 0.0
    while queue.load.level is not Level.FINALS_ONLY:
        queue.load.started(LATE_S + 0.1, now)
        now += 1.1
    return queue


def test_where_only_final_texts_are_left_partial_ones_are_passed_over_and_may_be_asked_again(tape, track):
    queue = finals_only()
    tape.play((1, True))
    queue.push(track.due(1.0), 100.0)
    final = job(track, final=True)
    queue.push(final, 100.5)
    assert queue.pop(102.6) is final
    assert queue.pop(102.6) is None
    tape.play((1.1, True))
    assert track.due(1.0) is not None


def test_a_late_partial_reading_is_read_all_the_same_as_it_hears_everything_until_now(tape, track):
    queue = DecodeQueue()
    tape.play((1, True))
    wish = track.due(1.0)
    queue.push(wish, 0.0)
    assert queue.pop(1.5) is wish


def test_a_final_text_goes_before_the_partial_one_asked_for_just_before(track):
    queue = DecodeQueue()
    long_ago, just_before, final = job(track), job(track), job(track, final=True)
    for wish, at in ((long_ago, 0.0), (just_before, 0.9), (final, 1.0)):
        queue.push(wish, at)
    assert [queue.pop(1.0) for _ in range(3)] == [long_ago, final, just_before]


def test_a_final_reading_is_never_left_out(track):
    queue = DecodeQueue()
    final = job(track, final=True)
    queue = finals_only()
    queue.push(job(track), 100.0)
    queue.push(final, 100.5)
    assert queue.pop(130.0) is final


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


def test_late_readings_lengthen_the_interval_step_by_step_until_only_final_texts_are_left():
    load, levels, intervals = Load(), [], []
    for second in range(40):
        load.started(LATE_S + 0.1, second * 1.1)
        levels.append(load.level)
        intervals.append(load.interval_s)
    assert intervals == sorted(intervals)
    assert sorted(set(levels)) == [Level.USUAL, Level.SLOWER, Level.FINALS_ONLY]
    assert intervals[-1] == float("inf")


def test_readings_that_are_late_but_not_hopeless_keep_partial_texts():
    load = Load()
    for second in range(100):
        load.started(LATE_S - 0.1, second * 1.1)
    assert load.interval_s == SLOWEST_S


def test_a_backlog_as_after_an_outage_leaves_only_final_texts_at_once():
    load = Load()
    load.started(HOPELESS_S + 0.1, 0.0)
    assert load.level is Level.FINALS_ONLY


def test_prompt_readings_bring_back_partial_texts_and_then_the_usual_interval():
    load = finals_only().load
    for second in range(100, 140):
        load.started(0.0, second * 1.1)
    assert load.interval_s == BRISK_S


def test_a_quiet_while_counts_as_prompt():
    load = finals_only().load
    load.started(0.0, 1000.0)
    assert load.interval_s == BRISK_S


def test_one_late_reading_among_the_prompt_ones_of_its_second_counts():
    load = Load()
    load.started(0.0, 0.0)
    for start in (0.2, 0.4, 0.6):
        load.started(LATE_S, start)
    load.started(0.0, 1.1)
    assert load.interval_s > BRISK_S


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
