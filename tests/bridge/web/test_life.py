# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A meeting's life through the bridge: the call, the clock and the sweeper move it, rooms follow."""

from typing import Any

from bridge.domain.lifecycle import UNUSED, LifeEvent, MeetingState
from bridge.domain.meetings import CALL_MEMBER, Meeting
from bridge.domain.names import UserId
from bridge.domain.rtc_identity import livekit_room
from bridge.store import audit, calls, meetings
from bridge.store.calls import CallGrant
from bridge.web import life, sweeper
from tests.bridge.web.test_rtc import SFU_GET, openid, sfu_get

HOME = "home.example"
MARIE = f"@marie:{HOME}"
JEAN = f"@jean:{HOME}"


async def look(bridge, made: dict[str, Any]) -> Meeting | None:
    async with bridge.database.transaction() as tx:
        return await meetings.by_id(tx, made["id"])


async def state(bridge, made: dict[str, Any]) -> MeetingState | None:
    found = await look(bridge, made)
    return None if found is None else found.life.state


async def events(bridge, made: dict[str, Any]) -> list[str]:
    async with bridge.database.transaction() as tx:
        rows = await audit.about(tx, made["id"])
    return [row["data"].split('"event": "')[1].split('"')[0] for row in rows if row["action"] == "meeting_state"]


async def call(bridge, made: dict[str, Any], user: str = MARIE) -> int:
    """Ask for a token and, when it is given, be in the call."""
    body = sfu_get(bridge, made["room_id"], openid_token=openid(bridge, user))
    async with bridge.public.post(SFU_GET, json=body) as response:
        if response.status == 200:
            bridge.sfu.people.setdefault(livekit_room(made["room_id"]), []).append(f"{user}:DEV")
        return int(response.status)


async def minutes_pass(bridge, count: int) -> None:
    for _ in range(count):
        bridge.clock.forward(minutes=1)
        await sweeper.sweep(bridge.services)


async def happen(bridge, made: dict[str, Any], event: LifeEvent, actor: str = MARIE) -> None:
    found = await look(bridge, made)
    assert found is not None
    await life.happen(bridge.services, found, event, UserId(actor))
    await sweeper.sweep(bridge.services)


async def test_the_first_person_in_the_call_makes_a_meeting_live_and_an_empty_call_ends_it(bridge):
    made = await bridge.meeting()
    assert await state(bridge, made) is MeetingState.LOBBY
    assert await call(bridge, made) == 200
    assert await state(bridge, made) is MeetingState.LIVE
    assert await call(bridge, made) == 200
    await minutes_pass(bridge, 30)
    assert await state(bridge, made) is MeetingState.LIVE
    bridge.sfu.people.clear()
    await minutes_pass(bridge, 9)
    assert await state(bridge, made) is MeetingState.LIVE
    await minutes_pass(bridge, 2)
    assert await state(bridge, made) is MeetingState.ENDED
    assert await call(bridge, made) == 200  # it ended by itself: whoever is in the room may meet again
    assert await events(bridge, made) == ["call_began", "over", "call_began"]


async def test_a_captions_bot_alone_is_nobody(bridge):
    made, bot = await bridge.meeting(), f"@captions:{HOME}"
    bridge.homeserver.join(made["room_id"], bot)
    assert await call(bridge, made, bot) == 200
    assert await state(bridge, made) is MeetingState.LOBBY
    await call(bridge, made)
    bridge.sfu.people[livekit_room(made["room_id"])] = [f"{bot}:DEV"]
    await minutes_pass(bridge, 12)
    assert await state(bridge, made) is MeetingState.ENDED
    assert (livekit_room(made["room_id"]), f"{bot}:DEV") in bridge.sfu.removed


async def test_a_media_server_that_does_not_answer_ends_no_meeting(bridge):
    made = await bridge.meeting()
    await call(bridge, made)
    bridge.sfu.broken = True
    await minutes_pass(bridge, 30)
    assert await state(bridge, made) is MeetingState.LIVE
    bridge.sfu.broken = False
    await minutes_pass(bridge, 1)
    assert await state(bridge, made) is MeetingState.LIVE


async def test_whom_a_host_ends_it_for_is_out_and_only_hosts_come_back(bridge):
    made = await bridge.meeting()
    guest, _ = await bridge.guest(made)
    bridge.homeserver.join(made["room_id"], JEAN)
    for user in (MARIE, JEAN, guest):
        assert await call(bridge, made, user) == 200
    await happen(bridge, made, LifeEvent.ENDED)
    await sweeper.sweep(bridge.services)
    assert {identity for _, identity in bridge.sfu.removed} == {f"{user}:DEV" for user in (MARIE, JEAN, guest)}
    assert bridge.homeserver.deactivated == [guest]
    invite = await bridge.invite(made)
    async with bridge.public.post(invite["path"], json={"display_name": "Gina"}) as response:
        assert (response.status, (await response.json())["errcode"]) == (410, "PASSERELLE_MEETING_OVER")
    assert await call(bridge, made, JEAN) == 403
    assert await call(bridge, made, MARIE) == 200
    assert await call(bridge, made, JEAN) == 200
    assert await state(bridge, made) is MeetingState.LIVE


