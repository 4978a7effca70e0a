# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The lobby at every door: who waits, what they and the hosts see of it, and how a wait ends."""

from datetime import timedelta
from typing import Any

import pytest

from bridge.domain.lobby import FORGET, KEEPS, MAX_PER_ADDRESS, LobbyPolicy, PlaceState
from bridge.store import audit, invites
from bridge.web import bot, lobby_card, sweeper
from tests.bridge.web.test_bot import hear, notices, signs, tell
from tests.bridge.web.test_host_page import follow, until
from tests.bridge.web.test_transactions import drain, push

HOME = "home.example"
MARIE, JEAN, PAVEL = f"@marie:{HOME}", f"@jean:{HOME}", "@pavel:partner.example"


class Door:
    """One browser before a link: it keeps the cookie that it was given."""

    def __init__(self, bridge, path: str, headers: dict[str, str] | None = None, **body: Any) -> None:
        self.bridge, self.path, self.body, self.headers = bridge, path, body, headers or {}
        self.base = path.removesuffix("/partner").removesuffix("/staff")

    async def knock(self, status: int) -> dict[str, Any]:
        async with self.bridge.public.post(self.path, json=self.body, headers=self.headers) as response:
            answer: dict[str, Any] = await response.json()
            assert response.status == status, answer
            for name, cookie in response.cookies.items():
                assert (cookie["samesite"], bool(cookie["httponly"]), cookie["path"]) == ("Strict", True, "/")
                self.headers["Cookie"] = f"{name}={cookie.value}"
            self.bridge.public.session.cookie_jar.clear()  # which all doors of a test would share
            return answer

    def wait(self) -> Any:
        return self.bridge.public.get(f"{self.base}/wait", headers=self.headers)

    async def place(self) -> Any:
        async with self.bridge.public.get(f"{self.base}/place", headers=self.headers) as response:
            assert response.status == 200
            return (await response.json())["place"]

    async def leave(self) -> None:
        async with self.bridge.public.delete(f"{self.base}/place", headers=self.headers) as response:
            assert response.status == 200


async def with_lobby(bridge, policy: str = "guests", **invite: int) -> tuple[dict[str, Any], str, dict[str, str]]:
    """A meeting with a lobby, the path of a link to it, and its host's headers."""
    meeting, marie = await bridge.meeting(), await bridge.staff("marie")
    await change(bridge, meeting, marie, lobby=policy)
    return meeting, (await bridge.invite(meeting, **{"uses": 5} | invite))["path"], marie


async def change(bridge, meeting, headers, **what: Any) -> None:
    async with bridge.public.patch(f"/api/v1/meetings/{meeting['id']}", json=what, headers=headers) as response:
        assert response.status == 200, await response.text()
        assert what.items() <= (await response.json()).items()


async def waiting(bridge, meeting, headers) -> list[dict[str, Any]]:
    async with bridge.public.get(f"/api/v1/meetings/{meeting['id']}/waiting", headers=headers) as response:
        assert response.status == 200
        return list((await response.json())["waiting"])


async def decide(bridge, meeting, headers, what: str, status: int = 200, **body: Any) -> Any:
    path = f"/api/v1/meetings/{meeting['id']}/waiting/{what}"
    async with bridge.public.post(path, json=body or None, headers=headers) as response:
        assert response.status == status, await response.text()
        return await response.json()


def guest(bridge, path: str, name: str = "Ana Silva") -> Door:
    return Door(bridge, path, display_name=name, organisation="Port of Lyon")


