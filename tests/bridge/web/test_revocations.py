# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""One act ends what a link, a guest, a pass, a device, a person or an organisation had, whatever is away meanwhile."""

import asyncio
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.domain.guests import GuestState
from bridge.domain.names import UserId
from bridge.domain.revocation import MAY, Kind, Role
from bridge.domain.scopes import SIGN_IN_WITHIN
from bridge.settings import OperatorsSettings
from bridge.store import audit, calls, guests, sessions
from bridge.web import revoking
from tests.bridge.web.test_captions import segment
from tests.bridge.web.test_transactions import drain, member, push

HOME = "home.example"
MARIE, JEAN, BOSS = (f"@{name}:{HOME}" for name in ("marie", "jean", "boss"))
PARTNER = "@pavel:partner.example"


async def internal(bridge, method: str, path: str, status: int = 200, **body: Any) -> dict[str, Any]:
    token = bridge.services.settings.internal.token.get_secret_value()
    headers = {"Authorization": f"Bearer {token}"}
    async with bridge.internal.request(method, f"/internal/v1/{path}", headers=headers, json=body or None) as response:
        assert response.status == status, await response.text()
        return await response.json()


async def revoke(bridge, kind: Kind, subject: str) -> dict[str, Any]:
    """As an operator; return the act when the worker has gone over it once."""
    act = await internal(bridge, "POST", "revocations", 201, kind=kind.value, subject=subject)
    await revoking.finish(bridge.services)
    return await internal(bridge, "GET", f"revocations/{act['id']}")


async def token_for(bridge, room: str, user_id: str, device: str = "DEV") -> int:
    openid = bridge.homeserver.openid_token(user_id)
    server = user_id.partition(":")[2]
    body = {
        "room": room,
        "device_id": device,
        "openid_token": {"access_token": openid, "matrix_server_name": server},
    }
    async with bridge.public.post("/livekit/jwt/sfu/get", json=body) as response:
        return response.status


async def status_of(bridge, path: str, headers: dict[str, str]) -> int:
    async with bridge.public.get(path, headers=headers) as response:
        return response.status


async def granted(bridge, room: str, user_id: str, device: str = "DEV") -> str:
    """Somebody in the call, whose homeserver is not asked; returns the identity."""
    identity = f"{user_id}:{device}"
    async with bridge.database.transaction() as tx:
        await calls.grant(tx, calls.CallGrant("lk", identity), room_id=room, user_id=UserId(user_id), device_id=device)
    return identity


async def actions(bridge, subject: str) -> list[str]:
    async with bridge.database.transaction() as tx:
        return [row["action"] for row in await audit.about(tx, subject)]


def operators(bridge, *users: str):
    return bridge.services.settings.model_copy(update={"operators": OperatorsSettings(users=frozenset(users))})


async def test_a_link_ends_with_its_guests_and_partners_and_nobody_else(bridge):
    meeting = await bridge.meeting()
    room = meeting["room_id"]
    invite, other = await bridge.invite(meeting, uses=5), await bridge.invite(meeting)
    gina, gina_headers = await _guest(bridge, invite)
    gaston, gaston_headers = await _guest(bridge, other)
    async with bridge.public.post(f"{invite['path']}/partner", json={"user_id": PARTNER}) as response:
        assert response.status == 200
    bridge.homeserver.join(room, PARTNER)
    assert await token_for(bridge, room, gina) == 200
    assert await token_for(bridge, room, gaston) == 200
    pavel = await granted(bridge, room, PARTNER)

    act = await revoke(bridge, Kind.LINK, invite["id"])
    assert act["done_at"] is not None
    assert bridge.homeserver.deactivated == [gina]
    assert [bridge.homeserver.rooms[room][user] for user in (gina, PARTNER, gaston)] == ["leave", "leave", "join"]
    assert {identity for _, identity in bridge.sfu.removed} == {f"{gina}:DEV", pavel}
    assert await status_of(bridge, f"/api/v1/meetings/{meeting['id']}", gina_headers) == 401
    assert await status_of(bridge, f"/api/v1/meetings/{meeting['id']}", gaston_headers) == 200
    async with bridge.public.post(invite["path"], json={"display_name": "Gina"}) as response:
        assert (await response.json())["errcode"] == "PASSERELLE_INVITE_REVOKED"
    assert await actions(bridge, invite["id"]) == ["invite_revoked", "revoked", "revocation_done"]


