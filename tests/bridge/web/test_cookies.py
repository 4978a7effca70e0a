# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Every cookie is `__Host-`, Secure and this host's alone by HTTPS; by plain HTTP the same things work without."""

from collections.abc import AsyncIterator
from http.cookies import Morsel

import aiohttp
import pytest

from bridge.web.cookies import PREFIX
from tests.bridge.web.sign_ins import MARIE, Staff

SCHEMES = ["http", "https"]


@pytest.fixture(params=SCHEMES)
async def bridge(request, build_bridge, issuer):
    built = await build_bridge(issuer, profile="proconnect", localpart_claim="uid")
    settings = built.services.settings
    http = settings.http.model_copy(update={"public_url": f"{request.param}://bridge.example"})
    object.__setattr__(built.services, "settings", settings.model_copy(update={"http": http}))
    return built


@pytest.fixture
def given() -> list[Morsel[str]]:
    """Each cookie that the bridge gave or took away."""
    return []


@pytest.fixture
async def browser(bridge, given) -> AsyncIterator[aiohttp.ClientSession]:
    """A browser that takes the test server for what its name says: a secure origin."""
    base = bridge.public.make_url("/")

    async def note(_session, _context, parameters: aiohttp.TraceRequestEndParams) -> None:
        if parameters.url.origin() == base.origin():
            given.extend(parameters.response.cookies.values())

    trace = aiohttp.TraceConfig()
    trace.on_request_end.append(note)
    jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=base)
    async with aiohttp.ClientSession(cookie_jar=jar, trace_configs=[trace]) as session:
        yield session


def check(bridge, given: list[Morsel[str]], *names: str) -> None:
    secure = bridge.services.settings.http.public_url.startswith("https://")
    for cookie in given:
        assert cookie.key.startswith(PREFIX) == secure, cookie
        assert bool(cookie["secure"]) == secure, cookie
        assert (cookie["path"], cookie["domain"], bool(cookie["httponly"])) == ("/", "", True), cookie
        assert cookie["samesite"] in {"Lax", "Strict"}, cookie
    found = {name for cookie in given for name in names if cookie.key.removeprefix(PREFIX).startswith(name)}
    assert found == set(names)


async def test_signing_in_and_out(bridge, browser, given):
    staff = Staff(bridge, browser)
    session = await staff.sign_in()
    status, answer = await staff.api("POST", "/auth/logout", session)
    assert status == 200
    state = answer["redirect"].partition("state=")[2].partition("&")[0]
    assert await staff.go(f"/auth/signed-out?state={state}") == (302, "/#signed-out")
    check(bridge, given, "passerelle_login_", "passerelle_ticket", "passerelle_logout")
    taken = {cookie.key for cookie in given if cookie["max-age"] == "0"}
    assert taken == {cookie.key for cookie in given}, "nothing is left behind"


async def test_waiting_at_a_door(bridge, browser, given):
    meeting, marie = await bridge.meeting(), await bridge.staff("marie")
    path = f"/api/v1/meetings/{meeting['id']}"
    async with bridge.public.patch(path, json={"lobby": "guests"}, headers=marie) as response:
        assert response.status == 200
    door = str(bridge.public.make_url((await bridge.invite(meeting))["path"]))
    async with browser.post(door, json={"display_name": "Ana"}) as response:
        assert response.status == 202
    async with browser.get(f"{door}/place") as response:
        assert (await response.json())["place"]["state"] == "waiting"
    check(bridge, given, "place-")


async def test_choosing_a_language(bridge, browser, given):
    async with browser.get(bridge.public.make_url("/?lang=de")) as response:
        assert response.status == 200
    check(bridge, given, "passerelle_language")
    async with browser.get(bridge.public.make_url("/"), headers={"Accept-Language": "fr"}) as response:
        assert 'lang="de"' in await response.text()


@pytest.mark.parametrize("bridge", ["https"], indirect=True)
async def test_by_https_a_cookie_without_the_prefix_is_not_believed(bridge, browser):
    """Another host of the domain, or a plain connection, could have set it."""
    staff = Staff(bridge, browser)
    _, at_provider = await staff.go("/auth/login")
    planted = {cookie.key.removeprefix(PREFIX): cookie.value for cookie in browser.cookie_jar}
    browser.cookie_jar.clear()
    _, back = await staff.go(at_provider, data={"sub": MARIE.sub})
    query = "/auth/callback?" + back.partition("?")[2]
    async with bridge.public.get(query, cookies=planted, allow_redirects=False) as response:
        assert response.status == 400
