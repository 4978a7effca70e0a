# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from bridge.domain.errors import Refused
from bridge.domain.lifecycle import Life, MeetingState
from bridge.domain.lobby import (
    KEEPS,
    MAX_PER_ADDRESS,
    MAX_PER_INVITE,
    MAX_PER_MEETING,
    TRANSITIONS,
    Door,
    LobbyPolicy,
    Place,
    PlaceEvent,
    PlaceState,
    after,
    due,
    must_wait,
    require_room,
)
from bridge.domain.lobby_answers import SETTLES, meant, named, read_policy, read_reaction
from bridge.domain.names import MeetingId

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
ANA = Place("a", MeetingId("m"), Door.GUEST, "Ana Silva", "", PlaceState.WAITING, NOW, NOW, 1, announced_at=NOW)
BOB = replace(ANA, id="b", name="Bob", number=2)
OPEN, PLANNED = Life(MeetingState.LOBBY, NOW), Life(MeetingState.SCHEDULED, NOW)


@pytest.mark.parametrize(("state", "event"), list(product(PlaceState, PlaceEvent)))
def test_every_event_leads_where_the_table_says_or_is_refused(state: PlaceState, event: PlaceEvent) -> None:
    if (state, event) in TRANSITIONS:
        assert after(state, event) is TRANSITIONS[state, event]
    else:
        with pytest.raises(Refused) as refused:
            after(state, event)
        assert refused.value.status == 409


def test_every_state_is_reached_and_whoever_is_not_in_can_be_forgotten() -> None:
    assert set(TRANSITIONS.values()) == set(PlaceState)
    ends = {state for state, event in TRANSITIONS if event is PlaceEvent.EXPIRED}
    assert ends == set(KEEPS) == set(PlaceState) - {PlaceState.LEFT, PlaceState.EXPIRED}


@pytest.mark.parametrize(
    ("policy", "waits"),
    [
        (LobbyPolicy.OFF, ""),
        (LobbyPolicy.GUESTS, "guest contractor"),
        (LobbyPolicy.OUTSIDERS, "guest contractor partner"),
        (LobbyPolicy.EVERYBODY, "guest contractor partner staff"),
    ],
)
def test_a_lobby_is_for_whom_it_says(policy: LobbyPolicy, waits: str) -> None:
    assert {door.value for door in Door if must_wait(policy, door)} == set(waits.split())


@pytest.mark.parametrize(
    ("place", "life", "policy", "locked", "event"),
    [
        (replace(ANA, state=PlaceState.EARLY), PLANNED, LobbyPolicy.OFF, False, None),
        (replace(ANA, state=PlaceState.EARLY), OPEN, LobbyPolicy.OFF, False, PlaceEvent.ADMITTED),
        (replace(ANA, state=PlaceState.EARLY), OPEN, LobbyPolicy.GUESTS, False, PlaceEvent.OPENED),
        (replace(ANA, state=PlaceState.EARLY), OPEN, LobbyPolicy.OFF, True, PlaceEvent.OPENED),
        (replace(ANA, state=PlaceState.EARLY, door=Door.STAFF), PLANNED, LobbyPolicy.OFF, False, PlaceEvent.ADMITTED),
        (ANA, OPEN, LobbyPolicy.GUESTS, False, None),
        (ANA, OPEN, LobbyPolicy.OFF, False, PlaceEvent.ADMITTED),
        (ANA, OPEN, LobbyPolicy.OFF, True, None),
        (replace(ANA, state=PlaceState.REFUSED), OPEN, LobbyPolicy.OFF, False, None),
    ],
)
def test_what_the_meeting_is_now_moves_those_at_its_door(place, life, policy, locked, event) -> None:
    assert due(place, life, policy, locked=locked) is event


@pytest.mark.parametrize("full", [(MAX_PER_MEETING, 0, 0), (0, MAX_PER_INVITE, 0), (0, 0, MAX_PER_ADDRESS)])
def test_a_queue_has_an_end(full: tuple[int, int, int]) -> None:
    require_room(*(max(0, count - 1) for count in full))
    with pytest.raises(Refused) as refused:
        require_room(*full)
    assert (refused.value.status, refused.value.retry_after_s) == (429, 60)


@pytest.mark.parametrize(
    ("key", "read"),
    [
        ("✅", (PlaceEvent.ADMITTED, None)),
        ("👍️", (PlaceEvent.ADMITTED, None)),
        ("👍🏿", (PlaceEvent.ADMITTED, None)),
        ("❌", (PlaceEvent.REFUSED, None)),
        ("👎", (PlaceEvent.REFUSED, None)),
        ("3️⃣", (PlaceEvent.ADMITTED, 3)),
        ("🔟", (PlaceEvent.ADMITTED, 10)),
        ("🎉", None),
        ("x\u20e3", None),
        ("✅✅", None),
        ("", None),
    ],
)
def test_signs_are_read_however_they_are_dressed(key: str, read) -> None:
    assert read_reaction(key) == read


def test_a_sign_means_only_those_whom_the_notice_had_named_for_a_moment() -> None:
    late = replace(BOB, announced_at=NOW + timedelta(seconds=1))
    unnamed = replace(BOB, id="c", announced_at=None)
    assert meant([ANA, late, unnamed], None, NOW + SETTLES) == ["a"]
    assert meant([ANA, BOB], 2, NOW + SETTLES) == ["b"]
    assert meant([ANA], None, NOW) == []


def test_people_are_named_by_number_by_name_or_all_at_once() -> None:
    there = [ANA, BOB]
    assert named(there, ["all"]) == ["a", "b"]
    assert named(there, ["2"]) == ["b"]
    assert named(there, ["ana"]) == ["a"]
    assert named(there, []) == named(there, ["3"]) == named(there, ["Eve"]) == []
    with pytest.raises(Refused, match="Several people"):
        named([ANA, replace(ANA, id="d", number=3)], ["Ana", "Silva"])
    assert (read_policy([]), read_policy(["guests"])) == (LobbyPolicy.OUTSIDERS, LobbyPolicy.GUESTS)
    with pytest.raises(Refused, match="everybody"):
        read_policy(["maybe"])
