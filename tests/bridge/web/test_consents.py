# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the final pass learns of those who withdraw when the call is over."""

from typing import Any
from urllib.parse import quote

import pytest

from bridge.matrix import rooms
from bridge.web.consents import MAX_PEOPLE
from tests.bridge.web.conftest import SECRETS

MARIE, PAVEL = "@marie:home.example", "@pavel:home.example"


def event(kind: str, sender: str, **content: Any) -> dict[str, Any]:
    about = {"type": kind, "sender": sender, "event_id": f"${sender}", "origin_server_ts": 7, "content": content}
    return about | ({} if kind == "m.reaction" else {"state_key": sender})


async def ask(bridge, room: str, *people: str, notice: str = "$notice") -> tuple[int, dict[str, Any]]:
    query = [("notice", notice), *(("user", name) for name in people)]
    headers = {"Authorization": f"Bearer {SECRETS['internal']}"}
    path = f"/internal/v1/rooms/{quote(room, safe='')}/consents"
    async with bridge.internal.get(path, params=query, headers=headers) as response:
        return response.status, await response.json()


async def test_what_named_people_say_now_is_answered_with_all_reactions_to_the_notice(bridge, monkeypatch):
    room = (await bridge.meeting())["room_id"]
    said = event("org.passerelle.captions.consent", MARIE, allow=False)
    bridge.homeserver.consents = {MARIE: said | {"unsigned": {"age": 5}}, "@other:home.example": said}
    bridge.homeserver.reactions = [event("m.reaction", f"@{number}:partner") for number in range(5)]
    assert await ask(bridge, room, MARIE, PAVEL, MARIE) == (
        200,
        {"events": [said, *bridge.homeserver.reactions]},
    )
    monkeypatch.setattr(rooms, "MAX_REACTION_PAGES", 2)
    assert len((await ask(bridge, room))[1]["events"]) == 4


async def test_a_room_that_is_no_meeting_is_not_found_and_too_many_people_are_refused(bridge):
    assert (await ask(bridge, "!none"))[0] == 404
    room = (await bridge.meeting())["room_id"]
    assert (await ask(bridge, room, *(f"@{number}:hs" for number in range(MAX_PEOPLE + 1))))[0] == 400
    assert (await ask(bridge, room, notice=""))[0] == 400


@pytest.mark.parametrize("part", ["/state/", "/relations/"])
async def test_a_homeserver_that_is_away_is_no_withdrawal(bridge, part: str):
    room = (await bridge.meeting())["room_id"]
    bridge.homeserver.broken = lambda path: part in path
    assert (await ask(bridge, room, MARIE))[0] >= 500