async def test_a_guest_who_is_being_ended_gets_no_call_though_the_room_still_holds_them(bridge):
    meeting = await bridge.meeting()
    gina, _ = await bridge.guest(meeting)
    assert await token_for(bridge, meeting["room_id"], gina) == 200
    await internal(bridge, "POST", "revocations", 201, kind="guest", subject=gina)
    assert bridge.homeserver.rooms[meeting["room_id"]][gina] == "join"
    assert await token_for(bridge, meeting["room_id"], gina) == 403
    await revoking.finish(bridge.services)
    assert [identity for _, identity in bridge.sfu.removed] == [f"{gina}:DEV"]
    await internal(bridge, "POST", "revocations", 404, kind="guest", subject=gina)


async def test_a_page_that_listens_hears_no_more(bridge):
    meeting = await bridge.meeting()
    gina, headers = await bridge.guest(meeting)
    path = f"/api/v1/meetings/{meeting['id']}/captions"
    async with bridge.public.get(path, headers=headers) as stream:
        assert await stream.content.readuntil(b"data:\n\n")
        await internal(bridge, "POST", "revocations", 201, kind="guest", subject=gina)
        line = segment(meeting["room_id"])
        await internal(bridge, "PUT", f"segments/{line['id']}", **line)
        async with asyncio.timeout(5):
            assert await stream.content.read() == b""


async def test_a_pass_ends_with_its_visits(bridge):
    meeting, marie = await bridge.meeting(), await bridge.staff("marie")
    ends_at = (bridge.clock.now + timedelta(days=30)).isoformat()
    body = {"display_name": "Ada", "ends_at": ends_at, "meetings": [meeting["id"]]}
    async with bridge.public.post("/api/v1/contractors", json=body, headers=marie) as response:
        made = await response.json()
    path = "/c/" + made["url"].rpartition("/")[2]
    async with bridge.public.post(f"{path}/{meeting['id']}") as response:
        ada = (await response.json())["user"]["id"]
    assert (await revoke(bridge, Kind.CONTRACTOR, made["id"]))["done_at"] is not None
    assert bridge.homeserver.deactivated == [ada]
    async with bridge.public.post(path) as response:
        assert response.status == 410


async def _signed_in(bridge, user_id: str, device: str) -> tuple[dict[str, str], str]:
    """A session of staff that keeps its Matrix token; returns its headers and that token."""
    token, matrix = secrets.token_urlsafe(32), bridge.homeserver.add_user(user_id)
    async with bridge.database.transaction() as tx:
        await sessions.create(
            tx, token, user_id=UserId(user_id), door="staff", meeting_id=None, device_id=device,
            expires_at=bridge.clock.now + timedelta(days=60), kept=bridge.services.seal.close({"matrix": matrix}),
        )  # fmt: skip
    return {"Authorization": f"Bearer {token}"}, matrix


async def test_one_device_ends_and_the_other_goes_on(bridge):
    meeting = await bridge.meeting()
    room = meeting["room_id"]
    bridge.homeserver.join(room, MARIE)
    laptop, laptop_matrix = await _signed_in(bridge, MARIE, "LAPTOP")
    phone, phone_matrix = await _signed_in(bridge, MARIE, "PHONE")
    for device in ("LAPTOP", "PHONE"):
        assert await token_for(bridge, room, MARIE, device) == 200
    async with bridge.public.get("/api/v1/sessions", headers=phone) as response:
        listed = (await response.json())["sessions"]
    (lost,) = (one["id"] for one in listed if not one["current"])
    async with bridge.public.delete(f"/api/v1/sessions/{lost}", headers=phone) as response:
        assert response.status == 200
    await revoking.finish(bridge.services)
    assert [identity for _, identity in bridge.sfu.removed] == [f"{MARIE}:LAPTOP"]
    assert laptop_matrix not in bridge.homeserver.tokens
    assert phone_matrix in bridge.homeserver.tokens
    assert await status_of(bridge, "/api/v1/meetings", laptop) == 401
    assert await status_of(bridge, "/api/v1/meetings", phone) == 200
    assert await token_for(bridge, room, MARIE, "LAPTOP") == 403, "an OpenID token outlives the device"
    assert await token_for(bridge, room, MARIE, "PHONE") == 200