async def test_what_nobody_uses_is_ended_archived_and_deleted_and_a_bridge_that_died_goes_on(bridge):
    made, other = await bridge.meeting(), await bridge.meeting("Other")
    await sweeper.sweep(bridge.services)
    room = made["room_id"]
    bridge.clock.forward(days=UNUSED.days, minutes=1)
    await sweeper.sweep(bridge.services)
    assert await state(bridge, made) is MeetingState.ENDED
    bridge.clock.forward(days=30, minutes=1)
    bridge.homeserver.broken = lambda path: "power_levels" in path  # as if we had died before the homeserver was asked
    await sweeper.sweep(bridge.services)
    assert await state(bridge, made) is MeetingState.ARCHIVED
    assert bridge.homeserver.state == {}
    bridge.homeserver.broken = lambda _path: False
    await sweeper.sweep(bridge.services)
    levels = bridge.homeserver.state[room, "m.room.power_levels"]
    assert (levels["events_default"], levels["events"][CALL_MEMBER], levels["users"]) == (150, 150, {MARIE: 100})
    assert await call(bridge, made) == 410
    await happen(bridge, other, LifeEvent.OPENED)
    assert bridge.homeserver.state[other["room_id"], "m.room.power_levels"]["events_default"] == 0
    bridge.clock.forward(days=365, minutes=1)
    bridge.homeserver.broken = lambda path: path.endswith("/leave")
    await sweeper.sweep(bridge.services)
    assert await state(bridge, made) is None
    assert bridge.homeserver.forgotten == []
    bridge.homeserver.broken = lambda _path: False
    await sweeper.sweep(bridge.services)
    assert bridge.homeserver.rooms[room] == {MARIE: "leave", f"@passerelle:{HOME}": "leave"}
    assert bridge.homeserver.forgotten == [room]
    assert await events(bridge, made) == ["over", "archived", "deleted"]
    async with bridge.database.transaction() as tx:
        assert await tx.value("SELECT array_agg(id) FROM meetings") == [other["id"]]
        assert [row["action"] for row in await audit.about(tx, made["id"])][-1] == "meeting_forgotten"


async def test_a_deleted_meeting_waits_for_its_guests_accounts_and_takes_everything_along(bridge):
    made = await bridge.meeting()
    guest, headers = await bridge.guest(made)
    invite = await bridge.invite(made)
    bridge.homeserver.broken = lambda path: path.endswith("/deactivate")
    await happen(bridge, made, LifeEvent.DELETED)
    async with bridge.public.post(invite["path"], json={"display_name": "Gina"}) as response:
        assert response.status == 404
    async with bridge.public.get(f"/api/v1/meetings/{made['id']}", headers=headers) as response:
        assert response.status == 401
    async with bridge.database.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM meetings") == 1
    bridge.homeserver.broken = lambda _path: False
    await sweeper.sweep(bridge.services)
    await sweeper.sweep(bridge.services)
    assert bridge.homeserver.deactivated == [guest]
    async with bridge.database.transaction() as tx:
        for table in ("meetings", "guests", "invites", "sessions", "meeting_staff", "partners"):
            assert await tx.value(f"SELECT count(*) FROM {table}") == 0, table


async def test_a_locked_meeting_lets_nobody_new_in(bridge):
    made = await bridge.meeting()
    invite, jean = await bridge.invite(made, uses=5), await bridge.staff("jean")
    async with bridge.database.transaction() as tx:
        await tx.execute("UPDATE meetings SET locked = true")
    tries: list[tuple[str, dict[str, str], dict[str, str]]] = [
        ("", {"display_name": "Gina"}, {}),
        ("/partner", {"user_id": "@pavel:partner.example"}, {}),
        ("/staff", {}, jean),
    ]
    for door, body, headers in tries:
        async with bridge.public.post(invite["path"] + door, json=body, headers=headers) as response:
            assert (response.status, (await response.json())["errcode"]) == (403, "PASSERELLE_MEETING_LOCKED"), door
    async with bridge.database.transaction() as tx:
        assert await tx.value("SELECT used FROM invites") == 0
        await meetings.add_staff(tx, made["id"], JEAN)
    async with bridge.public.post(f"{invite['path']}/staff", json={}, headers=jean) as response:
        assert response.status == 200  # whoever was in before


async def test_people_who_asked_for_no_token_of_ours_do_not_count(database):
    async with database.transaction() as tx:
        await meetings.create(tx, meeting_id="m", title="T", room_id="!m", organizer=MARIE, actor=MARIE)
        for user, device in ((MARIE, "A"), (MARIE, "B"), (JEAN, "A"), ("@captions:home", "A")):
            await calls.grant(
                tx, CallGrant("lk", f"{user}:{device}"), room_id="!m", user_id=UserId(user), device_id=device
            )
        there = [f"{MARIE}:A", f"{MARIE}:B", f"{JEAN}:A", "@captions:home:A", "a stranger"]
        assert await calls.people(tx, "lk", there, but="@captions:home") == 2
        assert await calls.people(tx, "other", there, but="@captions:home") == 0
