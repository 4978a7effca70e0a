# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Sign-in against a provider that can lie in every way; tests/integration signs in at the stack's honest one."""

import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from joserfc import jws, jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from bridge.web.limits import SIGN_INS

HOME = "home.example"
KEY = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "k1", "use": "sig", "alg": "RS256"})
EC_KEY = ECKey.generate_key("P-256", {"kid": "k2", "use": "sig", "alg": "ES256"})


class LyingProvider:
    """An OpenID provider whose every statement a test can change."""

    def __init__(self) -> None:
        self.url = ""
        self.nonce = ""
        self.challenge: str | None = None
        self.claims: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.sign: Callable[[dict[str, Any]], str] = self._honest
        self.userinfo: dict[str, Any] = {"preferred_username": "marie", "name": "Marie Curie"}
        self.userinfo_claims: dict[str, Any] = {}
        self.userinfo_json = False
        self.metadata: dict[str, Any] = {}
        self.token_status = 200
        self.exchanges = 0
        self.app = web.Application()
        self.app.router.add_get("/.well-known/openid-configuration", self._discovery)
        self.app.router.add_get("/jwks", self._jwks)
        self.app.router.add_post("/token", self._token)
        self.app.router.add_get("/userinfo", self._userinfo)

    def _honest(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "RS256", "kid": "k1"} | self.header, claims, KEY)

    async def _discovery(self, _request: web.Request) -> web.Response:
        return web.json_response(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/jwks",
                "userinfo_endpoint": f"{self.url}/userinfo",
                "token_endpoint_auth_methods_supported": ["client_secret_post"],
            }
            | self.metadata
        )

    async def _jwks(self, _request: web.Request) -> web.Response:
        return web.json_response({"keys": [KEY.as_dict(private=False), EC_KEY.as_dict(private=False)]})

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        verifier = str(form["code_verifier"])
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        self.exchanges += 1
        if self.token_status != 200 or digest != self.challenge or form["client_secret"] != "client-secret":
            return web.json_response({"error": "invalid_grant"}, status=400)
        now = int(time.time())
        honest = {"iss": self.url, "sub": "s-1", "aud": "bridge", "iat": now, "exp": now + 60, "nonce": self.nonce}
        claims = {name: value for name, value in (honest | self.claims).items() if value is not None}
        return web.json_response(
            {"access_token": "at", "token_type": "Bearer", "expires_in": 60, "id_token": self.sign(claims)}
        )

    async def _userinfo(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer at"
        if self.userinfo_json:
            return web.json_response({"sub": "s-1"} | self.userinfo)
        claims = {"iss": self.url, "aud": "bridge", "sub": "s-1"} | self.userinfo | self.userinfo_claims
        kept = {name: value for name, value in claims.items() if value is not None}
        return web.Response(text=self._honest(kept), content_type="application/jwt")


@pytest.fixture
async def provider() -> AsyncIterator[LyingProvider]:
    made = LyingProvider()
    server = TestServer(made.app)
    await server.start_server()
    made.url = str(server.make_url("")).rstrip("/")
    yield made
    await server.close()


@pytest.fixture
async def bridge(build_bridge, provider):
    return await build_bridge(provider.url)


async def begin(bridge, provider, target: str = "/m/abc") -> tuple[dict[str, str], str]:
    """Return the cookie and the state of a sign-in that has begun."""
    async with bridge.public.get("/auth/login", params={"next": target}, allow_redirects=False) as response:
        assert response.status == 302
        query = {name: values[0] for name, values in parse_qs(urlsplit(response.headers["Location"]).query).items()}
        (cookie,) = response.cookies.values()
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert not cookie["secure"]  # plain HTTP on localhost; https sets it
        assert int(cookie["max-age"]) <= 600
    assert len(query["state"]) >= 32
    assert len(query["nonce"]) >= 32
    assert query["code_challenge_method"] == "S256"
    assert query["redirect_uri"] == "http://bridge.example/auth/callback"
    known = {
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "code_challenge",
        "code_challenge_method",
    }
    assert set(query) == known  # ProConnect refuses any other parameter
    provider.nonce, provider.challenge = query["nonce"], query["code_challenge"]
    bridge.public.session.cookie_jar.clear()
    return {cookie.key: cookie.value}, query["state"]


async def finish(bridge, cookies: dict[str, str], **query: str) -> tuple[int, str]:
    async with bridge.public.get("/auth/callback", params=query, cookies=cookies, allow_redirects=False) as response:
        bridge.public.session.cookie_jar.clear()
        if response.status == 302:
            return 302, response.headers["Location"]
        return response.status, (await response.json())["errcode"]


async def sign_in(bridge, provider, **query: str) -> tuple[int, str]:
    cookies, state = await begin(bridge, provider)
    return await finish(bridge, cookies, **({"state": state, "code": "c"} | query))


async def session(bridge, location: str) -> tuple[int, dict[str, Any]]:
    code = location.partition("#code=")[2]
    async with bridge.public.post("/auth/session", json={"code": code}) as response:
        return response.status, await response.json()


async def test_staff_sign_in_and_have_their_name_in_matrix(bridge, provider):
    status, location = await sign_in(bridge, provider)
    assert status == 302
    assert location.startswith("/m/abc#code=")
    status, made = await session(bridge, location)
    assert status == 200
    assert made["user"] == {"id": f"@marie:{HOME}", "display_name": "Marie Curie", "door": "staff"}
    assert made["meeting"] is None
    assert bridge.homeserver.tokens[made["matrix"]["access_token"]] == f"@marie:{HOME}"
    assert bridge.homeserver.names[f"@marie:{HOME}"] == "Marie Curie"
    async with bridge.public.get("/api/v1/meetings", headers={"Authorization": f"Bearer {made['token']}"}) as response:
        assert response.status == 200


async def test_a_code_works_once_and_for_a_minute(bridge, provider):
    _, location = await sign_in(bridge, provider)
    assert (await session(bridge, location))[0] == 200
    assert (await session(bridge, location))[0] == 401
    _, location = await sign_in(bridge, provider)
    bridge.clock.forward(seconds=61)
    assert (await session(bridge, location))[0] == 401


async def test_userinfo_may_be_plain_json_and_a_name_may_come_in_parts(bridge, provider):
    provider.userinfo_json = True
    provider.userinfo = {"given_name": "Jean", "usual_name": "Moulin"}
    _, made = await session(bridge, (await sign_in(bridge, provider))[1])
    assert made["user"]["display_name"] == "Jean Moulin"
    assert made["user"]["id"] == f"@s-1:{HOME}"


async def test_an_ec_signature_is_believed_too(bridge, provider):
    provider.sign = lambda claims: jwt.encode({"alg": "ES256", "kid": "k2"}, claims, EC_KEY)
    assert (await sign_in(bridge, provider))[0] == 302


def forged_header(claims: dict[str, Any], header: dict[str, Any]) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part(header)}.{part(claims)}."


