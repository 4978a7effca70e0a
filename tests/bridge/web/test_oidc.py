# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Sign-in against a provider that can lie in every way; tests/integration signs in at the stack's honest one."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from bridge.web.limits import SIGN_INS
from bridge.web.oidc import REFETCH_S
from bridge.web.sign_in import PROVIDER

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
        self.keys = [KEY, EC_KEY]
        self.key_requests = 0
        self.url_of_login: dict[str, str] = {}
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
        self.key_requests += 1
        return web.json_response({"keys": [key.as_dict(private=False) for key in self.keys]})

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        verifier = str(form.get("code_verifier", ""))
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        self.exchanges += 1
        wrong = digest != self.challenge if self.challenge else bool(verifier)
        if self.token_status != 200 or wrong or form["client_secret"] != "client-secret":
            return web.json_response({"error": "invalid_grant"}, status=max(400, self.token_status))
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


KNOWN = {"response_type", "client_id", "redirect_uri", "scope", "state", "nonce"}
PKCE = {"code_challenge", "code_challenge_method"}


async def begin(bridge, provider, target: str = "/m/abc", **more: str) -> tuple[dict[str, str], str]:
    """Return the cookie and the state of a sign-in that has begun; `provider.url_of_login` has its parameters."""
    query = {"next": target, **more}
    async with bridge.public.get("/auth/login", params=query, allow_redirects=False) as response:
        assert response.status == 302, await response.text()
        query = {name: values[0] for name, values in parse_qs(urlsplit(response.headers["Location"]).query).items()}
        (cookie,) = response.cookies.values()
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert not cookie["secure"]  # plain HTTP on localhost; https sets it
        assert int(cookie["max-age"]) <= 600
    assert len(query["state"]) >= 32
    assert len(query["nonce"]) >= 32
    assert query["redirect_uri"] == "http://bridge.example/auth/callback"
    provider.nonce, provider.challenge = query["nonce"], query.get("code_challenge")
    provider.url_of_login = query
    bridge.public.session.cookie_jar.clear()
    return {cookie.key: cookie.value}, query["state"]


TICKETS: dict[str, str] = {}
"""The cookie that came with each code, as the browser keeps it."""


async def finish(bridge, cookies: dict[str, str], **query: str) -> tuple[int, str]:
    async with bridge.public.get("/auth/callback", params=query, cookies=cookies, allow_redirects=False) as response:
        bridge.public.session.cookie_jar.clear()
        if response.status == 302:
            if ticket := response.cookies.get("passerelle_ticket"):
                assert ticket["httponly"]
                assert ticket["samesite"] == "Strict"
                TICKETS[response.headers["Location"]] = ticket.value
            return 302, response.headers["Location"]
        return response.status, (await response.json())["errcode"]


async def sign_in(bridge, provider, **query: str) -> tuple[int, str]:
    cookies, state = await begin(bridge, provider)
    return await finish(bridge, cookies, **({"state": state, "code": "c"} | query))


async def session(bridge, location: str, ticket: str | None = None) -> tuple[int, dict[str, Any]]:
    code = location.partition("#code=")[2]
    cookies = {"passerelle_ticket": TICKETS.get(location, "") if ticket is None else ticket}
    async with bridge.public.post("/auth/session", json={"code": code}, cookies=cookies) as response:
        bridge.public.session.cookie_jar.clear()
        return response.status, await response.json()


async def test_staff_sign_in_and_have_their_name_in_matrix(bridge, provider):
    status, location = await sign_in(bridge, provider)
    assert status == 302
    assert location.startswith("/m/abc#code=")
    status, made = await session(bridge, location)
    assert status == 200
    assert made["user"] == {"id": f"@marie:{HOME}", "display_name": "Marie Curie", "door": "staff"}
    assert set(provider.url_of_login) == KNOWN | PKCE
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


async def test_only_the_algorithm_of_the_settings_is_believed(build_bridge, bridge, provider):
    provider.sign = lambda claims: jwt.encode({"alg": "ES256", "kid": "k2"}, claims, EC_KEY)
    assert (await sign_in(bridge, provider))[0] == 400
    provider.userinfo_json = True
    other = await build_bridge(provider.url, signing_algorithm="ES256")
    assert (await sign_in(other, provider))[0] == 302


