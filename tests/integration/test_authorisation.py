# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The three doors and the authorisation service on a whole stack: real homeservers, a real SFU, real federation."""

import base64
import json
import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx2
import pytest

pytestmark = pytest.mark.stack

V3 = "/_matrix/client/v3"


@dataclass
class Person:
    """Somebody with a Matrix session."""

    base_url: str
    server_name: str
    user_id: str
    device_id: str
    http: httpx2.Client

    def openid(self) -> dict[str, Any]:
        path = f"{V3}/user/{quote(self.user_id)}/openid/request_token"
        answer = self.http.post(self.base_url + path, json={})
        assert answer.is_success, answer.text
        return answer.json()

    def join(self, room_id: str, via: str) -> httpx2.Response:
        return self.http.post(f"{self.base_url}{V3}/join/{quote(room_id)}", params={"via": via}, json={})


def person(base_url: str, server_name: str, session: dict[str, Any]) -> Person:
    http = httpx2.Client(timeout=30, headers={"Authorization": f"Bearer {session['access_token']}"})
    return Person(base_url, server_name, session["user_id"], session["device_id"], http)


class Doors:
    """The bridge of a stack, as browsers and operators see it."""

    def __init__(self, stack) -> None:
        self.ready = stack.ready
        self.url = self.ready["url"].rstrip("/")
        self.home = self.ready["homeservers"]["home"]
        self.partner_server = self.ready["homeservers"]["partner"]
        self.partner_log = stack.data / "logs" / "partner.log"
        self.http = httpx2.Client(timeout=60)

    def operator(self, path: str, **body: Any) -> dict[str, Any]:
        internal = self.ready["internal"]
        headers = {"Authorization": f"Bearer {internal['token']}"}
        answer = self.http.post(f"{internal['url']}/internal/v1/{path}", json=body, headers=headers)
        assert answer.status_code == 201, answer.text
        return answer.json()

    def meeting(self, organizer: int = 0) -> dict[str, Any]:
        organizer_id = self.ready["staff"][organizer]["user_id"]
        return self.operator("meetings", title=f"Meeting {secrets.token_hex(4)}", organizer=organizer_id)

    def invite(self, meeting: dict[str, Any], **terms: int) -> dict[str, Any]:
        return self.operator(f"meetings/{meeting['id']}/invites", **({"uses": 5, "ttl_s": 3600} | terms))

    def sign_in(self, who: int = 0) -> tuple[dict[str, Any], Person]:
        """Walk through the OIDC provider as a browser does, and wait as it is told to: all tests share an address."""
        browser = httpx2.Client(timeout=30)
        login = browser.get(f"{self.url}/auth/login", params={"next": "/m/x"})
        chosen = browser.post(login.headers["location"], data={"sub": self.ready["staff"][who]["sub"]})
        while (back := browser.get(chosen.headers["location"])).status_code == 429:
            time.sleep(int(back.headers["retry-after"]))
        assert back.status_code == 302, back.text
        path, _, code = back.headers["location"].partition("#code=")
        assert path == "/m/x"
        session = browser.post(f"{self.url}/auth/session", json={"code": code}).json()
        return session, person(self.home["client_url"], self.home["name"], session["matrix"])

    def guest(self, invite: dict[str, Any], name: str = "Gina") -> tuple[dict[str, Any], Person]:
        answer = self.http.post(invite["url"], json={"display_name": name})
        assert answer.status_code == 200, answer.text
        session = answer.json()
        return session, person(self.home["client_url"], self.home["name"], session["matrix"])

    def pavel(self) -> Person:
        account = self.ready["partner_user"]
        login = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": account["user_id"]},
            "password": account["password"],
        }
        answer = self.http.post(f"{self.partner_server['client_url']}{V3}/login", json=login)
        assert answer.is_success, answer.text
        return person(self.partner_server["client_url"], self.partner_server["name"], answer.json())

    def partner_comes_in(self, meeting: dict[str, Any], invite: dict[str, Any]) -> Person:
        pavel = self.pavel()
        answer = self.http.post(f"{invite['url']}/partner", json={"user_id": pavel.user_id})
        assert answer.status_code == 200, answer.text
        assert urlsplit(answer.json()["matrix_to"]).netloc == "matrix.to"
        joined = pavel.join(meeting["room_id"], self.home["name"])
        assert joined.is_success, joined.text
        return pavel

    def sfu_get(self, who: Person, room_id: str, **openid: Any) -> httpx2.Response:
        body = {"room": room_id, "device_id": who.device_id, "openid_token": who.openid() | openid}
        return self.http.post(f"{self.url}/livekit/jwt/sfu/get", json=body, headers={"Origin": "https://x.example"})

    def times_partner_was_asked(self) -> int:
        return self.partner_log.read_text(errors="replace").count("openid/userinfo")


