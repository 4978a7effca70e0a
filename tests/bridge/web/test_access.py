# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What lets people in is listed to whoever may end it: a meeting's to its hosts, everything to operators."""

from typing import Any

import pytest

from bridge.domain.access import MAX_TEXT, PAGE
from bridge.web import revoking
from tests.bridge.web.test_host_page import follow, until
from tests.bridge.web.test_lobby import Door, with_lobby
from tests.bridge.web.test_revocations import BOSS, MARIE, PARTNER, granted, operators
from tests.bridge.web.test_transactions import drain, member, push

TANYA = "@tanya:partner.example"


async def of_meeting(bridge, meeting, headers, kind: str, after: str = "") -> dict[str, Any]:
    path = f"/api/v1/meetings/{meeting['id']}/access"
    async with bridge.public.get(path, params={"kind": kind, "after": after}, headers=headers) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def look(bridge, headers, kind: str, text: str = "", status: int = 200, **more: str) -> list[dict[str, Any]]:
    body = {"kind": kind, "text": text} | more
    async with bridge.public.post("/api/v1/access", json=body, headers=headers) as response:
        assert response.status == status, await response.text()
        return list((await response.json()).get("found", []))


async def revoke(bridge, headers, found: dict[str, Any]) -> dict[str, Any]:
    """As the page does: what was listed is what is asked for; return the act once it is over."""
    body = {key: found[key] for key in ("kind", "subject")}
    async with bridge.public.post("/api/v1/revocations", json=body, headers=headers) as response:
        assert response.status == 201, await response.text()
        act = await response.json()
    await revoking.finish(bridge.services)
    async with bridge.public.get(f"/api/v1/revocations/{act['id']}", headers=headers) as response:
        return dict(await response.json())


@pytest.fixture
async def boss(bridge) -> dict[str, str]:
    object.__setattr__(bridge.services, "settings", operators(bridge, BOSS))
    headers: dict[str, str] = await bridge.staff("boss")
    return headers


async def partner(bridge, path: str, user_id: str, room: str) -> None:
    async with bridge.public.post(f"{path}/partner", json={"user_id": user_id}) as response:
        assert response.status == 200
    bridge.homeserver.join(room, user_id)


async def test_hosts_see_each_link_guest_and_organisation_and_end_it(bridge):
    meeting, marie = await bridge.meeting("Budget"), await bridge.staff("marie")
    invite = await bridge.invite(meeting, uses=5)
    body = {"display_name": "Gina", "organisation": "Port of Lyon"}
    async with bridge.public.post(invite["path"], json=body) as response:
        gina = (await response.json())["user"]["id"]
    await partner(bridge, invite["path"], PARTNER, meeting["room_id"])

    (link,) = (await of_meeting(bridge, meeting, marie, "link"))["found"]
    assert (link["subject"], link["used"], link["uses"], link["people"]) == (invite["id"], 2, 5, 1)
    (guest,) = (await of_meeting(bridge, meeting, marie, "guest"))["found"]
    assert (guest["subject"], guest["name"], guest["about"], guest["by"]) == (gina, "Gina", "Port of Lyon", MARIE)
    (organisation,) = (await of_meeting(bridge, meeting, marie, "partners"))["found"]
    assert (organisation["name"], organisation["people"]) == ("partner.example", 1)

    act = await revoke(bridge, marie, guest)
    assert (act["people"], "matrix" in act["ends"], act["seconds"] is not None) == (1, True, True)
    assert (await of_meeting(bridge, meeting, marie, "guest"))["found"] == []
    await revoke(bridge, marie, link)
    assert (await of_meeting(bridge, meeting, marie, "link"))["found"] == []
    assert (await of_meeting(bridge, meeting, marie, "partners"))["found"] == [], "they came by the link"


async def test_the_hosts_page_hears_at_once_that_something_has_ended(bridge):
    meeting, marie = await bridge.meeting(), await bridge.staff("marie")
    await bridge.guest(meeting)
    async with follow(bridge, meeting, marie) as response:
        section = await until(response, "access")
        (guest,) = section["guest"]["found"]
        await revoke(bridge, marie, guest)
        await until(response, "access", guest={"found": [], "next": None})


