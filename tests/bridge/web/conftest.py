# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The bridge's two applications with a real PostgreSQL, a small homeserver and a small SFU.

The small homeserver plays the few answers that the bridge reads; tests/integration runs the same flows on Synapse.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from joserfc import jwt
from joserfc.jwk import OctKey
from livekit.protocol.models import ParticipantInfo, Room, TrackInfo, TrackSource
from livekit.protocol.room import (
    CreateRoomRequest,
    DeleteRoomRequest,
    ListParticipantsRequest,
    ListParticipantsResponse,
    ListRoomsResponse,
    MuteRoomTrackRequest,
    RoomParticipantIdentity,
    UpdateParticipantRequest,
)

from bridge.domain.names import UserId
from bridge.matrix.accounts import Accounts
from bridge.matrix.homeserver import Homeserver
from bridge.matrix.notices import Notices
from bridge.matrix.openid import OpenIdCheck
from bridge.matrix.rooms import Rooms
from bridge.matrix.talk import Talk
from bridge.netguard import Netguard, OwnServer
from bridge.settings import Settings
from bridge.store.database import Database
from bridge.web.app import build_internal, build_public
from bridge.web.caption_hub import CaptionHub
from bridge.web.context import Services
from bridge.web.limits import Limits
from bridge.web.nudge import Nudge
from bridge.web.presence import Presence
from bridge.web.sfu import Sfu
from tests.bridge.web.sign_ins import Staff, running_provider

HOME = "home.example"
SECRETS = {name: secrets.token_urlsafe(32) for name in ("as", "hs", "jwt", "sso", "sfu", "internal")}