async def test_a_guest_waits_without_an_account_and_is_in_once_a_host_says_so(bridge):
    meeting, path, marie = await with_lobby(bridge)
    ana = guest(bridge, path)
    assert (await ana.knock(202))["place"]["state"] == "waiting"
    assert bridge.homeserver.names == {}  # nobody has an account
    async with bridge.database.transaction() as tx:
        (invite,) = await invites.open_of(tx, meeting["id"], bridge.clock.now)
    assert invite.used == 0
    (seen,) = await waiting(bridge, meeting, marie)
    known = {"display_name": "Ana Silva", "organisation": "Port of Lyon", "door": "guest", "sponsor": MARIE}
    assert known.items() <= seen.items()
    async with ana.wait() as stream:
        assert (await until(stream, "place", state="waiting", position=1, waiting=1, host=False))["title"] == "Team"
        await decide(bridge, meeting, marie, f"{seen['id']}/admit")
        await until(stream, "place", state="admitted")
        session = await ana.knock(200)
        await until(stream, "place", state="entered")
    assert bridge.homeserver.rooms[meeting["room_id"]][session["user"]["id"]] == "join"
    assert bridge.homeserver.names[session["user"]["id"]] == "Ana Silva (Guest, Port of Lyon)"
    assert await waiting(bridge, meeting, marie) == []
    async with bridge.database.transaction() as tx:
        rows = [row for row in await audit.about(tx, meeting["id"]) if row["action"] == "lobby_place"]
    assert [row["actor"] for row in rows if '"admitted"' in row["data"]] == [MARIE]


async def test_a_reloaded_page_and_a_host_who_comes_late_find_the_queue_as_it_was(bridge):
    meeting, path, marie = await with_lobby(bridge)
    ana, bob = guest(bridge, path), guest(bridge, path, "Bob")
    await ana.knock(202)
    await bob.knock(202)
    await ana.knock(202)  # reloaded: no second place
    assert [one["number"] for one in await waiting(bridge, meeting, marie)] == [1, 2]
    assert (await bob.place())["name"] == "Bob"
    async with bob.wait() as stream:
        await until(stream, "place", position=2, waiting=2, host=False)
        async with follow(bridge, meeting, marie) as hosts:
            await until(hosts, "waiting", lobby="guests")
            bridge.services.watchers.tell(meeting["id"])
            await until(stream, "place", host=True)
            await ana.leave()
            await until(stream, "place", position=1, waiting=1)
    assert await ana.place() is None


async def test_a_refused_guest_hears_whom_to_ask_and_may_be_let_in_after_all(bridge):
    meeting, path, marie = await with_lobby(bridge)
    ana = guest(bridge, path)
    await ana.knock(202)
    (seen,) = await waiting(bridge, meeting, marie)
    async with ana.wait() as stream:
        await decide(bridge, meeting, marie, f"{seen['id']}/refuse")
        await until(stream, "place", state="refused", ask=MARIE)
        assert (await ana.knock(202))["place"]["state"] == "refused"  # asking again changes nothing
        await decide(bridge, meeting, marie, f"{seen['id']}/refuse", 409)
        await decide(bridge, meeting, marie, f"{seen['id']}/admit")
        await until(stream, "place", state="admitted")
    await ana.knock(200)


async def test_who_is_too_early_waits_for_the_doors_and_goes_on_by_itself(bridge):
    meeting, marie = await bridge.meeting(), await bridge.staff("marie")
    path = (await bridge.invite(meeting))["path"]
    start = (bridge.clock.now + timedelta(days=2)).replace(tzinfo=None).isoformat(timespec="minutes")
    schedule = {"start": start, "time_zone": "UTC", "duration_minutes": 30}
    async with bridge.public.patch(
        f"/api/v1/meetings/{meeting['id']}", json={"schedule": schedule}, headers=marie
    ) as response:
        assert (await response.json())["state"] == "scheduled"
    ana = guest(bridge, path)
    assert (await ana.knock(202))["place"]["state"] == "early"
    assert await waiting(bridge, meeting, marie) == []  # nobody's business yet
    async with ana.wait() as stream:
        assert (await until(stream, "place", state="early"))["starts_at"].startswith(start)
        async with bridge.public.post(f"/api/v1/meetings/{meeting['id']}/open", headers=marie) as opened:
            assert opened.status == 200
        await until(stream, "place", state="admitted")
    await ana.knock(200)