def hmac_with_public_key(claims: dict[str, Any]) -> str:
    public = OctKey.import_key(KEY.as_pem(private=False))
    return jwt.encode({"alg": "HS256", "kid": "k1"}, claims, public, algorithms=["HS256"])


def tampered(claims: dict[str, Any]) -> str:
    head, _, sig = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, KEY).split(".")
    body = base64.urlsafe_b64encode(json.dumps(claims | {"sub": "s-2"}).encode()).decode().rstrip("=")
    return f"{head}.{body}.{sig}"


BAD_TOKENS: dict[str, Callable[[dict[str, Any]], str]] = {
    "alg none": lambda claims: forged_header(claims, {"alg": "none"}),
    "alg None": lambda claims: forged_header(claims, {"alg": "None", "kid": "k1"}),
    "signed with the public key": hmac_with_public_key,
    "shared secret": lambda claims: jwt.encode({"alg": "HS256"}, claims, OctKey.import_key("client-secret" * 3)),
    "another key": lambda claims: jwt.encode({"alg": "RS256", "kid": "k1"}, claims, OTHER_KEY),
    "unknown kid": lambda claims: jwt.encode({"alg": "RS256", "kid": "k9"}, claims, OTHER_KEY),
    "key in the header": lambda claims: jwt.encode(
        {"alg": "RS256", "jwk": OTHER_KEY.as_dict(private=False)}, claims, OTHER_KEY
    ),
    "key by URL": lambda claims: jwt.encode(
        {"alg": "RS256", "kid": "k1", "jku": "http://evil.example/jwks"}, claims, OTHER_KEY
    ),
    "stronger hash than allowed": lambda claims: jwt.encode(
        {"alg": "RS512", "kid": "k1"}, claims, RSAKey.import_key(KEY.as_pem(private=True)), algorithms=["RS512"]
    ),
    "tampered": tampered,
    "no signature": lambda claims: jwt.encode({"alg": "RS256", "kid": "k1"}, claims, KEY).rpartition(".")[0] + ".",
    "unknown critical header": lambda claims: jws.serialize_compact(
        {"alg": "RS256", "kid": "k1", "crit": ["exp2"], "exp2": 1},
        json.dumps(claims),
        KEY,
        registry=jws.JWSRegistry(algorithms=["RS256"], strict_check_header=False),
    ),
    "not a token": lambda _claims: "x.y.z",
    "empty": lambda _claims: "",
}


