# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A page may start Element Call for the guest who will sit there, and learns nothing that it would not be told."""

from datetime import timedelta
from typing import Any

import pytest

from bridge.domain.lobby import LobbyPolicy
from bridge.domain.names import UserId
from bridge.store import guests
from bridge.web.limits import SEATS
from bridge.web.seats import new_guest
from tests.bridge.web.test_guest_mail import door  # noqa: F401  # a fixture
from tests.bridge.web.test_lobby import Door

HOME = "home.example"


async def seat(bridge, invite: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    async with bridge.public.post(f"{invite['path']}/seat") as response:
        return response.status, await response.json()


async def written(bridge) -> list[Any]:
    """The guests who are written down, which a seat does not do."""
    async with bridge.database.transaction() as tx:
        return [row["user_id"] for row in await tx.rows("SELECT user_id FROM guests")]


async def enter(bridge, invite: dict[str, Any], account: str) -> tuple[int, dict[str, Any]]:
    body = {"display_name": "Gina", "account": account}
    async with bridge.public.post(invite["path"], json=body) as response:
        return response.status, await response.json()


async def set_lobby(bridge, meeting: dict[str, Any], policy: LobbyPolicy) -> None:
    async with bridge.public.patch(
        f"/api/v1/meetings/{meeting['id']}", json={"lobby": policy.value}, headers=await bridge.staff("marie")
    ) as response:
        assert response.status == 200


async def test_whoever_joins_sits_where_their_page_made_ready(bridge):
    meeting = await bridge.meeting()
    invite = await bridge.invite(meeting)
    status, answer = await seat(bridge, invite)
    assert status == 200
    ready = answer["seat"]
    assert bridge.homeserver.rooms[meeting["room_id"]].get(ready["user_id"]) is None
    async with bridge.database.transaction() as tx:
        assert await tx.value("SELECT used FROM invites") == 0
        assert await guests.state_of(tx, UserId(ready["user_id"])) is None
    status, session = await enter(bridge, invite, ready["user_id"])
    assert status == 200
    assert {name: session["matrix"][name] for name in ("user_id", "device_id", "base_url")} | {
        "room_id": session["meeting"]["room_id"]
    } == ready


async def test_every_page_gets_a_seat_of_its_own_and_each_is_taken_once(bridge):
    invite = await bridge.invite(await bridge.meeting(), uses=3)
    one, other = [(await seat(bridge, invite))[1]["seat"] for _ in range(2)]
    assert one["user_id"] != other["user_id"]
    assert (await enter(bridge, invite, one["user_id"]))[0] == 200
    status, answer = await enter(bridge, invite, one["user_id"])
    assert (status, answer["errcode"]) == (409, "PASSERELLE_SEAT_TAKEN")
    async with bridge.database.transaction() as tx:
        assert await tx.value("SELECT used FROM invites") == 1


@pytest.mark.parametrize("change", ["longer", "foreign", "staff", "other shape", "nonsense"])
async def test_a_name_that_was_never_proposed_is_not_given(bridge, change: str):
    invite = await bridge.invite(await bridge.meeting())
    mine = (await seat(bridge, invite))[1]["seat"]["user_id"]
    head, _, random = mine.removesuffix(f":{HOME}").rpartition("-")
    wanted = {
        "longer": f"@guest-ffffffff-{random}:{HOME}",
        "foreign": mine.replace(HOME, "other.example"),
        "staff": f"@marie:{HOME}",
        "other shape": f"{head}-marie:{HOME}",
        "nonsense": "x",
    }[change]
    status, session = await enter(bridge, invite, wanted)
    assert status == 200
    assert session["user"]["id"] not in {wanted, mine}


@pytest.mark.parametrize("policy", [LobbyPolicy.GUESTS, LobbyPolicy.EVERYBODY])
async def test_whoever_has_to_be_let_in_first_learns_nothing_of_the_room(bridge, policy: LobbyPolicy):
    meeting = await bridge.meeting()
    await set_lobby(bridge, meeting, policy)
    invite = await bridge.invite(meeting)
    assert await seat(bridge, invite) == (200, {"seat": None})
    assert (await enter(bridge, invite, ""))[0] == 202
    assert await seat(bridge, invite) == (200, {"seat": None}), "nor while they wait"
    assert await written(bridge) == []


async def test_a_seat_from_before_there_was_a_lobby_passes_nobody_by_it_and_is_still_theirs_once_they_are_let_in(
    bridge,
):
    meeting = await bridge.meeting()
    invite = await bridge.invite(meeting)
    mine = (await seat(bridge, invite))[1]["seat"]["user_id"]
    await set_lobby(bridge, meeting, LobbyPolicy.GUESTS)
    gina = Door(bridge, invite["path"], display_name="Gina", account=mine)
    assert (await gina.knock(202))["place"]["state"] == "waiting"
    assert await written(bridge) == []
    path, marie = f"/api/v1/meetings/{meeting['id']}/waiting/admit", await bridge.staff("marie")
    async with bridge.public.post(path, json={"organisation": ""}, headers=marie) as response:
        assert await response.json() == {"done": 1}
    assert (await gina.knock(200))["user"]["id"] == mine


async def test_who_has_to_show_a_mail_address_learns_nothing_of_the_room_before(door):  # noqa: F811
    bridge, link = door.bridge, {"path": door.path}
    assert await seat(bridge, link) == (200, {"seat": None})
    _, asked = await door.ask()
    ((_, code),) = await door.post()
    assert await seat(bridge, link) == (200, {"seat": None})
    assert await written(bridge) == []
    assert (await door.enter(check=asked["check"], code=code))[0] == 200
    assert await seat(bridge, link) == (200, {"seat": None}), "the address that was shown is one guest's"


async def test_a_name_for_an_account_stands_for_no_mail_address(door):  # noqa: F811
    bridge, link = door.bridge, {"path": door.path}
    name = new_guest(bridge.services, bridge.clock.now + timedelta(seconds=7200))  # as a page may have made it up
    status, answer = await enter(bridge, link, name)
    assert (status, answer["errcode"]) == (403, "PASSERELLE_EMAIL_NEEDED")
    assert await written(bridge) == []


async def test_a_link_that_opens_nothing_has_no_seat(bridge):
    meeting = await bridge.meeting()
    invite = await bridge.invite(meeting)
    assert (await seat(bridge, {"path": "/j/" + "x" * 43}))[0] == 404
    async with bridge.public.put(
        f"/api/v1/meetings/{meeting['id']}/lock", headers=await bridge.staff("marie")
    ) as response:
        assert response.status == 200
    assert (await seat(bridge, invite))[0] == 403
    bridge.clock.forward(days=300)
    assert (await seat(bridge, invite))[0] == 410


async def test_one_address_asks_only_so_often(bridge):
    invite = await bridge.invite(await bridge.meeting())
    for _ in range(SEATS.burst):
        bridge.services.limits.count(SEATS, "127.0.0.1")
    assert (await seat(bridge, invite))[0] == 429
