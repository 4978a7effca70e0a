# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Whoever holds a link may try their network on our media server: alone, for seconds, and not without end."""

from __future__ import annotations

import base64
import json

import pytest

from bridge.domain.network_test import MAX_ROOMS, ROOM_LIFETIME_S, ROOM_PREFIX, TOKEN_LIFETIME_S
from bridge.web import sweeper
from bridge.web.limits import NETWORK_TESTS


async def begin(bridge, invite):
    async with bridge.public.post(f"{invite['path']}/network-test") as response:
        return response.status, await response.json()


def now_s(bridge) -> int:
    return int(bridge.clock.now.timestamp())


async def test_a_test_is_a_room_for_one_camera_that_hears_nobody(bridge):
    status, answer = await begin(bridge, await bridge.invite(await bridge.meeting()))
    assert status == 200
    assert answer["url"] == "ws://sfu.example"
    made = bridge.sfu.created[-1]
    assert made.name.startswith(ROOM_PREFIX)
    assert (made.max_participants, made.empty_timeout) == (1, ROOM_LIFETIME_S)
    payload = answer["jwt"].split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["exp"] == now_s(bridge) + TOKEN_LIFETIME_S
    assert claims["video"] == {
        "roomJoin": True,
        "room": made.name,
        "canPublish": True,
        "canPublishSources": ["camera"],
        "canSubscribe": False,
        "canPublishData": False,
        "canUpdateOwnMetadata": False,
    }


@pytest.mark.parametrize(("path", "wanted"), [("/j/" + "x" * 43, 404), (None, 410)])
async def test_nobody_tests_without_a_link_that_opens(bridge, path, wanted):
    invite = await bridge.invite(await bridge.meeting())
    bridge.clock.forward(days=300)
    status, _ = await begin(bridge, invite if path is None else {"path": path})
    assert status == wanted
    assert bridge.sfu.created == []


async def test_one_address_tests_only_so_often(bridge):
    invite = await bridge.invite(await bridge.meeting())
    seen = [(await begin(bridge, invite))[0] for _ in range(NETWORK_TESTS.burst + 1)]
    assert seen == [200] * NETWORK_TESTS.burst + [429]


async def test_only_so_many_test_at_a_time_and_those_that_stay_are_ended(bridge):
    invite = await bridge.invite(await bridge.meeting())
    bridge.sfu.tests = {f"{ROOM_PREFIX}{number}": now_s(bridge) for number in range(MAX_ROOMS)}
    assert (await begin(bridge, invite))[0] == 429
    bridge.clock.forward(seconds=ROOM_LIFETIME_S)
    bridge.sfu.tests |= {f"{ROOM_PREFIX}new": now_s(bridge)}
    assert (await begin(bridge, invite))[0] == 200
    assert list(bridge.sfu.tests) == [f"{ROOM_PREFIX}new"]


async def test_the_sweeper_ends_tests_and_goes_on_without_the_media_server(bridge):
    bridge.sfu.tests = {f"{ROOM_PREFIX}old": now_s(bridge) - ROOM_LIFETIME_S}
    bridge.sfu.broken = True
    await sweeper.sweep(bridge.services)
    bridge.sfu.broken = False
    await sweeper.sweep(bridge.services)
    assert bridge.sfu.tests == {}


async def test_without_the_media_server_there_is_no_test(bridge):
    bridge.sfu.broken = True
    assert (await begin(bridge, await bridge.invite(await bridge.meeting())))[0] == 503