async def test_a_code_is_good_in_the_browser_that_signed_in_alone(bridge, provider):
    _, location = await sign_in(bridge, provider)
    _, of_another = await sign_in(bridge, provider)
    assert (await session(bridge, location, ticket=""))[0] == 401
    assert (await session(bridge, location, ticket=TICKETS[of_another]))[0] == 401
    assert (await session(bridge, location))[0] == 200


async def test_keys_are_fetched_once_and_anew_when_the_provider_changes_them_but_not_all_the_time(bridge, provider):
    for _ in range(3):
        assert (await sign_in(bridge, provider))[0] == 302
    assert provider.key_requests == 1
    provider.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": "k9"}, claims, OTHER_KEY)
    assert (await sign_in(bridge, provider))[0] == 400  # too soon after the last look
    keys_of = bridge.public.app[PROVIDER]
    fetched_at, known = keys_of._keys
    keys_of._keys = (fetched_at - REFETCH_S, known)
    new = RSAKey.import_key(OTHER_KEY.as_dict(private=True), {"kid": "k9", "use": "sig", "alg": "RS256"})
    provider.keys = [KEY, new]
    provider.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": "k9"}, claims, new)
    assert (await sign_in(bridge, provider))[0] == 302
    assert provider.key_requests == 2
    provider.sign = lambda claims: jwt.encode({"alg": "RS256", "kid": "made-up"}, claims, OTHER_KEY)
    for _ in range(3):
        assert (await sign_in(bridge, provider))[0] == 400
    assert provider.key_requests == 2


@pytest.mark.parametrize(("ahead_s", "status"), [(50, 302), (-50, 302), (200, 400), (-200, 400)])
async def test_the_provider_s_clock_may_be_a_minute_off(bridge, provider, ahead_s: int, status: int):
    now = int(time.time()) + ahead_s
    provider.claims = {"iat": now, "nbf": now, "exp": now + 60}
    assert (await sign_in(bridge, provider))[0] == status


PROCONNECT_USER = {
    "given_name": "Marie",
    "usual_name": "Curie",
    "email": "Marie.Curie@ministere.example",
    "uid": "12345",
    "siret": "13002526500013",
    "idp_id": "71144ab3",
}


async def test_proconnect_gets_what_it_asks_and_nothing_else(build_bridge, provider):
    bridge = await build_bridge(provider.url, profile="proconnect")
    provider.userinfo = PROCONNECT_USER
    status, location = await sign_in(bridge, provider)
    assert set(provider.url_of_login) == KNOWN  # any other parameter is error Y000400
    assert provider.url_of_login["scope"] == "openid given_name usual_name email uid siret idp_id"
    assert status == 302
    _, made = await session(bridge, location)
    assert made["user"]["id"] == f"@marie.curie-ministere.example:{HOME}"
    assert made["user"]["display_name"] == "Marie Curie"
    assert made["user"]["organization"] == "SIRET 13002526500013"
    async with bridge.database.transaction() as tx:
        kept = json.loads(await tx.value("SELECT claims FROM identities"))
    assert kept["siret"] == "13002526500013"
    assert kept["idp_id"] == "71144ab3"


async def test_proconnect_s_userinfo_has_to_be_signed(build_bridge, provider):
    bridge = await build_bridge(provider.url, profile="proconnect")
    provider.userinfo, provider.userinfo_json = PROCONNECT_USER, True
    assert await sign_in(bridge, provider) == (400, "PASSERELLE_SIGN_IN_FAILED")


async def test_somebody_without_the_claim_that_names_them_gets_no_account(build_bridge, provider):
    bridge = await build_bridge(provider.url, profile="proconnect")
    provider.userinfo = PROCONNECT_USER | {"email": ""}
    assert await sign_in(bridge, provider) == (400, "PASSERELLE_SIGN_IN_FAILED")


@pytest.mark.parametrize(
    ("labels", "more", "organization", "name"),
    [
        ({}, {"organizational_unit": "Cabinet"}, "Cabinet", "Marie Curie"),
        ({"13002526500013": "MESR"}, {"organizational_unit": "Cabinet"}, "MESR", "Marie Curie [MESR]"),
        ({"130025265": "État"}, {}, "État", "Marie Curie [État]"),
        ({"71144ab3": "RIE"}, {"siret": "1"}, "RIE", "Marie Curie [RIE]"),
        ({"13002526500013": "MESR"}, {"given_name": "M" * 70}, "MESR", "M" * 70 + " Cu [MESR]"),
    ],
)
async def test_the_organisation_stands_beside_the_name(build_bridge, provider, labels, more, organization, name):
    bridge = await build_bridge(provider.url, profile="proconnect", organizations=labels)
    provider.userinfo = PROCONNECT_USER | more
    _, made = await session(bridge, (await sign_in(bridge, provider))[1])
    assert made["user"]["organization"] == organization
    assert bridge.homeserver.names[made["user"]["id"]] == made["user"]["display_name"] == name


