# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bridge.domain.errors import Refused
from bridge.domain.lifecycle import (
    CALL_POLL,
    TRANSITIONS,
    UNUSED,
    Life,
    LifeEvent,
    MeetingState,
    Policy,
    after,
    deadline,
    end_by_host,
    following,
    is_ahead,
    planned,
    require_admission,
    require_call,
    wake_at,
)
from bridge.domain.recurrence import Schedule

S, E = MeetingState, LifeEvent
NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
MINUTES = timedelta(minutes=1)
DAYS = timedelta(days=1)
POLICY = Policy(10 * MINUTES, 5 * MINUTES, 30 * DAYS, 365 * DAYS)
NEVER = replace(POLICY, archive_after=None, delete_after=None)

REACHABLE = {
    S.SCHEDULED: {E.PLANNED, E.OPENED, E.CALL_BEGAN, E.CANCELLED, E.DELETED},
    S.LOBBY: {E.PLANNED, E.CALL_BEGAN, E.OVER, E.PAUSED, E.ENDED, E.CANCELLED, E.DELETED},
    S.LIVE: {E.PLANNED, E.OVER, E.PAUSED, E.ENDED, E.DELETED},
    S.ENDED: {E.PLANNED, E.OPENED, E.CALL_BEGAN, E.ARCHIVED, E.DELETED},
    S.ARCHIVED: {E.PLANNED, E.OPENED, E.DELETED},
    S.DELETED: set(),
}


@pytest.mark.parametrize(("state", "event"), list(itertools.product(S, E)))
def test_every_pair_of_state_and_event_is_decided(state: MeetingState, event: LifeEvent):
    if event in REACHABLE[state]:
        assert after(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(Refused) as refused:
            after(state, event)
        assert (refused.value.status, refused.value.errcode) == (409, "PASSERELLE_MEETING_STATE")
        assert state.value in refused.value.error


def test_an_event_leads_to_one_state_from_wherever_it_is_understood():
    leads_to = {event: {target for (_, known), target in TRANSITIONS.items() if known is event} for event in E}
    assert leads_to.pop(E.PLANNED) == {S.SCHEDULED, S.LIVE}  # a running meeting that gets longer goes on running
    assert all(len(targets) == 1 for targets in leads_to.values())


def test_every_state_is_reached_from_both_beginnings_and_only_deletion_is_final():
    for beginning in (S.SCHEDULED, S.LOBBY):
        reached = {beginning}
        while (more := {TRANSITIONS[pair] for pair in TRANSITIONS if pair[0] in reached} | reached) != reached:
            reached = more
        assert reached == set(S)
    assert {state for state in S if not any(pair[0] is state for pair in TRANSITIONS)} == {S.DELETED}


def life(state: MeetingState, **fields) -> Life:
    return Life(state, NOW, **fields)


START, END = NOW + 60 * MINUTES, NOW + 90 * MINUTES
DEADLINES = [
    (life(S.SCHEDULED, starts_at=START, ends_at=END), (START - 10 * MINUTES, E.OPENED)),
    (life(S.SCHEDULED), None),
    (life(S.LOBBY), (NOW + UNUSED, E.OVER)),
    (life(S.LOBBY, starts_at=START, ends_at=END), (END + 5 * MINUTES, E.OVER)),
    (life(S.LOBBY, starts_at=START, ends_at=END, more=True), (END + 5 * MINUTES, E.PAUSED)),
    (life(S.LOBBY, starts_at=NOW - 2 * DAYS, ends_at=NOW - DAYS), (NOW + 5 * MINUTES, E.OVER)),  # opened again
    (life(S.LIVE), (NOW + 5 * MINUTES, E.OVER)),
    (life(S.LIVE, occupied_at=NOW + 7 * MINUTES), (NOW + 12 * MINUTES, E.OVER)),
    (life(S.LIVE, starts_at=START, ends_at=END, occupied_at=START), (END + 5 * MINUTES, E.OVER)),
    (life(S.LIVE, starts_at=START, ends_at=END, occupied_at=END - MINUTES), (END + 5 * MINUTES, E.OVER)),
    (life(S.LIVE, ends_at=END, occupied_at=END + DAYS, more=True), (END + DAYS + 5 * MINUTES, E.PAUSED)),
    (life(S.ENDED), (NOW + 30 * DAYS, E.ARCHIVED)),
    (life(S.ARCHIVED), (NOW + 365 * DAYS, E.DELETED)),
    (life(S.DELETED), None),
]  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), DEADLINES)
def test_time_brings_about_what_the_table_understands(given: Life, expected: tuple[datetime, LifeEvent] | None):
    assert deadline(given, POLICY) == expected
    if expected is not None:
        after(given.state, expected[1])


def test_every_state_has_its_line_in_the_table_of_times():
    assert {given.state for given, _ in DEADLINES} == set(S)


def test_nothing_is_archived_or_deleted_where_the_operator_says_never():
    assert deadline(life(S.ENDED), NEVER) is None
    assert deadline(life(S.ARCHIVED), NEVER) is None