@pytest.fixture(scope="module")
def doors(stack) -> Iterator[Doors]:
    opened = Doors(stack)
    yield opened
    opened.http.close()


@pytest.fixture
def meeting(doors) -> dict[str, Any]:
    return doors.meeting()


def claims(answer: httpx2.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    payload = answer.json()["jwt"].split(".")[1]
    return json.loads(base64.b64decode(payload + "=" * (-len(payload) % 4), validate=True))  # as `atob` does


def refusal(answer: httpx2.Response) -> tuple[int, str]:
    assert answer.headers.get("Access-Control-Allow-Origin", "*") == "*"
    return answer.status_code, answer.json()["errcode"]


def test_the_three_doors_lead_into_one_call(doors, meeting):
    invite = doors.invite(meeting)
    session, staff = doors.sign_in(0)
    headers = {"Authorization": f"Bearer {session['token']}"}
    opened = doors.http.get(f"{doors.url}/api/v1/meetings/{meeting['id']}", headers=headers)
    assert opened.json() == meeting
    _, guest = doors.guest(invite)
    partner = doors.partner_comes_in(meeting, invite)
    asked = doors.times_partner_was_asked()
    rooms = set()
    for who in (staff, guest, partner):
        answer = doors.sfu_get(who, meeting["room_id"])
        found = claims(answer)
        assert found["sub"] == f"{who.user_id}:{who.device_id}"
        assert found["exp"] - time.time() < 601
        assert answer.json()["url"].startswith("ws://localhost:")
        rooms.add(found["video"]["room"])
    assert len(rooms) == 1
    deadline = time.monotonic() + 10
    while doors.times_partner_was_asked() == asked:  # its own homeserver was the one to say who the partner is
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_staff_open_a_colleagues_meeting_by_its_link_alone(doors, meeting):
    session, staff = doors.sign_in(1)
    headers, path = {"Authorization": f"Bearer {session['token']}"}, f"{doors.url}/api/v1/meetings/{meeting['id']}"
    assert doors.http.get(path, headers=headers).status_code == 404
    assert refusal(doors.sfu_get(staff, meeting["room_id"])) == (403, "M_FORBIDDEN")
    entered = doors.http.post(doors.invite(meeting)["url"] + "/staff", json={}, headers=headers)
    assert entered.json() == meeting
    assert doors.http.get(path, headers=headers).status_code == 200
    assert claims(doors.sfu_get(staff, meeting["room_id"]))["video"]["roomJoin"]


def test_both_endpoints_name_the_same_call(doors, meeting):
    _, guest = doors.guest(doors.invite(meeting))
    body = {
        "room_id": meeting["room_id"],
        "slot_id": "m.call#ROOM",
        "openid_token": guest.openid(),
        "member": {"id": "m1", "claimed_user_id": guest.user_id, "claimed_device_id": guest.device_id},
    }
    new = claims(doors.http.post(f"{doors.url}/livekit/jwt/get_token", json=body))
    old = claims(doors.sfu_get(guest, meeting["room_id"]))
    assert new["video"]["room"] == old["video"]["room"]
    assert new["sub"] != old["sub"]


def test_a_user_who_is_not_in_the_room_gets_no_token(doors, meeting):
    _, stranger = doors.guest(doors.invite(doors.meeting()))
    assert refusal(doors.sfu_get(stranger, meeting["room_id"])) == (403, "M_FORBIDDEN")
    assert refusal(doors.sfu_get(doors.pavel(), meeting["room_id"])) == (403, "M_FORBIDDEN")


def test_a_forged_token_is_told_from_a_true_one(doors, meeting):
    _, guest = doors.guest(doors.invite(meeting))
    forged = doors.sfu_get(guest, meeting["room_id"], access_token="forged")
    assert refusal(forged) == (401, "M_UNAUTHORIZED")


def test_an_openid_token_is_good_at_the_server_that_gave_it_alone(doors, meeting):
    _, guest = doors.guest(doors.invite(meeting))
    elsewhere = doors.sfu_get(guest, meeting["room_id"], matrix_server_name=doors.partner_server["name"])
    assert refusal(elsewhere) == (401, "M_UNAUTHORIZED")
    partner = doors.partner_comes_in(meeting, doors.invite(meeting))
    here = doors.sfu_get(partner, meeting["room_id"], matrix_server_name=doors.home["name"])
    assert refusal(here) == (401, "M_UNAUTHORIZED")


def test_no_name_sends_the_bridge_to_our_own_ports(doors, meeting):
    _, guest = doors.guest(doors.invite(meeting))
    port = urlsplit(doors.home["client_url"]).port
    for name in (f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}", "localhost"):
        answer = doors.sfu_get(guest, meeting["room_id"], matrix_server_name=name)
        assert refusal(answer) == (401, "M_UNAUTHORIZED")


def test_of_a_hundred_clicks_on_a_link_for_one_exactly_one_comes_in(doors, meeting):
    url = doors.invite(meeting, uses=1)["url"]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda n: doors.http.post(url, json={"display_name": f"Guest {n}"}), range(100)))
    refused = [refusal(answer) for answer in answers if answer.status_code != 200]
    assert len(refused) == 99
    assert set(refused) <= {(409, "PASSERELLE_INVITE_BUSY"), (410, "PASSERELLE_INVITE_USED_UP")}