async def test_a_lobby_that_is_switched_off_lets_in_who_waits(bridge):
    meeting, path, marie = await with_lobby(bridge)
    ana = guest(bridge, path)
    await ana.knock(202)
    async with ana.wait() as stream:
        await until(stream, "place", state="waiting")
        await change(bridge, meeting, marie, lobby="off")
        await until(stream, "place", state="admitted")
    await ana.knock(200)


async def test_locked_over_and_withdrawn_are_said_instead_of_queueing(bridge):
    meeting, path, marie = await with_lobby(bridge)
    ana, bob = guest(bridge, path), guest(bridge, path, "Bob")
    await ana.knock(202)
    one = f"/api/v1/meetings/{meeting['id']}"
    async with ana.wait() as stream:
        await until(stream, "place", locked=False)
        async with bridge.public.put(f"{one}/lock", headers=marie):
            await until(stream, "place", state="waiting", locked=True)  # a host may still let them in
        assert (await bob.knock(403))["errcode"] == "PASSERELLE_MEETING_LOCKED"
        async with bridge.public.post(f"{one}/end", headers=marie):
            await until(stream, "place", state="over", errcode="PASSERELLE_MEETING_OVER", ask=MARIE)
    assert (await bob.knock(410))["errcode"] == "PASSERELLE_MEETING_OVER"


async def test_a_link_that_is_withdrawn_ends_the_wait(bridge):
    meeting, path, marie = await with_lobby(bridge)
    ana = guest(bridge, path)
    await ana.knock(202)
    async with bridge.database.transaction() as tx:
        (invite,) = await invites.open_of(tx, meeting["id"], bridge.clock.now)
    async with ana.wait() as stream:
        await until(stream, "place", state="waiting")
        async with bridge.public.delete(f"/api/v1/invites/{invite.id}", headers=marie):
            await until(stream, "place", state="over", errcode="PASSERELLE_INVITE_REVOKED")


async def test_no_more_are_admitted_than_a_link_is_for(bridge):
    meeting, path, marie = await with_lobby(bridge, uses=1)
    ana, bob = guest(bridge, path), guest(bridge, path, "Bob")
    await ana.knock(202)
    await bob.knock(202)
    first, second = await waiting(bridge, meeting, marie)
    assert await decide(bridge, meeting, marie, "admit", organisation="") == {"done": 1}
    refusal = await decide(bridge, meeting, marie, f"{second['id']}/admit", 410)
    assert refusal["errcode"] == "PASSERELLE_INVITE_USED_UP"
    await ana.knock(200)
    assert (await guest(bridge, path, "Eve").knock(410))["errcode"] == "PASSERELLE_INVITE_USED_UP"
    assert first["display_name"] == "Ana Silva"


async def test_a_browser_that_lost_its_page_comes_back_in_and_takes_no_second_use(bridge):
    meeting, path, marie = await with_lobby(bridge, uses=1)
    ana = guest(bridge, path)
    await ana.knock(202)
    await decide(bridge, meeting, marie, "admit", organisation="")
    before = await ana.knock(200)
    again = await ana.knock(200)
    assert again["user"]["id"] != before["user"]["id"]
    await sweeper.sweep(bridge.services)
    room = bridge.homeserver.rooms[meeting["room_id"]]
    assert (room[before["user"]["id"]], room[again["user"]["id"]]) == ("leave", "join")


async def test_who_was_sent_away_waits_anew(bridge):
    meeting, path, marie = await with_lobby(bridge)
    ana = guest(bridge, path)
    await ana.knock(202)
    await decide(bridge, meeting, marie, "admit", organisation="")
    user = (await ana.knock(200))["user"]["id"]
    async with bridge.public.delete(f"/api/v1/meetings/{meeting['id']}/guests/{user}", headers=marie) as response:
        assert response.status == 200
    assert (await ana.knock(202))["place"]["state"] == "waiting"


