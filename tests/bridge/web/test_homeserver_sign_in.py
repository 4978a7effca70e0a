# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What our homeserver may ask for a sign-in to Element, and nobody else; tests/integration has a real Synapse."""

import base64
import hashlib
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bridge.web.homeserver_sign_in import TOKEN, USERINFO
from tests.bridge.web.conftest import SECRETS
from tests.bridge.web.sign_ins import MARIE

VERIFIER = "v" * 48
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


@pytest.fixture
async def bridge(build_bridge, issuer):
    return await build_bridge(issuer, profile="proconnect", localpart_claim="uid")


def asked(bridge, **change: str) -> str:
    """Synapse's authorize request."""
    callback = f"{bridge.services.settings.homeserver.client_url}/_synapse/client/oidc/callback"
    query = {
        "client_id": "homeserver",
        "response_type": "code",
        "redirect_uri": callback,
        "scope": "profile",
        "state": "s" * 30,
        "nonce": "n" * 43,
        "code_challenge_method": "S256",
        "code_challenge": CHALLENGE,
    } | change
    return "/auth/homeserver?" + "&".join(f"{name}={value}" for name, value in query.items())


async def code_for(bridge, staff) -> str:
    _, at_provider = await staff.go(asked(bridge))
    _, back = await staff.go(at_provider, data={"sub": MARIE.sub})
    status, home = await staff.go(back)
    assert status == 302
    assert home.startswith(f"{bridge.services.settings.homeserver.client_url}/_synapse/client/oidc/callback?")
    query = parse_qs(urlsplit(home).query)
    assert query["state"] == ["s" * 30]
    return query["code"][0]


async def exchange(bridge, code: str, /, **change: str) -> tuple[int, dict[str, Any]]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": f"{bridge.services.settings.homeserver.client_url}/_synapse/client/oidc/callback",
        "client_id": "homeserver",
        "client_secret": SECRETS["sso"],
        "code_verifier": VERIFIER,
    } | change
    async with bridge.internal.post(TOKEN, data=form) as response:
        return response.status, await response.json()


async def who(bridge, token: str) -> tuple[int, dict[str, Any]]:
    async with bridge.internal.get(USERINFO, headers={"Authorization": f"Bearer {token}"}) as response:
        return response.status, await response.json()


async def test_the_homeserver_learns_who_signed_in_once(bridge, staff):
    code = await code_for(bridge, staff)
    _, token = await exchange(bridge, code)
    expected = {"sub": "marie.curie", "localpart": "marie.curie", "name": "Marie Curie"}
    assert await who(bridge, token["access_token"]) == (200, expected)
    assert (await who(bridge, token["access_token"]))[0] == 401
    assert await exchange(bridge, code) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize(
    ("change", "status", "error"),
    [
        ({"client_secret": ""}, 401, "invalid_client"),
        ({"client_secret": "x" * 43}, 401, "invalid_client"),
        ({"client_id": "bridge"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"code_verifier": "w" * 48}, 400, "invalid_grant"),
        ({"code": "guessed"}, 400, "invalid_grant"),
        ({"redirect_uri": "http://evil.example/"}, 400, "invalid_grant"),
    ],
)
async def test_nobody_but_the_homeserver_that_asked_uses_a_code(bridge, staff, change, status, error):
    code = await code_for(bridge, staff)
    assert await exchange(bridge, code, **change) == (status, {"error": error})


async def test_a_code_for_the_homeserver_opens_no_session_of_our_pages_and_the_other_way_round(bridge, staff):
    code = await code_for(bridge, staff)
    for ticket in ("", CHALLENGE):
        cookies = {"passerelle_ticket": ticket}
        async with bridge.public.post("/auth/session", json={"code": code}, cookies=cookies) as response:
            assert response.status == 401
    _, at_provider = await staff.go("/auth/login")
    _, back = await staff.go(at_provider, data={"sub": MARIE.sub})
    ticket = (await staff.go(back))[1].partition("#code=")[2]
    assert (await exchange(bridge, ticket))[0] == 400
    assert (await who(bridge, ticket))[0] == 401
    assert (await who(bridge, code))[0] == 401


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "other"},
        {"redirect_uri": "http://evil.example/"},
        {"response_type": "token"},
        {"code_challenge": "x"},
        {"code_challenge_method": "plain"},
        {"state": ""},
        {"state": "s" * 257},
    ],
    ids=str,
)
async def test_a_browser_that_brings_anything_else_is_sent_nowhere(bridge, staff, change):
    assert await staff.go(asked(bridge, **change)) == (400, "")


async def test_nobody_signs_in_for_a_homeserver_that_shares_no_secret(bridge, staff):
    code = await code_for(bridge, staff)
    settings = bridge.services.settings
    object.__setattr__(settings.homeserver, "sso_secret", None)
    assert await exchange(bridge, code, client_secret="") == (401, {"error": "invalid_client"})
