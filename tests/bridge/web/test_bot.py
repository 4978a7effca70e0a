# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The meetings' bot: what it is told in rooms, what it does, where it goes."""

import itertools
import re
from typing import Any

import pytest

from bridge.domain.bot_commands import COMMANDS
from bridge.domain.names import UserId
from bridge.store import errands, meetings
from bridge.store.errands import CLAIM, MAX_WAITING
from bridge.web import bot, revoking
from bridge.web.limits import BOT_COMMANDS, BOT_INVITES
from tests.bridge.web.test_life import call
from tests.bridge.web.test_transactions import drain, member, push

HOME = "home.example"
BOT, MARIE, JEAN = f"@passerelle:{HOME}", f"@marie:{HOME}", f"@jean:{HOME}"
ROOM = "!direct"
NUMBERS = itertools.count(1)


def message(bridge, body: str, sender: str = MARIE, room: str = ROOM, **changes: Any) -> dict[str, Any]:
    content = {"msgtype": "m.text", "body": body} | changes.pop("content", {})
    return {
        "type": "m.room.message",
        "event_id": f"$said{next(NUMBERS)}",
        "room_id": room,
        "sender": sender,
        "origin_server_ts": int(bridge.clock.now.timestamp() * 1000),
        "content": content,
    } | changes


async def hear(bridge, *events: dict[str, Any]) -> None:
    """Push events and let the bot do all that follows."""
    assert await push(bridge, f"t{next(NUMBERS)}", *events) == 200
    await drain(bridge)
    while await bot.do_next(bridge.services):
        pass


def signs(bridge) -> list[str]:
    return [
        content["m.relates_to"]["key"] for _, kind, content in bridge.homeserver.sent.values() if kind == "m.reaction"
    ]


def notices(bridge) -> list[str]:
    return [content["body"] for _, kind, content in bridge.homeserver.sent.values() if kind == "m.room.message"]


async def tell(bridge, body: str, sender: str = MARIE, room: str = ROOM) -> tuple[str, str]:
    """Say something and return the sign and the answer."""
    bridge.homeserver.join(room, BOT)
    bridge.homeserver.sent.clear()
    event = message(bridge, body, sender, room)
    await hear(bridge, event)
    ((sign_room, _, sign), *answers) = bridge.homeserver.sent.values()
    assert sign_room == room
    assert sign["m.relates_to"]["event_id"] == event["event_id"]
    for _, _, answer in answers:
        assert (answer["msgtype"], answer["m.mentions"]) == ("m.notice", {})
        assert answer["m.relates_to"] == {"m.in_reply_to": {"event_id": event["event_id"]}}
    return sign["m.relates_to"]["key"], "\n".join(answer["body"] for _, _, answer in answers)


async def made(bridge) -> list[Any]:
    async with bridge.database.transaction() as tx:
        return await meetings.of_staff(tx, MARIE)


async def test_a_meeting_is_started_from_any_room_and_its_link_opens(bridge):
    sign, answer = await tell(bridge, "!meet start  Budget 2027")
    assert sign == "✅"
    (meeting,) = await made(bridge)
    assert meeting.title == "Budget 2027"
    assert f"http://bridge.example/m/{meeting.id}" in answer
    assert "https://matrix.to/#/" in answer
    (link,) = re.findall(r"http://bridge\.example(/j/\S+)", answer)
    async with bridge.public.post(link, json={"display_name": "Gina"}) as response:
        assert response.status == 200
    assert bridge.homeserver.rooms[meeting.room_id][MARIE] == "join"


async def test_hosts_withdraw_links_and_send_guests_away_and_operators_bar_servers(bridge):
    meeting = await bridge.meeting()
    room = meeting["room_id"]
    invite, other = await bridge.invite(meeting), await bridge.invite(meeting)
    gina, _ = await bridge.guest(meeting)
    assert await tell(bridge, f"!meet revoke link {invite['url']}", JEAN, room) == (
        "❌",
        "Only the host of this meeting may do this.",
    )
    assert (await tell(bridge, "!meet revoke guest gina", room=room))[0] == "✅"
    assert (await tell(bridge, "!meet revoke guest gina", room=room))[0] == "❌", "no such guest any more"
    assert "1 link is withdrawn" in (await tell(bridge, f"!meet revoke link {invite['url']}", room=room))[1]
    for path, status in ((invite["path"], 410), (other["path"], 200)):
        async with bridge.public.post(path, json={"display_name": "Gaston"}) as response:
            assert response.status == status
    assert (await tell(bridge, "!meet revoke link", room=room))[0] == "✅", "all that still open"
    async with bridge.public.post(other["path"], json={"display_name": "Gaston"}) as response:
        assert response.status == 410
    assert (await tell(bridge, "!meet revoke server partner.example", room=room))[0] == "❌"
    for nothing in ("!meet revoke", "!meet revoke guest", "!meet revoke room x"):
        assert "!meet revoke server partner.example" in (await tell(bridge, nothing, room=room))[1]
    await revoking.finish(bridge.services)
    assert gina in bridge.homeserver.deactivated


