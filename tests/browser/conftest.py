# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Browsers for the tests of what people see, and a small bridge for those that need no stack.

`small_bridge` serves the real pages; behind them, under 200 lines of the API's and the homeserver's contract
(docs/ARCHITECTURE.md), whose state a test sets and reads.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import Browser, Playwright, async_playwright, expect

from bridge.domain.partners import links
from bridge.settings import Settings
from bridge.web.context import SERVICES, Services
from bridge.web.errors import errors
from bridge.web.pages import BUILT, PAGES, add_pages
from tests.browser.door_table import DoorTable
from tests.browser.small_access import SmallAccess
from tests.browser.small_archive import CORRECTED, SmallArchive
from tests.browser.small_hosting import SmallHosting
from tests.browser.small_lobby import SmallLobby
from tests.browser.small_passes import SmallPasses
from tests.browser.small_plans import SmallPlans

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
SCREENSHOTS = Path(__file__).parents[2] / "build" / "screenshots"

expect.set_options(timeout=20_000)  # on a machine that does other things, too

BrowserFactory = Callable[..., Awaitable[Browser]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run all on one event loop, so that a browser may be shared; skip with the reason what cannot run here."""
    reason = None
    if not Path(CHROMIUM).exists():
        reason = "needs Chromium (Debian: apt install chromium)"
    elif not (BUILT / "manifest.json").exists():
        reason = "the pages are not built: npm ci && npm run build, in bridge/web/vendor"
    for item in items:
        if Path(__file__).parent not in item.path.parents:
            continue
        if asyncio.iscoroutinefunction(getattr(item, "function", None)):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)
        if "playwright" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
            if reason:
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(playwright: Playwright, chromium_arguments: list[str]) -> AsyncIterator[Browser]:
    """One Chromium for all tests that need nothing special; each opens a context, that is a profile, of its own."""
    browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=chromium_arguments)
    yield browser
    await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def browsers(playwright: Playwright, chromium_arguments: list[str]) -> AsyncIterator[BrowserFactory]:
    """Start Chromium processes of one's own: fake cameras and microphones are chosen a process."""
    started: list[Browser] = []

    async def start(*, camera: Path | None = None, microphone: Path | None = None, asks: bool = False) -> Browser:
        arguments = [argument for argument in chromium_arguments if not (asks and "fake-ui" in argument)]
        if camera:
            arguments.append(f"--use-file-for-fake-video-capture={camera}")
        if microphone:
            arguments.append(f"--use-file-for-fake-audio-capture={microphone}")
        started.append(await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments))
        return started[-1]

    yield start
    for browser in started:
        await browser.close()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS


DOORS = pytest.StashKey[DoorTable]()