async def test_everybody_of_an_organisation_leaves_also_who_came_without_us_and_waits_anew(bridge):
    meeting, path, marie = await with_lobby(bridge, "outsiders")
    room, door = meeting["room_id"], Door(bridge, f"{path}/partner", user_id=PARTNER)
    place = (await door.knock(202))["place"]
    assert place["state"] == "waiting"
    async with bridge.public.post(f"/api/v1/meetings/{meeting['id']}/waiting/admit", json={}, headers=marie) as answer:
        assert answer.status == 200
    await door.knock(200)
    for user_id in (PARTNER, TANYA, "@olga:other.example"):
        bridge.homeserver.join(room, user_id)
    tanya = await granted(bridge, room, TANYA)
    (organisation,) = (await of_meeting(bridge, meeting, marie, "partners"))["found"]

    assert (await revoke(bridge, marie, organisation))["people"] == 2
    assert [bridge.homeserver.rooms[room][user] for user in (PARTNER, TANYA)] == ["leave", "leave"]
    assert bridge.homeserver.rooms[room]["@olga:other.example"] == "join"
    assert [identity for _, identity in bridge.sfu.removed] == [tanya]
    assert (await door.knock(202))["place"]["state"] == "waiting", "what a host said before counts no more"
    async with bridge.public.post("/api/v1/revocations", json=organisation, headers=marie) as response:
        assert response.status == 404


async def test_who_is_taken_out_of_the_room_waits_anew_too(bridge):
    meeting, path, marie = await with_lobby(bridge, "outsiders")
    door = Door(bridge, f"{path}/partner", user_id=PARTNER)
    await door.knock(202)
    async with bridge.public.post(f"/api/v1/meetings/{meeting['id']}/waiting/admit", json={}, headers=marie):
        await door.knock(200)
    await push(bridge, "t1", member(meeting["room_id"], PARTNER, "leave", sender=MARIE))
    await drain(bridge)
    assert (await door.knock(202))["place"]["state"] == "waiting"


async def test_operators_find_by_link_name_and_organisation_over_all_meetings(bridge, boss):
    budget, works = await bridge.meeting("Budget"), await bridge.meeting("Été des travaux")
    invite, other = await bridge.invite(budget), await bridge.invite(works, uses=5)
    async with bridge.public.post(other["path"], json={"display_name": "Zoé", "organisation": "Lyon"}) as response:
        assert response.status == 200
    await partner(bridge, other["path"], PARTNER, works["room_id"])
    await bridge.staff("jean")

    async def found(kind: str, text: str) -> list[str]:
        return [one["subject"] for one in await look(bridge, boss, kind, text)]

    assert {invite["id"], other["id"]} <= set(await found("link", ""))
    assert await found("link", invite["url"]) == [invite["id"]]
    assert await found("link", "ete des trav") == [other["id"]]
    assert await found("link", "x' OR true --%_") == []
    assert [one["meeting"]["title"] for one in await look(bridge, boss, "guest", "ZOE")] == ["Été des travaux"]
    assert await found("server", "partner") == ["partner.example"]
    (device,) = await look(bridge, boss, "device", "@jean")
    jean = device["user_id"]
    assert device["name"] == jean, "nobody said what they are called"
    bridge.homeserver.names[jean] = "Jean Moulin"
    assert [one["name"] for one in await look(bridge, boss, "device", "@jean")] == ["Jean Moulin"]
    bridge.homeserver.broken = lambda path: path.endswith("/displayname")
    assert [one["name"] for one in await look(bridge, boss, "device", "@jean")] == [jean]
    bridge.homeserver.broken = lambda _path: False
    assert await look(bridge, boss, "device", "@nobody") == []

    act = await revoke(bridge, boss, device)
    assert (act["people"], act["ends"]) == (1, ["pages", "calls", "matrix"])
    assert await look(bridge, boss, "device", "@jean") == []
    (organisation,) = await look(bridge, boss, "server", "partner")
    assert (organisation["people"], organisation["meetings"]) == (1, 1)
    await revoke(bridge, boss, organisation)
    assert bridge.homeserver.rooms[works["room_id"]][PARTNER] == "leave"
    assert await look(bridge, boss, "server", "partner") == []


async def test_pages_follow_each_other_also_when_the_last_one_listed_was_ended(bridge, boss):
    meeting, marie = await bridge.meeting(), await bridge.staff("marie")
    made = [(await bridge.invite(meeting))["id"] for _ in range(PAGE + 2)]
    first = await of_meeting(bridge, meeting, marie, "link")
    assert len(first["found"]) == PAGE
    await revoke(bridge, marie, first["found"][-1])
    rest = await of_meeting(bridge, meeting, marie, "link", first["next"])
    assert {one["subject"] for one in [*first["found"], *rest["found"]]} == set(made)
    assert rest["next"] is None
    assert len(await look(bridge, boss, "link", after=first["next"])) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "person"},
        {"text": "x" * (MAX_TEXT + 1)},
        {"text": "\x00"},
        {"after": "yesterday"},
        {"after": "x" * 999},
    ],
)
async def test_what_cannot_be_looked_for_is_refused(bridge, boss, wrong: dict[str, str]):
    await look(bridge, boss, status=400, **{"kind": "link"} | wrong)


async def test_who_is_no_operator_looks_through_nothing(bridge):
    await look(bridge, await bridge.staff("marie"), "link", status=403)
