# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which utterance is read next, and what waits for the bridge."""

from dataclasses import replace

from bots.captions.outbox import MAX_FINALS as MAX_OUTBOX_FINALS
from bots.captions.outbox import MAX_PARTIALS, Outbox
from bots.captions.schedule import (
    BRISK_S,
    HOPELESS_S,
    LATE_S,
    MAX_FINALS,
    PAUSE_LEAD_S,
    REST_S,
    SLOWER_S,
    DecodeQueue,
    Level,
    Load,
)
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
    queue.load.started(HOPELESS_S + 0.1, 0.0, final=False)
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


def test_final_texts_go_before_partial_ones(track):
    queue = DecodeQueue()
    long_ago, just_before, final = job(track), job(track), job(track, final=True)
    for wish, at in ((long_ago, 0.0), (just_before, 0.9), (final, 1.0)):
        queue.push(wish, at)
    assert [queue.pop(1.0) for _ in range(3)] == [final, long_ago, just_before]


def test_a_reading_in_a_pause_goes_a_little_earlier_and_does_not_count_as_having_waited_for_that(track):
    queue = DecodeQueue()
    before, in_pause = job(track), replace(job(track), in_pause=True)
    queue.push(before, 10.0)
    queue.push(in_pause, 10.0 + PAUSE_LEAD_S - 0.1)
    assert [queue.pop(10.4), queue.pop(10.4)] == [in_pause, before]
    queue.push(before, 20.0)
    queue.push(in_pause, 20.0 + PAUSE_LEAD_S + 0.1)
    assert queue.pop(20.6) is before
    assert queue.load.level is Level.USUAL


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


def levels(load: Load, late_s: float, seconds: range, *, final: bool = False) -> list[Level]:
    found = []
    for second in seconds:
        load.started(late_s, float(second), final=final)
        found.append(load.level)
    return found


def test_the_longer_readings_wait_the_less_is_promised():
    load = Load()
    assert levels(load, SLOWER_S - 0.1, range(10))[-1] is Level.USUAL
    assert levels(load, SLOWER_S + 0.1, range(10, 20))[-1] is Level.SLOWER
    assert load.interval_s == BRISK_S, "they wait for one another, not for the clock"
    assert levels(load, LATE_S + 0.1, range(20, 30))[-1] is Level.FINALS_ONLY
    assert load.interval_s == float("inf")


def test_what_people_noticed_is_over_once_readings_are_prompt_and_not_before():
    load = Load()
    levels(load, SLOWER_S, range(3))
    assert set(levels(load, SLOWER_S - 0.1, range(3, 10))) == {Level.SLOWER}
    assert levels(load, 0.1, range(10, 13))[-1] is Level.USUAL


def test_readings_that_are_late_but_not_hopeless_keep_partial_texts():
    assert set(levels(Load(), LATE_S - 0.1, range(100))) == {Level.SLOWER}


def test_a_backlog_as_after_an_outage_leaves_only_final_texts_at_once():
    load = Load()
    load.started(HOPELESS_S + 0.1, 0.0, final=False)
    assert load.level is Level.FINALS_ONLY


def test_prompt_final_texts_bring_back_partial_ones_after_a_rest():
    load = finals_only().load
    found = levels(load, 0.1, range(1, 30), final=True)
    assert found.count(Level.FINALS_ONLY) == REST_S[0] - 1
    assert levels(load, 0.1, range(30, 33))[-1] is Level.USUAL


def test_final_texts_that_are_late_themselves_bring_nothing_back():
    assert set(levels(finals_only().load, 1.0, range(1, 100), final=True)) == {Level.FINALS_ONLY}


def test_partial_texts_that_came_back_too_soon_stay_away_twice_as_long_up_to_a_limit():
    load, now, rests = finals_only().load, 1, []
    for _ in range(6):
        since = now
        while load.level is Level.FINALS_ONLY:
            load.started(0.0, float(now), final=True)
            now += 1
        rests.append(now - since)
        load.started(HOPELESS_S + 0.1, float(now), final=False)
    assert rests == sorted(rests)
    assert rests[0] <= REST_S[0] + 1
    assert abs(rests[-1] - REST_S[1]) <= 2
    now += 1000
    levels(load, 0.0, range(now, now + 3))
    load.started(HOPELESS_S + 0.1, now + 4.0, final=False)
    assert levels(load, 0.0, range(now + 5, now + 12), final=True)[-1] is not Level.FINALS_ONLY


def test_few_late_readings_among_prompt_ones_are_no_reason_to_promise_less():
    load = Load()
    load.started(0.0, 0.0, final=False)
    for late_s in (LATE_S, 0.0, 0.0, 0.0, 0.0):
        load.started(late_s, 0.5, final=False)
    load.started(0.0, 1.1, final=False)
    assert load.level is Level.USUAL


def test_prompt_final_texts_do_not_hide_that_partial_ones_are_late():
    load = Load()
    for second in range(10):
        load.started(0.0, float(second), final=True)
        load.started(LATE_S + 0.1, second + 0.5, final=False)
    assert load.level is Level.FINALS_ONLY


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