async def test_a_level_is_asked_as_a_claim_and_less_is_refused(build_bridge, provider):
    bridge = await build_bridge(provider.url, acr=["eidas2", "eidas3"], amr=["mfa", "pop"])
    for acr, amr, status in (
        ("eidas2", ["pwd", "mfa"], 302),
        ("eidas3", ["pop"], 302),
        ("eidas1", ["pwd", "mfa"], 403),
        ("eidas2", ["pwd"], 403),
        ("eidas2", "mfa", 403),
        (["eidas2"], ["mfa"], 403),
        (None, ["mfa"], 403),
        ("eidas2", None, 403),
    ):
        provider.claims = {"acr": acr, "amr": amr}
        assert (await sign_in(bridge, provider))[0] == status, (acr, amr)
    assert json.loads(provider.url_of_login["claims"]) == {
        "id_token": {"acr": {"essential": True, "values": ["eidas2", "eidas3"]}, "amr": {"essential": True}}
    }
    provider.userinfo_json, provider.userinfo["acr"] = True, "eidas3"
    provider.claims = {"acr": "eidas1", "amr": ["mfa"]}
    assert await sign_in(bridge, provider) == (403, "PASSERELLE_ASSURANCE")


async def test_hints_lead_the_provider(build_bridge, provider):
    bridge = await build_bridge(provider.url, idp_hint="71144ab3")
    await begin(bridge, provider, login_hint="marie@ministere.example")
    assert provider.url_of_login["idp_hint"] == "71144ab3"
    assert provider.url_of_login["login_hint"] == "marie@ministere.example"


async def test_a_silent_sign_in_asks_nobody_and_comes_back_either_way(bridge, provider):
    for answer, end in (
        ({"code": "c"}, "#code="),
        ({"error": "login_required"}, "#sign-in=needed"),
        ({"error": "interaction_required"}, "#sign-in=needed"),
        ({"error": "consent_required"}, "#sign-in=needed"),
        ({"error": "server_error"}, "#sign-in=needed"),
    ):
        cookies, state = await begin(bridge, provider, silent="")
        assert provider.url_of_login["prompt"] == "none"
        status, location = await finish(bridge, cookies, state=state, **answer)
        assert status == 302
        assert location.startswith(f"/m/abc{end}")


