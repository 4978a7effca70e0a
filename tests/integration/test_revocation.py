# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Revoked on the real stack, in a running call: how many seconds until nothing of it is left, anywhere."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp
import httpx2
import pytest

from bridge.domain.revocation import WITHIN_S
from tests.conftest import PASSERELLE
from tests.integration.test_authorisation import V3, Doors, Person

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

BUSY = 2.0
"""Among the other tests, everything takes so much longer at most."""
AFTER_A_CRASH_S = 60.0


@dataclass
class InCall:
    """Somebody in a call with a page open, and what they hold."""

    who: Person
    room: str
    meeting: str
    jwt: str
    sfu: str
    page_token: str = ""
    ended: dict[str, float] = field(default_factory=dict)
    """Seconds after the revocation when each thing was seen to be over."""


class Stage:
    """A meeting in which people are seen to go."""

    def __init__(self, stack, http: aiohttp.ClientSession) -> None:
        self.stack, self.http, self.doors = stack, http, Doors(stack)
        session, self.host = self.doors.sign_in(0)
        self.host_headers = {"Authorization": f"Bearer {session['token']}"}
        made = self.doors.http.post(
            f"{self.doors.url}/api/v1/meetings", json={"title": "Revoked"}, headers=self.host_headers
        )
        assert made.status_code == 201, made.text
        self.meeting = made.json()
        self.room = self.meeting["room_id"]

    def invite(self) -> dict[str, Any]:
        return self.doors.invite(self.meeting)

    def guest(self, invite: dict[str, Any]) -> InCall:
        session, who = self.doors.guest(invite)
        return self._in_call(who, session["token"])

    def visitor(self) -> tuple[str, InCall]:
        """A contractor on a visit, and the id of the pass."""
        soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 20 * 86400))
        body = {"display_name": "Ada", "ends_at": soon, "meetings": [self.meeting["id"]]}
        made = self.doors.http.post(f"{self.doors.url}/api/v1/contractors", json=body, headers=self.host_headers).json()
        session = self.doors.http.post(f"{made['url']}/{self.meeting['id']}").json()
        matrix = session["matrix"]
        http = httpx2.Client(timeout=30, headers={"Authorization": f"Bearer {matrix['access_token']}"})
        home = self.doors.home
        who = Person(home["client_url"], home["name"], matrix["user_id"], matrix["device_id"], http)
        return made["id"], self._in_call(who, session["token"])

    def staff(self, who: int) -> tuple[InCall, str]:
        """A colleague, and the id of their sign-in."""
        session, person = self.doors.sign_in(who)
        headers = {"Authorization": f"Bearer {session['token']}"}
        entered = self.doors.http.post(self.invite()["url"] + "/staff", json={}, headers=headers)
        assert entered.status_code == 200, entered.text
        listed = self.doors.http.get(f"{self.doors.url}/api/v1/sessions", headers=headers).json()["sessions"]
        (session_id,) = (one["id"] for one in listed if one["current"])
        return self._in_call(person, session["token"]), session_id

    def partner(self, invite: dict[str, Any]) -> InCall:
        return self._in_call(self.doors.partner_comes_in(self.meeting, invite), "")

    def _in_call(self, who: Person, page_token: str) -> InCall:
        answer = self.doors.sfu_get(who, self.room)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        return InCall(who, self.room, self.meeting["id"], found["jwt"], found["url"], page_token)

    def revoke(self, kind: str, subject: str) -> dict[str, Any]:
        return self.doors.operator("revocations", kind=kind, subject=subject)

    def let_in_again(self, name: str) -> None:
        """By the command line, as an operator does."""
        config = self.stack.data / "config" / "bridge.toml"
        listed = self._cli("list", "--json", "--config", str(config))
        assert name in [one["name"] for one in json.loads(listed)]
        self._cli("undo", name, "--config", str(config))

    @staticmethod
    def _cli(*words: str) -> str:
        done = subprocess.run([PASSERELLE, "revoke", *words], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    async def seen_to_end(
        self,
        people: list[InCall],
        act: Callable[[], Awaitable[None]],
        within_s: float,
        but: frozenset[str] = frozenset(),
    ) -> None:
        """Let `act` happen while everything that people hold is watched; fails where some of it outlives `within_s`."""
        async with contextlib.AsyncExitStack() as stack:
            watching = [await watch for person in people for watch in self._watches(stack, person, but)]
            began = time.monotonic()
            await act()
            await asyncio.gather(*(self._over(began, within_s, *one) for one in watching))

    def _watches(self, stack: contextlib.AsyncExitStack, person: InCall, but: frozenset[str]):
        """What to watch, each once it is seen to live: a name, the person, and what waits for its end."""
        if "matrix" not in but:
            yield self._polled(person, "matrix token", self._token_lives)
        if "membership" not in but:
            yield self._polled(person, "membership", self._is_member)
        yield self._socket(stack, person)
        yield self._polled(person, "old SFU token", self._sfu_takes)
        if person.page_token:
            yield self._stream(stack, person)

    async def _polled(self, person: InCall, name: str, lives: Callable[[InCall], Awaitable[bool]]):
        assert await lives(person), f"{name} does not live"

        async def ends() -> None:
            while await lives(person):  # noqa: ASYNC110  # another process
                await asyncio.sleep(0.02)

        return person, name, ends

    async def _socket(self, stack: contextlib.AsyncExitStack, person: InCall):
        url = f"{person.sfu}/rtc?access_token={person.jwt}&auto_subscribe=1&protocol=15&sdk=js&version=2.0.0"
        socket = await stack.enter_async_context(self.http.ws_connect(url))
        assert (await socket.receive(timeout=10)).type is aiohttp.WSMsgType.BINARY, "a join response"

        async def ends() -> None:
            async for _ in socket:
                pass

        return person, "SFU connection", ends

    async def _stream(self, stack: contextlib.AsyncExitStack, person: InCall):
        url = f"{self.doors.url}/api/v1/meetings/{person.meeting}/captions"
        headers = {"Authorization": f"Bearer {person.page_token}"}
        stream = await stack.enter_async_context(
            self.http.get(url, headers=headers, timeout=aiohttp.ClientTimeout(total=None))
        )
        assert stream.status == 200
        await stream.content.readuntil(b"event: live\ndata:\n\n")

        async def ends() -> None:
            with contextlib.suppress(aiohttp.ClientError):  # a bridge that is killed ends it, too
                async for _ in stream.content:
                    pass

        return person, "page stream", ends

    async def _over(self, began: float, within_s: float, person: InCall, name: str, ends) -> None:
        try:
            async with asyncio.timeout(within_s):
                await ends()
        except TimeoutError:
            pytest.fail(f"{name} of {person.who.user_id} lives after {within_s:.0f} s")
        person.ended[name] = time.monotonic() - began

    async def _token_lives(self, person: InCall) -> bool:
        return await self._status(f"{person.who.base_url}{V3}/account/whoami", person.who.http.headers) == 200

    async def _is_member(self, person: InCall) -> bool:
        path = f"{V3}/rooms/{quote(self.room)}/state/m.room.member/{quote(person.who.user_id)}"
        async with self.http.get(self.host.base_url + path, headers=_bearer(self.host.http.headers)) as answer:
            return (await answer.json()).get("membership") not in {"leave", "ban"}

    async def _sfu_takes(self, person: InCall) -> bool:
        url = f"{person.sfu.replace('ws', 'http', 1)}/rtc/validate?access_token={person.jwt}"
        return await self._status(url, {}) == 200

    async def _status(self, url: str, headers: Any) -> int:
        async with self.http.get(url, headers=_bearer(headers)) as answer:
            return answer.status


def _bearer(headers: Any) -> dict[str, str]:
    return {"Authorization": headers["Authorization"]} if "Authorization" in headers else {}


@pytest.fixture
async def stage(stack):
    async with aiohttp.ClientSession() as http:
        opened = await asyncio.to_thread(Stage, stack, http)
        yield opened
        opened.doors.http.close()


@pytest.mark.parametrize(
    "kind", ["link", "guest", "contractor", "partners", "device", "everywhere", "person", "server"]
)
async def test_nothing_of_what_was_revoked_is_left_after_three_seconds(stage, kind: str):
    but: frozenset[str] = frozenset()
    invite = await asyncio.to_thread(stage.invite)
    if kind in {"link", "guest"}:
        person = await asyncio.to_thread(stage.guest, invite)
        subject = invite["id"] if kind == "link" else person.who.user_id
    elif kind == "contractor":
        subject, person = await asyncio.to_thread(stage.visitor)
    elif kind in {"partners", "server"}:
        person = await asyncio.to_thread(stage.partner, invite)
        server, but = stage.doors.partner_server["name"], frozenset(("matrix",))  # another's session is theirs
        subject = server if kind == "server" else f"{stage.meeting['id']}/{server}"
    else:
        person, session_id = await asyncio.to_thread(stage.staff, 1)
        subject = session_id if kind == "device" else person.who.user_id
        but = frozenset() if kind == "person" else frozenset(("membership",))  # they sign in again where they were

    async def act() -> None:
        await asyncio.to_thread(stage.revoke, kind, subject)

    try:
        await stage.seen_to_end([person], act, WITHIN_S * BUSY, but)
        print(f"{kind}: " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in sorted(person.ended.items())))
        if kind == "partners":
            await asyncio.to_thread(_refused_in_this_meeting_alone, stage, person)
        if kind == "server":
            await _refused_everywhere(stage, person, invite)
    finally:
        if kind in {"server", "person"}:
            await asyncio.to_thread(stage.let_in_again, subject)