def test_wrong_links_say_what_is_wrong(doors, meeting):
    token = doors.invite(meeting)["url"].rpartition("/")[2]
    for wrong in (secrets.token_urlsafe(32), token[:-1], token.swapcase()):
        answer = doors.http.post(f"{doors.url}/j/{wrong}", json={"display_name": "Gina"})
        assert refusal(answer) == (404, "PASSERELLE_INVITE_UNKNOWN")


def test_a_name_without_end_is_refused_and_uses_nothing_up(doors, meeting):
    invite = doors.invite(meeting, uses=1)
    answer = doors.http.post(invite["url"], json={"display_name": "x" * 10_000})
    assert refusal(answer) == (400, "PASSERELLE_BAD_NAME")
    doors.guest(invite)


def test_withdrawing_a_link_ends_the_guest_in_seconds(doors):
    session, _ = doors.sign_in(0)
    headers = {"Authorization": f"Bearer {session['token']}"}
    made = doors.http.post(f"{doors.url}/api/v1/meetings", json={"title": "Mine"}, headers=headers)
    assert made.status_code == 201
    meeting = made.json()
    invite = doors.http.post(
        f"{doors.url}/api/v1/meetings/{meeting['id']}/invites", json={"uses": 2, "ttl_s": 600}, headers=headers
    ).json()
    guest_session, guest = doors.guest(invite)
    claims(doors.sfu_get(guest, meeting["room_id"]))
    revoked = doors.http.delete(f"{doors.url}/api/v1/invites/{invite['id']}", headers=headers)
    assert revoked.status_code == 200
    began = time.monotonic()
    whoami = f"{doors.home['client_url']}{V3}/account/whoami"
    while guest.http.get(whoami).status_code != 401:
        assert time.monotonic() - began < 3, "the guest's Matrix session is still alive"
        time.sleep(0.05)
    again = doors.http.post(invite["url"], json={"display_name": "Gina"})
    assert refusal(again) == (410, "PASSERELLE_INVITE_REVOKED")
    own = {"Authorization": f"Bearer {guest_session['token']}"}
    assert doors.http.get(f"{doors.url}/api/v1/meetings/{meeting['id']}", headers=own).status_code == 401


def test_a_sign_in_code_works_once(doors):
    browser = httpx2.Client(timeout=30)
    login = browser.get(f"{doors.url}/auth/login")
    chosen = browser.post(login.headers["location"], data={"sub": doors.ready["staff"][2]["sub"]})
    code = browser.get(chosen.headers["location"]).headers["location"].partition("#code=")[2]
    assert browser.post(f"{doors.url}/auth/session", json={"code": code}).status_code == 200
    assert refusal(browser.post(f"{doors.url}/auth/session", json={"code": code})) == (401, "PASSERELLE_CODE_UNKNOWN")
    assert browser.get(chosen.headers["location"]).status_code == 400  # and so does the provider's


def test_no_log_holds_a_link_or_a_token(doors, stack, meeting):
    invite = doors.invite(meeting)
    session, guest = doors.guest(invite)
    openid = guest.openid()
    doors.http.post(
        f"{doors.url}/livekit/jwt/sfu/get",
        json={"room": meeting["room_id"], "device_id": "D", "openid_token": openid},
    )
    canaries = [invite["url"].rpartition("/")[2], session["token"], session["matrix"]["access_token"]]
    log = (stack.data / "logs" / "bridge.log").read_text(errors="replace")
    assert "http_request" in log
    assert not [canary for canary in [*canaries, openid["access_token"], "Gina"] if canary in log]
