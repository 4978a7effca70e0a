# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`passerelle check-sign-in`, and the examples of docs/staff-sign-in.md."""

import re
import tomllib
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bridge.domain.oidc_metadata import doubts, faults
from bridge.settings import OidcSettings
from bridge.web.oidc import Provider

GUIDE = Path(__file__).parents[3] / "docs" / "staff-sign-in.md"
EXAMPLES = [tomllib.loads(text)["oidc"] for text in re.findall(r"```toml\n(.*?)```", GUIDE.read_text(), re.DOTALL)]
GOOD = {
    "issuer": "https://id.example",
    "authorization_endpoint": "https://id.example/authorize",
    "token_endpoint": "https://id.example/token",
    "userinfo_endpoint": "https://id.example/userinfo",
    "end_session_endpoint": "https://id.example/logout",
    "jwks_uri": "https://id.example/jwks",
    "id_token_signing_alg_values_supported": ["RS256"],
    "code_challenge_methods_supported": ["S256"],
    "scopes_supported": ["openid", "profile", "email"],
    "claims_parameter_supported": True,
    "acr_values_supported": ["eidas1", "eidas2"],
}


def in_doubt(change: dict[str, object], **settings: object) -> list[str]:
    wanted: dict[str, object] = {
        "pkce": True,
        "signing_algorithm": "RS256",
        "signed_userinfo": False,
        "scopes": ["openid", "email"],
        "asks_claims": True,
        "acr": ["eidas2"],
    }
    return doubts({name: value for name, value in (GOOD | change).items() if value is not None}, **(wanted | settings))


@pytest.mark.parametrize("example", EXAMPLES, ids=[example["issuer"] for example in EXAMPLES])
def test_the_examples_of_the_guide_are_good_settings(example):
    settings = OidcSettings.model_validate(example)
    assert settings.pkce == (settings.profile != "proconnect")
    assert settings.signed_userinfo == (settings.profile == "proconnect")


def test_the_guide_has_an_example_for_each_kind_of_provider():
    assert [example.get("profile", "generic") for example in EXAMPLES] == ["proconnect", "generic", "generic"]


def test_a_document_that_fits_leaves_nothing_to_say():
    assert faults(GOOD, "https://id.example") == []
    assert in_doubt({}) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"issuer": "https://other.example"}, "calls itself 'https://other.example'"),
        ({"jwks_uri": None}, "no jwks_uri"),
        ({"token_endpoint": 5}, "no token_endpoint"),
    ],
)
def test_what_keeps_everybody_out_is_said(change, words):
    (fault,) = faults(GOOD | change, "https://id.example")
    assert words in fault


@pytest.mark.parametrize(
    ("change", "settings", "words"),
    [
        ({"id_token_signing_alg_values_supported": ["ES256"]}, {}, "set signing_algorithm"),
        ({"code_challenge_methods_supported": None}, {}, "pkce = false"),
        ({"userinfo_endpoint": None}, {"signed_userinfo": True}, "signed_userinfo"),
        ({}, {"scopes": ["openid", "siret"]}, "siret"),
        ({"claims_parameter_supported": None}, {}, "parameter claims"),
        ({}, {"acr": ["eidas3"]}, "eidas3"),
        ({"end_session_endpoint": None}, {}, "leaves people signed in"),
    ],
)
def test_what_may_not_work_is_said(change, settings, words):
    (doubt,) = in_doubt(change, **settings)
    assert words in doubt


def look_at(issuer: str, **more: object) -> Provider:
    settings = {"issuer": issuer, "client_id": "bridge", "client_secret": "s"} | more
    return Provider(OidcSettings.model_validate(settings), redirect_uri="http://bridge.example")


async def test_the_stack_s_own_provider_is_found_in_order(issuer):
    found = await look_at(issuer, profile="proconnect", acr=["eidas2"]).look()
    assert (found.faults, found.doubts) == ((), ())


async def test_a_provider_that_signs_otherwise_or_elsewhere_is_said(issuer):
    found = await look_at(issuer, profile="proconnect", signing_algorithm="ES256").look()
    assert "no key for ES256" in found.faults[0]
    (missing,) = (await look_at(f"{issuer}/realms/other").look()).faults
    assert "answers 404" in missing


async def test_a_provider_that_cannot_be_reached_or_is_none_is_said():
    (away,) = (await look_at("http://127.0.0.1:9").look()).faults
    assert "does not answer (ConnectError)" in away

    async def page(_request: web.Request) -> web.Response:
        return web.Response(text="<html>")

    app = web.Application()
    app.router.add_get("/{tail:.*}", page)
    async with TestServer(app) as server:
        (no_json,) = (await look_at(str(server.make_url("")).rstrip("/")).look()).faults
    assert "no JSON object" in no_json