async def test_a_silent_sign_in_never_ends_on_a_page_of_errors(build_bridge):
    bridge = await build_bridge("http://127.0.0.1:9")
    async with bridge.public.get("/auth/login?silent&next=/m/abc", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (302, "/m/abc#sign-in=needed")


async def test_a_bridge_that_restarts_in_the_middle_loses_no_sign_in(build_bridge, bridge, provider):
    cookies, state = await begin(bridge, provider)
    second = await build_bridge(provider.url)
    status, location = await finish(second, cookies, state=state, code="c")
    assert status == 302
    third = await build_bridge(provider.url)
    assert (await session(third, location))[0] == 200


async def test_many_sign_ins_begun_do_not_fill_the_browser_with_cookies(bridge, provider):
    cookies: dict[str, str] = {}
    for _ in range(4):
        cookies |= (await begin(bridge, provider))[0]
    async with bridge.public.get("/auth/login", cookies=cookies, allow_redirects=False) as response:
        gone = [name for name, cookie in response.cookies.items() if cookie["max-age"] == "0"]
        assert set(gone) == set(cookies)
    bridge.public.session.cookie_jar.clear()


def forged_header(claims: dict[str, Any], header: dict[str, Any]) -> str:
    def part(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    return f"{part(header)}.{part(claims)}."


def hmac_with_public_key(claims: dict[str, Any]) -> str:
    """The public key taken for a shared secret; joserfc itself makes no such token."""
    signed = forged_header(claims, {"alg": "HS256", "kid": "k1"}).rstrip(".")
    digest = hmac.digest(KEY.as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def tampered(claims: dict[str, Any]) -> str:
    head, _, sig = jwt.encode({"alg": "RS256", "kid": "k1"}, claims, KEY).split(".")
    body = base64.urlsafe_b64encode(json.dumps(claims | {"sub": "s-2"}).encode()).decode().rstrip("=")
    return f"{head}.{body}.{sig}"


def signed_by_hand(header: dict[str, Any] | str, claims: str) -> str:
    """Signed as it should be, whatever stands in it; joserfc itself makes no such token."""
    header = header if isinstance(header, str) else json.dumps(header)
    parts = [base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in (header, claims)]
    signature = KEY.private_key.sign(".".join(parts).encode(), PKCS1v15(), SHA256())
    return ".".join((*parts, base64.urlsafe_b64encode(signature).decode().rstrip("=")))


def with_unknown_critical_header(claims: dict[str, Any]) -> str:
    return signed_by_hand({"alg": "RS256", "kid": "k1", "crit": ["exp2"], "exp2": 1}, json.dumps(claims))


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
    "unknown critical header": with_unknown_critical_header,
    "key by certificate": lambda claims: jwt.encode(
        {"alg": "RS256", "x5u": "http://evil.example/cert", "x5c": ["MIIB"]}, claims, OTHER_KEY
    ),
    "kid of a file": lambda claims: forged_header(claims, {"alg": "HS256", "kid": "../../../dev/null"}),
    "kid of a query": lambda claims: forged_header(claims, {"alg": "RS256", "kid": "k1' OR 1=1 --"}),
    "claims twice": lambda claims: signed_by_hand(
        {"alg": "RS256", "kid": "k1"}, json.dumps(claims)[:-1] + ', "sub": "s-2"}'
    ),
    "header twice": lambda claims: signed_by_hand('{"alg": "none", "kid": "k1", "alg": "RS256"}', json.dumps(claims)),
    "encrypted": lambda _claims: "e30.e30.e30.e30.e30",
    "not a token": lambda _claims: "x.y.z",
    "empty": lambda _claims: "",
}


@pytest.mark.parametrize("how", BAD_TOKENS)
async def test_an_identity_token_with_a_wrong_signature_is_not_believed(bridge, provider, how: str):
    provider.sign = BAD_TOKENS[how]
    assert await sign_in(bridge, provider) == (400, "PASSERELLE_SIGN_IN_FAILED")
    assert bridge.homeserver.tokens == {}


BAD_CLAIMS: list[dict[str, Any]] = [
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
]


@pytest.mark.parametrize("claims", BAD_CLAIMS, ids=str)
async def test_an_identity_token_with_a_wrong_claim_is_not_believed(bridge, provider, claims: dict[str, Any]):
    provider.claims = claims
    assert await sign_in(bridge, provider) == (400, "PASSERELLE_SIGN_IN_FAILED")


async def test_several_audiences_are_fine_when_we_are_the_authorized_one(bridge, provider):
    provider.claims = {"aud": ["bridge", "another-client"], "azp": "bridge"}
    assert (await sign_in(bridge, provider))[0] == 302


BAD_USERINFO: list[dict[str, Any]] = [
    {"sub": "s-2"},
    {"iss": "http://evil.example"},
    {"aud": "another-client"},
    {"sub": None},
]


@pytest.mark.parametrize("claims", BAD_USERINFO)
async def test_userinfo_of_somebody_else_is_not_believed(bridge, provider, claims: dict[str, Any]):
    provider.userinfo_claims = claims
    assert await sign_in(bridge, provider) == (400, "PASSERELLE_SIGN_IN_FAILED")


BAD_CALLBACKS: list[dict[str, str]] = [
    {"state": "x" * 43},
    {"state": ""},
    {"code": ""},
    {"iss": "http://evil.example"},
    {"code": "x" * 3000},
]


@pytest.mark.parametrize("query", BAD_CALLBACKS, ids=str)
async def test_a_callback_that_does_not_fit_is_refused(bridge, provider, query: dict[str, str]):
    assert await sign_in(bridge, provider, **query) == (400, "PASSERELLE_SIGN_IN_FAILED")
    assert bridge.homeserver.tokens == {}


async def test_a_callback_in_another_browser_is_refused_before_the_code_is_used(bridge, provider):
    _, state = await begin(bridge, provider)
    assert (await finish(bridge, {}, state=state, code="c"))[0] == 400
    other_cookies, _ = await begin(bridge, provider)
    assert (await finish(bridge, other_cookies, state=state, code="c"))[0] == 400
    assert provider.exchanges == 0


BAD_COOKIES = ["", "x", "!!", base64.urlsafe_b64encode(b"[1,2,3,4]").decode(), "W" * 4000]


@pytest.mark.parametrize("value", BAD_COOKIES)
async def test_a_cookie_that_somebody_made_up_is_refused(bridge, provider, value: str):
    cookies, state = await begin(bridge, provider)
    (name,) = cookies
    assert (await finish(bridge, {name: value}, state=state, code="c"))[0] == 400


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "x", "/a#code=x"])
async def test_signing_in_leads_to_our_own_pages_alone(bridge, target: str):
    async with bridge.public.get("/auth/login", params={"next": target}, allow_redirects=False) as response:
        assert response.status == 400