async def test_a_homeserver_that_fails_at_the_entry_costs_nobody_their_place(bridge):
    meeting, path, marie = await with_lobby(bridge, uses=1)
    ana = guest(bridge, path)
    await ana.knock(202)
    await decide(bridge, meeting, marie, "admit", organisation="")
    bridge.homeserver.broken = lambda path: path.endswith("/join")
    await ana.knock(503)
    bridge.homeserver.broken = lambda _path: False
    await ana.knock(200)


async def test_a_partner_waits_and_is_invited_on_their_own_server_even_when_their_page_is_gone(bridge):
    meeting, path, marie = await with_lobby(bridge, "outsiders")
    pavel = Door(bridge, f"{path}/partner", user_id=PAVEL)
    await pavel.knock(202)
    (seen,) = await waiting(bridge, meeting, marie)
    assert (seen["door"], seen["organisation"], seen["user_id"]) == ("partner", "partner.example", PAVEL)
    await decide(bridge, meeting, marie, "admit", organisation="elsewhere.example")
    assert PAVEL not in bridge.homeserver.rooms[meeting["room_id"]]
    assert await decide(bridge, meeting, marie, "admit", organisation="partner.example") == {"done": 1}
    await lobby_card.bring_partners(bridge.services)
    assert bridge.homeserver.rooms[meeting["room_id"]][PAVEL] == "invite"
    assert "matrix_to" in await pavel.knock(200)  # the page, once it is back
    async with bridge.database.transaction() as tx:
        (invite,) = await invites.open_of(tx, meeting["id"], bridge.clock.now)
    assert invite.used == 1


async def test_staff_wait_where_everybody_does_and_never_again(bridge):
    meeting, path, marie = await with_lobby(bridge, "everybody")
    jean = Door(bridge, f"{path}/staff", await bridge.staff("jean"))
    assert (await jean.knock(202))["place"]["door"] == "staff"
    async with bridge.public.get(f"/api/v1/meetings/{meeting['id']}", headers=jean.headers) as response:
        assert response.status == 404  # no other way in
    await decide(bridge, meeting, marie, "admit", organisation="")
    assert (await jean.knock(200))["id"] == meeting["id"]
    assert bridge.homeserver.rooms[meeting["room_id"]][JEAN] == "join"
    del jean.headers["Cookie"]
    await jean.knock(200)
    await Door(bridge, f"{path}/staff", marie).knock(200)  # the organiser is let in by nobody


async def test_a_contractor_waits_where_guests_do(bridge):
    meeting, _, marie = await with_lobby(bridge)
    body = {"display_name": "Ada", "meetings": [meeting["id"]]}
    body["ends_at"] = (bridge.clock.now + timedelta(days=30)).isoformat()
    async with bridge.public.post("/api/v1/contractors", json=body, headers=marie) as response:
        path = "/c/" + (await response.json())["url"].rpartition("/")[2]
    ada = Door(bridge, f"{path}/{meeting['id']}")
    await ada.knock(202)
    (seen,) = await waiting(bridge, meeting, marie)
    assert (seen["door"], seen["display_name"], seen["sponsor"]) == ("contractor", "Ada", MARIE)
    await decide(bridge, meeting, marie, "admit", organisation="")
    assert (await ada.knock(200))["meeting"]["id"] == meeting["id"]


