# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The lobby together with what else decides at a door: a mail address, a bar, a lock, a link that is used up."""

import asyncio

import pytest

from bridge.domain.mail_check import FORGET_AFTER
from bridge.web import sweeper
from tests.bridge.mail.small_server import SmallServer, serving
from tests.bridge.web import test_guest_mail
from tests.bridge.web.test_bot import notices
from tests.bridge.web.test_host_page import until
from tests.bridge.web.test_lobby import PAVEL, Door, change, decide, guest, told, waiting, with_lobby
from tests.bridge.web.test_transactions import drain, member, push


@pytest.fixture
async def bridge(build_bridge, free_port):
    async with serving(SmallServer()) as server:
        mail = {"host": "localhost", "port": server.port, "security": "none", "sender": "meet@x.example"}
        yield await build_bridge(None, mail=mail), server


@pytest.fixture
async def with_mail(bridge):
    """A link that asks for an address, of a meeting with a lobby, and Gina who has typed her code and waits."""
    built, server = bridge
    door = test_guest_mail.Door(built, server)
    await door.open()
    marie = await built.staff("marie")
    await change(built, door.meeting, marie, lobby="guests")
    _, asked = await door.ask()
    ((_, code),) = await door.post()
    gina = Door(built, door.path, display_name="Gina", email={"check": asked["check"], "code": code})
    await gina.knock(202)
    return built, door, gina, marie


async def test_hosts_see_the_verified_address_of_who_waits_and_the_room_where_it_is(with_mail):
    bridge, door, _, marie = with_mail
    (seen,) = await waiting(bridge, door.meeting, marie)
    assert seen["email"] == "Gina@partner.example"
    await told(bridge)
    said = str(notices(bridge))
    assert "verified e-mail at partner.example" in said
    assert "Gina@" not in said, "everybody in the room reads it"


async def test_who_waits_types_the_code_once_whatever_becomes_of_their_page(with_mail):
    bridge, door, gina, _ = with_mail
    bridge.clock.forward(seconds=FORGET_AFTER.total_seconds() + 60)
    async with gina.wait() as stream:
        await until(stream, "place", state="waiting")
    await sweeper.sweep(bridge.services)
    del gina.body["email"]  # a page that was reloaded
    await gina.knock(202)
    await decide(bridge, door.meeting, await bridge.staff("marie"), "admit", organisation="")
    await gina.knock(200)
    assert await door.guests() == ["Gina@partner.example"]


async def test_a_place_shows_no_address_for_another_link_or_browser(with_mail):
    bridge, door, gina, _ = with_mail
    stranger = Door(bridge, door.path, display_name="Gina")
    assert (await stranger.knock(403))["errcode"] == "PASSERELLE_EMAIL_NEEDED"
    made = await bridge.operator("POST", f"/internal/v1/meetings/{door.meeting['id']}/invites", verify_email=True)
    gina.path = "/j/" + made["url"].rpartition("/")[2]
    del gina.body["email"]
    assert (await gina.knock(403))["errcode"] == "PASSERELLE_EMAIL_NEEDED"


async def test_who_is_barred_while_waiting_hears_it_and_is_not_brought_in(bridge):
    built, _ = bridge
    meeting, path, marie = await with_lobby(built, "outsiders")
    pavel = Door(built, f"{path}/partner", user_id=PAVEL)
    await pavel.knock(202)
    async with pavel.wait() as stream:
        await until(stream, "place", state="waiting")
        await push(built, "ban", member(meeting["room_id"], PAVEL, "ban", sender="@marie:home.example"))
        await drain(built)
        built.services.watchers.tell(meeting["id"])
        await until(stream, "place", state="over", errcode="PASSERELLE_BARRED")
    assert await waiting(built, meeting, marie) == []
    assert (await pavel.knock(403))["errcode"] == "PASSERELLE_BARRED"


async def test_a_link_that_is_shut_with_a_barred_guest_ends_the_wait_of_the_others(bridge):
    built, _ = bridge
    meeting, path, marie = await with_lobby(built)
    ana, bob = guest(built, path), guest(built, path, "Bob")
    await ana.knock(202)
    await decide(built, meeting, marie, "admit", organisation="")
    user = (await ana.knock(200))["user"]["id"]
    await bob.knock(202)
    async with bob.wait() as stream:
        await until(stream, "place", state="waiting")
        await push(built, "ban", member(meeting["room_id"], user, "ban", sender="@marie:home.example"))
        await drain(built)
        built.services.watchers.tell(meeting["id"])
        await until(stream, "place", state="over", errcode="PASSERELLE_LINK_SHUT")


async def test_a_locked_meeting_lets_in_who_waited_before_and_was_admitted(bridge):
    built, _ = bridge
    meeting, path, marie = await with_lobby(built)
    ana = guest(built, path)
    await ana.knock(202)
    lock = f"/api/v1/meetings/{meeting['id']}/lock"
    async with built.public.put(lock, headers=marie) as response:
        assert response.status == 200
    await change(built, meeting, marie, lobby="off")
    async with ana.wait() as stream:
        await until(stream, "place", state="waiting", locked=True)  # no lobby any more, but a lock
    await decide(built, meeting, marie, "admit", organisation="")
    await ana.knock(200)
    assert (await guest(built, path, "Late").knock(403))["errcode"] == "PASSERELLE_MEETING_LOCKED"


async def test_nobodys_wait_ends_because_somebody_else_tries_to_come_in_who_then_does_not(bridge):
    built, _ = bridge
    meeting, path, marie = await with_lobby(built, uses=1)
    ana, bob, eve = guest(built, path), guest(built, path, "Bob"), guest(built, path, "Eve")
    await ana.knock(202)
    await bob.knock(202)
    first, second = await waiting(built, meeting, marie)
    await decide(built, meeting, marie, f"{first['id']}/admit")
    built.homeserver.broken = lambda asked: asked.endswith("/join")
    async with built.homeserver.holding("/register") as held:
        fails = asyncio.create_task(ana.knock(503))
        await held()
        async with bob.wait() as stream:
            await until(stream, "place", state="waiting")
        assert (await decide(built, meeting, marie, f"{second['id']}/admit", 409))[
            "errcode"
        ] == "PASSERELLE_INVITE_BUSY"
        await eve.knock(202)
    await fails
    built.homeserver.broken = lambda _path: False
    await ana.leave()
    await decide(built, meeting, marie, f"{second['id']}/admit")
    await bob.knock(200)


async def test_a_link_that_is_used_up_ends_the_wait_of_those_for_whom_nothing_is_left(bridge):
    built, _ = bridge
    meeting, path, marie = await with_lobby(built, uses=1)
    ana, bob = guest(built, path), guest(built, path, "Bob")
    await ana.knock(202)
    await bob.knock(202)
    first, _ = await waiting(built, meeting, marie)
    await decide(built, meeting, marie, f"{first['id']}/admit")
    async with bob.wait() as stream:
        await until(stream, "place", state="waiting")  # Ana may still turn back
        await ana.knock(200)
        built.services.watchers.tell(meeting["id"])
        await until(stream, "place", state="over", errcode="PASSERELLE_INVITE_USED_UP")
    assert await waiting(built, meeting, marie) == []