async def _keys(bridge, headers: dict[str, str]) -> tuple[dict[str, str], str]:
    """What acts in somebody's name: an API token and a calendar's address."""
    body = {"name": "Script", "scopes": ["meetings:read"], "expires_in_days": 300}
    async with bridge.public.post("/api/v1/tokens", json=body, headers=headers) as response:
        script = {"Authorization": f"Bearer {(await response.json())['token']}"}
    async with bridge.public.post("/api/v1/calendar", headers=headers) as response:
        return script, (await response.json())["url"].removeprefix("http://bridge.example")


async def test_signing_out_everywhere_ends_every_session_token_and_address(bridge):
    laptop, _ = await _signed_in(bridge, MARIE, "LAPTOP")
    element = bridge.homeserver.add_user(MARIE)
    script, calendar = await _keys(bridge, laptop)
    assert await status_of(bridge, "/api/v1/meetings", script) == 200
    assert await status_of(bridge, calendar, {}) == 200
    async with bridge.public.delete("/api/v1/sessions", headers=laptop) as response:
        assert response.status == 200
    for path, headers in (("/api/v1/meetings", laptop), ("/api/v1/meetings", script)):
        assert await status_of(bridge, path, headers) == 401
    assert await status_of(bridge, calendar, {}) == 404
    await revoking.finish(bridge.services)
    assert element not in bridge.homeserver.tokens
    assert MARIE not in bridge.homeserver.tokens.values()


async def test_a_token_rests_when_its_person_does_not_sign_in_any_more_and_wakes_when_they_do(bridge):
    laptop, _ = await _signed_in(bridge, MARIE, "LAPTOP")
    script, _ = await _keys(bridge, laptop)
    async with bridge.public.post("/auth/logout", headers=laptop):
        pass
    assert await status_of(bridge, "/api/v1/meetings", script) == 200, "a script does not end with a window"
    bridge.clock.forward(seconds=SIGN_IN_WITHIN.total_seconds())
    async with bridge.public.get("/api/v1/meetings", headers=script) as response:
        assert (response.status, (await response.json())["errcode"]) == (401, "PASSERELLE_TOKEN_RESTS")
    async with bridge.database.transaction() as tx:
        from bridge.store import tokens

        await tokens.person_was_here(tx, MARIE, bridge.clock.now)
    assert await status_of(bridge, "/api/v1/meetings", script) == 200


async def test_a_person_is_out_of_every_meeting_and_stays_out_until_let_in_again(bridge):
    rooms = [(await bridge.meeting(f"M{number}", organizer=MARIE))["room_id"] for number in range(3)]
    for room in rooms:
        bridge.homeserver.join(room, JEAN)
    laptop, _ = await _signed_in(bridge, JEAN, "LAPTOP")
    assert await token_for(bridge, rooms[0], JEAN, "LAPTOP") == 200
    assert (await revoke(bridge, Kind.PERSON, JEAN))["done_at"] is not None
    assert [bridge.homeserver.rooms[room][JEAN] for room in rooms] == ["leave"] * 3
    assert [identity for _, identity in bridge.sfu.removed] == [f"{JEAN}:LAPTOP"]
    assert JEAN not in bridge.homeserver.tokens.values()
    assert await status_of(bridge, "/api/v1/meetings", laptop) == 401
    bridge.homeserver.join(rooms[1], JEAN)  # somebody invites them again in Element
    assert await push(bridge, "t1", member(rooms[1], JEAN, "join", MARIE)) == 200
    await drain(bridge)
    await revoking.finish(bridge.services)
    assert bridge.homeserver.rooms[rooms[1]][JEAN] == "leave"
    assert [one["name"] for one in (await internal(bridge, "GET", "barred"))["barred"]] == [JEAN]
    await internal(bridge, "DELETE", f"barred/{JEAN}")
    bridge.homeserver.join(rooms[1], JEAN)
    assert await token_for(bridge, rooms[1], JEAN, "LAPTOP2") == 200