class SmallHomeserver:
    """Accounts, rooms with memberships, OpenID tokens; `broken` makes every answer a 502."""

    def __init__(self) -> None:
        self._held: tuple[str, asyncio.Event, asyncio.Event] | None = None
        self.tokens: dict[str, str] = {}
        self.names: dict[str, str] = {}
        self.rooms: dict[str, dict[str, str]] = {}
        self.created: list[dict[str, Any]] = []
        self.levels: dict[str, dict[str, int]] = {}
        self.state: dict[tuple[str, str], dict[str, Any]] = {}
        self.forgotten: list[str] = []
        self.redacted: list[str] = []
        self.sent: dict[str, tuple[str, str, dict[str, Any]]] = {}
        """By transaction id, so that what is sent twice is there once: room, type, content."""
        self.encrypted: set[str] = set()
        self.consents: dict[str, dict[str, Any]] = {}
        self.reactions: list[dict[str, Any]] = []
        self.openid: dict[str, str] = {}
        self.openid_asked = 0
        self.deactivated: list[str] = []
        self.logged_out: list[str] = []
        self.guarded_prefix = "guest-"
        self.broken: Callable[[str], bool] = lambda _path: False
        self.app = web.Application(middlewares=[self._breakable])
        v3 = "/_matrix/client/v3"
        for method, path, handler in (
            ("POST", f"{v3}/register", self._register),
            ("POST", f"{v3}/login", self._login),
            ("POST", f"{v3}/logout", self._logout),
            ("POST", f"{v3}/logout/all", self._logout_all),
            ("PUT", f"{v3}/profile/{{user}}/displayname", self._name),
            ("GET", f"{v3}/profile/{{user}}/displayname", self._name_of),
            ("POST", f"{v3}/account/deactivate", self._deactivate),
            ("POST", f"{v3}/createRoom", self._create_room),
            ("POST", f"{v3}/rooms/{{room}}/{{verb:invite|kick|ban|unban}}", self._member),
            ("POST", f"{v3}/rooms/{{room}}/join", self._join),
            ("GET", f"{v3}/rooms/{{room}}/state/m.room.member/{{user}}", self._membership),
            ("GET", f"{v3}/rooms/{{room}}/state/m.room.power_levels", self._power_levels),
            ("GET", f"{v3}/rooms/{{room}}/state/m.room.server_acl", self._server_acl),
            ("PUT", f"{v3}/rooms/{{room}}/state/{{type}}", self._set_state),
            ("PUT", f"{v3}/rooms/{{room}}/state/{{type}}/", self._set_state),
            ("GET", f"{v3}/rooms/{{room}}/state/org.passerelle.captions.consent/{{user}}", self._consent),
            (
                "GET",
                "/_matrix/client/v1/rooms/{room}/relations/{event}/m.annotation/m.reaction",
                self._reactions,
            ),
            ("GET", f"{v3}/rooms/{{room}}/joined_members", self._joined_members),
            ("GET", f"{v3}/rooms/{{room}}/members", self._members),
            ("POST", f"{v3}/rooms/{{room}}/leave", self._leave),
            ("PUT", f"{v3}/rooms/{{room}}/redact/{{event}}/{{txn}}", self._redact),
            ("POST", f"{v3}/rooms/{{room}}/forget", self._forget),
            ("PUT", f"{v3}/rooms/{{room}}/send/{{type}}/{{txn}}", self._send),
            ("GET", f"{v3}/rooms/{{room}}/state/m.room.encryption", self._encryption),
            ("GET", "/_matrix/federation/v1/openid/userinfo", self._userinfo),
            ("GET", "/_synapse/client/passerelle/guests", self._guest_module),
        ):
            self.app.router.add_route(method, path, handler)

    @web.middleware
    async def _breakable(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        if self._held is not None and request.path.endswith(self._held[0]):
            _, asked, goes_on = self._held
            asked.set()
            await goes_on.wait()
        return self._error(502, "M_UNKNOWN") if self.broken(request.path) else await handler(request)

    @contextlib.asynccontextmanager
    async def holding(self, path: str) -> AsyncIterator[Callable[[], Awaitable[object]]]:
        """Answer what is asked at a path after the block alone; the block awaits that somebody has asked."""
        asked, goes_on = asyncio.Event(), asyncio.Event()
        self._held = (path, asked, goes_on)
        try:
            yield lambda: asyncio.wait_for(asked.wait(), 30)
        finally:
            self._held = None
            goes_on.set()

    def add_user(self, user_id: str) -> str:
        token = f"tok-{secrets.token_hex(4)}"
        self.tokens[token] = user_id
        return token

    def openid_token(self, user_id: str) -> str:
        token = secrets.token_hex(8)
        self.openid[token] = user_id
        return token

    def join(self, room: str, user_id: str, membership: str = "join") -> None:
        self.rooms.setdefault(room, {})[user_id] = membership

    def _who(self, request: web.Request) -> str | None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token == SECRETS["as"]:
            user = request.query.get("user_id", "")
            return user if user == f"@passerelle:{HOME}" or user in self.tokens.values() else None
        return self.tokens.get(token)

    @staticmethod
    def _error(status: int, errcode: str) -> web.Response:
        return web.json_response({"errcode": errcode, "error": "no"}, status=status)

    def _session(self, user_id: str, device_id: str = "DEV") -> web.Response:
        return web.json_response({"user_id": user_id, "device_id": device_id, "access_token": self.add_user(user_id)})

    async def _register(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert body["type"] == "m.login.application_service"
        assert request.headers["Authorization"] == f"Bearer {SECRETS['as']}"
        return self._session(f"@{body['username']}:{HOME}", body.get("device_id", "DEV"))

    async def _login(self, request: web.Request) -> web.Response:
        body = await request.json()
        claims = jwt.decode(body["token"], OctKey.import_key(SECRETS["jwt"]), algorithms=["HS256"]).claims
        jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": "passerelle"},
            aud={"essential": True, "value": HOME},
            exp={"essential": True},
        ).validate(claims)
        return self._session(f"@{claims['sub']}:{HOME}")

    async def _logout(self, request: web.Request) -> web.Response:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        if token not in self.tokens:
            return self._error(401, "M_UNKNOWN_TOKEN")
        self.logged_out.append(self.tokens.pop(token))
        return web.json_response({})

    async def _logout_all(self, request: web.Request) -> web.Response:
        user = self._who(request)
        self.tokens = {token: known for token, known in self.tokens.items() if known != user}
        return web.json_response({})

    async def _name(self, request: web.Request) -> web.Response:
        assert self._who(request) == unquote(request.match_info["user"])
        self.names[unquote(request.match_info["user"])] = (await request.json())["displayname"]
        return web.json_response({})

    async def _name_of(self, request: web.Request) -> web.Response:
        user = unquote(request.match_info["user"])
        return web.json_response({"displayname": self.names[user]} if user in self.names else {})

    async def _deactivate(self, request: web.Request) -> web.Response:
        user = self._who(request)
        if user is None:
            return self._error(403, "M_FORBIDDEN")
        self.deactivated.append(user)
        self.tokens = {token: known for token, known in self.tokens.items() if known != user}
        return web.json_response({"id_server_unbind_result": "success"})

    async def _create_room(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.created.append(body)
        room = "!" + secrets.token_urlsafe(32)
        self.levels[room] = dict(body["power_level_content_override"]["users"])
        self.rooms[room] = dict.fromkeys(body["invite"], "invite") | {f"@passerelle:{HOME}": "join"}
        return web.json_response({"room_id": room})

    async def _member(self, request: web.Request) -> web.Response:
        room, user = self.rooms[unquote(request.match_info["room"])], (await request.json())["user_id"]
        verb = request.match_info["verb"]
        refused = {"invite": {"join", "ban"}, "kick": {"leave", "ban"}, "ban": {"ban"}, "unban": {"join", "leave"}}
        if room.get(user, "leave") in refused[verb]:
            return self._error(403, "M_FORBIDDEN")
        room[user] = {"invite": "invite", "ban": "ban"}.get(verb, "leave")
        return web.json_response({})

    async def _join(self, request: web.Request) -> web.Response:
        room, user = self.rooms[unquote(request.match_info["room"])], self._who(request)
        if user is None or room.get(user) not in {"invite", "join"}:
            return self._error(403, "M_FORBIDDEN")
        room[user] = "join"
        return web.json_response({"room_id": request.match_info["room"]})

    async def _membership(self, request: web.Request) -> web.Response:
        room = self.rooms.get(unquote(request.match_info["room"]), {})
        user = unquote(request.match_info["user"])
        if user not in room:
            return self._error(404, "M_NOT_FOUND")
        name = {"displayname": self.names[user]} if user in self.names else {}
        return web.json_response({"membership": room[user]} | name)

    async def _power_levels(self, request: web.Request) -> web.Response:
        room = unquote(request.match_info["room"])
        content = self.state.get((room, "m.room.power_levels"), {})
        return web.json_response(content | {"users": self.levels.get(room, {})})

    async def _server_acl(self, request: web.Request) -> web.Response:
        content = self.state.get((unquote(request.match_info["room"]), "m.room.server_acl"))
        return self._error(404, "M_NOT_FOUND") if content is None else web.json_response(content)

    async def _set_state(self, request: web.Request) -> web.Response:
        room, content = unquote(request.match_info["room"]), await request.json()
        self.state[room, request.match_info["type"]] = content
        if request.match_info["type"] == "m.room.power_levels":
            self.levels[room] = content["users"]
        return web.json_response({"event_id": "$state"})

    async def _members(self, request: web.Request) -> web.Response:
        room = self.rooms[unquote(request.match_info["room"])]
        chunk = [{"state_key": user, "content": {"membership": room[user]}} for user in room if room[user] != "leave"]
        return web.json_response({"chunk": chunk})

    async def _send(self, request: web.Request) -> web.Response:
        room, kind = unquote(request.match_info["room"]), request.match_info["type"]
        if self.rooms.get(room, {}).get(self._who(request) or "") != "join":
            return self._error(403, "M_FORBIDDEN")
        self.sent.setdefault(request.match_info["txn"], (room, kind, await request.json()))
        return web.json_response({"event_id": f"$sent-{request.match_info['txn']}"})

    async def _redact(self, request: web.Request) -> web.Response:
        self.redacted.append(unquote(request.match_info["event"]))
        return web.json_response({"event_id": "$redaction"})

    async def _encryption(self, request: web.Request) -> web.Response:
        if unquote(request.match_info["room"]) not in self.encrypted:
            return self._error(404, "M_NOT_FOUND")
        return web.json_response({"algorithm": "m.megolm.v1.aes-sha2"})

    async def _leave(self, request: web.Request) -> web.Response:
        user = self._who(request)
        assert user is not None
        self.rooms[unquote(request.match_info["room"])][user] = "leave"
        return web.json_response({})

    async def _forget(self, request: web.Request) -> web.Response:
        self.forgotten.append(unquote(request.match_info["room"]))
        return web.json_response({})

    async def _consent(self, request: web.Request) -> web.Response:
        assert request.query["format"] == "event"
        event = self.consents.get(unquote(request.match_info["user"]))
        return self._error(404, "M_NOT_FOUND") if event is None else web.json_response(event)

    async def _reactions(self, request: web.Request) -> web.Response:
        """Two a page, whatever the limit."""
        begin = int(request.query.get("from", "0"))
        page = {"chunk": self.reactions[begin : begin + 2]}
        more = {"next_batch": str(begin + 2)} if len(self.reactions) > begin + 2 else {}
        return web.json_response(page | more)

    async def _joined_members(self, request: web.Request) -> web.Response:
        room = self.rooms[unquote(request.match_info["room"])]
        joined = {user: {"display_name": self.names.get(user)} for user in room if room[user] == "join"}
        return web.json_response({"joined": joined})

    async def _guest_module(self, request: web.Request) -> web.Response:
        del request
        return web.json_response({"version": 1, "guest_prefix": self.guarded_prefix, "bot": f"@passerelle:{HOME}"})

    async def _userinfo(self, request: web.Request) -> web.Response:
        self.openid_asked += 1
        user = self.openid.get(request.query["access_token"])
        return self._error(401, "M_UNKNOWN_TOKEN") if user is None else web.json_response({"sub": user})


class SmallSfu:
    """Remembers what it was asked; `broken` makes every answer a 500. `people` are in calls, with their tracks."""

    def __init__(self) -> None:
        self.created: list[CreateRoomRequest] = []
        self.removed: list[tuple[str, str]] = []
        self.muted: list[tuple[str, str]] = []
        self.allowed: dict[str, list[str]] = {}
        """What each identity may send, as it was told last."""
        self.told = 0
        self.people: dict[str, list[str]] = {}
        self.tests: dict[str, int] = {}
        """Room of a network test → when it was made, in Unix seconds."""
        self.tracks: dict[str, list[TrackInfo]] = {}
        self.broken = False
        self.made_at = 1
        self.app = web.Application()
        for name, handler in (
            ("CreateRoom", self._create),
            ("ListRooms", self._list_rooms),
            ("DeleteRoom", self._delete),
            ("ListParticipants", self._list),
            ("RemoveParticipant", self._remove),
            ("MutePublishedTrack", self._mute),
            ("UpdateParticipant", self._update),
        ):
            self.app.router.add_post(f"/twirp/livekit.RoomService/{name}", self._unless_broken(handler))

    def _unless_broken(self, handler: Callable[[bytes], web.Response]) -> Callable[..., Awaitable[web.Response]]:
        async def answer(request: web.Request) -> web.Response:
            body = await request.read()
            return web.json_response({"code": "internal", "msg": "no"}, status=500) if self.broken else handler(body)

        return answer

    @staticmethod
    def _not_found() -> web.Response:
        return web.json_response({"code": "not_found", "msg": "not there"}, status=404)

    def _create(self, body: bytes) -> web.Response:
        self.created.append(CreateRoomRequest.FromString(body))
        answer = Room(creation_time=self.made_at).SerializeToString()
        return web.Response(body=answer, content_type="application/protobuf")

    def _list(self, body: bytes) -> web.Response:
        room = ListParticipantsRequest.FromString(body).room
        if room not in self.people:
            return self._not_found()
        there = [ParticipantInfo(identity=name, tracks=self.tracks.get(name, [])) for name in self.people[room]]
        answer = ListParticipantsResponse(participants=there).SerializeToString()
        return web.Response(body=answer, content_type="application/protobuf")

    def _list_rooms(self, _body: bytes) -> web.Response:
        rooms = [Room(name=name, creation_time=made) for name, made in self.tests.items()] + [Room(name="a call")]
        answer = ListRoomsResponse(rooms=rooms).SerializeToString()
        return web.Response(body=answer, content_type="application/protobuf")

    def _delete(self, body: bytes) -> web.Response:
        del self.tests[DeleteRoomRequest.FromString(body).room]
        return web.Response(content_type="application/protobuf")

    def _remove(self, body: bytes) -> web.Response:
        who = RoomParticipantIdentity.FromString(body)
        self.removed.append((who.room, who.identity))
        return self._not_found()

    def _mute(self, body: bytes) -> web.Response:
        what = MuteRoomTrackRequest.FromString(body)
        assert what.muted
        self.muted.append((what.identity, what.track_sid))
        return web.Response(content_type="application/protobuf")

    def _update(self, body: bytes) -> web.Response:
        asked = UpdateParticipantRequest.FromString(body)
        may = asked.permission
        assert may.can_subscribe
        assert may.can_publish_data
        sources = [TrackSource.Name(source) for source in may.can_publish_sources] or ["ALL"]
        self.allowed[asked.identity] = sources if may.can_publish else []
        self.told += 1
        there = any(asked.identity in people for people in self.people.values())
        return web.Response(content_type="application/protobuf") if there else self._not_found()


@dataclass
class Clock:
    """A wall clock that tests move."""

    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **delta: float) -> None:
        self.now += timedelta(**delta)


@dataclass
class Bridge:
    """Everything that a test holds in its hands."""

    services: Services
    public: TestClient[web.Request, web.Application]
    internal: TestClient[web.Request, web.Application]
    homeserver: SmallHomeserver
    sfu: SmallSfu
    clock: Clock

    @property
    def database(self) -> Database:
        return self.services.database

    async def operator(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {SECRETS['internal']}"}
        async with self.internal.request(method, path, headers=headers, json=body or None) as response:
            assert response.status in {200, 201}, await response.text()
            answer: dict[str, Any] = await response.json()
            return answer

    async def meeting(self, title: str = "Team", organizer: str = f"@marie:{HOME}") -> dict[str, Any]:
        return await self.operator("POST", "/internal/v1/meetings", title=title, organizer=organizer)

    async def invite(self, meeting: dict[str, Any], uses: int = 1, ttl_s: int = 3600) -> dict[str, Any]:
        invite = await self.operator("POST", f"/internal/v1/meetings/{meeting['id']}/invites", uses=uses, ttl_s=ttl_s)
        return {**invite, "path": "/j/" + invite["url"].rpartition("/")[2]}

    async def staff(self, localpart: str) -> dict[str, str]:
        """Headers of a member of staff."""
        return {"Authorization": f"Bearer {await self.bearer(f'@{localpart}:{HOME}', 'staff')}"}

    async def guest(self, meeting: dict[str, Any], name: str = "Gina") -> tuple[str, dict[str, str]]:
        """The user id and headers of somebody who came by a link."""
        invite = await self.invite(meeting)
        async with self.public.post(invite["path"], json={"display_name": name}) as response:
            session = await response.json()
        return session["user"]["id"], {"Authorization": f"Bearer {session['token']}"}

    async def bearer(self, user_id: str, door: str, meeting_id: str | None = None) -> str:
        from bridge.store import sessions

        token = secrets.token_urlsafe(32)
        async with self.database.transaction() as tx:
            await sessions.create(
                tx,
                token,
                user_id=UserId(user_id),
                door=door,
                meeting_id=meeting_id,
                expires_at=self.clock.now + timedelta(hours=1),
            )
        return token


def settings_for(
    homeserver: str, sfu: str, oidc: str | None = None, *, mail: dict[str, Any] | None = None, **more_oidc: Any
) -> Settings:
    sections: dict[str, Any] = {
        "http": {"port": 0, "internal_port": 0, "public_url": "http://bridge.example"},
        "database": {"url": "postgresql://unused"},
        "homeserver": {
            "name": HOME,
            "client_url": homeserver,
            "federation_url": homeserver,
            "as_token": SECRETS["as"],
            "hs_token": SECRETS["hs"],
            "jwt_login_secret": SECRETS["jwt"],
            "sso_secret": SECRETS["sso"],
        },
        "sfu": {"public_url": "ws://sfu.example", "api_url": sfu, "api_key": "key", "api_secret": SECRETS["sfu"]},
        "captions": {"bot_user": f"@captions:{HOME}"},
        "internal": {"token": SECRETS["internal"]},
    }
    if mail is not None:
        sections["mail"] = mail
    if oidc is not None:
        sections["oidc"] = {"issuer": oidc, "client_id": "bridge", "client_secret": "client-secret"} | more_oidc
    return Settings.model_validate(sections)


BuildBridge = Callable[..., Awaitable[Bridge]]


@pytest.fixture
async def build_bridge(database: Database) -> AsyncIterator[BuildBridge]:
    closing: list[Callable[[], Awaitable[None]]] = []

    async def build(oidc: str | None, **more_oidc: Any) -> Bridge:
        homeserver, sfu, clock = SmallHomeserver(), SmallSfu(), Clock()
        servers = [TestServer(homeserver.app), TestServer(sfu.app)]
        for server in servers:
            await server.start_server()
            closing.append(server.close)
        urls = [str(server.make_url("")).rstrip("/") for server in servers]
        settings = settings_for(*urls, oidc, **more_oidc)
        http = aiohttp.ClientSession()
        closing.append(http.close)
        matrix = Homeserver(
            http, base_url=urls[0], as_token=SECRETS["as"], bot_user=UserId(settings.homeserver.bot_user)
        )
        rooms, sfu_client = Rooms(matrix), Sfu(http, settings.sfu)
        services = Services(
            settings=settings,
            database=database,
            http=http,
            rooms=rooms,
            notices=Notices(matrix),
            talk=Talk(matrix),
            accounts=Accounts(matrix, server_name=HOME, jwt_login_secret=SECRETS["jwt"], guest_prefix="guest-"),
            openid=OpenIdCheck(Netguard(own=OwnServer(HOME, urls[0])), own_name=HOME),
            sfu=sfu_client,
            presence=Presence(database, rooms, sfu_client),
            hub=CaptionHub(),
            limits=Limits(),
            sweep_now=Nudge(),
            work_now=Nudge(),
            bot_now=Nudge(),
            now=clock,
        )
        public = TestClient(TestServer(build_public(services)))
        internal = TestClient(TestServer(build_internal(services)))
        for client in (public, internal):
            await client.start_server()
            closing.append(client.close)
        return Bridge(services, public, internal, homeserver, sfu, clock)

    yield build
    for close in reversed(closing):
        await close()


@pytest.fixture
async def bridge(build_bridge: BuildBridge) -> Bridge:
    return await build_bridge(None)


@pytest.fixture
def fresh_limits() -> Callable[[Bridge], Bridge]:
    """The same bridge with every meter at zero."""
    return lambda bridge: replace(bridge, services=replace(bridge.services, limits=Limits()))


@pytest.fixture
async def issuer(free_port: Callable[[], int]) -> AsyncIterator[str]:
    """A provider with ProConnect's rules."""
    async with running_provider(free_port()) as url:
        yield url


@pytest.fixture
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


@pytest.fixture
def staff(bridge: Bridge, browser: aiohttp.ClientSession) -> Staff:
    return Staff(bridge, browser)
