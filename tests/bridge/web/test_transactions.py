# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import json
from typing import Any

import pytest

from bridge.domain.rtc_identity import livekit_room
from bridge.store import audit, transactions
from bridge.web import sweeper
from bridge.web.transactions import handle_next

HOME = "home.example"
PATH = "/_matrix/app/v1/transactions/"


def member(room: str, user: str, membership: str, sender: str | None = None, number: int = 1) -> dict[str, Any]:
    return {
        "type": "m.room.member",
        "event_id": f"${number}",
        "room_id": room,
        "sender": sender or user,
        "state_key": user,
        "content": {"membership": membership},
    }


async def push(bridge, txn: str, *events: dict[str, Any], token: str | None = None, raw: bytes | None = None) -> int:
    token = bridge.services.settings.homeserver.hs_token.get_secret_value() if token is None else token
    data = json.dumps({"events": events}).encode() if raw is None else raw
    async with bridge.internal.put(PATH + txn, data=data, headers={"Authorization": f"Bearer {token}"}) as response:
        return int(response.status)


async def drain(bridge) -> int:
    count = 0
    while await handle_next(bridge.services):
        count += 1
    return count


async def actions(bridge, subject: str) -> list[str]:
    async with bridge.database.transaction() as tx:
        return [row["action"] for row in await audit.about(tx, subject)]


async def test_a_transaction_is_stored_before_it_is_acknowledged(bridge):
    meeting = await bridge.meeting()
    assert await push(bridge, "t1", member(meeting["room_id"], f"@jean:{HOME}", "join")) == 200
    async with bridge.database.transaction() as tx:
        waiting = await transactions.next_waiting(tx)
    assert waiting is not None
    assert waiting.txn_id == "t1"
    assert await drain(bridge) == 1
    assert (await actions(bridge, meeting["id"]))[-1] == "member_changed"


async def test_a_replay_does_nothing(bridge):
    meeting = await bridge.meeting()
    event = member(meeting["room_id"], f"@jean:{HOME}", "join")
    for _ in range(2):
        assert await push(bridge, "t1", event) == 200
    assert await drain(bridge) == 1
    assert await push(bridge, "t1", event) == 200
    assert await drain(bridge) == 0
    assert (await actions(bridge, meeting["id"])).count("member_changed") == 1


async def test_what_was_stored_before_a_restart_is_handled_after_it(bridge, build_bridge):
    meeting = await bridge.meeting()
    await push(bridge, "t1", member(meeting["room_id"], f"@jean:{HOME}", "join"))
    again = await build_bridge(None)  # another process on the same database
    assert await drain(again) == 1
    assert await drain(bridge) == 0


async def test_an_effect_that_fails_is_not_marked_as_done(bridge, monkeypatch: pytest.MonkeyPatch):
    meeting = await bridge.meeting()
    await push(bridge, "t1", member(meeting["room_id"], f"@jean:{HOME}", "join"))

    async def die(*_args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(transactions, "done", die)
    with pytest.raises(KeyboardInterrupt):
        await handle_next(bridge.services)
    monkeypatch.undo()
    assert "member_changed" not in await actions(bridge, meeting["id"])
    assert await drain(bridge) == 1
    assert (await actions(bridge, meeting["id"])).count("member_changed") == 1


@pytest.mark.parametrize("token", ["", "wrong", "x" * 43])
async def test_nobody_but_the_homeserver_pushes(bridge, token: str):
    assert await push(bridge, "t1", token=token) == 403
    hs_token = bridge.services.settings.homeserver.hs_token.get_secret_value()
    async with bridge.internal.put(PATH + "t1", params={"access_token": hs_token}, json={}) as response:
        assert response.status == 403
    async with bridge.public.put(PATH + "t1", headers={"Authorization": f"Bearer {hs_token}"}, json={}) as response:
        assert response.status == 404
    assert await drain(bridge) == 0


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"events": 5}',
        b'{"events": [5, null, {}, {"type": "m.room.member"}]}',
        b'{"events": [{"type": "m.room.member", "content": []}]}',
        b"[" * 50_000,
        json.dumps({"events": [member("!r\u0000", "@u\ud800:s", "join")]}).encode(),
        json.dumps({"events": [member("!r", "no user", "join")]}).encode(),
    ],
)
async def test_a_push_of_nonsense_is_taken_and_does_not_block_the_next(bridge, raw: bytes):
    meeting = await bridge.meeting()
    assert await push(bridge, "bad", raw=raw) == 200
    assert await push(bridge, "good", member(meeting["room_id"], f"@jean:{HOME}", "join")) == 200
    assert await drain(bridge) == 2
    assert (await actions(bridge, meeting["id"]))[-1] == "member_changed"