async def test_nobody_of_a_barred_organisation_is_anywhere_or_comes_in(bridge):
    meeting, later = await bridge.meeting(), None
    room = meeting["room_id"]
    for user in (PARTNER, "@petra:partner.example", "@otto:other.example"):
        bridge.homeserver.join(room, user)
    identity = await granted(bridge, room, PARTNER)
    assert (await revoke(bridge, Kind.SERVER, "partner.example"))["done_at"] is not None
    members = bridge.homeserver.rooms[room]
    assert {user: members[user] for user in members if ":partner" in user or ":other" in user} == {
        PARTNER: "leave", "@petra:partner.example": "leave", "@otto:other.example": "join",
    }  # fmt: skip
    assert bridge.homeserver.state[room, "m.room.server_acl"]["deny"] == ["partner.example"]
    assert [removed for _, removed in bridge.sfu.removed] == [identity]
    bridge.homeserver.join(room, PARTNER)
    asked = bridge.homeserver.openid_asked
    assert await token_for(bridge, room, PARTNER) == 403
    assert bridge.homeserver.openid_asked == asked, "a barred server is not even asked"
    invite = await bridge.invite(meeting, uses=3)
    async with bridge.public.post(f"{invite['path']}/partner", json={"user_id": PARTNER}) as response:
        assert (response.status, (await response.json())["errcode"]) == (403, "PASSERELLE_PARTNER_BARRED")
    later = (await bridge.meeting("Later"))["room_id"]
    await revoking.finish(bridge.services)
    assert bridge.homeserver.state[later, "m.room.server_acl"]["deny"] == ["partner.example"]
    await internal(bridge, "DELETE", "barred/partner.example")
    await revoking.finish(bridge.services)
    assert bridge.homeserver.state[room, "m.room.server_acl"]["deny"] == []
    await internal(bridge, "DELETE", "barred/partner.example", 404)


async def test_a_part_that_is_away_keeps_nothing_else_waiting_and_what_it_owes_is_done_later(bridge):
    meeting = await bridge.meeting()
    gina, _ = await bridge.guest(meeting)
    assert await token_for(bridge, meeting["room_id"], gina) == 200
    bridge.sfu.broken = True
    act = await revoke(bridge, Kind.GUEST, gina)
    assert act["done_at"] is None
    assert bridge.homeserver.deactivated == [gina]
    bridge.sfu.broken = False
    await revoking.finish(bridge.services)
    assert [identity for _, identity in bridge.sfu.removed] == [f"{gina}:DEV"]
    assert (await internal(bridge, "GET", f"revocations/{act['id']}"))["done_at"] is not None


@pytest.mark.parametrize("dies", ["/deactivate", "/kick", "/logout", "/logout/all", "/m.room.server_acl"])
async def test_what_a_bridge_left_undone_another_one_ends(bridge, dies: str):
    """All that the worker knows stands in the database: the one that goes on is not the one that began."""
    meeting = await bridge.meeting()
    room = meeting["room_id"]
    gina, _ = await bridge.guest(meeting)
    _, matrix = await _signed_in(bridge, JEAN, "LAPTOP")
    for user in (PARTNER, JEAN):
        bridge.homeserver.join(room, user)
    bridge.homeserver.broken = lambda path: path.rstrip("/").endswith(dies)
    acts = [
        await revoke(bridge, *what)
        for what in ((Kind.GUEST, gina), (Kind.PERSON, JEAN), (Kind.SERVER, "partner.example"))
    ]
    assert not all(act["done_at"] for act in acts)
    bridge.homeserver.broken = lambda _path: False

    async def done(act: dict[str, Any]) -> bool:
        return (await internal(bridge, "GET", f"revocations/{act['id']}"))["done_at"] is not None

    another = replace(bridge.services, revoke_now=type(bridge.services.revoke_now)())
    working = asyncio.create_task(revoking.work(another))
    try:
        async with asyncio.timeout(20):
            while not all([await done(act) for act in acts]):  # noqa: ASYNC110  # asked over HTTP
                await asyncio.sleep(0.02)
    finally:
        working.cancel()
        await asyncio.wait([working])
    assert bridge.homeserver.deactivated[-1:] == [gina]
    assert matrix not in bridge.homeserver.tokens
    assert [bridge.homeserver.rooms[room][user] for user in (gina, JEAN, PARTNER)] == ["leave"] * 3


async def test_of_a_revocation_and_a_token_that_race_the_token_never_lasts(bridge):
    meeting = await bridge.meeting()
    invite = await bridge.invite(meeting, uses=20)
    people = [(await _guest(bridge, invite))[0] for _ in range(20)]
    asks = [token_for(bridge, meeting["room_id"], user) for user in people]
    statuses = await asyncio.gather(
        *asks, internal(bridge, "POST", "revocations", 201, kind="link", subject=invite["id"])
    )
    await revoking.finish(bridge.services)
    let_in = {f"{user}:DEV" for user, status in zip(people, statuses, strict=False) if status == 200}
    assert let_in <= {identity for _, identity in bridge.sfu.removed}
    async with bridge.database.transaction() as tx:
        assert await tx.rows("SELECT identity FROM call_grants") == []