async def test_a_bridge_that_died_over_a_command_does_it_once(bridge):
    bridge.homeserver.join(ROOM, BOT)
    event = message(bridge, "!meet start Once")
    assert await push(bridge, "died", event) == 200
    await drain(bridge)
    bridge.homeserver.broken = lambda path: "/send/" in path  # the meeting is made, and nobody can be told
    with pytest.raises(Exception, match="homeserver"):
        await bot.do_next(bridge.services)
    bridge.homeserver.broken = lambda _path: False
    assert await push(bridge, "died", event) == 200  # the homeserver says it again, too
    await drain(bridge)
    assert not await bot.do_next(bridge.services)  # it is claimed
    bridge.clock.forward(seconds=CLAIM.total_seconds() + 1)
    assert await bot.do_next(bridge.services)
    assert not await bot.do_next(bridge.services)
    assert len(await made(bridge)) == len(bridge.homeserver.created) == 1
    assert (signs(bridge), len(notices(bridge))) == (["✅"], 1)


async def test_a_command_whose_answer_was_lost_before_it_was_kept_makes_no_second_meeting(bridge):
    bridge.homeserver.join(ROOM, BOT)
    await push(bridge, "died", message(bridge, "!meet start Once"))
    await drain(bridge)
    async with bridge.database.transaction() as tx:
        errand = await errands.claim(tx, bridge.clock.now)
    assert errand is not None
    for _ in range(2):
        await bot._answer(bridge.services, errand)  # as if each time we had died right after
    assert len(await made(bridge)) == 1
    assert (signs(bridge), len(notices(bridge))) == (["✅"], 1)


async def test_a_series_is_planned_and_one_day_of_it_cancelled(bridge):
    year = bridge.clock.now.year + 1
    sign, answer = await tell(bridge, f"!meet schedule {year}-03-01 10:00 30m Europe/Paris daily Budget")
    assert (sign, f"Budget: {year}-03-01 10:00 (Europe/Paris)" in answer) == ("✅", True)
    (meeting,) = await made(bridge)
    room = meeting.room_id
    assert (meeting.life.state.value, meeting.life.more) == ("scheduled", True)
    sign, answer = await tell(bridge, f"!meet cancel {year}-03-01", room=room)
    assert (sign, f"{year}-03-02 10:00" in answer) == ("✅", True)
    assert (await tell(bridge, f"!meet cancel {year}-03-01", room=room))[0] == "❌"
    assert "planned: " in (await tell(bridge, "!meet status", room=room))[1]
    assert (await tell(bridge, "!meet cancel", room=room)) == ("✅", "Budget is cancelled.")
    assert (await tell(bridge, "!meet schedule tomorrow"))[0] == "❌"


async def test_hosts_run_a_meeting_from_its_room(bridge):
    meeting = await bridge.meeting("Team")
    room = meeting["room_id"]
    assert await tell(bridge, "!meet lock", room=room) == ("✅", "Team is locked: links let nobody new in.")
    sign, answer = await tell(bridge, "/meet status", room=room)
    assert (sign, "Team is open." in answer, MARIE in answer, "It is locked." in answer) == ("✅", True, True, True)
    assert await tell(bridge, "!meet unlock", room=room) == ("✅", "Team is unlocked.")
    assert "/j/" in (await tell(bridge, "!meet invite", room=room))[1]
    assert (await tell(bridge, "!meet invite @pavel:partner.example", room=room))[0] == "✅"
    assert bridge.homeserver.rooms[room]["@pavel:partner.example"] == "invite"
    await call(bridge, meeting)
    assert await tell(bridge, "!meet end", room=room) == ("✅", "Team has ended for all.")
    sign, answer = await tell(bridge, "!meet end", room=room)
    assert (sign, "cannot be ended" in answer) == ("❌", True)
    assert await tell(bridge, "!meet open", room=room) == ("✅", "Team is open.")