@pytest.mark.parametrize("how", BAD_TOKENS)
async def test_an_identity_token_with_a_wrong_signature_is_not_believed(bridge, provider, how: str):
    provider.sign = BAD_TOKENS[how]
    assert await sign_in(bridge, provider) == (400, "PASSERELLE_SIGN_IN_FAILED")
    assert bridge.homeserver.tokens == {}


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "http://evil.example"},
        {"iss": None},
        {"aud": "another-client"},
        {"aud": []},
        {"aud": None},
        {"aud": ["bridge", "another-client"]},
        {"aud": ["bridge", "another-client"], "azp": "another-client"},
        {"azp": "another-client"},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"exp": "soon"},
        {"nbf": int(time.time()) + 3600},
        {"iat": int(time.time()) + 3600},
        {"iat": None},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 5},
        {"sub": "x" * 300},
    ],
    ids=str,
)
async def test_an_identity_token_with_a_wrong_claim_is_not_believed(bridge, provider, claims: dict[str, Any]):
    provider.claims = claims
    assert await sign_in(bridge, provider) == (400, "PASSERELLE_SIGN_IN_FAILED")


async def test_several_audiences_are_fine_when_we_are_the_authorized_one(bridge, provider):
    provider.claims = {"aud": ["bridge", "another-client"], "azp": "bridge"}
    assert (await sign_in(bridge, provider))[0] == 302


@pytest.mark.parametrize(
    "claims", [{"sub": "s-2"}, {"iss": "http://evil.example"}, {"aud": "another-client"}, {"sub": None}]
)
async def test_userinfo_of_somebody_else_is_not_believed(bridge, provider, claims: dict[str, Any]):
    provider.userinfo_claims = claims
    assert await sign_in(bridge, provider) == (400, "PASSERELLE_SIGN_IN_FAILED")


@pytest.mark.parametrize(
    "query",
    [
        {"state": "x" * 43},
        {"state": ""},
        {"code": ""},
        {"error": "access_denied"},
        {"iss": "http://evil.example"},
        {"code": "x" * 3000},
    ],
    ids=str,
)
async def test_a_callback_that_does_not_fit_is_refused(bridge, provider, query: dict[str, str]):
    assert await sign_in(bridge, provider, **query) == (400, "PASSERELLE_SIGN_IN_FAILED")
    assert bridge.homeserver.tokens == {}


async def test_a_callback_in_another_browser_is_refused_before_the_code_is_used(bridge, provider):
    _, state = await begin(bridge, provider)
    assert (await finish(bridge, {}, state=state, code="c"))[0] == 400
    other_cookies, _ = await begin(bridge, provider)
    assert (await finish(bridge, other_cookies, state=state, code="c"))[0] == 400
    assert provider.exchanges == 0


@pytest.mark.parametrize("value", ["", "x", "!!", base64.urlsafe_b64encode(b"[1,2,3,4]").decode(), "W" * 4000])
async def test_a_cookie_that_somebody_made_up_is_refused(bridge, provider, value: str):
    cookies, state = await begin(bridge, provider)
    (name,) = cookies
    assert (await finish(bridge, {name: value}, state=state, code="c"))[0] == 400


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "x", "/a#code=x"])
async def test_signing_in_leads_to_our_own_pages_alone(bridge, target: str):
    async with bridge.public.get("/auth/login", params={"next": target}, allow_redirects=False) as response:
        assert response.status == 400


async def test_a_provider_that_refuses_the_code_refuses_the_sign_in(bridge, provider):
    provider.token_status = 400
    assert await sign_in(bridge, provider) == (400, "PASSERELLE_SIGN_IN_FAILED")


async def test_a_provider_that_calls_itself_otherwise_is_not_used(bridge, provider):
    provider.metadata = {"issuer": "http://evil.example"}
    async with bridge.public.get("/auth/login", allow_redirects=False) as response:
        assert response.status == 503


async def test_two_people_of_one_name_do_not_share_an_account(bridge, provider):
    assert (await sign_in(bridge, provider))[0] == 302
    provider.claims = provider.userinfo_claims = {"sub": "s-2"}
    assert await sign_in(bridge, provider) == (403, "PASSERELLE_NO_ACCOUNT")


@pytest.mark.parametrize("name", ["guest-1", "passerelle", "captions", "Guest-x"])
async def test_nobody_signs_in_as_one_of_our_own_accounts(bridge, provider, name: str):
    provider.userinfo["preferred_username"] = name
    assert await sign_in(bridge, provider) == (403, "PASSERELLE_NO_ACCOUNT")


async def test_a_hostile_display_name_falls_back(bridge, provider):
    provider.userinfo |= {"name": "\u202e\u200b", "given_name": "x" * 500}
    _, made = await session(bridge, (await sign_in(bridge, provider))[1])
    assert made["user"]["display_name"] == "marie"


async def test_signing_in_without_end_has_to_wait(bridge):
    for _ in range(SIGN_INS.burst):
        bridge.services.limits.count(SIGN_INS, "127.0.0.1")
    for method, path in (("GET", "/auth/login"), ("GET", "/auth/callback"), ("POST", "/auth/session")):
        async with bridge.public.request(method, path, allow_redirects=False) as response:
            assert response.status == 429
