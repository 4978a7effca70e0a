# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What Synapse lets a guest do: each act with a guest's real token, and beside it the same act by staff."""

import contextlib
import secrets
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import aiohttp
import httpx2
import pytest

from bridge.domain.errors import Unavailable
from bridge.domain.guests import guest_localpart
from bridge.domain.meetings import room_recipe
from bridge.domain.names import UserId
from bridge.matrix.accounts import Accounts
from bridge.matrix.homeserver import Homeserver
from bridge.matrix.notices import Notices
from tests.integration.test_stack_homeservers import User, staff_login

pytestmark = pytest.mark.stack

V3 = "/_matrix/client/v3"
NAME = "Gwenaëlle (Guest, ACME)"


class Bridge:
    """The application service, as far as it makes meetings and guests."""

    def __init__(self, running) -> None:
        homeserver = tomllib.loads((running.data / "config" / "bridge.toml").read_text())["homeserver"]
        self.url = homeserver["client_url"]
        self.server = homeserver["name"]
        self.prefix = homeserver["guest_prefix"]
        self.bot = f"@{homeserver['bot_localpart']}:{self.server}"
        self._http = httpx2.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {homeserver['as_token']}"}, timeout=30
        )
        self._register(homeserver["bot_localpart"])

    def ask(self, method: str, path: str, body: dict, user: str | None = None) -> httpx2.Response:
        return self._http.request(method, V3 + path, json=body, params={"user_id": user or self.bot})

    def do(self, method: str, path: str, body: dict, user: str | None = None) -> dict:
        return User._json(self.ask(method, path, body, user))

    def _register(self, localpart: str) -> dict:
        body = {"type": "m.login.application_service", "username": localpart}
        return self.ask("POST", "/register", body).json()

    def meeting(self, organizer: str) -> str:
        return self.do("POST", "/createRoom", room_recipe("Team", organizer))["room_id"]

    def guest(self, room: str, lifetime: timedelta = timedelta(hours=1)) -> "Guest":
        made = self._register(guest_localpart(self.prefix, datetime.now(UTC) + lifetime, secrets.token_hex(10)))
        guest = Guest(self.url, made["user_id"], made["access_token"])
        User._json(guest.ask("PUT", f"{V3}/profile/{guest.id}/displayname", displayname=NAME))
        self.do("POST", f"/rooms/{room}/invite", {"user_id": guest.id})
        self.do("POST", f"/rooms/{room}/join", {}, guest.id)
        return guest


class Guest:
    def __init__(self, url: str, user_id: str, token: str) -> None:
        self.id = user_id
        self.http = httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    def ask(self, method: str, path: str, **body) -> httpx2.Response:
        return self.http.request(method, path, json=body)


@dataclass
class Scene:
    """A meeting with a guest and staff in it, and a world around it."""

    bridge: Bridge
    marie: User
    jean: User
    pavel: User
    guest: Guest
    room: str
    public: str
    knockable: str
    asking: httpx2.Client | None = None

    def alias(self) -> str:
        return f"#x{secrets.token_hex(4)}:{self.bridge.server}"

    def reserved_upload(self) -> str:
        assert self.asking is not None
        made = self.asking.post("/_matrix/media/v1/create").json()
        return f"/_matrix/media/v3/upload/{made['content_uri'].removeprefix('mxc://')}?filename=x.txt"


@pytest.fixture(scope="module")
def scene(homeservers, wait_until):
    base_url = homeservers.ready["homeservers"]["home"]["client_url"]
    marie, jean = (User(base_url, staff_login(homeservers, name)) for name in ("marie.curie", "jean.moulin"))
    partner = homeservers.ready["partner_user"]
    login = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": partner["user_id"]},
        "password": partner["password"],
    }
    pavel = User(homeservers.ready["homeservers"]["partner"]["client_url"], login)
    bridge = Bridge(homeservers)
    room = bridge.meeting(marie.id)
    marie.post(f"{V3}/join/{quote(room)}", {})
    public = marie.post(f"{V3}/createRoom", {"preset": "public_chat", "visibility": "private", "name": "Canteen"})
    knock = {
        "preset": "private_chat",
        "initial_state": [{"type": "m.room.join_rules", "content": {"join_rule": "knock"}}],
    }
    knockable = marie.post(f"{V3}/createRoom", knock)
    jean.post(f"{V3}/join/{quote(public['room_id'])}", {})
    scene = Scene(bridge, marie, jean, pavel, bridge.guest(room), room, public["room_id"], knockable["room_id"])
    wait_until(lambda: found(jean.http, "Marie"), "Marie in the directory")
    return scene


def found(http: httpx2.Client, term: str) -> set[str]:
    answer = http.post(f"{V3}/user_directory/search", json={"search_term": term})
    return {person["user_id"] for person in answer.json()["results"]}