async def test_elsewhere_a_meeting_is_named_and_listed(bridge):
    assert "!meet start" in (await tell(bridge, "!meet list"))[1]
    meeting = await bridge.meeting("Team")
    assert f"Team is open. {meeting['url']}" in (await tell(bridge, "!meet list"))[1]
    assert (await tell(bridge, f"!meet lock {meeting['url']}"))[0] == "✅"
    assert "It is locked." in (await tell(bridge, f"!meet status {meeting['id']}"))[1]
    for words in ("status", "status h9Vt3kQ2x_Zb", "lock"):
        sign, answer = await tell(bridge, f"!meet {words}")
        assert (sign, answer.startswith("Which meeting?")) == ("❌", True)


async def test_power_levels_decide_whom_the_bot_obeys(bridge):
    meeting = await bridge.meeting("Team")
    bridge.homeserver.join(meeting["room_id"], JEAN)
    for name in [command.name for command in COMMANDS.values() if command.level]:
        bridge.services.limits.__init__()  # type: ignore[misc]  # he is fast
        assert (await tell(bridge, f"!meet {name}", JEAN, meeting["room_id"]))[0] == "❌", name
    assert (await tell(bridge, "!meet status", JEAN, meeting["room_id"]))[0] == "✅"
    assert (await tell(bridge, f"!meet status {meeting['id']}", f"@ada:{HOME}"))[0] == "❌"
    bridge.homeserver.levels[meeting["room_id"]][JEAN] = 50
    assert (await tell(bridge, "!meet lock", JEAN, meeting["room_id"]))[0] == "✅"


@pytest.mark.parametrize("sender", ["@pavel:partner.example", f"@guest-1:{HOME}"])
async def test_meetings_are_made_by_people_of_this_homeserver(bridge, sender: str):
    for words in ("start Mine", "schedule 2099-01-01 10:00 x"):
        sign, answer = await tell(bridge, f"!meet {words}", sender)
        refusal = "no commands from guests" if sender.startswith("@guest-") else "Ask one of them"
        assert (sign, refusal in answer) == ("❌", True)
    assert bridge.homeserver.created == []


async def test_help_is_made_from_the_table_in_the_language_that_one_chose(bridge):
    sign, answer = await tell(bridge, "!meet")
    assert sign == "✅"
    assert [line.split()[1] for line in answer.splitlines() if line.startswith("!meet")] == list(COMMANDS)
    assert await tell(bridge, "!meet lang fr") == ("✅", "Je vous répondrai en français.")
    assert "terminer cette réunion pour tous" in (await tell(bridge, "!meet help"))[1]
    assert "Je ne connais pas" in (await tell(bridge, "!meet danser"))[1]
    assert "end this meeting" in (await tell(bridge, "!meet help", JEAN))[1]
    assert (await tell(bridge, "!meet lang xx"))[0] == "❌"


@pytest.mark.parametrize(
    "changes",
    [
        {"content": {"msgtype": "m.notice"}},
        {"content": {"m.relates_to": {"rel_type": "m.replace", "event_id": "$x"}}},
        {"content": {"body": "say !meet help"}},
        {"content": {"body": None}},
        {"sender": BOT},
        {"sender": f"@captions:{HOME}"},
        {"sender": "nobody"},
        {"origin_server_ts": 1000},
        {"origin_server_ts": "now"},
        {"origin_server_ts": 10**30},
        {"event_id": "$\n"},
        {"event_id": None},
        {"type": "m.room.topic"},
        {"state_key": ""},
        {"content": "help"},
    ],
)
async def test_notices_edits_old_talk_and_nonsense_are_not_answered(bridge, changes: dict[str, Any]):
    bridge.homeserver.join(ROOM, BOT)
    event = message(bridge, "!meet help")
    if isinstance(changes.get("content"), dict):
        changes = {"content": event["content"] | changes["content"]}
    await hear(bridge, event | changes)
    assert bridge.homeserver.sent == {}


async def test_what_waited_too_long_is_not_answered_any_more(bridge):
    bridge.homeserver.join(ROOM, BOT)
    await push(bridge, "old", message(bridge, "!meet start Late"))
    await drain(bridge)
    bridge.clock.forward(minutes=6)
    assert await bot.do_next(bridge.services)
    assert (bridge.homeserver.sent, bridge.homeserver.created) == ({}, [])


