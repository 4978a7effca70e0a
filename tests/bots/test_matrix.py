# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The bot's account: what it asks of a sync, and what it reads from the answer."""

from dataclasses import dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bots.matrix import Account, RoomNews, SessionEndedError

BOT = "@captions:hs"


def event(kind: str, *, key: str | None = None, number: int = 1, **content) -> dict:
    state = {} if key is None else {"state_key": key}
    return {
        "type": kind, "sender": "@a:hs", "event_id": f"${number}", "origin_server_ts": number, "content": content,
    } | state  # fmt: skip


@dataclass
class FakeHomeserver:
    """Gives the syncs it is told to, and remembers how it was asked."""

    syncs: list[tuple[int, dict]] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    logins: list[dict] = field(default_factory=list)
    refused_logins: int = 0

    async def login(self, request: web.Request) -> web.Response:
        self.logins.append(await request.json())
        if len(self.logins) <= self.refused_logins:
            return web.json_response({"errcode": "M_FORBIDDEN", "error": "not yet"}, status=403)
        return web.json_response({"user_id": BOT, "device_id": "CAPTIONS", "access_token": "t", "home_server": "hs"})

    async def sync(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        status, answer = self.syncs.pop(0)
        token = {"next_batch": f"s{len(self.asked)}"} if status == 200 else {}
        return web.json_response(token | answer, status=status)


@pytest.fixture
def homeserver() -> FakeHomeserver:
    return FakeHomeserver()


@pytest.fixture
async def account(homeserver):
    application = web.Application()
    application.router.add_post("/_matrix/client/{version}/login", homeserver.login)
    application.router.add_get("/_matrix/client/{version}/sync", homeserver.sync)
    async with TestServer(application) as server:
        account = Account(str(server.make_url("")).rstrip("/"), BOT, "CAPTIONS")
        await account.sign_in("pw")
        yield account
        await account.close()


def joined(**room) -> dict:
    return {"rooms": {"join": {"!r": room}}}


async def test_it_signs_in_with_its_fixed_device(account, homeserver):
    assert homeserver.logins[0]["device_id"] == "CAPTIONS"
    assert account.access_token == "t"


async def test_it_waits_for_a_homeserver_that_does_not_know_it_yet(account, homeserver, monkeypatch):
    monkeypatch.setattr("bots.matrix._RETRY_S", 0.01)
    homeserver.logins.clear()
    homeserver.refused_logins = 2
    await account.sign_in("pw")
    assert len(homeserver.logins) == 3


async def test_it_asks_for_the_state_after_the_timeline_and_goes_on_where_it_stopped(account, homeserver):
    homeserver.syncs = [(200, {}), (200, {})]
    await account.next_news()
    await account.next_news()
    first, second = homeserver.asked
    assert first["org.matrix.msc4222.use_state_after"] == second["org.matrix.msc4222.use_state_after"] == "true"
    assert (first.get("since"), second["since"]) == (None, "s1")
    assert (first.get("timeout", "0"), second["timeout"]) == ("0", "30000")


async def test_two_starts_ask_differently_so_that_no_cached_answer_comes(account, homeserver):
    homeserver.syncs = [(200, {}), (200, {})]
    await account.next_news()
    again = Account(account.homeserver, BOT, "CAPTIONS")
    again.restore_login(BOT, "CAPTIONS", "t")
    await again.next_news()
    await again.close()
    assert homeserver.asked[0]["filter"] != homeserver.asked[1]["filter"]


async def test_invitations_say_who_sent_them(account, homeserver):
    invite = event("m.room.member", key=BOT, membership="invite") | {"sender": "@chief:hs"}
    rooms = {
        "invite": {"!i": {"invite_state": {"events": [invite]}}, "!odd": {"invite_state": {"events": []}}},
        "leave": {"!l": {}},
    }
    homeserver.syncs = [(200, {"rooms": rooms})]
    news = await account.next_news()
    assert news.invited == {"!i": "@chief:hs", "!odd": ""}
    assert news.left == ["!l"]


async def test_the_resulting_state_counts_and_not_the_state_of_crossed_events(account, homeserver):
    """Two servers' events crossed: the timeline ends with an event whose own past still had the other member."""
    left = event("org.matrix.msc3401.call.member", key="_@a:hs_D_m.call", number=2)
    message = event("m.room.message", number=3, body="hello", msgtype="m.text")
    room = {"timeline": {"events": [left, message]}, "org.matrix.msc4222.state_after": {"events": [left]}}
    homeserver.syncs = [(200, joined(**room))]
    news = await account.next_news()
    assert news.rooms == {"!r": RoomNews(timeline=[left, message], state=[left], incomplete=False)}


@pytest.mark.parametrize(
    ("room", "incomplete"),
    [
        ({"timeline": {"events": [], "limited": True}, "org.matrix.msc4222.state_after": {}}, True),
        ({"timeline": {"events": [event("m.room.message")]}}, False),
        ({"timeline": {"events": [event("m.room.topic", key="")]}}, True),
        ({"state": {"events": [event("m.room.topic", key="")]}, "timeline": {"events": []}}, True),
    ],
)
async def test_where_something_may_be_missing_the_room_is_to_be_read_anew(account, homeserver, room, incomplete):
    homeserver.syncs = [(200, joined(**room))]
    news = await account.next_news()
    assert news.rooms["!r"].incomplete is incomplete
    assert news.rooms["!r"].state == []


async def test_a_session_that_ended_is_said(account, homeserver):
    homeserver.syncs = [(401, {"errcode": "M_UNKNOWN_TOKEN", "error": "gone"})]
    with pytest.raises(SessionEndedError):
        await account.next_news()


async def test_a_homeserver_that_stumbles_is_asked_again(account, homeserver, monkeypatch):
    monkeypatch.setattr("bots.matrix._RETRY_S", 0.01)
    homeserver.syncs = [(403, {"errcode": "M_FORBIDDEN"}), (200, joined(timeline={"events": []}))]
    news = await account.next_news()
    assert list(news.rooms) == ["!r"]