@pytest.mark.parametrize("txn", ["x" * 256, "a%00b", "a%0Ab"])
async def test_a_transaction_id_that_is_none_is_refused(bridge, txn: str):
    assert await push(bridge, txn) == 400


async def test_whoever_leaves_the_room_is_removed_from_the_call(bridge):
    room, user = (await bridge.meeting())["room_id"], f"@marie:{HOME}"
    token = bridge.homeserver.openid_token(user)
    body = {"room": room, "device_id": "DEV", "openid_token": {"access_token": token, "matrix_server_name": HOME}}
    async with bridge.public.post("/livekit/jwt/sfu/get", json=body) as response:
        assert response.status == 200
    bridge.homeserver.join(room, user, "leave")
    await push(bridge, "t1", member(room, user, "leave", sender="@mod:home.example"))
    await drain(bridge)
    await sweeper.sweep(bridge.services)
    assert bridge.sfu.removed == [(livekit_room(room), f"{user}:DEV")]
    async with bridge.public.post("/livekit/jwt/sfu/get", json=body) as response:
        assert response.status == 403  # the event emptied the cache, too
    await sweeper.sweep(bridge.services)
    assert len(bridge.sfu.removed) == 1


async def test_a_removal_waits_for_an_sfu_that_is_away(bridge):
    room, user = (await bridge.meeting())["room_id"], f"@marie:{HOME}"
    token = bridge.homeserver.openid_token(user)
    body = {"room": room, "device_id": "DEV", "openid_token": {"access_token": token, "matrix_server_name": HOME}}
    async with bridge.public.post("/livekit/jwt/sfu/get", json=body):
        pass
    await push(bridge, "t1", member(room, user, "ban", sender="@mod:home.example"))
    await drain(bridge)
    bridge.sfu.broken = True
    await sweeper.sweep(bridge.services)
    assert bridge.sfu.removed == []
    bridge.sfu.broken = False
    await sweeper.sweep(bridge.services)
    assert len(bridge.sfu.removed) == 1


async def test_staff_whom_somebody_removed_need_a_link_again(bridge):
    meeting, headers = await bridge.meeting(), await bridge.staff("jean")
    token = (await bridge.invite(meeting))["path"].removeprefix("/j/")
    path, user = f"/api/v1/meetings/{meeting['id']}", f"@jean:{HOME}"
    async with bridge.public.post(f"/j/{token}/staff", json={}, headers=headers) as response:
        assert response.status == 200
    bridge.homeserver.join(meeting["room_id"], user, "leave")
    await push(bridge, "t1", member(meeting["room_id"], user, "leave", sender=f"@marie:{HOME}"))
    await drain(bridge)
    async with bridge.public.get(path, headers=headers) as response:
        assert response.status == 404


async def test_a_guest_who_is_removed_from_the_room_is_out_everywhere(bridge):
    meeting = await bridge.meeting()
    invite = await bridge.invite(meeting)
    async with bridge.public.post(invite["path"], json={"display_name": "Gina"}) as response:
        session = await response.json()
    user = session["user"]["id"]
    bridge.homeserver.join(meeting["room_id"], user, "leave")
    await push(bridge, "t1", member(meeting["room_id"], user, "leave", sender=f"@marie:{HOME}"))
    await drain(bridge)
    await sweeper.sweep(bridge.services)
    assert bridge.homeserver.deactivated == [user]
    headers = {"Authorization": f"Bearer {session['token']}"}
    async with bridge.public.get(f"/api/v1/meetings/{meeting['id']}", headers=headers) as response:
        assert response.status == 401


async def test_events_of_other_rooms_are_passed_over(bridge):
    await push(bridge, "t1", member("!foreign", f"@jean:{HOME}", "leave"))
    assert await drain(bridge) == 1


async def test_the_homeserver_hears_that_we_live_and_know_no_more_users(bridge):
    headers = {"Authorization": f"Bearer {bridge.services.settings.homeserver.hs_token.get_secret_value()}"}
    async with bridge.internal.post("/_matrix/app/v1/ping", json={}, headers=headers) as response:
        assert response.status == 200
    async with bridge.internal.get(f"/_matrix/app/v1/users/@guest-x:{HOME}", headers=headers) as response:
        assert response.status == 404
