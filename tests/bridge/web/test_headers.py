# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What every answer says to browsers, and that other sites' pages change nothing: over all routes, without a database.

What a handler itself would say is not asked here: most find nothing to work with and answer 500, and even that answer
has to be safe.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from bridge.web.app import build_public
from bridge.web.context import Services
from bridge.web.headers import CALL_PREFIX, RTC_PREFIX
from tests.bridge.web.conftest import settings_for

SAFE = {"GET", "HEAD", "OPTIONS"}
FORGED: list[dict[str, str]] = [
    {"Origin": "https://evil.example"},
    {"Origin": "https://bridge.example.evil.example"},
    {"Origin": "https://other.bridge.example"},
    {"Origin": "https://bridge.example:8443"},
    {"Origin": "http://bridge.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "https://bridge.example"},
    {"Sec-Fetch-Site": "same-site", "Origin": "https://other.bridge.example"},
]
Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    settings = settings_for("http://localhost:1", "http://localhost:1", "https://idp.example")
    http = settings.http.model_copy(update={"public_url": "https://bridge.example"})
    settings = settings.model_copy(update={"http": http})
    app = build_public(cast("Services", SimpleNamespace(settings=settings)))
    async with TestClient(TestServer(app)) as running:
        yield running


def routes(client: Client) -> list[tuple[str, str]]:
    """Return every method and path that the application answers."""
    found = []
    for route in client.app.router.routes():
        assert route.resource is not None
        path = route.resource.canonical.replace("{tail}", "x").replace("{", "").replace("}", "")
        found.append(("GET" if route.method == "*" else route.method, path))
    return found


def policy_of(headers: Any) -> dict[str, str]:
    parts = [part.partition(" ") for part in headers["Content-Security-Policy"].split("; ")]
    return {name: value for name, _, value in parts}


async def test_every_answer_of_every_route_is_safe_for_browsers(client: Client) -> None:
    asked = [*routes(client), ("GET", "/nowhere"), ("POST", "/")]
    for method, path in asked:
        async with client.request(method, path, allow_redirects=False) as response:
            headers, policy = response.headers, policy_of(response.headers)
        assert headers["Strict-Transport-Security"].startswith("max-age=31536000"), path
        assert headers["X-Content-Type-Options"] == "nosniff", path
        assert headers["Referrer-Policy"] == "no-referrer", path
        assert (policy.get("object-src") or policy["default-src"]) == "'none'", path
        assert policy["base-uri"] == "'none'", path
        assert policy["frame-ancestors"] in {"'none'", "'self'" if path.startswith(CALL_PREFIX) else "'none'"}, path
        scripts = policy.get("script-src", policy["default-src"])
        assert "'unsafe-inline'" not in scripts, path
        assert "'unsafe-eval'" not in scripts, path
        if "text/html" in headers.get("Content-Type", "") and not path.startswith(CALL_PREFIX):
            assert scripts.startswith("'nonce-"), path
    print(f"\nS3: {len(asked)} of {len(asked)} answers have every header")


async def test_no_other_site_changes_anything_by_any_route(client: Client) -> None:
    refused = 0
    for method, path in routes(client):
        if method in SAFE or path.startswith(RTC_PREFIX):
            continue  # the authorisation service is open to all origins on purpose, and knows no cookies
        for forged in FORGED:
            async with client.request(method, path, json={}, headers=forged) as response:
                assert (path, forged, response.status) == (path, forged, 403)
                assert (await response.json())["errcode"] == "M_FORBIDDEN"
                refused += 1
    assert refused >= 30
    print(f"\nS5: {refused} cross-site requests refused, {len(FORGED)} kinds for each state change")


async def test_people_get_a_page_where_nothing_is_and_programs_an_error(client: Client) -> None:
    browser = {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "de"}
    async with client.get("/nowhere", headers=browser) as response:
        assert (response.status, response.content_type) == (404, "text/html")
        assert "Prüfen Sie, ob die Adresse vollständig ist." in await response.text()
    async with client.get("/api/v1/meetings", headers=browser) as response:
        assert (response.status, response.content_type) == (401, "text/html")
        assert "Bitte melden Sie sich an" in await response.text()
    async with client.get("/auth/signed-out", headers=browser, allow_redirects=False) as response:
        assert response.status < 400
    async with client.get("/nowhere", headers={"Accept": "*/*"}) as response:
        assert (await response.json())["errcode"] == "M_UNRECOGNIZED"
