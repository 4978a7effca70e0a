# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The table of what to do with a supervised process."""

import itertools

import pytest

from bridge.stack.supervision import (
    KEEPS_FAILING_AFTER,
    LONGEST_PAUSE_S,
    STABLE_AFTER_S,
    TRANSITIONS,
    Action,
    Event,
    ImpossibleTransitionError,
    State,
    Supervision,
)


def in_state(state: State) -> Supervision:
    supervision = Supervision()
    supervision.state = state
    return supervision


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_every_pair_does_what_the_table_says_or_is_impossible(state, event):
    supervision = in_state(state)
    if (state, event) in TRANSITIONS:
        target, action = TRANSITIONS[state, event]
        assert supervision.handle(event, now=0.0, jitter=0.5).action is action
        assert supervision.state is target
    else:
        with pytest.raises(ImpossibleTransitionError):
            supervision.handle(event, now=0.0, jitter=0.5)
        assert supervision.state is state


def test_every_state_can_be_reached_and_left_until_stopped():
    reached, fresh = set(), {State.FIRST_START}
    while fresh:
        reached |= fresh
        fresh = {target for (state, _), (target, _) in TRANSITIONS.items() if state in reached} - reached
    assert reached == set(State)
    assert {state for state, _ in TRANSITIONS} == set(State) - {State.STOPPED}


@pytest.mark.parametrize("state", set(State) - {State.STOPPED})
def test_an_order_to_stop_leads_to_stopped_from_everywhere(state):
    supervision = in_state(state)
    if state is not State.STOPPING:
        supervision.handle(Event.STOP_ASKED, now=0.0, jitter=0.0)
    if supervision.state is not State.STOPPED:
        supervision.handle(Event.TOOK_TOO_LONG, now=1.0, jitter=0.0)
        supervision.handle(Event.EXITED, now=2.0, jitter=0.0)
    assert supervision.state is State.STOPPED


def run_of_failures(count: int, *, jitter: float, ready_for_s: float | None = None) -> list[float]:
    supervision = Supervision()
    supervision.handle(Event.BECAME_READY, now=0.0, jitter=jitter)
    pauses, now = [], 1.0
    for _ in range(count):
        pauses.append(supervision.handle(Event.EXITED, now=now, jitter=jitter).pause_s)
        supervision.handle(Event.PAUSE_OVER, now=now, jitter=jitter)
        if ready_for_s is not None:
            supervision.handle(Event.BECAME_READY, now=now, jitter=jitter)
            now += ready_for_s
    return pauses


def test_the_first_end_is_followed_by_a_start_at_once_and_pauses_double_up_to_the_cap():
    assert run_of_failures(10, jitter=1.0) == [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_PAUSE_S, 30.0, 30.0]


def test_jitter_shortens_a_pause_to_half_at_most():
    assert run_of_failures(4, jitter=0.0) == [0.0, 0.25, 0.5, 1.0]


def test_a_thousand_failures_still_end_in_the_cap():
    assert run_of_failures(1000, jitter=1.0)[-1] == LONGEST_PAUSE_S


def test_a_process_that_was_ready_for_long_starts_counting_anew():
    assert run_of_failures(4, jitter=1.0, ready_for_s=STABLE_AFTER_S)[-1] == 0.0
    assert run_of_failures(4, jitter=1.0, ready_for_s=STABLE_AFTER_S - 1)[-1] == 2.0


def test_it_says_when_something_keeps_failing_and_counts_restarts():
    supervision = Supervision()
    supervision.handle(Event.BECAME_READY, now=0.0, jitter=0.0)
    for failure in range(1, KEEPS_FAILING_AFTER + 1):
        assert not supervision.keeps_failing
        assert supervision.handle(Event.EXITED, now=1.0, jitter=0.0).action is Action.PAUSE
        supervision.handle(Event.PAUSE_OVER, now=1.0, jitter=0.0)
        assert supervision.restarts == failure
    assert supervision.keeps_failing
