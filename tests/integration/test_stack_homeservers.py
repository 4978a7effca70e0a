# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Two homeservers that federate over loopback, as the stack sets them up."""

import ssl
import time
import tomllib
from urllib.parse import quote

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

pytestmark = pytest.mark.stack


class User:
    """One Matrix session over plain HTTP."""

    def __init__(self, base_url: str, login: dict) -> None:
        self.http = httpx2.Client(base_url=base_url, timeout=30)
        answer = self.post("/_matrix/client/v3/login", login)
        self.id = answer["user_id"]
        self.http.headers["Authorization"] = f"Bearer {answer['access_token']}"

    def get(self, path: str, **params) -> dict:
        return self._json(self.http.get(path, params=params))

    def post(self, path: str, body: dict) -> dict:
        return self._json(self.http.post(path, json=body))

    def put(self, path: str, body: dict, **params) -> dict:
        return self._json(self.http.put(path, json=body, params=params))

    def say(self, room_id: str, text: str) -> None:
        path = f"/_matrix/client/v3/rooms/{quote(room_id)}/send/m.room.message/{time.monotonic_ns()}"
        self.put(path, {"msgtype": "m.text", "body": text})

    def heard(self, room_id: str) -> set[tuple[str, str]]:
        path = f"/_matrix/client/v3/rooms/{quote(room_id)}/messages"
        chunk = self.get(path, dir="b", limit=50)["chunk"]
        return {(e["sender"], e["content"]["body"]) for e in chunk if e["type"] == "m.room.message"}

    @staticmethod
    def _json(answer: httpx2.Response) -> dict:
        assert answer.is_success, f"{answer.request.method} {answer.request.url.path}: {answer.text}"
        return answer.json()


def staff_login(running, name: str, **change) -> dict:
    """What the bridge does after OIDC: a short JWT of its own."""
    homeserver = tomllib.loads((running.data / "config" / "bridge.toml").read_text())["homeserver"]
    now = int(time.time())
    claims = {
        "sub": name, "name": "Marie Curie", "iss": "passerelle", "aud": homeserver["name"],
        "iat": now, "exp": now + 60,
    } | change  # fmt: skip
    key = OctKey.import_key(change.pop("secret", homeserver["jwt_login_secret"]))
    return {"type": "org.matrix.login.jwt", "token": jwt.encode({"alg": "HS256"}, claims, key)}


@pytest.fixture(scope="module")
def marie(homeservers):
    return User(homeservers.ready["homeservers"]["home"]["client_url"], staff_login(homeservers, "marie.curie"))


@pytest.fixture(scope="module")
def pavel(homeservers):
    partner = homeservers.ready["partner_user"]
    login = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": partner["user_id"]},
        "password": partner["password"],
    }
    return User(homeservers.ready["homeservers"]["partner"]["client_url"], login)


def test_staff_sign_in_with_a_token_of_the_bridge_and_have_their_name(homeservers, marie):
    assert marie.id == next(p["user_id"] for p in homeservers.ready["staff"] if p["name"] == "Marie Curie")
    assert marie.get(f"/_matrix/client/v3/profile/{marie.id}")["displayname"] == "Marie Curie"


@pytest.mark.parametrize("change", [{"iss": "other"}, {"aud": "other"}, {"exp": 1}])
def test_a_token_of_somebody_else_signs_nobody_in(homeservers, change):
    base_url = homeservers.ready["homeservers"]["home"]["client_url"]
    answer = httpx2.post(f"{base_url}/_matrix/client/v3/login", json=staff_login(homeservers, "jean", **change))
    assert answer.status_code == 403


def test_the_partner_has_no_token_sign_in_and_nobody_can_register(homeservers):
    for server, flows in (("home", {"org.matrix.login.jwt"}), ("partner", set())):
        base_url = homeservers.ready["homeservers"][server]["client_url"]
        offered = {flow["type"] for flow in httpx2.get(f"{base_url}/_matrix/client/v3/login").json()["flows"]}
        assert offered & {"org.matrix.login.jwt"} == flows
        answer = httpx2.post(f"{base_url}/_matrix/client/v3/register", json={"username": "eve", "password": "x" * 20})
        assert answer.status_code == 403


def test_a_partner_joins_by_invite_and_both_hear_each_other_over_federation(marie, pavel, wait_until):
    room = marie.post(
        "/_matrix/client/v3/createRoom",
        {
            "preset": "private_chat",
            "invite": [pavel.id],
            "power_level_content_override": {"events": {"org.matrix.msc3401.call.member": 0}},
        },
    )["room_id"]
    assert ":" not in room, "room version 12 has no server in its ids"
    wait_until(lambda: room in pavel.get("/_matrix/client/v3/sync").get("rooms", {}).get("invite", {}), "the invite")
    pavel.post(f"/_matrix/client/v3/join/{quote(room)}", {})
    marie.say(room, "bonjour")
    pavel.say(room, "dobrý den")
    both = {(marie.id, "bonjour"), (pavel.id, "dobrý den")}
    wait_until(lambda: both <= marie.heard(room), "both messages at home")
    wait_until(lambda: (marie.id, "bonjour") in pavel.heard(room), "the message at the partner")
    member = {"application": "m.call", "call_id": "", "device_id": "D"}
    state = f"/_matrix/client/v3/rooms/{quote(room)}/state/org.matrix.msc3401.call.member/_{quote(pavel.id)}_D_m.call"
    pavel.put(state, member)
    wait_until(lambda: marie.http.get(state).is_success, "the partner's call membership at home")


def test_each_homeserver_vouches_for_its_own_user_over_federation(homeservers, marie, pavel):
    for user, server in ((marie, "home"), (pavel, "partner")):
        token = user.post(f"/_matrix/client/v3/user/{quote(user.id)}/openid/request_token", {})
        name = homeservers.ready["homeservers"][server]["name"]
        assert token["matrix_server_name"] == name
        answer = httpx2.get(
            f"https://{name}/_matrix/federation/v1/openid/userinfo",
            params={"access_token": token["access_token"]},
            verify=ssl.create_default_context(cafile=homeservers.ready["ca_file"]),
        )
        assert answer.json() == {"sub": user.id}


def test_both_publish_the_same_service_url_in_both_places(homeservers, marie, pavel):
    url = f"http://localhost:{homeservers.base}/livekit/jwt"
    expected = [{"type": "livekit", "livekit_service_url": url}]
    for user in (marie, pavel):
        answer = user.get("/_matrix/client/unstable/org.matrix.msc4143/rtc/transports")
        assert answer["rtc_transports"] == expected
        assert user.get("/.well-known/matrix/client")["org.matrix.msc4143.rtc_foci"] == expected


def test_delayed_and_sticky_events_are_on(marie):
    room = marie.post("/_matrix/client/v3/createRoom", {})["room_id"]
    path = f"/_matrix/client/v3/rooms/{quote(room)}/send/org.example.test/{time.monotonic_ns()}"
    assert marie.put(path, {}, **{"org.matrix.msc4140.delay": 3_600_000})["delay_id"]
    assert "org.matrix.msc4354" in str(marie.get("/_matrix/client/versions")["unstable_features"])


def test_nobody_can_take_the_name_of_a_guest(homeservers):
    """Those whose account is there already the bridge keeps people from: it signs nobody in under such a name."""
    base_url = homeservers.ready["homeservers"]["home"]["client_url"]
    answer = httpx2.post(f"{base_url}/_matrix/client/v3/login", json=staff_login(homeservers, "guest-nobody"))
    assert answer.json()["errcode"] == "M_EXCLUSIVE", answer.text