FORBIDDEN: dict[str, Callable[[Scene], tuple[str, str, dict]]] = {
    "make a room": lambda _: ("POST", f"{V3}/createRoom", {"name": "Mine"}),
    "join a public room": lambda s: ("POST", f"{V3}/join/{quote(s.public)}", {}),
    "knock": lambda s: ("POST", f"{V3}/knock/{quote(s.knockable)}", {"reason": "Let me in"}),
    "name a room": lambda s: ("PUT", f"{V3}/directory/room/{quote(s.alias())}", {"room_id": s.public}),
    "upload a file": lambda _: ("POST", "/_matrix/media/v3/upload?filename=x.txt", {"some": "content"}),
    "upload a file later": lambda s: ("PUT", s.reserved_upload(), {"some": "content"}),
}


@pytest.mark.parametrize("act", FORBIDDEN)
def test_staff_may_and_a_guest_may_not(scene, act):
    for http, allowed in ((scene.guest.http, False), (scene.jean.http, True)):
        scene.asking = http
        method, path, body = FORBIDDEN[act](scene)
        answer = http.request(method, path, json=body)
        assert answer.is_success is allowed, answer.text
        assert allowed or answer.status_code in {403, 413}, answer.text


def in_room(scene, kind: str, key: str = "") -> str:
    return f"{V3}/rooms/{quote(scene.room)}/state/{kind}/{quote(key)}"


def test_a_guest_brings_nobody_in_whatever_power_it_has(scene):
    room = scene.bridge.meeting(scene.marie.id)
    scene.marie.post(f"{V3}/join/{quote(room)}", {})
    guest = scene.bridge.guest(room)
    levels = scene.marie.get(f"{V3}/rooms/{quote(room)}/state/m.room.power_levels")
    levels["users"][guest.id] = 75
    scene.marie.put(f"{V3}/rooms/{quote(room)}/state/m.room.power_levels", levels)
    for method, path, body in (
        ("POST", f"{V3}/rooms/{quote(room)}/invite", {"user_id": scene.jean.id}),
        ("POST", f"{V3}/rooms/{quote(room)}/invite", {"user_id": scene.pavel.id}),
        ("POST", f"{V3}/rooms/{quote(room)}/kick", {"user_id": scene.marie.id}),
        ("PUT", f"{V3}/rooms/{quote(room)}/state/m.room.name/", {"name": "Mine"}),
        ("PUT", f"{V3}/rooms/{quote(room)}/state/m.room.join_rules/", {"join_rule": "public"}),
        ("PUT", f"{V3}/rooms/{quote(room)}/state/m.room.member/{quote(scene.jean.id)}", {"membership": "invite"}),
    ):
        answer = guest.http.request(method, path, json=body)
        assert answer.status_code == 403, f"{path}: {answer.text}"
    scene.marie.post(f"{V3}/rooms/{quote(room)}/invite", {"user_id": scene.jean.id})


def test_a_guest_may_what_a_meeting_needs(scene):
    guest, room = scene.guest, quote(scene.room)
    said = guest.ask("PUT", f"{V3}/rooms/{room}/send/m.room.message/{time.monotonic_ns()}", msgtype="m.text", body="hi")
    assert said.is_success, said.text
    key = f"_{guest.id}_D_m.call"
    in_call = guest.ask("PUT", in_room(scene, "org.matrix.msc3401.call.member", key), application="m.call")
    assert in_call.is_success, in_call.text
    late = {"org.matrix.msc4140.delay": "18000"}
    leave = guest.http.put(in_room(scene, "org.matrix.msc3401.call.member", key), params=late, json={})
    assert leave.json()["delay_id"]
    agreed = guest.ask("PUT", in_room(scene, "org.passerelle.captions.consent", guest.id), agreed=True)
    assert agreed.is_success, agreed.text
    assert guest.ask("POST", f"{V3}/user/{guest.id}/openid/request_token").is_success
    assert guest.http.get(f"{V3}/sync").is_success


def test_a_guest_keeps_the_name_that_the_bridge_gave(scene):
    guest = scene.guest
    guest.ask("PUT", f"{V3}/profile/{guest.id}/displayname", displayname="Marie Curie")
    assert guest.http.get(f"{V3}/profile/{guest.id}/displayname").json() == {"displayname": NAME}
    for answer in (
        guest.ask("PUT", in_room(scene, "m.room.member", guest.id), membership="join", displayname="Marie Curie"),
        guest.ask("POST", f"{V3}/rooms/{quote(scene.room)}/join", displayname="Marie Curie"),
    ):
        assert answer.status_code == 403, answer.text
    shown = scene.marie.get(in_room(scene, "m.room.member", guest.id))
    assert (shown["membership"], shown["displayname"]) == ("join", NAME)
    scene.jean.put(f"{V3}/profile/{scene.jean.id}/displayname", {"displayname": "Jean M."})
    assert scene.marie.get(f"{V3}/profile/{scene.marie.id}/displayname")["displayname"] == "Marie Curie"