async def test_a_place_without_its_page_is_shown_as_away_then_given_up_and_taken_again_at_the_end(bridge):
    meeting, path, marie = await with_lobby(bridge)
    ana, bob = guest(bridge, path), guest(bridge, path, "Bob")
    await ana.knock(202)
    await bob.knock(202)
    bridge.clock.forward(minutes=2)
    assert [one["away"] for one in await waiting(bridge, meeting, marie)] == [True, True]
    bridge.clock.forward(seconds=(KEEPS[PlaceState.WAITING] - timedelta(minutes=1)).total_seconds())
    async with bob.wait() as stream:
        await until(stream, "place", state="waiting")
        await sweeper.sweep(bridge.services)
    assert [one["display_name"] for one in await waiting(bridge, meeting, marie)] == ["Ana Silva", "Bob"][1:]
    async with ana.wait() as stream:
        await until(stream, "place", state="waiting", position=2)
    await ana.leave()
    bridge.clock.forward(seconds=FORGET.total_seconds() + 1)
    await sweeper.sweep(bridge.services)
    async with bridge.database.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM lobby_places WHERE name = 'Ana Silva'") == 0


async def test_one_address_cannot_fill_the_queue(bridge):
    _, path, _ = await with_lobby(bridge, uses=MAX_PER_ADDRESS + 1)
    for number in range(MAX_PER_ADDRESS):
        await guest(bridge, path, f"Ana {number}").knock(202)
    assert (await guest(bridge, path, "Eve").knock(429))["errcode"] == "PASSERELLE_LOBBY_FULL"
    bridge.clock.forward(hours=1)
    await sweeper.sweep(bridge.services)  # all gave up


async def told(bridge) -> None:
    """Let the bot tell rooms what is new."""
    bridge.clock.forward(seconds=lobby_card.PAUSE.total_seconds() + 1)
    await lobby_card.move_on(bridge.services)


def cards(bridge) -> list[tuple[str, dict[str, Any]]]:
    sent = [(txn, content) for txn, (_, kind, content) in bridge.homeserver.sent.items() if kind == "m.room.message"]
    return [(f"$sent-{txn}", content) for txn, content in sent]


def reaction(bridge, meeting, key: str, target: str, sender: str = MARIE) -> dict[str, Any]:
    bridge.clock.forward(seconds=3)
    return {
        "type": "m.reaction",
        "event_id": f"$reaction-{key}-{sender}-{target}",
        "room_id": meeting["room_id"],
        "sender": sender,
        "origin_server_ts": int(bridge.clock.now.timestamp() * 1000),
        "content": {"m.relates_to": {"rel_type": "m.annotation", "event_id": target, "key": key}},
    }


async def test_the_room_gets_one_notice_that_hosts_answer_by_a_sign(bridge):
    meeting, path, marie = await with_lobby(bridge)
    ana, bob, eve = (guest(bridge, path, name) for name in ("Ana Silva", "Bob", "Eve"))
    await ana.knock(202)
    await told(bridge)
    ((card, said),) = cards(bridge)
    assert "1. Ana Silva (Port of Lyon) · guest · invited by @marie:home.example" in said["body"]
    assert (said["msgtype"], said["m.mentions"]) == ("m.notice", {"user_ids": [MARIE]})
    await bob.knock(202)
    await eve.knock(202)
    await told(bridge)
    _, (_, edit) = cards(bridge)  # one edit for two who came
    assert edit["m.relates_to"] == {"rel_type": "m.replace", "event_id": card}
    assert ("2. Bob" in edit["m.new_content"]["body"], edit["m.new_content"]["m.mentions"]) == (True, {})
    for sender in (PAVEL, f"@guest-x:{HOME}", JEAN):
        await hear(bridge, reaction(bridge, meeting, "✅", card, sender))
    assert len(await waiting(bridge, meeting, marie)) == 3  # members' signs say nothing
    await hear(bridge, reaction(bridge, meeting, "2️⃣", card))
    await hear(bridge, reaction(bridge, meeting, "🎉", card))
    assert (await bob.place())["state"] == "admitted"
    await guest(bridge, path, "Late").knock(202)
    await told(bridge)
    late = reaction(bridge, meeting, "👎", card)
    late["origin_server_ts"] -= 4000  # while the notice did not name them for long
    await hear(bridge, late)
    assert [one["display_name"] for one in await waiting(bridge, meeting, marie)] == ["Late"]
    assert (await ana.place())["state"] == (await eve.place())["state"] == "refused"
    await hear(bridge, reaction(bridge, meeting, "👍", card))
    assert await waiting(bridge, meeting, marie) == []
    await told(bridge)
    body = cards(bridge)[-1][1]["m.new_content"]["body"]
    assert body == "Nobody waits at the door.\n✅ Let in: Bob, Late\n❌ Refused: Ana Silva, Eve"
    await guest(bridge, path, "Next").knock(202)
    await told(bridge)
    assert "m.relates_to" not in cards(bridge)[-1][1]  # a new round rings again


