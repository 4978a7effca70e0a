# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A partner of the second homeserver comes in by the link with a client of their own, and learns how far they are."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from nio import AsyncClient, InviteMemberEvent, JoinResponse, LoginResponse

pytestmark = [pytest.mark.stack, pytest.mark.timeout(180)]


@pytest.fixture
def link(stack) -> str:
    """Make a meeting, and a link to it."""
    internal = stack.ready["internal"]

    def operator(path: str, **body: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {internal['token']}"}
        answer = httpx2.post(f"{internal['url']}/internal/v1/{path}", json=body, headers=headers, timeout=60)
        assert answer.status_code == 201, answer.text
        return answer.json()

    meeting = operator("meetings", title="Over the border", organizer=stack.ready["staff"][0]["user_id"])
    return operator(f"meetings/{meeting['id']}/invites", uses=5, ttl_s=3600)["url"]


async def test_a_partner_accepts_the_invitation_in_nio_and_is_let_into_the_call(stack, link):
    account, server = stack.ready["partner_user"], stack.ready["homeservers"]["partner"]
    client = AsyncClient(server["client_url"], account["user_id"])
    async with httpx2.AsyncClient(timeout=60) as http:
        assert isinstance(await client.login(account["password"]), LoginResponse)
        await client.sync(full_state=True)
        entered = (await http.post(f"{link}/partner", json={"user_id": account["user_id"]})).json()
        room_id, ask = entered["room_id"], f"{link}/partner/{entered['ticket']}"
        assert (await http.get(ask)).json() == {"progress": "invited"}

        synced = await client.sync(timeout=30_000)
        invited = synced.rooms.invite[room_id].invite_state
        assert [e.sender for e in invited if isinstance(e, InviteMemberEvent) and e.state_key == client.user_id] == [
            f"@passerelle:{stack.ready['homeservers']['home']['name']}"
        ]
        assert isinstance(await client.join(room_id), JoinResponse)
        assert (await http.get(ask)).json() == {"progress": "joined"}

        openid = await client.get_openid_token(client.user_id)
        body = {
            "room": room_id,
            "device_id": client.device_id,
            "openid_token": {"access_token": openid.access_token, "matrix_server_name": openid.matrix_server_name},
        }
        let_in = await http.post(f"{stack.ready['url']}livekit/jwt/sfu/get", json=body)
        assert let_in.json()["url"].startswith("ws://"), let_in.text
        assert (await http.get(ask)).json() == {"progress": "in_call"}

        await client.room_leave(room_id)  # which has to come over the border, too
        async with asyncio.timeout(30):
            while (await http.get(ask)).json() != {"progress": "declined"}:  # noqa: ASYNC110  # what changes is elsewhere
                await asyncio.sleep(0.2)
    await client.logout()
    await client.close()


async def test_a_server_that_does_not_answer_is_named_as_the_reason(link):
    async with httpx2.AsyncClient(timeout=60) as http:
        answer = await http.post(f"{link}/partner", json={"user_id": "@pavel:localhost:9"})
    assert answer.status_code == 503
    assert "their homeserver" in answer.json()["error"]
