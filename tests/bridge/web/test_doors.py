# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import asyncio
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from bridge.domain.errors import Refused
from bridge.domain.guests import GuestState
from bridge.domain.names import UserId
from bridge.store import audit, guests
from bridge.web import sweeper
from bridge.web.limits import INVITE_GUESSES, INVITE_GUESSES_GLOBAL, Limits

HOME = "home.example"


async def guest(bridge, invite: dict[str, Any], name: str = "Gina") -> tuple[int, dict[str, Any]]:
    async with bridge.public.post(invite["path"], json={"display_name": name}) as response:
        return response.status, await response.json()


async def uses(bridge) -> int:
    async with bridge.database.transaction() as tx:
        return int(await tx.value("SELECT used FROM invites"))


async def test_a_link_and_a_name_are_all_a_guest_needs(bridge):
    meeting = await bridge.meeting()
    status, session = await guest(bridge, await bridge.invite(meeting), "  Gina \u202e ")
    assert status == 200
    user_id = session["user"]["id"]
    assert user_id.startswith("@guest-")
    assert session["user"] == {"id": user_id, "display_name": "Gina", "door": "guest"}
    assert session["matrix"]["user_id"] == user_id
    assert session["matrix"]["server_name"] == HOME
    assert bridge.homeserver.tokens[session["matrix"]["access_token"]] == user_id
    assert session["meeting"] == meeting
    assert bridge.homeserver.rooms[meeting["room_id"]][user_id] == "join"
    assert bridge.homeserver.names[user_id] == "Gina (Guest)"
    headers = {"Authorization": f"Bearer {session['token']}"}
    async with bridge.public.get(f"/api/v1/meetings/{meeting['id']}", headers=headers) as response:
        assert await response.json() == meeting


@pytest.mark.parametrize(
    ("of_link", "said", "shown"),
    [
        ("", " ACME \u202e", "Gina (Guest, ACME)"),
        ("Ville de Lyon", "ACME", "Gina (Guest, Ville de Lyon)"),
        ("", "ACME), staff (ours", "Gina (Guest, ACME, staff ours)"),
        ("", " ()", "Gina (Guest)"),
    ],
)
async def test_everybody_sees_where_a_guest_comes_from(bridge, of_link: str, said: str, shown: str):
    meeting = await bridge.meeting()
    path = f"/internal/v1/meetings/{meeting['id']}/invites"
    link = await bridge.operator("POST", path, uses=1, ttl_s=600, organisation=of_link, sponsor=f"@jean:{HOME}")
    assert (link["sponsor"], link["organisation"]) == (f"@jean:{HOME}", of_link)
    body = {"display_name": "Gina", "organisation": said}
    async with bridge.public.post("/j/" + link["url"].rpartition("/")[2], json=body) as response:
        user_id = (await response.json())["user"]["id"]
    assert bridge.homeserver.names[user_id] == shown


async def test_the_organiser_sees_who_answers_for_each_guest_and_sends_one_away(bridge):
    meeting = await bridge.meeting()
    invite = await bridge.invite(meeting, uses=2)
    assert invite["sponsor"] == meeting["organizer"], "where nobody is named"
    gina, gaston = [(await guest(bridge, invite, name))[1]["user"]["id"] for name in ("Gina", "Gaston")]
    path, marie = f"/api/v1/meetings/{meeting['id']}/guests", await bridge.staff("marie")
    async with bridge.public.get(path, headers=marie) as response:
        listed = (await response.json())["guests"]
    assert {(one["user_id"], one["display_name"], one["sponsor"]) for one in listed} == {
        (gina, "Gina", meeting["organizer"]),
        (gaston, "Gaston", meeting["organizer"]),
    }
    async with bridge.public.delete(f"{path}/{gina}", headers=marie) as response:
        assert response.status == 200
    await sweeper.sweep(bridge.services)
    assert bridge.homeserver.deactivated == [gina]
    async with bridge.public.delete(f"{path}/{gina}", headers=marie) as response:
        assert response.status == 404
    async with bridge.database.transaction() as tx:
        left = await tx.rows("SELECT display_name FROM guests")
        assert {row["display_name"] for row in left} == {"", "Gaston"}, "a name is forgotten with its guest"
        assert "guest_revoked" in [row["action"] for row in await audit.about(tx, meeting["id"])]