@pytest.mark.parametrize(
    ("error", "status", "errcode", "words"),
    [
        ("access_denied", 403, "PASSERELLE_SIGN_IN_DECLINED", "You are not signed in"),
        ("unmet_authentication_requirements", 403, "PASSERELLE_ASSURANCE", "A stronger sign-in"),
        ("invalid_request", 502, "PASSERELLE_SIGN_IN_SETUP", "not set up correctly"),
        ("invalid_scope", 502, "PASSERELLE_SIGN_IN_SETUP", "not set up correctly"),
        ("temporarily_unavailable", 503, "M_UNKNOWN", "does not answer"),
        ("login_required", 400, "PASSERELLE_SIGN_IN_FAILED", "This sign-in did not work"),
        ("<script>", 400, "PASSERELLE_SIGN_IN_FAILED", "This sign-in did not work"),
    ],
)
async def test_what_the_provider_refuses_is_said_in_plain_words(bridge, provider, error, status, errcode, words):
    assert await sign_in(bridge, provider, error=error) == (status, errcode)
    cookies, state = await begin(bridge, provider)
    query = {"state": state, "error": error, "error_description": "<b>theirs</b>"}
    headers = {"Accept": "text/html,*/*"}
    async with bridge.public.get("/auth/callback", params=query, cookies=cookies, headers=headers) as response:
        page = await response.text()
        assert response.status == status
    assert words in page
    assert 'href="/auth/login?next=/m/abc"' in page
    assert "<script" not in page
    assert "theirs" not in page


async def test_a_provider_that_is_away_is_said_in_the_person_s_language_with_a_way_to_try_again(build_bridge):
    bridge = await build_bridge("http://127.0.0.1:9")
    headers = {"Accept": "text/html", "Accept-Language": "fr"}
    async with bridge.public.get("/auth/login", params={"next": "/j/abc?x=1&y=2"}, headers=headers) as response:
        page = await response.text()
        assert response.status == 503
        assert response.headers["Retry-After"]
    assert "Le fournisseur d’identité ne répond pas" in page
    assert 'href="/auth/login?next=/j/abc%3Fx%3D1%26y%3D2"' in page


async def test_a_provider_that_fails_in_the_middle_is_away(bridge, provider):
    provider.metadata = {"jwks_uri": "http://127.0.0.1:9/jwks"}
    assert await sign_in(bridge, provider) == (503, "M_UNKNOWN")


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


@pytest.mark.parametrize("name", ["guest-1", "passerelle", "captions", "Guest-x", "admin"])
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


def test_there_are_forty_ways_to_lie_about_who_signs_in():
    tables = (BAD_TOKENS, BAD_CLAIMS, BAD_USERINFO, BAD_CALLBACKS, BAD_COOKIES)
    singles = (
        test_a_code_works_once_and_for_a_minute,
        test_a_code_is_good_in_the_browser_that_signed_in_alone,
        test_a_callback_in_another_browser_is_refused_before_the_code_is_used,
        test_a_code_without_its_verifier_gets_nothing,
        test_a_provider_that_calls_itself_otherwise_is_not_used,
    )
    cases = sum(map(len, tables)) + len(singles)
    print(f"S7: {cases} ways to lie in a sign-in, all refused: {[len(table) for table in tables]} and {len(singles)}")
    assert cases >= 40


async def test_a_code_without_its_verifier_gets_nothing(bridge, provider):
    """Somebody else's code, in a sign-in of one's own: the provider has the challenge of theirs (RFC 7636)."""
    cookies, state = await begin(bridge, provider)
    assert provider.challenge
    provider.challenge = "x" * 43
    assert await finish(bridge, cookies, state=state, code="theirs") == (400, "PASSERELLE_SIGN_IN_FAILED")
