# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from bridge.domain.contractors import (
    MAX_TERM,
    MIN_TERM,
    TRANSITIONS,
    VISIT,
    Contractor,
    ContractorEvent,
    ContractorState,
    Policy,
    after,
    begin,
    due,
    require_end,
    require_visit,
)
from bridge.domain.errors import Refused
from bridge.domain.names import UserId

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
END = NOW + timedelta(days=90)
POLICY = Policy(remind=timedelta(days=7), grace=timedelta(days=14))
SECOND = timedelta(seconds=1)


def contractor(state: ContractorState = ContractorState.VALID, ends_at: datetime = END) -> Contractor:
    return Contractor("c", UserId("@marie:home"), "Ada", "ACME", state, NOW, ends_at)


@pytest.mark.parametrize(("state", "event"), list(itertools.product(ContractorState, ContractorEvent)))
def test_every_state_answers_every_event(state: ContractorState, event: ContractorEvent):
    if (state, event) in TRANSITIONS:
        assert after(contractor(state), event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(Refused):
            after(contractor(state), event)


def test_what_has_ended_never_comes_back():
    assert not any(state is ContractorState.ENDED for state, _ in TRANSITIONS)
    for state in set(ContractorState) - {ContractorState.ENDED}:
        assert TRANSITIONS[state, ContractorEvent.REVOKED] is ContractorState.ENDED


def test_time_alone_walks_a_pass_from_valid_to_ended_in_order():
    steps = []
    now, state = NOW, ContractorState.VALID
    while state is not ContractorState.ENDED:
        event = due(contractor(state), now, POLICY)
        if event is None:
            now += timedelta(hours=1)
        else:
            steps.append((event, now))
            state = after(contractor(state), event)
    assert steps == [
        (ContractorEvent.END_IS_NEAR, END - POLICY.remind),
        (ContractorEvent.TIME_OVER, END),
        (ContractorEvent.GRACE_OVER, END + POLICY.grace),
    ]
    assert due(contractor(ContractorState.ENDED), END + timedelta(days=999), POLICY) is None


def test_a_bridge_that_was_down_for_long_reminds_nobody_of_what_is_over():
    assert due(contractor(), END, POLICY) is ContractorEvent.TIME_OVER


def test_a_short_pass_comes_with_no_reminder():
    assert begin(END, NOW, POLICY) is ContractorState.VALID
    assert begin(NOW + POLICY.remind, NOW, POLICY) is ContractorState.REMINDED


@pytest.mark.parametrize("term", [MIN_TERM - SECOND, MAX_TERM + SECOND, -SECOND])
def test_an_end_must_be_ahead_and_not_too_far(term: timedelta):
    with pytest.raises(Refused, match="ends_at"):
        require_end(NOW + term, NOW)
    require_end(NOW + MIN_TERM, NOW)
    require_end(NOW + MAX_TERM, NOW)


def test_an_end_without_a_time_zone_is_refused():
    with pytest.raises(Refused, match="time zone"):
        require_end(END.replace(tzinfo=None), NOW)


@pytest.mark.parametrize("state", [ContractorState.VALID, ContractorState.REMINDED])
def test_a_visit_lasts_a_day_at_most_and_never_beyond_the_pass(state: ContractorState):
    assert require_visit(contractor(state), NOW) == NOW + VISIT
    assert require_visit(contractor(state), END - SECOND) == END
    with pytest.raises(Refused, match="renew"):
        require_visit(contractor(state), END)  # although no sweep has come by yet


@pytest.mark.parametrize("state", [ContractorState.EXPIRED, ContractorState.ENDED])
def test_a_pass_that_is_over_opens_nothing(state: ContractorState):
    with pytest.raises(Refused):
        require_visit(contractor(state), NOW)