def test_a_guest_is_in_no_directory_and_sees_none(scene):
    assert scene.marie.id in found(scene.jean.http, "Marie")
    assert found(scene.guest.http, "Marie") == set()
    assert found(scene.marie.http, "Gwenaëlle") == set(), "although they share a room"
    assert scene.guest.http.get(f"{V3}/profile/{scene.jean.id}").status_code == 403, "no room in common"
    assert scene.guest.http.get(f"{V3}/profile/{scene.marie.id}").is_success


def test_a_guest_reads_nothing_of_other_rooms(scene):
    for path in (f"/rooms/{quote(scene.public)}/messages?dir=b", f"/rooms/{quote(scene.public)}/state"):
        assert scene.guest.http.get(V3 + path).status_code == 403
        assert scene.marie.http.get(V3 + path).is_success
    assert scene.guest.http.get(f"{V3}/publicRooms").json()["chunk"] == []
    assert scene.guest.http.get(f"{V3}/joined_rooms").json()["joined_rooms"] == [scene.room]


def test_what_a_guest_keeps_in_its_account_is_emptied(scene):
    path = f"{V3}/user/{{}}/account_data/org.example.storage"
    scene.guest.ask("PUT", path.format(scene.guest.id), blob="x" * 1000)
    assert scene.guest.http.get(path.format(scene.guest.id)).json() == {}
    scene.marie.put(path.format(scene.marie.id), {"blob": "x"})
    assert scene.marie.get(path.format(scene.marie.id)) == {"blob": "x"}


def test_only_the_bridge_invites_guests(scene):
    guest = scene.guest.id
    for inviter in (scene.marie, scene.pavel):
        room = inviter.post(f"{V3}/createRoom", {"preset": "private_chat"})["room_id"]
        answer = inviter.http.post(f"{V3}/rooms/{quote(room)}/invite", json={"user_id": guest})
        assert answer.status_code == 403, answer.text
        someone = scene.jean.id
        inviter.post(f"{V3}/rooms/{quote(room)}/invite", {"user_id": someone})
    assert scene.guest.http.get(f"{V3}/sync").json().get("rooms", {}).get("invite", {}) == {}


def test_a_guest_does_not_enter_a_partners_public_room(scene):
    made = scene.pavel.post(f"{V3}/createRoom", {"preset": "public_chat", "room_alias_name": secrets.token_hex(6)})
    path = f"{V3}/join/{quote(made['room_id'])}?server_name={quote(scene.pavel.id.partition(':')[2])}"
    assert scene.guest.http.post(path, json={}).status_code == 403
    assert scene.jean.http.post(path, json={}).is_success


def test_a_guest_ends_at_its_time_without_the_bridge(scene, wait_until):
    brief = scene.bridge.guest(scene.room, timedelta(seconds=6))
    assert brief.http.get(f"{V3}/account/whoami").is_success
    wait_until(lambda: not brief.http.get(f"{V3}/account/whoami").is_success, "the end")
    answer = brief.http.get(f"{V3}/sync")
    assert (answer.status_code, answer.json()["errcode"]) == (403, "ORG_MATRIX_EXPIRED_ACCOUNT")
    assert brief.ask("POST", f"{V3}/user/{brief.id}/openid/request_token").status_code == 403
    scene.bridge.do("POST", "/account/deactivate", {"erase": False}, brief.id)


async def test_the_bridge_sees_the_module_and_tells_a_sponsor_once(scene, homeservers):
    settings = tomllib.loads((homeservers.data / "config" / "bridge.toml").read_text())["homeserver"]
    async with aiohttp.ClientSession() as http:
        synapse = Homeserver(
            http, base_url=scene.bridge.url, as_token=settings["as_token"], bot_user=UserId(scene.bridge.bot)
        )
        for prefix, guarded in ((scene.bridge.prefix, True), ("visitor-", False)):
            accounts = Accounts(
                synapse,
                server_name=scene.bridge.server,
                jwt_login_secret=settings["jwt_login_secret"],
                guest_prefix=prefix,
            )
            with contextlib.nullcontext() if guarded else pytest.raises(Unavailable):
                await accounts.require_guarded()
        notices = Notices(synapse)
        room = await notices.make_room(UserId(scene.marie.id), "For you to decide")
        for _ in range(2):
            await notices.tell(room, UserId(scene.marie.id), "The access of Ada ends.", key="ada 2027-03-31")
    scene.marie.post(f"{V3}/join/{quote(room)}", {})
    told = scene.marie.get(f"{V3}/rooms/{quote(room)}/messages", dir="b", limit=50)["chunk"]
    assert [e["content"]["body"] for e in told if e["type"] == "m.room.message"] == ["The access of Ada ends."]


def test_synapse_says_whom_the_module_guards(scene):
    status = httpx2.get(scene.bridge.url + "/_synapse/client/passerelle/guests").json()
    assert status == {"version": 1, "guest_prefix": scene.bridge.prefix, "bot": scene.bridge.bot}
