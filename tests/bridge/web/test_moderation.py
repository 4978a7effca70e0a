# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Moderation by the bot's commands and over HTTP, and how the doors keep out who was barred."""

from typing import Any
from urllib.parse import quote

import pytest
from livekit.protocol.models import TrackInfo, TrackSource

from bridge.store import bars, hands
from bridge.web import call_rights, moderating, sweeper
from tests.bridge.web.test_api import against
from tests.bridge.web.test_bot import message, tell
from tests.bridge.web.test_call_rights import identity, levels_event, token
from tests.bridge.web.test_transactions import actions, drain, member, push

HOME = "home.example"
MARIE, JEAN, ADA, BOB = (f"@{name}:{HOME}" for name in ("marie", "jean", "ada", "bob"))
MICROPHONE = TrackInfo(sid="TR_mic", source=TrackSource.MICROPHONE)
CAMERA = TrackInfo(sid="TR_cam", source=TrackSource.CAMERA)
HAND = "\N{RAISED HAND WITH FINGERS SPLAYED}\N{VARIATION SELECTOR-16}"


@pytest.fixture
async def meeting(bridge) -> dict[str, Any]:
    """Marie organises, Jean hosts, Ada is a member; all are in the call."""
    made: dict[str, Any] = await bridge.meeting()
    for user in (MARIE, JEAN, ADA):
        await token(bridge, made, user)
    bridge.homeserver.levels[made["room_id"]][JEAN] = 50
    await call_rights.settle(bridge.services)
    return made


