# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from bridge.domain.guests import (
    TRANSITIONS,
    GuestEvent,
    GuestState,
    after,
    before,
    guest_device,
    guest_localpart,
    is_guest_localpart,
)
from bridge.domain.names import is_device_id

END = datetime(2026, 11, 22, 12, tzinfo=UTC)
RANDOM = "0123456789abcdef0123"


def test_every_pair_of_state_and_event_is_decided():
    expected = {
        (GuestState.PENDING, GuestEvent.ADMITTED): GuestState.ACTIVE,
        (GuestState.PENDING, GuestEvent.FAILED): GuestState.ENDING,
        (GuestState.PENDING, GuestEvent.REVOKED): GuestState.ENDING,
        (GuestState.ACTIVE, GuestEvent.TIME_OVER): GuestState.ENDING,
        (GuestState.ACTIVE, GuestEvent.REVOKED): GuestState.ENDING,
        (GuestState.ENDING, GuestEvent.REVOKED): GuestState.ENDING,
        (GuestState.ENDING, GuestEvent.DEACTIVATED): GuestState.ENDED,
    }
    for pair in itertools.product(GuestState, GuestEvent):
        assert TRANSITIONS.get(pair) == expected.get(pair)


def test_nothing_follows_the_end():
    assert not [event for state, event in TRANSITIONS if state is GuestState.ENDED]


def test_every_state_is_reached_and_left_behind():
    reached = {GuestState.PENDING}
    while (more := {TRANSITIONS[pair] for pair in TRANSITIONS if pair[0] in reached} | reached) != reached:
        reached = more
    assert reached == set(GuestState)


def test_the_database_asks_for_the_states_that_the_table_names():
    for event in GuestEvent:
        assert {GuestState(state) for state in before(event)} == {
            state for state, known in TRANSITIONS if known is event
        }
        assert all(TRANSITIONS[GuestState(state), event] is after(event) for state in before(event))


def test_a_guest_s_device_follows_from_its_name():
    device = guest_device(guest_localpart("guest-", END, RANDOM))
    assert device == "0123456789"
    assert is_device_id(device)


@pytest.mark.parametrize(
    ("localpart", "ours"),
    [
        (guest_localpart("guest-", END, RANDOM), True),
        (guest_localpart("guest-", END + timedelta(seconds=1), RANDOM), False),
        (guest_localpart("visitor-", END, RANDOM), False),
        (guest_localpart("guest-", END, RANDOM[:-1]), False),
        (guest_localpart("guest-", END, RANDOM.upper()), False),
        (guest_localpart("guest-", END, RANDOM) + "\n", False),
        (f"guest-x-{RANDOM}", False),
        ("", False),
    ],
)
def test_only_a_name_that_ends_with_the_link_may_be_brought_along(localpart: str, ours: bool):
    assert is_guest_localpart(localpart, "guest-", END) == ours