def test_a_live_meeting_is_looked_at_every_minute_and_others_when_something_is_due():
    assert wake_at(life(S.LIVE, starts_at=START, ends_at=END), NOW, POLICY) == NOW + CALL_POLL
    assert wake_at(life(S.ENDED), NOW, POLICY) == NOW + 30 * DAYS
    assert wake_at(life(S.DELETED), NOW, POLICY) is None


@pytest.mark.parametrize(
    ("state", "ended_by", "members", "hosts"),
    [
        (S.SCHEDULED, None, "PASSERELLE_MEETING_NOT_OPEN", None),
        (S.LOBBY, None, None, None),
        (S.LIVE, None, None, None),
        (S.ENDED, None, None, None),
        (S.ENDED, "@marie:home", "PASSERELLE_MEETING_OVER", None),
        (S.ARCHIVED, None, "PASSERELLE_MEETING_OVER", "PASSERELLE_MEETING_OVER"),
        (S.DELETED, None, "PASSERELLE_MEETING_OVER", "PASSERELLE_MEETING_OVER"),
    ],
)
def test_who_may_join_the_call_when(state: MeetingState, ended_by: str | None, members: str | None, hosts: str | None):
    for host, errcode in ((False, members), (True, hosts)):
        assert refusal(lambda host=host: require_call(life(state, ended_by=ended_by), host=host)) == errcode
    if hosts is None:
        assert state is S.LIVE or after(state, E.CALL_BEGAN) is S.LIVE


@pytest.mark.parametrize(
    ("state", "ended_by", "errcode"),
    [
        (S.SCHEDULED, None, None),
        (S.LOBBY, None, None),
        (S.LIVE, None, None),
        (S.ENDED, None, None),
        (S.ENDED, "@marie:home", "PASSERELLE_MEETING_OVER"),
        (S.ARCHIVED, None, "PASSERELLE_MEETING_OVER"),
        (S.DELETED, None, "PASSERELLE_MEETING_OVER"),
    ],
)
def test_to_which_meetings_a_link_leads(state: MeetingState, ended_by: str | None, errcode: str | None):
    given = life(state, ended_by=ended_by, starts_at=START)
    assert refusal(lambda: require_admission(given, locked=False)) == errcode
    assert refusal(lambda: require_admission(given, locked=True)) == (errcode or "PASSERELLE_MEETING_LOCKED")


def refusal(ask) -> str | None:
    try:
        ask()
    except Refused as refused:
        return refused.errcode
    return None


WEEKLY = Schedule("u", datetime(2026, 11, 23, 10), "Europe/Paris", 30 * MINUTES, "FREQ=WEEKLY;COUNT=3")  # noqa: DTZ001
FIRST, SECOND, THIRD = (datetime(2026, 11, 23, 9, tzinfo=UTC) + timedelta(weeks=week) for week in range(3))


def test_a_plan_gives_a_meeting_its_next_date_and_whether_more_follow():
    assert planned(life(S.SCHEDULED), WEEKLY, NOW) == life(
        S.SCHEDULED, starts_at=FIRST, ends_at=FIRST + 30 * MINUTES, more=True
    )
    last = planned(life(S.SCHEDULED), WEEKLY, THIRD + MINUTES)
    assert (last.starts_at, last.more) == (THIRD, False)  # it runs
    assert planned(last, None, NOW) == life(S.SCHEDULED)


def test_a_series_goes_on_with_the_next_date_even_when_one_was_ended_early():
    running = Life(S.LIVE, FIRST, None, FIRST, FIRST, FIRST + 30 * MINUTES, more=True)
    assert end_by_host(running, POLICY) is E.PAUSED
    ended_early = following(running, WEEKLY, FIRST + 5 * MINUTES, POLICY)
    assert ended_early.starts_at == SECOND
    assert planned(ended_early, WEEKLY, FIRST + 6 * MINUTES).starts_at == SECOND  # a change brings no date back
    assert following(running, WEEKLY, FIRST + 40 * MINUTES, POLICY).starts_at == SECOND
    last = replace(running, since=THIRD, occupied_at=THIRD, starts_at=THIRD, ends_at=THIRD + 30 * MINUTES, more=False)
    assert end_by_host(last, POLICY) is E.ENDED


def test_people_who_meet_long_before_the_time_use_no_date_up():
    early = Life(S.LIVE, NOW, None, NOW, START, END)
    assert is_ahead(early, POLICY)
    assert deadline(early, POLICY) == (NOW + 5 * MINUTES, E.PAUSED)
    assert end_by_host(early, POLICY) is E.PAUSED
    met = Life(S.LIVE, NOW, None, NOW, FIRST, FIRST + 30 * MINUTES, more=True)
    assert following(met, WEEKLY, NOW + 10 * MINUTES, POLICY).starts_at == FIRST
    assert not is_ahead(life(S.LIVE, starts_at=NOW + 10 * MINUTES), POLICY)
