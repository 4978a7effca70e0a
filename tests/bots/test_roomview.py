# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A room's state: powers, names, who is there."""

import pytest

from bots.captions.commands import MODERATOR
from bots.roomview import NAME_MAX_CHARS, RoomView


def state(kind: str, content: dict, key: str = "", sender: str = "@creator:hs") -> dict:
    return {"type": kind, "state_key": key, "sender": sender, "content": content}


def member(user: str, name: object = None, membership: str = "join") -> dict:
    return state("m.room.member", {"membership": membership, "displayname": name}, user, user)


LEVELS = state("m.room.power_levels", {"users": {"@chief:hs": 100, "@odd:hs": "100"}, "users_default": 5})


@pytest.mark.parametrize(
    ("version", "levels", "user", "entitled"),
    [
        ("12", [LEVELS], "@creator:hs", True),
        ("12", [LEVELS], "@second:hs", True),
        ("12", [LEVELS], "@chief:hs", True),
        ("12", [LEVELS], "@guest:hs", False),
        ("12", [LEVELS], "@odd:hs", False),
        ("11", [LEVELS], "@creator:hs", False),
        ("11", [LEVELS], "@chief:hs", True),
        ("11", [], "@creator:hs", True),
        ("11", [], "@guest:hs", False),
        (None, [], "@guest:hs", False),
    ],
)
def test_power_is_read_as_the_room_version_says(version, levels, user, entitled):
    create = {"room_version": version} if version else {}
    view = RoomView("!r", [state("m.room.create", create | {"additional_creators": ["@second:hs"]}), *levels])
    assert (view.power(user) >= MODERATOR) is entitled


def test_a_later_event_replaces_an_earlier_one():
    view = RoomView("!r", [member("@a:hs")])
    view.apply(member("@b:hs"))
    view.apply(member("@a:hs", membership="leave"))
    assert view.joined() == {"@b:hs"}


def test_events_that_are_no_state_change_nothing():
    view = RoomView("!r", [])
    view.apply({"type": "m.room.message", "content": {"body": "x"}})
    view.apply({"type": "m.room.member", "state_key": 5})
    assert view.joined() == set()


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("Marie Curie", "Marie Curie"),
        ("  Marie \n Curie\t", "Marie Curie"),
        ("M\u202eeiruC\u200b", "MeiruC"),
        (None, "@m:hs"),
        ("", "@m:hs"),
        (7, "@m:hs"),
        ("\u202e\u2066", "@m:hs"),
        ("x" * 1000, "x" * NAME_MAX_CHARS),
    ],
)
def test_names_are_shown_without_what_could_deceive(given, shown):
    assert RoomView("!r", [member("@m:hs", given)]).name("@m:hs") == shown


def test_two_people_of_one_name_are_told_apart():
    view = RoomView("!r", [member("@m:hs", "Marie"), member("@n:hs", "Ma\u200brie"), member("@o:hs", "Jean")])
    assert view.name("@m:hs") == "Marie (@m:hs)"
    assert view.name("@n:hs") == "Marie (@n:hs)"
    assert view.name("@o:hs") == "Jean"


def test_encryption_is_seen():
    assert not RoomView("!r", []).encrypted
    assert RoomView("!r", [state("m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"})]).encrypted