def _refused_in_this_meeting_alone(stage: Stage, pavel: InCall) -> None:
    """The authorisation service refuses partners who were sent out; in another meeting they are welcome."""
    assert stage.doors.sfu_get(pavel.who, stage.room).status_code == 403
    elsewhere = stage.doors.meeting()
    again = stage.doors.partner_comes_in(elsewhere, stage.doors.invite(elsewhere))
    assert stage.doors.sfu_get(again, elsewhere["room_id"]).status_code == 200


async def _refused_everywhere(stage: Stage, pavel: InCall, invite: dict[str, Any]) -> None:
    """The room, the authorisation service and the link refuse a barred server; a host's invitation in Matrix, too."""
    acl = f"{V3}/rooms/{quote(stage.room)}/state/m.room.server_acl"
    name = stage.doors.partner_server["name"]
    async with asyncio.timeout(20):
        while name not in stage.host.http.get(stage.host.base_url + acl).json().get("deny", []):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert stage.doors.sfu_get(pavel.who, stage.room).status_code == 403
    again = stage.doors.http.post(f"{invite['url']}/partner", json={"user_id": pavel.who.user_id})
    assert again.json()["errcode"] == "PASSERELLE_PARTNER_BARRED"


async def test_a_bridge_that_is_killed_over_a_revocation_goes_on_with_it(stage):
    invite = await asyncio.to_thread(stage.invite)
    people = [await asyncio.to_thread(stage.guest, invite) for _ in range(3)]

    async def act() -> None:
        await asyncio.to_thread(stage.revoke, "link", invite["id"])
        os.kill(stage.stack.status()["bridge"]["pid"], signal.SIGKILL)

    await stage.seen_to_end(people, act, AFTER_A_CRASH_S)
    slowest = max(seconds for person in people for seconds in person.ended.values())
    print(f"link with {len(people)} guests, the bridge killed at once: all over after {slowest:.1f} s")
