# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The Client-Server API as we speak it, and a call's membership over its life, against a homeserver of a few lines."""

import asyncio
from dataclasses import dataclass, field
from urllib.parse import unquote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bots import call
from bots.call import CallError, CallMember
from bots.matrix_rtc import MatrixError, MatrixSession
from bots.membership import CALL_MEMBER
from bots.roomthread import RoomThread

ROOM = "!room/with+signs:hs"
KEY = "_@me:hs:1_DEV_m.call"


@dataclass
class FakeHomeserver:
    """Records requests; ``answers`` holds (status, body) to give first for a path's end."""

    calls: list[tuple[str, str, dict]] = field(default_factory=list)
    answers: dict[str, list[tuple[int, dict]]] = field(default_factory=dict)
    transports: dict | None = None
    delays: int = 0

    async def handle(self, request: web.Request) -> web.Response:
        path = unquote(request.raw_path.partition("?")[0])
        body = await request.json() if request.can_read_body and "json" in request.content_type else {}
        self.calls.append((request.method, path, body))
        for ending, waiting in self.answers.items():
            if path.endswith(ending) and waiting:
                status, answer = waiting.pop(0)
                return web.json_response(answer, status=status)
        if "org.matrix.msc4140.delay" in request.query:
            self.delays += 1
            return web.json_response({"delay_id": f"syd_{self.delays}"})
        if path.endswith("/rtc/transports"):
            return web.json_response(self.transports or {})
        if path.endswith("/openid/request_token"):
            return web.json_response({"access_token": "openid", "matrix_server_name": "hs:1"})
        if path.endswith("/sfu/get"):
            return web.json_response({"errcode": "M_FORBIDDEN", "error": "not in this room"}, status=403)
        return web.json_response({"event_id": f"${len(self.calls)}"})

    def made(self, method: str, ending: str) -> list[dict]:
        return [body for verb, path, body in self.calls if verb == method and path.endswith(ending)]


@pytest.fixture
def homeserver() -> FakeHomeserver:
    return FakeHomeserver()


@pytest.fixture
async def session(homeserver):
    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", homeserver.handle)
    async with (
        TestServer(application) as server,
        MatrixSession("@me:hs:1", "DEV", "t0ken", str(server.make_url("/"))) as session,
    ):
        yield session


async def test_ids_are_quoted_in_addresses(session, homeserver):
    await session.send_state(ROOM, CALL_MEMBER, KEY, {"a": 1})
    assert homeserver.calls == [("PUT", f"/_matrix/client/v3/rooms/{ROOM}/state/{CALL_MEMBER}/{KEY}", {"a": 1})]


async def test_a_refusal_carries_the_homeservers_words(session, homeserver):
    homeserver.answers["/leave"] = [(403, {"errcode": "M_FORBIDDEN", "error": "no"})]
    with pytest.raises(MatrixError, match="403 M_FORBIDDEN: no") as refusal:
        await session.leave(ROOM)
    assert (refusal.value.status, refusal.value.errcode) == (403, "M_FORBIDDEN")


async def test_too_many_requests_are_waited_out(session, homeserver):
    busy = (429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 1})
    homeserver.answers["/leave"] = [busy, busy]
    await session.leave(ROOM)
    assert len(homeserver.calls) == 3


async def test_a_homeserver_that_is_always_busy_is_given_up(session, homeserver):
    homeserver.answers["/leave"] = [(429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 1})] * 50
    with pytest.raises(MatrixError, match="M_LIMIT_EXCEEDED"):
        await session.leave(ROOM)
    assert len(homeserver.calls) == 6


async def test_relations_are_read_page_by_page(session, homeserver):
    homeserver.answers["m.thread"] = [(200, {"chunk": [{"n": 1}], "next_batch": "x"}), (200, {"chunk": [{"n": 2}]})]
    assert await session.relations(ROOM, "$root", "m.thread") == [{"n": 1}, {"n": 2}]


async def test_a_thread_that_never_ends_is_not_read_for_ever(session, homeserver):
    homeserver.answers["m.thread"] = [(200, {"chunk": [{}], "next_batch": "x"})] * 200
    assert len(await session.relations(ROOM, "$root", "m.thread")) == 100


async def test_the_access_token_is_not_shown(session):
    assert "t0ken" not in repr(session)


async def test_an_unknown_note_is_empty(session, homeserver):
    homeserver.answers["/account_data/x"] = [(404, {"errcode": "M_NOT_FOUND"})]
    assert await session.room_note(ROOM, "x") == {}


# ------------------------------------------------------------------------------------------------------ the call


@pytest.fixture
def service_url(session) -> str:
    return session.base_url.rstrip("/") + "/livekit/jwt"


async def test_joining_schedules_the_leave_before_it_writes_the_membership(session, homeserver, service_url):
    homeserver.transports = {"rtc_transports": [{"type": "livekit", "livekit_service_url": service_url}]}
    with pytest.raises(CallError, match="403: not in this room"):
        await CallMember(session, ROOM).join()
    states = [body for _, path, body in homeserver.calls if path.endswith(KEY)]
    assert states[0] == {}, "the delayed leave"
    assert states[1]["foci_preferred"][0]["livekit_service_url"] == service_url
    request = homeserver.made("POST", "/sfu/get")[0]
    assert request == {
        "room": ROOM,
        "device_id": "DEV",
        "openid_token": {"access_token": "openid", "matrix_server_name": "hs:1"},
    }


