# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import pytest

from bridge.store import audit

HOME = "home.example"


async def test_a_meeting_is_a_room_whose_organiser_is_in_it(bridge):
    headers = await bridge.staff("marie")
    async with bridge.public.post(
        "/api/v1/meetings", json={"title": " Team\u202e meeting "}, headers=headers
    ) as response:
        assert response.status == 201
        meeting = await response.json()
    assert meeting["title"] == "Team meeting"
    assert meeting["organizer"] == f"@marie:{HOME}"
    assert meeting["url"] == f"http://bridge.example/m/{meeting['id']}"
    (recipe,) = bridge.homeserver.created
    assert recipe["room_version"] == "12"
    assert bridge.homeserver.rooms[meeting["room_id"]][f"@marie:{HOME}"] == "join"
    assert bridge.homeserver.logged_out == [f"@marie:{HOME}"]  # the device that joined lives for that alone
    async with bridge.public.get("/api/v1/meetings", headers=headers) as response:
        assert await response.json() == {"meetings": [meeting]}


@pytest.mark.parametrize("title", ["", "  ", "x" * 121, "x" * 10_000, "\u202e"])
async def test_a_bad_title_makes_no_room(bridge, title: str):
    async with bridge.public.post(
        "/api/v1/meetings", json={"title": title}, headers=await bridge.staff("marie")
    ) as response:
        assert response.status == 400
    assert bridge.homeserver.created == []


async def test_staff_with_a_link_come_in_without_taking_a_use(bridge):
    meeting = await bridge.meeting()
    token = (await bridge.invite(meeting))["path"].removeprefix("/j/")
    headers, path = await bridge.staff("jean"), f"/api/v1/meetings/{meeting['id']}"
    async with bridge.public.get(path, headers=headers) as response:
        assert response.status == 404
    async with bridge.public.post(f"/j/{token}/staff", json={}, headers=headers) as response:
        assert response.status == 200
        assert await response.json() == meeting
    assert bridge.homeserver.rooms[meeting["room_id"]][f"@jean:{HOME}"] == "join"
    async with bridge.public.get(path, headers=headers) as response:
        assert response.status == 200
    async with bridge.public.get("/api/v1/meetings", headers=headers) as response:
        assert [found["id"] for found in (await response.json())["meetings"]] == [meeting["id"]]
    async with bridge.database.transaction() as tx:
        assert await tx.value("SELECT used FROM invites") == 0
        assert "staff_joined" in [row["action"] for row in await audit.about(tx, meeting["id"])]


async def test_a_link_to_one_meeting_opens_no_other(bridge):
    one, other = await bridge.meeting("One"), await bridge.meeting("Other")
    token, headers = (await bridge.invite(one))["path"].removeprefix("/j/"), await bridge.staff("jean")
    async with bridge.public.post(f"/j/{token}/staff", json={}, headers=headers) as response:
        assert (await response.json())["id"] == one["id"]
    async with bridge.public.get(f"/api/v1/meetings/{other['id']}", headers=headers) as response:
        assert response.status == 404
    assert f"@jean:{HOME}" not in bridge.homeserver.rooms[other["room_id"]]


async def test_a_used_up_link_still_opens_to_staff_and_an_ended_one_does_not(bridge):
    meeting, headers = await bridge.meeting(), await bridge.staff("jean")
    invite = await bridge.invite(meeting, uses=1, ttl_s=60)
    async with bridge.public.post(invite["path"], json={"display_name": "Gina"}) as response:
        assert response.status == 200
    async with bridge.public.post(f"{invite['path']}/staff", json={}, headers=headers) as response:
        assert response.status == 200
    bridge.clock.forward(seconds=61)
    async with bridge.public.post(f"{invite['path']}/staff", json={}, headers=headers) as response:
        assert response.status == 410


@pytest.mark.parametrize("door", [None, "guest"])
async def test_the_staff_door_is_for_staff(bridge, door: str | None):
    meeting = await bridge.meeting()
    invite = await bridge.invite(meeting)
    token = None if door is None else await bridge.bearer(f"@guest-1:{HOME}", door, meeting["id"])
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with bridge.public.post(f"{invite['path']}/staff", json={}, headers=headers) as response:
        assert response.status == (401 if door is None else 403)


@pytest.mark.parametrize(
    "body",
    [
        {"uses": 0},
        {"uses": 501},
        {"uses": "1"},
        {"uses": True},
        {"uses": 1.5},
        {"ttl_s": 59},
        {"ttl_s": 10**9},
        {"ttl_s": None},
    ],
)
async def test_the_terms_of_a_link_are_checked(bridge, body: dict[str, object]):
    meeting = await bridge.meeting()
    async with bridge.public.post(
        f"/api/v1/meetings/{meeting['id']}/invites", json=body, headers=await bridge.staff("marie")
    ) as response:
        assert response.status == 400
        assert (await response.json())["errcode"] == "M_BAD_JSON"


async def test_an_organiser_invites_people_of_any_server(bridge):
    meeting, headers = await bridge.meeting(), await bridge.staff("marie")
    path = f"/api/v1/meetings/{meeting['id']}/partners"
    for user in ("@pavel:partner.example:8448", f"@jean:{HOME}", "@pavel:partner.example:8448"):
        async with bridge.public.post(path, json={"user_id": user}, headers=headers) as response:
            assert response.status == 200
        assert bridge.homeserver.rooms[meeting["room_id"]][user] == "invite"
    async with bridge.public.post(path, json={"user_id": "pavel"}, headers=headers) as response:
        assert response.status == 400


async def test_operators_let_colleagues_in(bridge):
    meeting = await bridge.operator(
        "POST", "/internal/v1/meetings", title="T", organizer=f"@marie:{HOME}", staff=[f"@jean:{HOME}"]
    )
    async with bridge.public.get("/api/v1/meetings", headers=await bridge.staff("jean")) as response:
        assert await response.json() == {"meetings": [meeting]}
    async with bridge.public.get("/api/v1/meetings", headers=await bridge.staff("ada")) as response:
        assert await response.json() == {"meetings": []}
    async with bridge.services.database.transaction() as tx:
        row = next(row for row in await audit.about(tx, meeting["id"]) if row["action"] == "staff_let_in")
    assert row["actor"] == "operator"


async def test_operators_find_meetings_by_title(bridge):
    one = await bridge.meeting("One")
    await bridge.meeting("Two")
    assert await bridge.operator("GET", "/internal/v1/meetings?title=One") == {"meetings": [one]}
    assert len((await bridge.operator("GET", "/internal/v1/meetings"))["meetings"]) == 2


@pytest.mark.parametrize("token", [None, "", "wrong", "x" * 43])
@pytest.mark.parametrize("path", ["/internal/v1/meetings", "/internal/v1/nothing"])
async def test_nobody_is_an_operator_without_the_token(bridge, token: str | None, path: str):
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with bridge.internal.get(path, headers=headers) as response:
        assert response.status == 403
    async with bridge.public.get(path, headers=headers) as response:
        assert response.status == 404


async def test_an_organiser_who_does_not_exist_makes_no_meeting(bridge):
    marie = f"@marie:{HOME}"
    for organizer, staff in (
        ("marie", []),
        ("@marie", []),
        ("@marie:x y", []),
        (marie, ["jean"]),
        (marie, [marie] * 101),
    ):
        body = {"title": "T", "organizer": organizer, "staff": staff}
        headers = {"Authorization": f"Bearer {bridge.services.settings.internal.token.get_secret_value()}"}
        async with bridge.internal.post("/internal/v1/meetings", json=body, headers=headers) as response:
            assert response.status == 400
    assert bridge.homeserver.created == []
