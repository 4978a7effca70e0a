# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The meetings' bot on a real Synapse: asked in a direct chat, it makes a meeting whose link opens, and outlives us."""

import os
import re
import signal
import time
from urllib.parse import quote

import httpx2
import pytest

from bridge.domain.lobby_answers import SETTLES
from tests.integration.test_stack_homeservers import User, staff_login

pytestmark = pytest.mark.stack

V3 = "/_matrix/client/v3"


class Chat:
    """A direct chat of a member of staff with the bot."""

    def __init__(self, stack) -> None:
        home = stack.ready["homeservers"]["home"]
        self.bot = f"@passerelle:{home['name']}"
        self.marie = User(home["client_url"], staff_login(stack, "marie.curie"))
        made = {"preset": "trusted_private_chat", "is_direct": True, "invite": [self.bot]}
        self.room = self.marie.post(f"{V3}/createRoom", made)["room_id"]

    def events(self, room: str) -> list[dict]:
        return self.marie.get(f"{V3}/rooms/{quote(room)}/messages", dir="b", limit=50)["chunk"]

    def notices(self, room: str) -> list[str]:
        said = [event for event in self.events(room) if event["sender"] == self.bot]
        return [event["content"]["body"] for event in said if event["content"].get("msgtype") == "m.notice"]

    def signs(self, room: str) -> list[str]:
        reactions = [event for event in self.events(room) if event["type"] == "m.reaction"]
        return [event["content"]["m.relates_to"]["key"] for event in reactions if event["sender"] == self.bot]


def test_a_meeting_is_started_in_a_chat_and_the_bot_goes_on_when_the_bridge_was_killed(stack, wait_until):
    chat = Chat(stack)
    wait_until(lambda: chat.notices(chat.room), "the bot says hello", 60)
    chat.marie.say(chat.room, "!meet start Budget")
    wait_until(lambda: chat.signs(chat.room) == ["✅"] and len(chat.notices(chat.room)) == 2, "the bot answers", 60)
    (answer,) = (notice for notice in chat.notices(chat.room) if "/j/" in notice)
    (link,) = re.findall(r"http\S+/j/\S+", answer)
    guest = httpx2.post(link, json={"display_name": "Gina"}, timeout=60)
    assert guest.status_code == 200, guest.text
    meeting = guest.json()["meeting"]
    assert (meeting["title"], meeting["organizer"]) == ("Budget", chat.marie.id)

    bridge = stack.status()["bridge"]
    os.kill(bridge["pid"], signal.SIGKILL)
    chat.marie.say(meeting["room_id"], "!meet lock")
    wait_until(lambda: chat.signs(meeting["room_id"]) == ["✅"], "the bot obeys after the restart", 90)
    another = httpx2.post(link, json={"display_name": "Gino"}, timeout=60)
    assert another.json()["errcode"] == "PASSERELLE_MEETING_LOCKED"

    room = meeting["room_id"]
    chat.marie.say(room, "!meet unlock")
    chat.marie.say(room, "!meet lobby guests")
    wait_until(lambda: chat.signs(room).count("✅") == 3, "the meeting has a lobby", 60)
    knock = httpx2.post(link, json={"display_name": "Gino"}, timeout=60)
    assert (knock.status_code, knock.json()["place"]["state"]) == (202, "waiting")
    held = {"Cookie": knock.headers["Set-Cookie"].partition(";")[0]}
    wait_until(lambda: any("1. Gino" in said for said in chat.notices(room)), "the room is told", 60)
    (card,) = (event for event in chat.events(room) if "1. Gino" in event["content"].get("body", ""))
    time.sleep(SETTLES.total_seconds())  # a sign counts once the notice has stood for so long
    sign = {"rel_type": "m.annotation", "event_id": card["event_id"], "key": "👍"}
    chat.marie.put(f"{V3}/rooms/{quote(room)}/send/m.reaction/sign", {"m.relates_to": sign})
    wait_until(
        lambda: httpx2.get(f"{link}/place", headers=held).json()["place"]["state"] == "admitted", "a host's sign", 60
    )
    let_in = httpx2.post(link, json={"display_name": "Gino"}, headers=held, timeout=60)
    assert (let_in.status_code, let_in.json()["meeting"]["id"]) == (200, meeting["id"])
