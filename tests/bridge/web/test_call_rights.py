# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The media server hears at once what the room's power levels say, whoever wrote them."""

from typing import Any

import jwt
import pytest

from bridge.domain.errors import Unavailable
from bridge.domain.powers import Group, Source, with_audience, with_source
from bridge.domain.rtc_identity import livekit_room
from bridge.web import call_rights
from tests.bridge.web.test_rtc import SFU_GET, openid, post, sfu_get
from tests.bridge.web.test_transactions import drain, member, push

HOME = "home.example"
MARIE, JEAN, ADA = (f"@{name}:{HOME}" for name in ("marie", "jean", "ada"))


async def token(bridge, meeting: dict[str, Any], user: str) -> dict[str, Any]:
    """The claims with which somebody enters the call; from then on they are in it."""
    bridge.homeserver.join(meeting["room_id"], user)
    asked = sfu_get(bridge, meeting["room_id"], openid_token=openid(bridge, user))
    status, body = await post(bridge, SFU_GET, asked)
    assert status == 200, body
    claims: dict[str, Any] = jwt.decode(body["jwt"], options={"verify_signature": False})
    bridge.sfu.people.setdefault(claims["video"]["room"], []).append(claims["sub"])
    return claims["video"]


def levels_event(room: str, number: int = 1) -> dict[str, Any]:
    return {"type": "m.room.power_levels", "event_id": f"$l{number}", "room_id": room, "state_key": "", "content": {}}


async def write_levels(bridge, meeting: dict[str, Any], change, number: int = 1) -> None:
    """Somebody writes power levels by whatever client, and the homeserver tells us."""
    await bridge.services.rooms.change_powers(meeting["room_id"], change)
    await push(bridge, f"levels {number}", levels_event(meeting["room_id"], number))
    await drain(bridge)
    await call_rights.settle(bridge.services)


@pytest.fixture
async def meeting(bridge) -> dict[str, Any]:
    made: dict[str, Any] = await bridge.meeting()
    return made


def identity(user: str) -> str:
    return f"{user}:DEV"


async def test_a_token_lets_send_what_the_power_levels_do(bridge, meeting):
    guest, _ = await bridge.guest(meeting)
    for change in (
        lambda levels: with_source(levels, Source.CAMERA, Group.GUESTS),
        lambda levels: with_source(levels, Source.SCREEN, Group.MEMBERS),
    ):
        await bridge.services.rooms.change_powers(meeting["room_id"], change)
    assert "canPublishSources" not in await token(bridge, meeting, MARIE)
    assert (await token(bridge, meeting, JEAN))["canPublishSources"] == ["microphone", "camera"]
    assert (await token(bridge, meeting, guest))["canPublishSources"] == ["microphone"]
    await bridge.services.rooms.change_powers(meeting["room_id"], lambda levels: with_audience(levels, on=True))
    listener = await token(bridge, meeting, ADA)
    assert (listener["canPublish"], listener["canSubscribe"]) == (False, True)
    assert (await token(bridge, meeting, MARIE))["canPublish"]
    assert (await token(bridge, meeting, f"@captions:{HOME}"))["canPublish"], "captions are no person"


async def test_whatever_client_writes_power_levels_the_media_server_hears_of_it(bridge, meeting):
    guest, _ = await bridge.guest(meeting)
    for user in (MARIE, JEAN, guest):
        await token(bridge, meeting, user)
    await call_rights.settle(bridge.services)
    assert bridge.sfu.allowed == {key: ["ALL"] for key in map(identity, (MARIE, JEAN, guest))}
    await write_levels(bridge, meeting, lambda levels: with_source(levels, Source.MICROPHONE, Group.GUESTS))
    camera_and_screen = ["CAMERA", "SCREEN_SHARE", "SCREEN_SHARE_AUDIO"]
    assert bridge.sfu.allowed[identity(guest)] == camera_and_screen
    assert bridge.sfu.allowed[identity(JEAN)] == ["ALL"]
    await write_levels(bridge, meeting, lambda levels: with_audience(levels, on=True), 2)
    assert bridge.sfu.allowed == {identity(MARIE): ["ALL"], identity(JEAN): [], identity(guest): []}
    await write_levels(bridge, meeting, lambda levels: {**levels, "users": {**levels["users"], guest: 10}}, 3)
    assert bridge.sfu.allowed[identity(guest)] == ["ALL"]
    assert bridge.sfu.allowed[identity(JEAN)] == []


async def test_only_news_is_told(bridge, meeting):
    await token(bridge, meeting, JEAN)
    await call_rights.settle(bridge.services)
    told = bridge.sfu.told
    await write_levels(bridge, meeting, lambda levels: {**levels, "ban": 60})
    assert bridge.sfu.told == told
    await token(bridge, meeting, JEAN)  # a second token of the same device
    await call_rights.settle(bridge.services)
    assert bridge.sfu.told == told


async def test_what_a_media_server_that_was_away_missed_is_told_later_and_by_another_process(
    bridge, build_bridge, meeting
):
    await token(bridge, meeting, JEAN)
    bridge.sfu.broken = True
    with pytest.raises(Unavailable):
        await write_levels(bridge, meeting, lambda levels: with_audience(levels, on=True))
    assert bridge.sfu.allowed == {}
    bridge.sfu.broken = False
    again = await build_bridge(None)
    again.homeserver.state, again.homeserver.levels = bridge.homeserver.state, bridge.homeserver.levels
    await call_rights.settle(again.services)
    assert again.sfu.allowed == {identity(JEAN): []}


async def test_levels_of_a_room_that_is_no_meeting_are_nobodys_business(bridge, meeting):
    await token(bridge, meeting, JEAN)
    await call_rights.settle(bridge.services)
    told = bridge.sfu.told
    await push(bridge, "t1", levels_event("!other"), {"type": "m.room.power_levels", "room_id": 5, "state_key": ""})
    assert await drain(bridge) == 1
    await call_rights.settle(bridge.services)
    assert bridge.sfu.told == told


@pytest.mark.parametrize("membership", ["leave", "ban"])
async def test_whoever_is_taken_out_of_the_room_is_out_of_the_call_without_waiting_for_the_sweep(
    bridge, meeting, membership: str
):
    await token(bridge, meeting, JEAN)
    event = member(meeting["room_id"], JEAN, membership, sender="@somebody:partner.example")
    await push(bridge, "t1", event)
    await drain(bridge)
    await call_rights.settle(bridge.services)
    assert bridge.sfu.removed == [(livekit_room(meeting["room_id"]), identity(JEAN))]