async def test_a_join_that_fails_leaves_no_member_behind(session, homeserver, service_url):
    with pytest.raises(CallError):
        await CallMember(session, ROOM, service_url=service_url).join()
    assert homeserver.calls[-1][:2] == (
        "POST",
        "/_matrix/client/unstable/org.matrix.msc4140/delayed_events/syd_1/send",
    )


async def test_without_delayed_events_the_leave_is_written(session, homeserver, service_url):
    homeserver.answers[KEY] = [(403, {"errcode": "M_FORBIDDEN"})]
    with pytest.raises(CallError):
        await CallMember(session, ROOM, service_url=service_url).join()
    assert [bool(body) for body in homeserver.made("PUT", KEY)] == [False, True, False]


async def test_without_any_service_there_is_no_call(session):
    with pytest.raises(CallError, match="no call service"):
        await CallMember(session, ROOM).join()


async def test_the_first_livekit_service_the_homeserver_names_is_taken(session, homeserver, service_url):
    homeserver.transports = {
        "rtc_transports": [
            {"type": "other"},
            {"type": "livekit"},
            {"type": "livekit", "livekit_service_url": "http://127.0.0.1:1"},
        ]
    }
    with pytest.raises(CallError, match=r"http://127\.0\.0\.1:1 gave no token"):
        await CallMember(session, ROOM, service_url=service_url).join()


@pytest.fixture
async def member(session, homeserver, service_url, monkeypatch):
    """A member whose SFU connection is left out: what is tested here is what happens in the room."""
    monkeypatch.setattr(call, "RESTART_S", 0.02)

    async def connect(self):
        return None

    monkeypatch.setattr(CallMember, "connect", connect)
    member = CallMember(session, ROOM, service_url=service_url)
    await member.join()
    yield member
    await member.leave()


async def test_the_scheduled_leave_is_put_off_for_as_long_as_we_are_there(member, homeserver, until):
    await until(lambda: len(homeserver.made("POST", "/syd_1/restart")) >= 4)


async def test_a_leave_that_was_sent_after_all_is_answered_by_coming_back(member, homeserver, until):
    homeserver.answers["/syd_1/restart"] = [(404, {"errcode": "M_NOT_FOUND"})] * 10
    await until(lambda: len(homeserver.made("POST", "/syd_2/restart")) >= 2)
    assert len([body for body in homeserver.made("PUT", KEY) if body]) == 2


async def test_a_homeserver_that_is_away_for_a_while_changes_nothing(member, homeserver, until):
    homeserver.answers["/restart"] = [(502, {})] * 5
    before = len(homeserver.made("POST", "/syd_1/restart"))
    await until(lambda: len(homeserver.made("POST", "/syd_1/restart")) > before + 7)


async def test_a_blanked_membership_can_be_written_again(member, homeserver):
    await member.reassert()
    first, second = [body for body in homeserver.made("PUT", KEY) if body]
    assert "created_ts" in second
    assert second | {"created_ts": None} == first | {"created_ts": None}


async def test_leaving_sends_the_scheduled_leave_once(member, homeserver):
    await member.leave()
    await member.leave()
    assert len(homeserver.made("POST", "/syd_1/send")) == 1


# ---------------------------------------------------------------------------------------------------- the thread


async def test_captions_follow_one_another_in_the_thread(session, homeserver, segment, until):
    thread = RoomThread(session, ROOM, "$root", "$root")
    running = asyncio.create_task(thread.run())
    for number in range(3):
        thread.put(segment(number))
    await until(lambda: not thread.waiting)
    thread.put(segment(9))
    await until(lambda: not thread.waiting)
    running.cancel()
    await asyncio.wait([running])
    first, second = homeserver.calls
    assert first[1].endswith("/send/m.room.message/S0"), "the transaction id is the segment's"
    assert len(first[2]["org.passerelle.caption"]) == 3
    assert second[2]["m.relates_to"]["m.in_reply_to"]["event_id"] == "$1"
    assert second[2]["m.relates_to"]["event_id"] == "$root"


async def test_a_caption_the_room_refuses_does_not_stop_the_next(session, homeserver, segment, until):
    homeserver.answers["/S1"] = [(403, {"errcode": "M_FORBIDDEN"})]
    thread = RoomThread(session, ROOM, "$root", "$root")
    running = asyncio.create_task(thread.run())
    thread.put(segment(1))
    await until(lambda: not thread.waiting)
    thread.put(segment(2))
    await until(lambda: not thread.waiting)
    running.cancel()
    await asyncio.wait([running])
    assert thread.last == "$2"


async def test_a_homeserver_that_stumbles_gets_the_same_event_again(session, homeserver, segment, until, monkeypatch):
    monkeypatch.setattr("bots.roomthread._RETRY_S", 0.01)
    homeserver.answers["/S1"] = [(500, {}), (502, {})]
    thread = RoomThread(session, ROOM, "$root", "$root")
    running = asyncio.create_task(thread.run())
    thread.put(segment(1))
    await until(lambda: not thread.waiting)
    running.cancel()
    await asyncio.wait([running])
    assert [path.rpartition("/")[2] for _, path, _ in homeserver.calls] == ["S1"] * 3