async def test_a_flood_of_commands_is_neither_kept_nor_answered(bridge):
    bridge.homeserver.join(ROOM, BOT)
    await push(bridge, "flood", *(message(bridge, "!meet list") for _ in range(MAX_WAITING + 5)))
    await drain(bridge)
    async with bridge.database.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM errands") == MAX_WAITING
    while await bot.do_next(bridge.services):
        pass
    assert BOT_COMMANDS.burst <= len(signs(bridge)) < MAX_WAITING


async def test_a_room_where_the_bot_may_not_speak_is_no_fault(bridge):
    await hear(bridge, message(bridge, "!meet help", room="!elsewhere"))
    assert bridge.homeserver.sent == {}
    assert (await tell(bridge, "!meet help"))[0] == "✅"


def invited(room: str, sender: str = MARIE) -> dict[str, Any]:
    return member(room, BOT, "invite", sender, next(NUMBERS))


async def test_the_bot_comes_when_invited_says_hello_and_leaves_when_alone(bridge):
    bridge.homeserver.join(ROOM, MARIE)
    bridge.homeserver.join(ROOM, BOT, "invite")
    await hear(bridge, invited(ROOM))
    assert bridge.homeserver.rooms[ROOM][BOT] == "join"
    (hello,) = notices(bridge)
    assert hello.startswith("Hello!")
    bridge.homeserver.join(ROOM, JEAN, "leave")
    await hear(bridge, member(ROOM, JEAN, "leave", number=next(NUMBERS)))
    assert bridge.homeserver.rooms[ROOM][BOT] == "join"
    bridge.homeserver.join(ROOM, MARIE, "leave")
    await hear(bridge, member(ROOM, MARIE, "leave", number=next(NUMBERS)))
    assert bridge.homeserver.rooms[ROOM][BOT] == "leave"
    async with bridge.database.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM bot_rooms") == 0


@pytest.mark.parametrize("sender", ["@pavel:partner.example", f"@guest-1:{HOME}"])
async def test_strangers_do_not_have_the_bot_in_their_rooms(bridge, sender: str):
    bridge.homeserver.join(ROOM, BOT, "invite")
    await hear(bridge, invited(ROOM, sender))
    assert bridge.homeserver.rooms[ROOM][BOT] == "leave"


async def test_the_bot_does_not_run_from_room_to_room(bridge, monkeypatch: pytest.MonkeyPatch):
    rooms = [f"!room{number}" for number in range(BOT_INVITES.burst + 1)]
    for room in rooms:
        bridge.homeserver.join(room, BOT, "invite")
        await hear(bridge, invited(room))
    there = [bridge.homeserver.rooms[room][BOT] for room in rooms]
    assert there == ["join"] * BOT_INVITES.burst + ["leave"]
    monkeypatch.setattr(errands, "MAX_ROOMS", BOT_INVITES.burst)
    async with bridge.database.transaction() as tx:
        assert await errands.joined(tx, rooms[0], UserId(MARIE))  # the same again
        assert not await errands.joined(tx, rooms[-1], UserId(MARIE))
        assert await errands.joined(tx, rooms[-1], UserId(JEAN))


async def test_where_it_could_not_read_the_bot_says_so_and_leaves(bridge):
    bridge.homeserver.encrypted.add(ROOM)
    bridge.homeserver.join(ROOM, BOT, "invite")
    await hear(bridge, invited(ROOM))
    assert "encrypted" in notices(bridge)[0]
    assert bridge.homeserver.rooms[ROOM][BOT] == "leave"


async def test_the_bot_stays_in_a_meeting_that_everybody_left(bridge):
    meeting = await bridge.meeting()
    bridge.homeserver.join(meeting["room_id"], MARIE, "leave")
    await hear(bridge, member(meeting["room_id"], MARIE, "leave", number=next(NUMBERS)))
    assert bridge.homeserver.rooms[meeting["room_id"]][BOT] == "join"


async def test_refusals_are_in_the_language_that_somebody_chose(bridge):
    await tell(bridge, "!meet lang de")
    _, answer = await tell(bridge, "!meet schedule tomorrow")
    assert answer.startswith("Bitte schreiben Sie den Tag, die Uhrzeit und einen Titel")
    await tell(bridge, "!meet lang fr")
    _, answer = await tell(bridge, "!meet schedule tomorrow")
    assert answer.startswith("Écrivez le jour, l’heure et un titre")
