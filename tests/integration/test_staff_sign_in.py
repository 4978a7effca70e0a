# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Staff sign in to our pages and to Element: a real Synapse, a real bridge, a provider with ProConnect's rules."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from tests.integration.test_authorisation import V3, Doors, refusal

pytestmark = pytest.mark.stack
ELEMENT = "https://element.example/"


class Browser:
    """Somebody's browser. Synapse's cookies are `Secure`: over plain HTTP they are sent by hand."""

    def __init__(self, doors: Doors, who: int) -> None:
        self._home = doors.home["client_url"]
        self._sub = doors.ready["staff"][who]["sub"]
        self._http = httpx2.Client(timeout=30)
        self.steps: list[httpx2.Response] = []

    def go(self, url: str, **more: Any) -> str:
        answer = self._http.request("POST" if "data" in more else "GET", url, **more)
        assert answer.status_code == 302, answer.text
        self.steps.append(answer)
        return answer.headers["location"]

    def sign_in_to_element(self) -> dict[str, Any]:
        url = self._home + f"{V3}/login/sso/redirect/oidc-passerelle"
        to_bridge = self.go(url, params={"redirectUrl": ELEMENT})
        cookies = "; ".join(
            header.partition(";")[0]
            for header in self.steps[-1].headers.get_list("set-cookie")
            if "oidc_session" in header
        )
        back = self.go(self.go(self.go(to_bridge), data={"sub": self._sub}))
        assert back.startswith(f"{self._home}/_synapse/client/oidc/callback?")
        page = self._http.get(back, headers={"Cookie": cookies})
        assert page.status_code == 200, page.text
        token = re.search(rf"{re.escape(ELEMENT)}\?loginToken=([\w.~-]+)", page.text)
        assert token, page.text
        login = {"type": "m.login.token", "token": token[1]}
        answer = self._http.post(f"{self._home}{V3}/login", json=login)
        assert answer.is_success, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def doors(stack):
    opened = Doors(stack)
    yield opened
    opened.http.close()


@pytest.mark.parametrize(("who", "element_first"), [(2, True), (0, False)])
def test_staff_are_the_same_matrix_user_in_element_and_on_our_pages(doors, who: int, element_first: bool):
    if element_first:
        in_element = Browser(doors, who).sign_in_to_element()
        session, on_pages = doors.sign_in(who)
    else:
        session, on_pages = doors.sign_in(who)
        in_element = Browser(doors, who).sign_in_to_element()
    assert in_element["user_id"] == on_pages.user_id == doors.ready["staff"][who]["user_id"]
    assert in_element["device_id"] != on_pages.device_id
    profile = f"{doors.home['client_url']}{V3}/profile/{on_pages.user_id}"
    assert on_pages.http.get(profile).json()["displayname"] == session["user"]["display_name"]


def test_what_proconnect_asks_goes_to_the_provider_when_element_signs_in(doors):
    browser = Browser(doors, 1)
    browser.sign_in_to_element()
    to_provider = parse_qs(urlsplit(browser.steps[1].headers["location"]).query)
    assert set(to_provider) == {"response_type", "client_id", "redirect_uri", "scope", "state", "nonce"}
    assert len(to_provider["state"][0]) >= 32
    assert to_provider["redirect_uri"] == [f"{doors.url}/auth/callback"]  # one client is registered, one address


def test_signing_out_of_our_pages_ends_that_device_and_leaves_element_signed_in(doors, wait_until):
    element = Browser(doors, 0).sign_in_to_element()
    session, on_pages = doors.sign_in(0)
    headers = {"Authorization": f"Bearer {session['token']}"}
    answer = doors.http.post(f"{doors.url}/auth/logout", json={}, headers=headers)
    end = httpx2.get(answer.json()["redirect"])
    assert end.headers["location"].startswith(f"{doors.url}/auth/signed-out?state=")
    whoami = f"{doors.home['client_url']}{V3}/account/whoami"
    wait_until(lambda: on_pages.http.get(whoami).status_code == 401, "the end of the device")
    still = httpx2.get(whoami, headers={"Authorization": f"Bearer {element['access_token']}"})
    assert still.json()["device_id"] == element["device_id"]
    assert refusal(doors.http.get(f"{doors.url}/api/v1/meetings", headers=headers)) == (401, "M_UNKNOWN_TOKEN")