async def test_a_notice_that_could_not_be_sent_is_sent_later_and_no_sign_elsewhere_counts(bridge):
    meeting, path, _ = await with_lobby(bridge)
    await guest(bridge, path).knock(202)
    bridge.homeserver.broken = lambda path: "/send/" in path
    with pytest.raises(Exception, match="homeserver"):
        await told(bridge)
    bridge.homeserver.broken = lambda _path: False
    assert await bot.do_next(bridge.services) is False
    await told(bridge)
    assert len(cards(bridge)) == 1
    await push(bridge, "elsewhere", reaction(bridge, meeting, "✅", "$another"))
    await drain(bridge)
    assert await bot.do_next(bridge.services) is False


async def test_hosts_keep_the_door_by_commands(bridge):
    meeting, path, marie = await with_lobby(bridge, "off")
    room = meeting["room_id"]
    assert await tell(bridge, "!meet lobby on", room=room) == (
        "✅",
        "In Team guests and partners wait until a host lets them in.",
    )
    assert "guests and partners" in (await tell(bridge, "!meet lobby", room=room))[1]
    assert (await tell(bridge, "!meet lobby perhaps", room=room))[0] == "❌"
    assert (await tell(bridge, "!meet waiting", room=room)) == ("✅", "Nobody waits at the door.")
    for name in ("Ana Silva", "Ana Lopes", "Bob"):
        await guest(bridge, path, name).knock(202)
    assert "3. Bob" in (await tell(bridge, "!meet waiting", room=room))[1]
    assert (await tell(bridge, "!meet admit ana", room=room))[0] == "❌"  # which?
    assert await tell(bridge, "!meet admit ana s", room=room) == ("✅", "✅ Let in: Ana Silva")
    assert await tell(bridge, "!meet refuse 2", room=room) == ("✅", "❌ Refused: Ana Lopes")
    bridge.homeserver.join(room, JEAN)
    assert (await tell(bridge, "!meet admit all", sender=JEAN, room=room))[0] == "❌"
    assert await tell(bridge, "!meet admit all", room=room) == ("✅", "✅ Let in: Bob")
    assert (await tell(bridge, "!meet admit 9", room=room))[0] == "❌"
    assert (signs(bridge), notices(bridge)[-1:]) == (["❌"], ["Nobody waits under this name any more."])
    assert await waiting(bridge, meeting, marie) == []


async def test_the_operator_chooses_what_new_meetings_have(bridge):
    marie = await bridge.staff("marie")
    async with bridge.public.post("/api/v1/meetings", json={"title": "A", "lobby": "everybody"}, headers=marie) as made:
        assert (await made.json())["lobby"] == "everybody"
    async with bridge.public.post("/api/v1/meetings", json={"title": "A", "lobby": "some"}, headers=marie) as made:
        assert made.status == 400
    settings = bridge.services.settings
    for policy in (LobbyPolicy.OFF, LobbyPolicy.OUTSIDERS):
        assert policy is not LobbyPolicy.OFF or settings.meetings.lobby is policy, "the default"
        chosen = settings.meetings.model_copy(update={"lobby": policy})
        object.__setattr__(bridge.services, "settings", settings.model_copy(update={"meetings": chosen}))
        async with bridge.public.post("/api/v1/meetings", json={"title": "A"}, headers=marie) as made:
            assert (await made.json())["lobby"] == policy.value
