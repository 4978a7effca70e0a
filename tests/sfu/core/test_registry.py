# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Admission: who may enter which room."""

import random

import pytest

from sfu.core import limits
from sfu.core.grants import Grants, Rights
from sfu.core.registry import AdmissionError, Registry
from sfu.core.requests import Join
from sfu.core.room import RoomSettings
from sfu.core.sids import Sids


def registry(*, auto_create=True):
    return Registry(Sids(random.Random(1).randbytes), auto_create=auto_create)


def grants(identity="alice", room="room", **more):
    return Grants(identity=identity, room=room, room_join=True, **more)


def refused(rooms, claims):
    with pytest.raises(AdmissionError) as caught:
        rooms.check(claims)
    return caught.value


def test_a_room_that_is_not_there_is_made_only_where_that_is_on():
    rooms = registry(auto_create=False)
    error = refused(rooms, grants())
    assert (error.status, error.text) == (404, "requested room does not exist")
    rooms.create("room", RoomSettings(), 0.0, 0)
    assert rooms.check(grants()).name == "room"
    assert registry().admit(grants(), 0.0, 0).name == "room"


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        (Grants(identity="a", room="room"), 401),
        (grants(identity=""), 400),
        (grants(room=""), 400),
        (grants(identity="x" * 257), 400),
        (grants(room="x" * 10_000), 400),
        (grants(name="x" * 257), 400),
    ],
)
def test_tokens_that_name_no_usable_place_are_refused(claims, status):
    assert refused(registry(), claims).status == status


def test_a_removed_identity_needs_a_token_issued_later():
    rooms = registry()
    rooms.revoke("room", "alice", 1000.5)
    assert refused(rooms, grants(issued_at=1000.0)).status == 401
    assert refused(rooms, grants()).status == 401
    assert rooms.check(grants(issued_at=1001.0)) is None
    assert rooms.check(grants(identity="bob", issued_at=1.0)) is None
    assert rooms.check(grants(room="other", issued_at=1.0)) is None


def test_changed_rights_hold_for_older_tokens_too():
    rooms = registry()
    listener = Rights(can_publish=False)
    rooms.change_rights("room", "alice", listener, 1000.5)
    assert rooms.current(grants(issued_at=1000.0)).rights == listener
    assert rooms.current(grants(issued_at=1001.0)).rights == Rights()
    assert rooms.current(grants(identity="bob", issued_at=1.0)).rights == Rights()
    assert rooms.current(grants(room="other", issued_at=1.0)).rights == Rights()
    rooms.change_rights("room", "alice", Rights(), 1002.5)
    assert rooms.current(grants(issued_at=1.0)).rights == Rights()


def test_remembered_removals_and_rights_are_limited(monkeypatch):
    monkeypatch.setattr(limits, "REVOCATIONS_MAX", 3)
    rooms = registry()
    for name in "abcd":
        rooms.change_rights("room", name, Rights(can_publish=False), 10.0)
    assert [rooms.current(grants(identity=name)).rights.can_publish for name in "abcd"] == [True, False, False, False]
    for name in "abcd":
        rooms.revoke("room", name, 10.0)
    assert rooms.check(grants(identity="a", issued_at=5.0)) is None
    assert refused(rooms, grants(identity="b", issued_at=5.0)).status == 401
    for name in "abcd":
        rooms.revoke_room(name, 10.5)
    assert rooms.check(grants(room="a", issued_at=5.0)) is None
    assert refused(rooms, grants(room="b", issued_at=9.0)).status == 401
    assert rooms.check(grants(room="b", issued_at=10.0)) is None


def test_a_full_room_lets_only_its_own_people_back_in():
    rooms = registry()
    room = rooms.create("room", RoomSettings(max_participants=1), 0.0, 0)
    room.join(grants(), Join(), 0.0, 0)
    error = refused(rooms, grants(identity="bob"))
    assert (error.status, error.text) == (503, "the room is full")
    assert rooms.check(grants()) is room


def test_the_number_of_rooms_is_limited(monkeypatch):
    monkeypatch.setattr(limits, "ROOMS_MAX", 2)
    rooms = registry()
    for name in ("one", "two"):
        rooms.create(name, RoomSettings(), 0.0, 0)
    assert refused(rooms, grants(room="three")).status == 503
    with pytest.raises(AdmissionError):
        rooms.create("three", RoomSettings(), 0.0, 0)
    assert rooms.create("two", RoomSettings(metadata="m"), 0.0, 0).info().metadata == "m"


def test_the_number_of_participants_is_limited(monkeypatch):
    monkeypatch.setattr(limits, "PARTICIPANTS_PER_ROOM_MAX", 2)
    rooms = registry()
    room = rooms.create("room", RoomSettings(max_participants=50), 0.0, 0)
    for name in ("a", "b"):
        room.join(grants(identity=name), Join(), 0.0, 0)
    assert refused(rooms, grants(identity="c")).status == 503


def test_a_closed_room_is_forgotten_and_a_newer_one_of_its_name_is_not():
    rooms = registry()
    old = rooms.create("room", RoomSettings(), 0.0, 0)
    rooms.forget(old)
    new = rooms.create("room", RoomSettings(), 0.0, 0)
    rooms.forget(old)
    assert rooms.get("room") is new