@pytest.fixture(scope="session")
def door_table(pytestconfig: pytest.Config) -> Iterator[DoorTable]:
    """What the doors cost and what axe found, written at the end of the run by whichever tests ran."""
    table = pytestconfig.stash[DOORS] = DoorTable()
    yield table
    table.write()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table of doors."""
    table = config.stash.get(DOORS, None)
    if table and table.visits:
        terminalreporter.section("what each door costs (seconds)")
        terminalreporter.write_line(str(table))


@dataclass
class SmallBridge:
    """What the pages talk to in tests that need no stack."""

    port: int = 0
    invite_errors: dict[str, tuple[int, str]] = field(default_factory=dict)
    """token → status and errcode of its POST"""
    guests: list[str] = field(default_factory=list)
    accounts: list[str] = field(default_factory=list)
    """Those that pages brought along."""
    seat: dict[str, str] | None = None
    """For whom pages start Element Call, by default for whoever comes in."""
    codes: list[str] = field(default_factory=list)
    """the addresses to which codes were sent"""
    invited: list[dict[str, Any]] = field(default_factory=list)
    partners: list[str] = field(default_factory=list)
    partner_progress: str = "invited"
    organizer_level: int = 50
    silent_code: str | None = None
    meetings: list[dict[str, Any]] = field(default_factory=list)
    sent: list[tuple[str, str, Any]] = field(default_factory=list)
    """(event type or action, state key, content) that pages sent to the homeserver"""
    requests: list[str] = field(default_factory=list)
    elsewhere: bool = True
    feeds: int = 0
    feed_allowed: bool = True
    refuses_corrections: tuple[int, str] | None = None
    """status and errcode"""
    syncs_without_room: int = 0
    said: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    state: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    archive: SmallArchive = field(default_factory=SmallArchive)
    passes: SmallPasses = field(default_factory=SmallPasses)
    access: SmallAccess = field(default_factory=SmallAccess)
    hosting: SmallHosting = field(init=False)
    lobby: SmallLobby = field(default_factory=SmallLobby)
    plans: SmallPlans = field(init=False)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _cut: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.hosting = SmallHosting(self.access.section)
        self.plans = SmallPlans(lambda: self.meetings)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def meeting(self, title: str = "Weekly with Lyon") -> dict[str, Any]:
        meeting = {"id": f"m{len(self.meetings) + 1}", "title": title, "room_id": "!room", "organizer": "@marie:here"}
        meeting |= {"state": "lobby", "agenda": "", "locked": False, "lobby": "off", "cancelled": False}
        meeting |= {"starts_at": None, "ends_at": None, "schedule": None}
        return meeting | {"url": f"{self.url}/m/{meeting['id']}"}

    def session(self, user_id: str, name: str, door: str, meeting: dict[str, Any] | None) -> dict[str, Any]:
        matrix = {
            "user_id": user_id,
            "device_id": "DEV",
            "access_token": "syt",
            "base_url": self.url,
            "server_name": "here",
        }
        user = {"id": user_id, "display_name": name, "door": door}
        return {"token": f"bearer-{door}", "user": user, "matrix": matrix, "meeting": meeting}

    def say(self, **segment: Any) -> None:
        """Publish a caption to every page."""
        filled = {
            "user_id": "@marie:here",
            "display_name": "Marie Curie",
            "lang": "fr",
            "final": True,
            "rev": 1,
            "start_ms": 0,
            "voice": "",
        }
        filled |= {"room_id": "!room", "call_id": "", "track_sid": "TR", "end_ms": 0, "stable_chars": 0} | segment
        self.said.append(("segment", filled))
        self._changed.set()

    def translate(self, segment_id: str, lang: str, text: str, rev: int = 1) -> None:
        """Publish what a caption says in another language."""
        content = {"segment_id": segment_id, "room_id": "!room", "lang": lang, "rev": rev, "text": text}
        self.said.append(("translation", content))
        self._changed.set()

    def cut_feeds(self) -> None:
        """Drop every caption stream, as a restarting server does."""
        self._cut.set()
        self._cut = asyncio.Event()

    def set_state(self, event_type: str, key: str, content: dict[str, Any], sender: str = "@marie:here") -> None:
        event = {"type": event_type, "state_key": key, "sender": sender, "content": content}
        self.state[event_type, key] = event | {"event_id": f"${len(self.sent)}{event_type}{key}", "origin_server_ts": 0}
        self._changed.set()

    def routes(self) -> list[web.RouteDef]:
        v3 = "/_matrix/client/v3"
        return [
            web.post("/auth/session", self._session),
            web.get("/auth/login", self._login),
            web.get("/auth/callback", self._problem),
            web.post("/auth/logout", self._logout),
            web.get("/auth/signed-out", self._signed_out),
            web.get("/api/v1/sessions", self._own_sessions),
            web.delete("/api/v1/sessions", self._end_others),
            web.delete("/api/v1/sessions/{id}", self._end_others),
            web.post("/j/{token}", self._guest),
            web.post("/j/{token}/seat", self._seat),
            web.post("/j/{token}/email", self._send_code),
            web.post("/j/{token}/staff", self._staff),
            web.post("/j/{token}/partner", self._partner),
            web.get("/j/{token}/partner/{ticket}", self._partner_progress),
            web.post("/j/{token}/network-test", self._network_test),
            web.get("/api/v1/meetings", self._list),
            web.post("/api/v1/meetings", self._create),
            web.post("/api/v1/meetings/{id}/cancel", self._cancel),
            web.get("/api/v1/meetings/{id}", self._meeting),
            web.post("/api/v1/meetings/{id}/invites", self._invite),
            web.delete("/api/v1/invites/{id}", self._done),
            web.get("/api/v1/meetings/{id}/captions", self._captions),
            web.patch("/api/v1/meetings/{id}/captions/{line}", self._correct),
            *self.archive.routes(),
            *self.passes.routes(),
            *self.access.routes(),
            *self.hosting.routes(),
            *self.lobby.routes(),
            *self.plans.routes(),
            web.get(f"{v3}/sync", self._sync),
            web.put(f"{v3}/rooms/{{room}}/state/{{type}}/{{key}}", self._put_state),
            web.put(f"{v3}/rooms/{{room}}/send/{{type}}/{{transaction}}", self._send),
            web.post(f"{v3}/rooms/{{room}}/{{action:invite|kick}}", self._membership),
        ]

    async def _session(self, request: web.Request) -> web.Response:
        code = (await request.json())["code"]
        if code == "spent":
            return web.json_response({"errcode": "PASSERELLE_CODE", "error": "Sign in again."}, status=400)
        return web.json_response(self.session("@marie:here", "Marie Curie", "staff", None))

    async def _login(self, request: web.Request) -> web.Response:
        """The provider in one step: it knows who this is, or asks nobody and says so (`silent_code` is None)."""
        code = self.silent_code if "silent" in request.query else "good"
        end = "sign-in=needed" if code is None else f"code={code}"
        self.requests.append(request.path_qs)
        return web.Response(status=302, headers={"Location": f"{request.query['next']}#{end}"})

    async def _problem(self, request: web.Request) -> web.Response:
        return request.app[PAGES].sign_in_problem(request, request.query["kind"], "/auth/login", "/m/m1", 503)

    async def _logout(self, _request: web.Request) -> web.Response:
        return web.json_response({"redirect": "/auth/signed-out"})

    async def _signed_out(self, _request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/#signed-out"})

    async def _own_sessions(self, _request: web.Request) -> web.Response:
        seen = {"created_at": "2026-01-01T08:00:00+00:00", "seen_at": "2026-01-01T09:00:00+00:00"}
        here = {"id": "1", "browser": "Chrome, Linux", "current": True} | seen
        others = [here | {"id": "2", "browser": "Firefox, macOS", "current": False}] if self.elsewhere else []
        return web.json_response({"sessions": [here, *others]})

    async def _end_others(self, _request: web.Request) -> web.Response:
        self.elsewhere = False
        return web.json_response({"ended": 1})

    async def _seat(self, request: web.Request) -> web.Response:
        here = {"user_id": "@guest-1:here", "device_id": "DEV", "base_url": self.url, "room_id": "!room"}
        return self._refusal(request) or web.json_response({"seat": self.seat or here})

    async def _guest(self, request: web.Request) -> web.Response:
        body = await request.json()
        name = body["display_name"]
        if refusal := self._refusal(request):
            return refusal
        if request.match_info["token"] == "mail":
            errcode = self.code_refusal(body.get("email"))
            if errcode is not None:
                return web.json_response({"errcode": errcode, "error": "The server's own sentence."}, status=403)
        self.guests.append(name)
        self.accounts.append(body.get("account", ""))
        return web.json_response(self.session("@guest-1:here", name, "guest", self.meetings[0]))

    def code_refusal(self, email: dict[str, str] | None) -> str | None:
        """A link that asks for a mail address: the code that was sent is 123456."""
        if email is None:
            return "PASSERELLE_EMAIL_NEEDED"
        return None if email == {"check": "check", "code": "123456"} else "PASSERELLE_CODE_WRONG"

    async def _send_code(self, request: web.Request) -> web.Response:
        self.codes.append((await request.json())["address"])
        return web.json_response({"check": "check", "expires_at": "2030-01-01T00:00:00Z"}, status=202)

    def _refusal(self, request: web.Request) -> web.Response | None:
        if request.match_info["token"] not in self.invite_errors:
            return None
        status, errcode = self.invite_errors[request.match_info["token"]]
        return web.json_response({"errcode": errcode, "error": "The server's own sentence."}, status=status)

    async def _staff(self, request: web.Request) -> web.Response:
        return self._refusal(request) or web.json_response(self.meetings[0])

    async def _partner(self, request: web.Request) -> web.Response:
        if refusal := self._refusal(request):
            return refusal
        self.partners.append((await request.json())["user_id"])
        known = {"room_id": "!room", "ticket": "t", "progress": self.partner_progress}
        return web.json_response(known | links("!room", "here:1"))

    async def _partner_progress(self, _request: web.Request) -> web.Response:
        return web.json_response({"progress": self.partner_progress})

    async def _network_test(self, _request: web.Request) -> web.Response:
        return web.json_response({"errcode": "M_LIMIT_EXCEEDED", "error": "Too many tests."}, status=429)

    async def _list(self, _request: web.Request) -> web.Response:
        return web.json_response({"meetings": self.meetings})

    async def _create(self, request: web.Request) -> web.Response:
        asked = await request.json()
        made = self.meeting(asked["title"]) | {"agenda": asked["agenda"]}
        if (schedule := asked["schedule"]) is not None:
            made |= {"state": "scheduled", "schedule": schedule | {"sequence": 0}}
            made |= {"starts_at": "2030-03-01T09:00:00Z", "ends_at": "2030-03-01T10:00:00Z"}
        self.meetings.append(made)
        return web.json_response(self.meetings[-1], status=201)

    async def _cancel(self, request: web.Request) -> web.Response:
        (found,) = [meeting for meeting in self.meetings if meeting["id"] == request.match_info["id"]]
        return web.json_response(found | {"state": "ended", "cancelled": True})

    async def _meeting(self, request: web.Request) -> web.Response:
        found = [meeting for meeting in self.meetings if meeting["id"] == request.match_info["id"]]
        if not found:
            return web.json_response({"errcode": "M_NOT_FOUND", "error": "No such meeting."}, status=404)
        return web.json_response(found[0])

    async def _invite(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.invited.append(body)
        url = f"{self.url}/j/fresh"
        return web.json_response({"id": "i1", "url": url, "uses": body["uses"], "expires_at": "2030-01-01T00:00:00Z"})

    async def _done(self, _request: web.Request) -> web.Response:
        return web.json_response({})

    async def _captions(self, request: web.Request) -> web.StreamResponse:
        if not self.feed_allowed or not request.headers["Authorization"].startswith("Bearer bearer-"):
            return web.json_response({"errcode": "M_FORBIDDEN", "error": "Not yours."}, status=403)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        done, cut, live = 0, self._cut, b"event: live\ndata:\n\n"
        while not cut.is_set():
            for name, content in self.said[done:]:
                await response.write(f"event: {name}\ndata: {json.dumps(content)}\n\n".encode())
            done = len(self.said)
            await response.write(live)
            self.feeds, live = self.feeds + bool(live), b""
            await self._wait(cut)
        return response

    async def _correct(self, request: web.Request) -> web.Response:
        said = [one for kind, one in self.said if kind == "segment" and one["id"] == request.match_info["line"]]
        if not said:
            return await self.archive.correct(request)
        if self.refuses_corrections:
            status, errcode = self.refuses_corrections
            return web.json_response({"errcode": errcode, "error": "The server's own sentence."}, status=status)
        newest = max(said, key=lambda one: one["rev"])
        corrected = newest | CORRECTED | {"text": (await request.json())["text"], "rev": newest["rev"] + 1}
        self.say(**corrected)
        return web.json_response(corrected)

    async def _wait(self, *events: asyncio.Event) -> None:
        self._changed.clear()
        waiting = [asyncio.ensure_future(event.wait()) for event in (self._changed, *events)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED, timeout=1)
        for task in waiting:
            task.cancel()

    async def _sync(self, request: web.Request) -> web.Response:
        if "since" in request.query:
            await self._wait()
        if self.syncs_without_room:
            self.syncs_without_room -= 1
            return web.json_response({"next_batch": "s0"})
        room = {"timeline": {"events": []}, "org.matrix.msc4222.state_after": {"events": list(self.state.values())}}
        return web.json_response({"next_batch": "s1", "rooms": {"join": {"!room": room}}})

    async def _put_state(self, request: web.Request) -> web.Response:
        event_type, key, content = request.match_info["type"], request.match_info["key"], await request.json()
        self.sent.append((event_type, key, content))
        self.set_state(event_type, key, content, sender=key)
        return web.json_response({"event_id": "$sent"})

    async def _send(self, request: web.Request) -> web.Response:
        self.sent.append((request.match_info["type"], "", await request.json()))
        return web.json_response({"event_id": "$sent"})

    async def _membership(self, request: web.Request) -> web.Response:
        action, user = request.match_info["action"], (await request.json())["user_id"]
        self.sent.append((action, user, None))
        self.set_state("m.room.member", user, {"membership": {"invite": "invite", "kick": "leave"}[action]})
        return web.json_response({})


@pytest_asyncio.fixture(loop_scope="session")
async def small_bridge() -> AsyncIterator[SmallBridge]:
    small = SmallBridge()

    @web.middleware
    async def note(request: web.Request, handler: Any) -> web.StreamResponse:
        small.requests.append(f"{request.method} {request.path}")
        return await handler(request)

    app = web.Application(middlewares=[errors, note])
    app.add_routes(small.routes())
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    server_socket = _free_socket()
    small.port = server_socket.getsockname()[1]
    serve_pages(app, settings_for(small.url))
    await runner.setup()
    await web.SockSite(runner, server_socket).start()
    small.meetings.append(small.meeting())
    small.set_state("m.room.create", "", {"room_version": "12"}, sender="@passerelle:here")
    small.set_state("m.room.power_levels", "", {"users": {"@marie:here": small.organizer_level}})
    yield small
    small.cut_feeds()
    await runner.cleanup()


def _free_socket() -> Any:
    import socket

    for port in range(26000, 27000):
        candidate = socket.socket()
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            candidate.close()
            continue
        return candidate
    raise RuntimeError("no free port between 26000 and 26999")


@pytest.fixture
def page_settings() -> Settings:
    return settings_for("https://matrix.example.org", sfu="wss://sfu.example.org")


def serve_pages(app: web.Application, settings: Settings, built: Path = BUILT) -> None:
    """Add our pages and all that they need of the bridge: its settings."""
    app[SERVICES] = cast("Services", SimpleNamespace(settings=settings))
    add_pages(app, settings, built=built)


def settings_for(url: str, sfu: str = "ws://localhost:1") -> Settings:
    secret = [secrets.token_urlsafe(32) for _ in range(5)]
    return Settings.model_validate(
        {
            "http": {"port": 0, "internal_port": 0, "public_url": url},
            "database": {"url": "postgresql://nowhere"},
            "homeserver": {
                "name": "here:1",
                "client_url": url,
                "federation_url": "https://here:1",
                "as_token": secret[0],
                "hs_token": secret[1],
                "jwt_login_secret": secret[2],
            },
            "sfu": {
                "public_url": sfu,
                "api_url": "http://localhost:1",
                "api_key": "k",
                "api_secret": secret[3],
            },
            "captions": {"bot_user": "@captions:here"},
            "internal": {"token": secret[4]},
            "mail": {"host": "localhost", "port": 1, "security": "none", "sender": "meet@here.example"},
        }
    )