async def test_looking_at_a_link_uses_nothing_up(bridge):
    invite = await bridge.invite(await bridge.meeting())
    for _ in range(3):
        async with bridge.public.get(invite["path"]):
            pass
    assert await uses(bridge) == 0


async def test_of_a_hundred_clicks_on_a_link_for_one_exactly_one_comes_in(bridge):
    invite = await bridge.invite(await bridge.meeting())
    answers = await asyncio.gather(*(guest(bridge, invite, f"Guest {number}") for number in range(100)))
    assert [status for status, _ in answers].count(200) == 1
    refused = {answer["errcode"] for status, answer in answers if status != 200}
    assert refused <= {"PASSERELLE_INVITE_BUSY", "PASSERELLE_INVITE_USED_UP"}
    assert (await guest(bridge, invite))[1]["errcode"] == "PASSERELLE_INVITE_USED_UP"
    assert len(bridge.homeserver.names) == 1


async def test_an_expired_link_says_so(bridge):
    invite = await bridge.invite(await bridge.meeting(), ttl_s=60)
    bridge.clock.forward(seconds=61)
    status, answer = await guest(bridge, invite)
    assert (status, answer["errcode"]) == (410, "PASSERELLE_INVITE_EXPIRED")


async def test_a_withdrawn_link_says_so(bridge):
    invite = await bridge.invite(await bridge.meeting())
    async with bridge.public.delete(f"/api/v1/invites/{invite['id']}", headers=await bridge.staff("marie")) as response:
        assert response.status == 200
    status, answer = await guest(bridge, invite)
    assert (status, answer["errcode"]) == (410, "PASSERELLE_INVITE_REVOKED")


@pytest.mark.parametrize("change", ["unknown", "short", "long", "other sign", "nul", "unicode"])
async def test_a_link_that_leads_nowhere_says_the_same_however_it_is_wrong(bridge, change: str):
    token = (await bridge.invite(await bridge.meeting()))["path"].removeprefix("/j/")
    wrong = {
        "unknown": secrets.token_urlsafe(32),
        "short": token[:-1],
        "long": token + "A",
        "other sign": token[:-1] + "!",
        "nul": token[:-1] + "%00",
        "unicode": token[:-1] + "%C3%A9",
    }[change]
    async with bridge.public.post(f"/j/{wrong}", json={"display_name": "Gina"}) as response:
        assert response.status == 404
        assert (await response.json())["errcode"] == "PASSERELLE_INVITE_UNKNOWN"


@pytest.mark.parametrize("name", ["", "   ", "\u202e\u200b", "x" * 81, "x" * 10_000])
async def test_a_bad_name_is_refused_and_uses_nothing_up(bridge, name: str):
    invite = await bridge.invite(await bridge.meeting())
    status, answer = await guest(bridge, invite, name)
    assert (status, answer["errcode"]) == (400, "PASSERELLE_BAD_NAME")
    assert await uses(bridge) == 0
    assert (await guest(bridge, invite))[0] == 200


@pytest.mark.parametrize("body", [b"", b"{}", b'{"display_name": 5}', b'{"display_name": ["x"]}', b"x"])
async def test_a_door_needs_a_name_in_json(bridge, body: bytes):
    invite = await bridge.invite(await bridge.meeting())
    async with bridge.public.post(invite["path"], data=body) as response:
        assert response.status == 400


@pytest.mark.parametrize("broken", ["/register", "/displayname", "/invite", "/join"])
async def test_a_homeserver_that_fails_on_the_way_costs_no_use(bridge, broken: str):
    invite = await bridge.invite(await bridge.meeting())
    bridge.homeserver.broken = lambda path: path.endswith(broken)
    status, answer = await guest(bridge, invite)
    assert (status, answer["errcode"]) == (503, "M_UNKNOWN")
    assert await uses(bridge) == 0
    bridge.homeserver.broken = lambda _path: False
    assert (await guest(bridge, invite))[0] == 200
    await sweeper.sweep(bridge.services)
    async with bridge.database.transaction() as tx:
        states = await tx.rows("SELECT state FROM guests ORDER BY created_at")
    assert sorted(row["state"] for row in states) == ["active", "ended"]


