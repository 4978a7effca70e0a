# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A partner's page knows how far they are, and nobody else learns it: across restarts, and not for ever."""

from __future__ import annotations

import pytest

from bridge.domain.names import RoomId, UserId
from bridge.store import calls
from bridge.store.calls import CallGrant
from bridge.web import partners
from bridge.web.limits import PARTNER_LOOKS

PAVEL = UserId("@pavel:partner.example")


@pytest.fixture
async def invited(bridge):
    """Return the room and the address that the page of an invited partner asks."""
    meeting = await bridge.meeting()
    invite = await bridge.invite(meeting)
    async with bridge.public.post(f"{invite['path']}/partner", json={"user_id": PAVEL}) as response:
        assert response.status == 200
        return RoomId(meeting["room_id"]), f"{invite['path']}/partner/{(await response.json())['ticket']}"


async def look(bridge, path):
    async with bridge.public.get(path) as response:
        return response.status, (await response.json()).get("progress")


@pytest.mark.parametrize(
    ("membership", "progress"),
    [("invite", "invited"), ("join", "joined"), ("leave", "declined"), ("ban", "barred")],
)
async def test_the_page_follows_the_membership(bridge, invited, membership, progress):
    room_id, path = invited
    bridge.homeserver.join(room_id, PAVEL, membership)
    assert await look(bridge, path) == (200, progress)


async def test_a_partner_in_the_room_is_in_the_call_once_the_authorisation_service_let_them_in(bridge, invited):
    room_id, path = invited
    bridge.homeserver.join(room_id, PAVEL)
    async with bridge.database.transaction() as tx:
        await calls.grant(tx, CallGrant("r", "i"), room_id=room_id, user_id=PAVEL, device_id="D")
    assert await look(bridge, path) == (200, "in_call")
    async with bridge.database.transaction() as tx:
        await calls.revoke(tx, PAVEL)
    assert await look(bridge, path) == (200, "joined")


async def test_a_page_that_waits_too_long_or_has_somebody_else_s_seal_learns_nothing(bridge, invited):
    _, path = invited
    forged = bridge.services.seal.close({"matrix": "a token of a session, sealed likewise"})
    for wrong in ("x", forged):
        assert (await look(bridge, f"{path.rpartition('/')[0]}/{wrong}"))[0] == 404
    bridge.clock.forward(seconds=partners.WAIT.total_seconds())
    assert (await look(bridge, path))[0] == 404


async def test_a_page_in_a_loop_is_told_to_wait(bridge, invited):
    _, path = invited
    for _ in range(PARTNER_LOOKS.burst):
        bridge.services.limits.count(PARTNER_LOOKS, "127.0.0.1")
    assert (await look(bridge, path))[0] == 429