async def ask(bridge, meeting, who: str, method: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    headers = await bridge.staff(who)
    url = f"/api/v1/meetings/{meeting['id']}/{path}"
    async with bridge.public.request(method, url, json=body, headers=headers) as response:
        return response.status, await response.json()


async def guest_in_call(bridge, meeting, name: str = "Gina") -> str:
    user: str = (await bridge.guest(meeting, name))[0]
    await token(bridge, meeting, user)
    return user


async def say(bridge, meeting, words: str, sender: str = JEAN) -> tuple[str, str]:
    bridge.services.limits.__init__()
    return await tell(bridge, f"!meet {words}", sender, meeting["room_id"])


async def follow(bridge, meeting, *events: dict[str, Any]) -> None:
    """The homeserver tells us of the power levels as they are now, and of what else happened."""
    follow.number += 1  # type: ignore[attr-defined]
    number = follow.number  # type: ignore[attr-defined]
    await push(bridge, f"follow {number}", levels_event(meeting["room_id"], number), *events)
    await drain(bridge)
    await call_rights.settle(bridge.services)


follow.number = 0  # type: ignore[attr-defined]


def in_call(room: str, user: str, number: int, *, there: bool = True) -> dict[str, Any]:
    return {
        "type": "org.matrix.msc3401.call.member",
        "event_id": f"$member{number}",
        "room_id": room,
        "sender": user,
        "state_key": f"_{user}_DEV_m.call",
        "content": {"device_id": "DEV"} if there else {},
    }


def reaction(room: str, user: str, about: str, number: int, key: str = HAND) -> dict[str, Any]:
    relation = {"rel_type": "m.annotation", "event_id": about, "key": key}
    return {
        "type": "m.reaction",
        "event_id": f"$hand{number}",
        "room_id": room,
        "sender": user,
        "content": {"m.relates_to": relation},
    }


def redaction(room: str, event_id: str) -> dict[str, Any]:
    return {
        "type": "m.room.redaction",
        "event_id": "$redaction",
        "room_id": room,
        "sender": ADA,
        "content": {"redacts": event_id},
    }


async def queue(bridge, meeting) -> list[str]:
    _, answer = await ask(bridge, meeting, "marie", "GET", "hands")
    against("Hands", answer)
    return [hand["user_id"] for hand in answer["hands"]]


async def test_microphones_are_muted_one_by_one_or_all_but_the_hosts(bridge, meeting):
    for user in (JEAN, ADA):
        bridge.sfu.tracks[identity(user)] = [MICROPHONE, CAMERA]
    guest = await guest_in_call(bridge, meeting)
    bridge.sfu.tracks[identity(guest)] = [TrackInfo(sid="TR_quiet", source=TrackSource.MICROPHONE, muted=True)]
    assert await say(bridge, meeting, f"mute {ADA}") == ("✅", f"{ADA} is muted, and may unmute.")
    assert bridge.sfu.muted == [(identity(ADA), "TR_mic")]
    assert "was not speaking" in (await say(bridge, meeting, "mute Gina"))[1]
    assert "(1)" in (await say(bridge, meeting, "mute all"))[1]
    assert bridge.sfu.muted == [(identity(ADA), "TR_mic")] * 2
    assert await ask(bridge, meeting, "marie", "POST", f"people/{JEAN}/mute") == (200, {"muted": 1})
    assert bridge.sfu.muted[2:] == [(identity(JEAN), "TR_mic")]
    assert await ask(bridge, meeting, "marie", "POST", "people/mute") == (200, {"muted": 1})
    assert (await actions(bridge, meeting["id"])).count("muted") == 4


async def test_hosts_see_who_is_in_the_call_and_what_they_may_send(bridge, meeting):
    bridge.sfu.tracks[identity(ADA)] = [TrackInfo(sid="T", source=TrackSource.MICROPHONE, muted=True), CAMERA]
    await guest_in_call(bridge, meeting)
    await token(bridge, meeting, f"@captions:{HOME}")
    bridge.sfu.people[next(iter(bridge.sfu.people))].append("somebody whom we never let in")
    await ask(bridge, meeting, "jean", "PATCH", "rules", {"camera": "guests"})
    _, answer = await ask(bridge, meeting, "jean", "GET", "people")
    against("People", answer)
    seen = [(person["display_name"], person["role"]) for person in answer["people"]]
    assert seen == [(MARIE, "organiser"), (JEAN, "host"), (ADA, "member"), ("Gina (Guest)", "member")]
    assert answer["people"][2]["sends"] == {"camera": "on", "microphone": "muted"}
    assert answer["people"][3]["may_send"] == ["microphone", "screen"]


async def test_a_source_is_taken_from_guests_by_command_and_the_media_server_obeys(bridge, meeting):
    guest = await guest_in_call(bridge, meeting)
    assert await say(bridge, meeting, "forbid microphone guests") == ("✅", "Microphones are off for guests.")
    await follow(bridge, meeting)
    assert bridge.sfu.allowed[identity(guest)] == ["CAMERA", "SCREEN_SHARE", "SCREEN_SHARE_AUDIO"]
    assert bridge.sfu.allowed[identity(ADA)] == ["ALL"]
    assert (await say(bridge, meeting, "forbid camera"))[1] == "Cameras are off for everybody but the hosts."
    assert (await say(bridge, meeting, "forbid screen everybody"))[0] == "✅"
    status, rules = await ask(bridge, meeting, "ada", "GET", "rules")
    against("Rules", rules)
    expected = {"microphone": "guests", "camera": "members", "screen": "everybody", "audience": False}
    assert (status, rules) == (200, expected)
    assert (await say(bridge, meeting, "allow microphone"))[0] == "✅"
    await follow(bridge, meeting)
    assert bridge.sfu.allowed[identity(guest)] == ["MICROPHONE"]
    assert bridge.sfu.allowed[identity(MARIE)] == ["MICROPHONE", "CAMERA"]
    for words in ("forbid", "forbid coffee", "forbid camera nobody", "allow", "audience", "audience maybe"):
        assert (await say(bridge, meeting, words))[0] == "❌", words
    status, answer = await ask(bridge, meeting, "jean", "PATCH", "rules", {"screen": None, "camera": None})
    assert (status, answer) == (200, {"microphone": None, "camera": None, "screen": None, "audience": False})
    assert (await ask(bridge, meeting, "jean", "PATCH", "rules", {"screen": "martians"}))[0] == 400


async def test_an_audience_listens_until_somebody_is_promoted_and_a_restart_changes_nothing(bridge, meeting):
    guest = await guest_in_call(bridge, meeting)
    assert "listens now" in (await say(bridge, meeting, "audience on"))[1]
    await follow(bridge, meeting)
    heard = {MARIE: ["ALL"], JEAN: ["ALL"], ADA: [], guest: []}
    assert bridge.sfu.allowed == {identity(user): rights for user, rights in heard.items()}
    assert not (await token(bridge, meeting, BOB))["canPublish"], "whoever comes later listens too"
    assert await say(bridge, meeting, "promote Gina") == ("✅", "Gina (Guest) may speak.")
    assert (await say(bridge, meeting, f"promote {ADA} speaker"))[0] == "✅"
    await follow(bridge, meeting)
    assert bridge.sfu.allowed[identity(guest)] == bridge.sfu.allowed[identity(ADA)] == ["ALL"]
    assert (await say(bridge, meeting, "demote Gina"))[1] == "Gina (Guest) is a member as everybody else."
    await follow(bridge, meeting)
    assert bridge.sfu.allowed[identity(guest)] == []
    powers = await bridge.services.rooms.powers(meeting["room_id"])
    assert powers.audience, "the room keeps it, not the bridge"
    await ask(bridge, meeting, "jean", "PATCH", "rules", {"audience": False})
    await follow(bridge, meeting)
    assert bridge.sfu.allowed[identity(guest)] == ["ALL"]


async def test_hosts_let_speak_and_only_the_organiser_names_hosts(bridge, meeting):
    assert (await say(bridge, meeting, f"promote {ADA}", JEAN))[0] == "❌", "with nothing forbidden that makes a host"
    assert await say(bridge, meeting, f"promote {ADA}", MARIE) == ("✅", f"{ADA} is a host.")
    assert (await say(bridge, meeting, f"demote {JEAN}", ADA))[0] == "❌"
    assert (await say(bridge, meeting, f"demote {ADA}", MARIE))[0] == "✅"
    assert (await ask(bridge, meeting, "jean", "PUT", f"people/{ADA}/role", {"role": "speaker"}))[0] == 200
    assert (await ask(bridge, meeting, "jean", "PUT", f"people/{ADA}/role", {"role": "host"}))[0] == 403
    assert (await ask(bridge, meeting, "jean", "PUT", f"people/{ADA}/role", {"role": "king"}))[0] == 400
    assert (await ask(bridge, meeting, "jean", "PUT", "people/ada/role", {"role": "speaker"}))[0] == 400
    assert bridge.homeserver.levels[meeting["room_id"]] == {MARIE: 100, JEAN: 50, ADA: 10}


async def removed(bridge, meeting, user: str, membership: str, by: str = JEAN) -> None:
    """What the homeserver pushes after a kick or a ban, whoever did it, and all that follows."""
    await follow(bridge, meeting, member(meeting["room_id"], user, membership, sender=by))
    await sweeper.sweep(bridge.services)


async def test_whoever_is_removed_may_come_back_by_a_link_that_opens(bridge, meeting):
    invite = await bridge.invite(meeting, uses=2)
    async with bridge.public.post(invite["path"], json={"display_name": "Gina"}) as response:
        guest = (await response.json())["user"]["id"]
    await token(bridge, meeting, guest)
    sign, answer = await say(bridge, meeting, "remove Gina")
    assert (sign, "!meet bar" in answer) == ("✅", True)
    assert bridge.homeserver.rooms[meeting["room_id"]][guest] == "leave"
    await removed(bridge, meeting, guest, "leave", f"@passerelle:{HOME}")
    assert [who for _, who in bridge.sfu.removed] == [identity(guest)]
    assert guest in bridge.homeserver.deactivated
    async with bridge.public.post(invite["path"], json={"display_name": "Gina"}) as response:
        assert response.status == 200
    assert (await say(bridge, meeting, f"remove {MARIE}"))[0] == "❌"
    assert (await say(bridge, meeting, "remove Nobody"))[0] == "❌"
    assert (await ask(bridge, meeting, "jean", "DELETE", f"people/{BOB}"))[0] == 404


@pytest.mark.parametrize("by", ["command", "api", "another client"])
async def test_a_barred_guest_comes_by_the_same_link_no_more_however_often(bridge, meeting, by: str):
    invite = await bridge.invite(meeting, uses=5)
    async with bridge.public.post(invite["path"], json={"display_name": "Gina"}) as response:
        guest = (await response.json())["user"]["id"]
    await token(bridge, meeting, guest)
    if by == "command":
        sign, answer = await say(bridge, meeting, "bar Gina")
        assert (sign, "opens no more" in answer) == ("✅", True)
    elif by == "api":
        assert (await ask(bridge, meeting, "jean", "PUT", f"barred/{guest}"))[0] == 200
    else:
        bridge.homeserver.join(meeting["room_id"], guest, "ban")
    assert bridge.homeserver.rooms[meeting["room_id"]][guest] == "ban"
    await removed(bridge, meeting, guest, "ban")
    assert [who for _, who in bridge.sfu.removed] == [identity(guest)]
    for path in (invite["path"], f"{invite['path']}/partner"):
        async with bridge.public.post(path, json={"display_name": "Gino", "user_id": "@p:partner.example"}) as response:
            assert (response.status, (await response.json())["errcode"]) == (403, "PASSERELLE_LINK_SHUT")
    _, answer = await ask(bridge, meeting, "marie", "GET", "barred")
    against("Barred", answer)
    (bar,) = answer["barred"]
    assert (bar["user_id"], bar["display_name"], bar["barred_by"], bar["link_shut"]) == (guest, "Gina", JEAN, True)
    assert (await say(bridge, meeting, f"unbar {guest}"))[0] == "✅"
    await follow(bridge, meeting, member(meeting["room_id"], guest, "leave", sender=f"@passerelle:{HOME}"))
    assert (await ask(bridge, meeting, "marie", "GET", "barred"))[1] == {"barred": []}
    async with bridge.public.post(invite["path"], json={"display_name": "Gina"}) as response:
        assert response.status == 200
    assert (await actions(bridge, meeting["id"])).count("barred") == 1


async def test_a_barred_account_finds_every_door_shut(bridge, meeting):
    partner = "@pavel:partner.example"
    invite = await bridge.invite(meeting, uses=5)
    for user in (ADA, partner):
        bridge.homeserver.join(meeting["room_id"], user)
        assert (await say(bridge, meeting, f"bar {user}"))[0] == "✅"
        await removed(bridge, meeting, user, "ban")
    async with bridge.public.post(f"{invite['path']}/staff", json={}, headers=await bridge.staff("ada")) as response:
        assert (response.status, (await response.json())["errcode"]) == (403, "PASSERELLE_BARRED")
    assert (await ask(bridge, meeting, "ada", "GET", "rules"))[0] == 404
    async with bridge.public.post(f"{invite['path']}/partner", json={"user_id": partner}) as response:
        assert (response.status, (await response.json())["errcode"]) == (403, "PASSERELLE_BARRED")
    assert (await ask(bridge, meeting, "jean", "POST", "partners", {"user_id": partner}))[0] == 403
    assert (await say(bridge, meeting, f"invite {partner}"))[0] == "❌"
    async with bridge.public.post(invite["path"], json={"display_name": "Gina"}) as response:
        assert response.status == 200, "the link is nobody's who was barred"
    for person in (MARIE, JEAN, "ada", f"@passerelle:{HOME}"):
        assert (await ask(bridge, meeting, "jean", "PUT", f"barred/{person}"))[0] in {400, 403}
    assert (await ask(bridge, meeting, "jean", "DELETE", f"barred/{BOB}"))[0] == 404


async def test_the_barred_are_limited(bridge, meeting, monkeypatch: pytest.MonkeyPatch):
    for module in (bars, moderating):
        monkeypatch.setattr(module, "MAX_BARS", 1)
    for user, status in ((ADA, 200), (BOB, 409)):
        assert (await ask(bridge, meeting, "jean", "PUT", f"barred/{user}"))[0] == status
        await removed(bridge, meeting, user, "ban")  # Bob by another client: the room keeps him out, our list is full
    assert [bar.user_id for bar in await moderating.barred(bridge.services, await found(bridge, meeting))] == [ADA]


async def found(bridge, meeting):
    from bridge.store import meetings

    async with bridge.database.transaction() as tx:
        return await meetings.by_id(tx, meeting["id"])


async def test_hands_of_element_call_and_of_commands_stand_in_one_queue(bridge, meeting):
    room = meeting["room_id"]
    guest = await guest_in_call(bridge, meeting)
    await follow(bridge, meeting, in_call(room, ADA, 1), in_call(room, guest, 2))
    await follow(bridge, meeting, reaction(room, guest, "$member2", 1))
    assert (await say(bridge, meeting, "hand", BOB))[0] == "❌", "he is not in the meeting"
    assert await say(bridge, meeting, "hand", JEAN) == ("✅", "Your hand is up: number 2.")
    await follow(bridge, meeting, reaction(room, ADA, "$member1", 2, HAND[:1]))
    assert await queue(bridge, meeting) == [guest, JEAN, ADA]
    assert (await say(bridge, meeting, "hand", JEAN))[1] == "Your hand is up: number 2.", "again keeps the place"
    assert (await say(bridge, meeting, "hands", ADA))[1] == f"1. Gina (Guest)\n2. {JEAN}\n3. {ADA}"
    await follow(bridge, meeting, redaction(room, "$hand1"))
    assert await queue(bridge, meeting) == [JEAN, ADA]
    assert (await say(bridge, meeting, "hand down", JEAN))[0] == "✅"
    await follow(bridge, meeting, in_call(room, ADA, 1, there=False))
    assert await queue(bridge, meeting) == []
    assert (await say(bridge, meeting, "hands"))[1] == "No hand is up."


@pytest.mark.parametrize(
    ("about", "sender", "key"),
    [
        ("$member1", BOB, HAND),  # on somebody else's membership
        ("$other", ADA, HAND),  # on any other message
        ("$member1", ADA, "👍"),
        ("$member1", ADA, "x" * 500),
    ],
)
async def test_other_reactions_raise_no_hand(bridge, meeting, about: str, sender: str, key: str):
    room = meeting["room_id"]
    await follow(bridge, meeting, in_call(room, ADA, 1), reaction(room, sender, about, 1, key))
    assert await queue(bridge, meeting) == []


async def test_a_hand_goes_down_with_the_membership_that_it_is_tied_to(bridge, meeting):
    room = meeting["room_id"]
    for event, expected in (
        (in_call(room, ADA, 2), []),  # a new membership
        (member(room, ADA, "leave"), []),
        (in_call(room, BOB, 3) | {"state_key": f"_{ADA}_DEV_m.call"}, [ADA]),  # somebody who writes hers
        (in_call(room, ADA, 1), [ADA]),  # the same once more
    ):
        await follow(bridge, meeting, in_call(room, ADA, 1), reaction(room, ADA, "$member1", 1))
        assert await queue(bridge, meeting) == [ADA]
        await follow(bridge, meeting, event)
        assert await queue(bridge, meeting) == expected, event


async def test_the_next_one_has_the_floor_and_their_hand_is_down_everywhere(bridge, meeting):
    room, guest = meeting["room_id"], await guest_in_call(bridge, meeting)
    await say(bridge, meeting, "audience on")
    await follow(bridge, meeting, in_call(room, guest, 1), reaction(room, guest, "$member1", 1))
    await say(bridge, meeting, "hand", ADA)
    assert await say(bridge, meeting, "next") == ("✅", "Gina (Guest) has the floor. Still waiting: 1.")
    assert bridge.homeserver.redacted == ["$hand1"]
    await follow(bridge, meeting)
    assert bridge.sfu.allowed[identity(guest)] == ["ALL"]
    assert bridge.sfu.allowed[identity(ADA)] == []
    status, answer = await ask(bridge, meeting, "jean", "POST", "hands/next")
    against("NextHand", answer)
    assert (status, answer["next"]["user_id"]) == (200, ADA)
    assert (await ask(bridge, meeting, "jean", "POST", "hands/next"))[1] == {"next": None}
    assert (await say(bridge, meeting, "next"))[1] == "No hand is up."


async def test_guests_raise_and_lower_their_own_hand_and_hosts_anybodys(bridge, meeting):
    guest, headers = await bridge.guest(meeting)
    path = f"/api/v1/meetings/{meeting['id']}/hand"
    for method, expected in (("PUT", [guest]), ("PUT", [guest]), ("DELETE", [])):
        async with bridge.public.request(method, path, headers=headers) as response:
            assert [hand["user_id"] for hand in (await response.json())["hands"]] == expected
    async with bridge.public.put(path, headers=headers) as response:
        assert response.status == 200
    status, answer = await ask(bridge, meeting, "jean", "DELETE", f"hands/{quote(guest)}")
    assert (status, answer) == (200, {"hands": []})


async def test_hands_and_devices_are_limited(bridge, meeting, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(hands, "MAX_HANDS", 1)
    monkeypatch.setattr(hands, "MAX_DEVICES", 2)
    await say(bridge, meeting, "hand", ADA)
    assert (await ask(bridge, meeting, "jean", "PUT", "hand"))[0] == 409
    room = meeting["room_id"]
    many = [in_call(room, BOB, n) | {"state_key": f"_{BOB}_{n}_m.call"} for n in range(5)]
    await follow(bridge, meeting, *many)
    async with bridge.database.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM call_members WHERE user_id = $1", BOB) == 2
    headers = await bridge.staff("jean")
    statuses = set()
    for _ in range(25):
        async with bridge.public.delete(f"/api/v1/meetings/{meeting['id']}/hand", headers=headers) as response:
            statuses.add(response.status)
    assert statuses == {200, 429}


async def test_the_end_of_a_meeting_lowers_all_hands(bridge, meeting):
    await say(bridge, meeting, "hand", ADA)
    assert (await say(bridge, meeting, "end"))[0] == "✅"
    assert (await say(bridge, meeting, "open"))[0] == "✅"
    assert await queue(bridge, meeting) == []


async def test_a_lock_takes_invitations_back_that_nobody_answered(bridge, meeting):
    room, partner, host = meeting["room_id"], "@pavel:partner.example", "@host:partner.example"
    for user in (partner, host):
        assert (await say(bridge, meeting, f"invite {user}"))[0] == "✅"
    bridge.homeserver.levels[room][host] = 50
    assert (await say(bridge, meeting, "lock"))[0] == "✅"
    assert bridge.homeserver.rooms[room][partner] == "leave"
    assert bridge.homeserver.rooms[room][host] == "invite"
    assert bridge.homeserver.rooms[room][ADA] == "join"


COMMANDS = (
    "mute all", "forbid camera", "allow camera", "audience on", "audience off", f"promote {BOB} speaker",
    f"demote {BOB}", "next", f"remove {BOB}", f"bar {BOB}", f"unbar {BOB}",
)  # fmt: skip


@pytest.mark.parametrize(
    ("sender", "may"),
    [
        (MARIE, True),
        (JEAN, True),
        (ADA, False),
        ("speaker", False),
        ("guest", False),
        ("@pavel:partner.example", False),
        (f"@eve:{HOME}", False),
    ],
)
async def test_commands_about_people_are_the_hosts(bridge, meeting, sender: str, may: bool):
    if sender == "guest":
        sender = await guest_in_call(bridge, meeting)
    elif sender == "speaker":
        sender = ADA
        bridge.homeserver.levels[meeting["room_id"]][ADA] = 10
    elif sender.startswith("@pavel"):
        bridge.homeserver.join(meeting["room_id"], sender)
    bridge.homeserver.join(meeting["room_id"], BOB)
    before = dict(bridge.homeserver.levels[meeting["room_id"]]), bridge.homeserver.state.copy()
    for words in COMMANDS:
        assert ((await say(bridge, meeting, words, sender))[0] == "✅") == may, words
    if not may:
        assert bridge.homeserver.rooms[meeting["room_id"]][BOB] == "join"
        assert (dict(bridge.homeserver.levels[meeting["room_id"]]), bridge.homeserver.state) == before


async def test_nonsense_about_calls_is_passed_over(bridge, meeting):
    room = meeting["room_id"]
    good = in_call(room, ADA, 1)
    bad = [
        good | {"content": []},
        good | {"state_key": 5},
        good | {"sender": "nobody"},
        good | {"room_id": "!elsewhere"},
        reaction(room, ADA, "$member1", 1) | {"content": {"m.relates_to": 5}},
        redaction(room, "x" * 300),
        message(bridge, "hello", ADA, room),
    ]
    await follow(bridge, meeting, *bad)
    assert await queue(bridge, meeting) == []