async def test_an_sfu_that_was_restarted_is_told_whom_it_took_out(bridge):
    meeting = await bridge.meeting()
    room = meeting["room_id"]
    gina, _ = await bridge.guest(meeting)
    gaston, _ = await bridge.guest(meeting, "Gaston")
    for user in (gina, gaston):
        assert await token_for(bridge, room, user) == 200
    await revoke(bridge, Kind.GUEST, gina)
    bridge.sfu.removed.clear()
    assert await token_for(bridge, room, gaston) == 200
    assert bridge.sfu.removed == [], "the same room as before"
    bridge.sfu.made_at = int(datetime.now(UTC).timestamp()) + 5
    assert await token_for(bridge, room, gaston) == 200
    assert [identity for _, identity in bridge.sfu.removed] == [f"{gina}:DEV"]


async def _guest(bridge, invite: dict[str, Any]) -> tuple[str, dict[str, str]]:
    async with bridge.public.post(invite["path"], json={"display_name": "Gina"}) as response:
        assert response.status == 200
        session = await response.json()
    return session["user"]["id"], {"Authorization": f"Bearer {session['token']}"}


async def _subjects(bridge) -> dict[Kind, str]:
    """One thing of each kind: Marie hosts the meeting, answers for the pass, and is signed in."""
    meeting, marie = await bridge.meeting(), await bridge.staff("marie")
    gina, _ = await bridge.guest(meeting)
    ends_at = (bridge.clock.now + timedelta(days=30)).isoformat()
    body = {"display_name": "Ada", "ends_at": ends_at, "meetings": []}
    async with bridge.public.post("/api/v1/contractors", json=body, headers=marie) as response:
        contractor = (await response.json())["id"]
    bridge.homeserver.join(meeting["room_id"], PARTNER)
    return {
        Kind.LINK: (await bridge.invite(meeting))["id"],
        Kind.PARTNERS: f"{meeting['id']}/partner.example",
        Kind.GUEST: gina,
        Kind.CONTRACTOR: contractor,
        Kind.DEVICE: sessions.id_of((await bridge.staff("marie"))["Authorization"].removeprefix("Bearer ")),
        Kind.EVERYWHERE: MARIE,
        Kind.PERSON: f"@someone:{HOME}",
        Kind.SERVER: "partner.example",
    }


@pytest.mark.parametrize("kind", list(Kind))
async def test_who_may_revoke_what_over_the_api(bridge, build_bridge, kind: Kind):
    """Marie is host, sponsor and herself; Jean nobody; the boss an operator. A guest and a stranger may nothing."""
    settings = operators(bridge, BOSS)
    object.__setattr__(bridge.services, "settings", settings)
    subjects = await _subjects(bridge)
    body = {"kind": kind.value, "subject": subjects[kind]}
    other = (await bridge.guest(await bridge.meeting("Other")))[1]
    own = MAY[kind] & {Role.HOST, Role.SPONSOR, Role.SELF}
    for headers, expected in (
        ({}, 401),
        (other, 403),
        (await bridge.staff("jean"), 403),
        (await bridge.staff("marie"), 201 if own else 403),
    ):
        async with bridge.public.post("/api/v1/revocations", json=body, headers=headers) as response:
            assert response.status == expected, await response.text()
    boss = await bridge.staff("boss")
    fresh = await _subjects(bridge)
    async with bridge.public.post(
        "/api/v1/revocations", json={"kind": kind.value, "subject": fresh[kind]}, headers=boss
    ) as response:
        assert response.status == 201, await response.text()
        act = await response.json()
    path = f"/api/v1/revocations/{act['id']}"
    assert await status_of(bridge, path, boss) == 200
    assert await status_of(bridge, path, await bridge.staff("jean")) == 404
    assert await status_of(bridge, "/api/v1/barred", boss) == 200
    assert await status_of(bridge, "/api/v1/barred", await bridge.staff("jean")) == 403


async def test_the_guest_is_closed_in_the_database_too(bridge):
    gina, _ = await bridge.guest(await bridge.meeting())
    await revoke(bridge, Kind.GUEST, gina)
    async with bridge.database.transaction() as tx:
        assert await guests.state_of(tx, UserId(gina)) is GuestState.ENDED