async def test_nobody_is_told_that_a_link_is_used_up_whose_last_guest_may_yet_fail_to_come_in(bridge):
    invite = await bridge.invite(await bridge.meeting())
    bridge.homeserver.broken = lambda path: path.endswith("/join")
    async with bridge.homeserver.holding("/register") as held:
        first = asyncio.create_task(guest(bridge, invite))
        await held()
        async with bridge.public.post(invite["path"], json={"display_name": "Gaston"}) as response:
            assert (response.status, (await response.json())["errcode"]) == (409, "PASSERELLE_INVITE_BUSY")
            assert int(response.headers["Retry-After"]) < 60
    assert (await first)[0] == 503
    bridge.homeserver.broken = lambda _path: False
    assert (await guest(bridge, invite, "Gaston"))[0] == 200


async def test_no_guest_comes_in_where_the_homeserver_does_not_guard_our_guests(bridge):
    invite = await bridge.invite(await bridge.meeting())
    for broken in (lambda path: path.startswith("/_synapse/"), lambda _path: False):
        bridge.homeserver.broken = broken
        bridge.homeserver.guarded_prefix = "visitor-"
        status, answer = await guest(bridge, invite)
        assert status == 503
        assert "homeserver" in answer["error"]
    assert await uses(bridge) == 0
    bridge.homeserver.guarded_prefix = "guest-"
    assert (await guest(bridge, invite))[0] == 200


async def test_guessing_links_has_to_wait_and_holders_of_a_link_do_not(bridge):
    invite = await bridge.invite(await bridge.meeting())
    limits = bridge.services.limits
    statuses = []
    for _ in range(INVITE_GUESSES.burst + 2):
        async with bridge.public.post(f"/j/{secrets.token_urlsafe(32)}", json={"display_name": "x"}) as response:
            statuses.append(response.status)
    assert statuses == [404] * INVITE_GUESSES.burst + [429] * 2
    limits.check_invite_guess("192.0.2.7")
    assert (await guest(bridge, invite))[0] == 429


def test_guessing_from_many_addresses_shuts_out_guessers_alone():
    limits = Limits(clock=lambda: 0.0)
    for number in range(INVITE_GUESSES_GLOBAL.burst):
        limits.count_invite_guess(f"guesser-{number}")
    limits.check_invite_guess("somebody with a link")
    with pytest.raises(Refused):
        limits.check_invite_guess("guesser-1")


async def test_a_guest_ends_with_its_link(bridge):
    meeting = await bridge.meeting()
    _, session = await guest(bridge, await bridge.invite(meeting, ttl_s=600))
    user_id, headers = session["user"]["id"], {"Authorization": f"Bearer {session['token']}"}
    room, openid = meeting["room_id"], bridge.homeserver.openid_token(user_id)
    body = {
        "room": room,
        "device_id": "DEV",
        "openid_token": {"access_token": openid, "matrix_server_name": HOME},
    }
    async with bridge.public.post("/livekit/jwt/sfu/get", json=body) as response:
        assert response.status == 200
    await sweeper.sweep(bridge.services)
    assert bridge.homeserver.deactivated == []
    bridge.clock.forward(seconds=601)
    await sweeper.sweep(bridge.services)
    assert bridge.homeserver.deactivated == [user_id]
    assert bridge.homeserver.rooms[room][user_id] == "leave"
    assert [identity for _, identity in bridge.sfu.removed] == [f"{user_id}:DEV"]
    async with bridge.public.get(f"/api/v1/meetings/{meeting['id']}", headers=headers) as response:
        assert response.status == 401
    async with bridge.public.post("/livekit/jwt/sfu/get", json=body) as response:
        assert response.status == 403
    async with bridge.database.transaction() as tx:
        assert await guests.state_of(tx, UserId(user_id)) is GuestState.ENDED
        assert [row["action"] for row in await audit.about(tx, meeting["id"])] == [
            "meeting_created",
            "invite_created",
            "guest_admitted",
            "meeting_state",
            "meeting_state",
            "guest_ended",
        ]


async def test_withdrawing_a_link_ends_its_guests_at_once(bridge):
    meeting = await bridge.meeting()
    invite = await bridge.invite(meeting, uses=2)
    sessions = [(await guest(bridge, invite))[1] for _ in range(2)]
    async with bridge.public.delete(f"/api/v1/invites/{invite['id']}", headers=await bridge.staff("marie")):
        pass
    for session in sessions:
        headers = {"Authorization": f"Bearer {session['token']}"}
        async with bridge.public.get(f"/api/v1/meetings/{meeting['id']}", headers=headers) as response:
            assert response.status == 401
    await sweeper.sweep(bridge.services)
    assert sorted(bridge.homeserver.deactivated) == sorted(session["user"]["id"] for session in sessions)


