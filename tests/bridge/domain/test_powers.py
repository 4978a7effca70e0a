# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
from typing import Any

import pytest

from bridge.domain.meetings import room_levels, room_recipe
from bridge.domain.powers import LEVELS, Group, Powers, Role, Source, with_audience, with_level, with_source

MARIE = "@marie:home.example"
LEVELS_OF = {"@organiser:x": 100, "@host:x": 50, "@speaker:x": 10, "@muted:x": -1}
NEW: dict[str, Any] = room_recipe("", MARIE)["power_level_content_override"]
ALL = set(Source)


def room(*changes) -> dict[str, Any]:
    content = {**NEW, "users": LEVELS_OF}
    for change in changes:
        content = change(content)
    return content


def forbidding(source: Source, group: Group | None):
    return lambda content: with_source(content, source, group)


def audience(*, on: bool):
    return lambda content: with_audience(content, on=on)


def senders(content: dict[str, Any], source: Source) -> set[str]:
    powers = Powers.of(content)
    people = {"organiser", "host", "speaker", "member", "muted"}
    able = {name for name in people if source in powers.may_send(f"@{name}:x", guest=False)}
    guests = {"guest": "@guest:x", "speaking guest": "@speaker:x"}
    return able | {name for name, user in guests.items() if source in powers.may_send(user, guest=True)}


EVERYBODY = {"organiser", "host", "speaker", "member", "guest", "speaking guest"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([], EVERYBODY),
        ([forbidding(Source.CAMERA, Group.GUESTS)], EVERYBODY - {"guest"}),
        ([forbidding(Source.CAMERA, Group.MEMBERS)], {"organiser", "host"}),
        ([forbidding(Source.CAMERA, Group.EVERYBODY)], set()),
        ([forbidding(Source.CAMERA, Group.EVERYBODY), forbidding(Source.CAMERA, Group.GUESTS)], EVERYBODY - {"guest"}),
        ([forbidding(Source.CAMERA, Group.GUESTS), forbidding(Source.CAMERA, None)], EVERYBODY),
        ([forbidding(Source.SCREEN, Group.EVERYBODY)], EVERYBODY),
        ([audience(on=True)], EVERYBODY - {"member", "guest"}),
        ([audience(on=True), forbidding(Source.CAMERA, Group.MEMBERS)], {"organiser", "host"}),
        ([forbidding(Source.CAMERA, Group.MEMBERS), audience(on=True), audience(on=False)], {"organiser", "host"}),
        ([audience(on=True), audience(on=False)], EVERYBODY),
    ],
)
def test_who_may_use_the_camera(changes, expected: set[str]):
    assert senders(room(*changes), Source.CAMERA) == expected


def test_an_archived_room_carries_nobody_and_keeps_its_rules_for_later():
    rules = room(forbidding(Source.SCREEN, Group.GUESTS), audience(on=True))
    closed = room_levels(rules, closed=True)
    assert all(senders(closed, source) == set() for source in Source)
    assert Powers.of(room_levels(closed, closed=False)) == Powers.of(rules)


@pytest.mark.parametrize("group", [None, *Group])
@pytest.mark.parametrize("on", [True, False])
def test_what_is_forbidden_is_read_back_as_it_was_said(group: Group | None, on: bool):
    powers = Powers.of(room(forbidding(Source.MICROPHONE, group), audience(on=on)))
    assert powers.forbidden_to(Source.MICROPHONE) is group
    assert powers.forbidden_to(Source.CAMERA) is None
    assert powers.audience is on


@pytest.mark.parametrize("role", Role)
def test_a_level_makes_a_role(role: Role):
    content = with_level(room(), "@ada:x", LEVELS[role])
    assert Powers.of(content).role_of("@ada:x") is role
    assert ("@ada:x" in content["users"]) == (role is not Role.MEMBER), "whoever is nothing more is not written down"
    assert content["users"].items() >= LEVELS_OF.items()


def test_a_room_in_which_new_people_have_a_level_of_their_own():
    content = with_level({**room(), "users_default": 10}, "@ada:x", 0)
    assert content["users"]["@ada:x"] == 0
    assert Powers.of(content).role_of("@bob:x") is Role.SPEAKER


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"users": None, "events": []},
        {"users": {"@ada:x": "100", "@guest:x": True, "@bob:x": 50.5}, "events": {"org.passerelle.publish": None}},
        {"users_default": "50", "events_default": [0]},
    ],
)
def test_what_other_clients_wrote_is_read_without_giving_power(content: dict[str, Any]):
    powers = Powers.of(content)
    assert {powers.level_of(user) for user in ("@ada:x", "@guest:x", "@bob:x")} == {0}
    assert powers.may_send("@ada:x", guest=True) == ALL
    with_level(with_source(with_audience(content, on=True), Source.CAMERA, Group.GUESTS), "@ada:x", 50)