async def test_what_cannot_be_ended_now_is_ended_by_a_later_sweep(bridge):
    _, session = await guest(bridge, await bridge.invite(await bridge.meeting(), ttl_s=600))
    bridge.clock.forward(seconds=601)
    bridge.homeserver.broken = lambda path: path.endswith("/deactivate")
    await sweeper.sweep(bridge.services)
    assert bridge.homeserver.deactivated == []
    bridge.homeserver.broken = lambda _path: False
    await sweeper.sweep(bridge.services)
    assert bridge.homeserver.deactivated == [session["user"]["id"]]


async def test_a_guest_that_a_crash_left_pending_is_cleaned_up_and_its_use_given_back(bridge):
    await bridge.invite(await bridge.meeting())
    user = UserId(f"@guest-crashed:{HOME}")
    async with bridge.database.transaction() as tx:
        row = await tx.row("SELECT id, meeting_id FROM invites")
        assert row is not None
        await guests.reserve(
            tx, user, meeting_id=row["meeting_id"], invite_id=row["id"], now=bridge.clock.now - timedelta(minutes=3)
        )
    assert await uses(bridge) == 1
    await sweeper.sweep(bridge.services)
    assert await uses(bridge) == 0
    async with bridge.database.transaction() as tx:
        assert await guests.state_of(tx, user) is GuestState.ENDED


async def partner(bridge, invite: dict[str, Any], user_id: str) -> tuple[int, dict[str, Any]]:
    async with bridge.public.post(f"{invite['path']}/partner", json={"user_id": user_id}) as response:
        return response.status, await response.json()


async def test_a_partner_is_invited_on_their_own_server(bridge):
    meeting = await bridge.meeting()
    invite = await bridge.invite(meeting)
    for _ in range(2):  # a second click takes no second use
        status, answer = await partner(bridge, invite, "@pavel:partner.example:8448")
        assert status == 200
        assert answer["room_id"] == meeting["room_id"]
        assert answer["matrix_to"].endswith(f"?via={HOME}")
        plain = quote(meeting["room_id"].removeprefix("!"), safe="")
        assert answer["matrix_uri"] == f"matrix:roomid/{plain}?via={HOME}&action=join"
        assert answer["element_call"].startswith("/room#?roomId=%21")
    assert bridge.homeserver.rooms[meeting["room_id"]]["@pavel:partner.example:8448"] == "invite"
    assert await uses(bridge) == 1
    assert (await partner(bridge, invite, "@other:partner.example"))[1]["errcode"] == "PASSERELLE_INVITE_USED_UP"


@pytest.mark.parametrize(
    ("user_id", "errcode"),
    [
        ("pavel", "PASSERELLE_BAD_USER_ID"),
        ("@pavel", "PASSERELLE_BAD_USER_ID"),
        ("@pa vel:partner.example", "PASSERELLE_BAD_USER_ID"),
        ("@pavel:http://x", "PASSERELLE_BAD_USER_ID"),
        ("@pavel:" + "x" * 300, "M_BAD_JSON"),
        (f"@marie:{HOME}", "PASSERELLE_USE_SIGN_IN"),
    ],
)
async def test_a_partner_needs_a_user_id_of_another_server(bridge, user_id: str, errcode: str):
    status, answer = await partner(bridge, await bridge.invite(await bridge.meeting()), user_id)
    assert (status, answer["errcode"]) == (400, errcode)
    assert await uses(bridge) == 0


async def test_a_partner_whose_server_does_not_answer_costs_no_use(bridge):
    invite = await bridge.invite(await bridge.meeting())
    bridge.homeserver.broken = lambda path: path.endswith("/invite")
    status, answer = await partner(bridge, invite, "@pavel:partner.example")
    assert status == 503
    assert "their homeserver" in answer["error"]
    assert await uses(bridge) == 0


async def test_a_banned_partner_is_not_let_in_again(bridge):
    meeting = await bridge.meeting()
    bridge.homeserver.join(meeting["room_id"], "@pavel:partner.example", "ban")
    status, answer = await partner(bridge, await bridge.invite(meeting), "@pavel:partner.example")
    assert (status, answer["errcode"]) == (403, "PASSERELLE_CANNOT_INVITE")
    assert await uses(bridge) == 0
