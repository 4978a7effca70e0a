# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The OIDC provider as a client meets it: authlib over HTTP, against the process that the stack starts."""

import re
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.jwk import KeySet

from bridge.stack.people import STAFF
from bridge.stack.render import toml

CALLBACK = "http://localhost:8400/auth/callback"
SECRET = "of-this-test-only-" + "x" * 25
STATE, NONCE = "s" * 40, "n" * 40


SCOPES = {True: "openid given_name usual_name email uid siret idp_id", False: "openid profile email"}


@contextmanager
def run_provider(folder, **change):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    url = f"http://localhost:{port}"
    people = [{name: getattr(person, name) for name in person.__slots__} for person in STAFF]
    config = {
        "issuer": url, "host": "127.0.0.1", "port": port, "signing_key_file": str(folder / "key.pem"),
        "clients": [{"client_id": "passerelle", "client_secret": SECRET, "redirect_uris": [CALLBACK],
                     "post_logout_redirect_uris": ["http://localhost:8400/"]}],
        "people": people,
    } | change  # fmt: skip
    (folder / "oidc.toml").write_text(toml(config))
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "bridge.stack.oidc_provider", "--config", folder / "oidc.toml"]
    )
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                httpx2.get(f"{url}/jwks").raise_for_status()
                break
            except httpx2.TransportError:
                assert process.poll() is None
                assert time.monotonic() < deadline, "the provider is not ready"
        yield url
    finally:
        process.terminate()
        assert process.wait(20) == 0


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    with run_provider(tmp_path_factory.mktemp("oidc")) as url:
        yield url


@pytest.fixture
async def http():
    async with httpx2.AsyncClient() as client:
        yield client


def client(method="client_secret_basic", scope=SCOPES[True], **more) -> AsyncOAuth2Client:
    return AsyncOAuth2Client(
        "passerelle",
        SECRET,
        scope=scope,
        redirect_uri=CALLBACK,
        token_endpoint_auth_method=method,
        leeway=0,
        **more,
    )  # fmt: skip  (leeway: authlib's own of 60 s calls every token of 60 s expired)


def authorize_url(oauth: AsyncOAuth2Client, issuer: str, **more) -> str:
    url, _ = oauth.create_authorization_url(f"{issuer}/authorize", state=STATE, nonce=NONCE, **more)
    return url


async def choose(http: httpx2.AsyncClient, url: str, sub: str = STAFF[0].sub) -> dict[str, str]:
    answer = await http.post(url, data={"sub": sub})
    assert answer.status_code == 302
    target = answer.headers["location"]
    assert target.startswith(CALLBACK + "?")
    return {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}


async def keys(http: httpx2.AsyncClient, issuer: str) -> KeySet:
    return KeySet.import_key_set((await http.get(f"{issuer}/jwks")).json())


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_a_client_signs_somebody_in_and_reads_a_signed_userinfo(issuer, http, method):
    document = (await http.get(f"{issuer}/.well-known/openid-configuration")).json()
    assert document["issuer"] == issuer
    assert "code_challenge_methods_supported" not in document
    async with client(method) as oauth:
        url, _ = oauth.create_authorization_url(
            document["authorization_endpoint"], state=STATE, nonce=NONCE, claims='{"id_token":{"amr":null}}'
        )
        back = await choose(http, url)
        assert (back["state"], back["iss"]) == (STATE, issuer)
        token = await oauth.fetch_token(document["token_endpoint"], code=back["code"])
        assert token["expires_in"] == 60
        claims = jwt.decode(token["id_token"], await keys(http, issuer), algorithms=["RS256"]).claims
        assert (claims["iss"], claims["aud"], claims["nonce"]) == (issuer, "passerelle", NONCE)
        assert (claims["sub"], claims["acr"], claims["amr"]) == (STAFF[0].sub, "eidas1", ["pwd"])
        assert claims["exp"] == claims["iat"] + 60
        userinfo = await oauth.get(document["userinfo_endpoint"])
    assert userinfo.headers["content-type"] == "application/jwt"
    person = jwt.decode(userinfo.text, await keys(http, issuer), algorithms=["RS256"]).claims
    assert (person["iss"], person["aud"], person["sub"]) == (issuer, "passerelle", claims["sub"])
    assert person["uid"] == "marie.curie"
    assert person["usual_name"] == "Curie"
    assert re.fullmatch(r"\d{14}", person["siret"])


async def test_it_can_be_an_ordinary_provider_with_pkce_and_another_algorithm(tmp_path, http):
    with run_provider(tmp_path, proconnect=False, algorithm="ES256") as issuer:
        async with client(scope=SCOPES[False], code_challenge_method="S256") as oauth:
            back = await choose(http, authorize_url(oauth, issuer, code_verifier="v" * 48))
            token = await oauth.fetch_token(f"{issuer}/token", code=back["code"], code_verifier="v" * 48)
            claims = jwt.decode(token["id_token"], await keys(http, issuer), algorithms=["ES256"]).claims
            userinfo = await oauth.get(f"{issuer}/userinfo")
    assert "amr" not in claims
    assert userinfo.json()["preferred_username"] == "marie.curie"


async def test_whoever_signed_in_before_in_this_browser_does_so_silently_until_they_sign_out(issuer, http):
    url = authorize_url(client(), issuer, prompt="none")
    assert "error=login_required" in (await http.get(url)).headers["location"]
    async with client() as oauth:
        code = (await choose(http, authorize_url(oauth, issuer)))["code"]
        token = await oauth.fetch_token(f"{issuer}/token", code=code)
    assert "code=" in (await http.get(url)).headers["location"]
    assert "error=login_required" in (await http.get(url + "&login_hint=jean")).headers["location"]
    end = {"post_logout_redirect_uri": "http://localhost:8400/", "state": STATE}
    refused = await http.get(f"{issuer}/session/end", params=end | {"id_token_hint": token["id_token"][:-4] + "AAAA"})
    assert refused.status_code == 400
    assert "Y030111" in refused.text
    assert "code=" in (await http.get(url)).headers["location"]
    answer = await http.get(f"{issuer}/session/end", params=end | {"id_token_hint": token["id_token"]})
    assert answer.headers["location"] == f"http://localhost:8400/?state={STATE}"
    assert "error=login_required" in (await http.get(url)).headers["location"]


async def test_the_page_offers_everybody_and_leaks_nothing_and_runs_no_script(issuer, http):
    answer = await http.get(authorize_url(client(), issuer))
    assert answer.status_code == 200
    for person in STAFF:
        assert f'name="sub" value="{person.sub}"' in answer.text
        assert person.name in answer.text
    assert '<html lang="en">' in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://localhost:8400;" in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == "no-store"


async def test_the_page_speaks_french_to_a_french_browser(issuer, http):
    answer = await http.get(authorize_url(client(), issuer), headers={"Accept-Language": "fr-FR,fr;q=0.9"})
    assert '<html lang="fr">' in answer.text
    assert "Qui se connecte" in answer.text


async def test_a_code_is_good_once(issuer, http):
    async with client() as oauth:
        code = (await choose(http, authorize_url(oauth, issuer)))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    first = await http.post(f"{issuer}/token", data=form, auth=("passerelle", SECRET))
    second = await http.post(f"{issuer}/token", data=form, auth=("passerelle", SECRET))
    assert first.status_code == 200
    assert first.headers["cache-control"] == "no-store"
    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("authorization", ["Basic !!!", "Basic cGFzc2VyZWxsZTp3cm9uZw==", "Bearer x", ""])
async def test_a_client_without_its_secret_gets_no_token_and_spoils_no_code(issuer, http, authorization):
    async with client() as oauth:
        code = (await choose(http, authorize_url(oauth, issuer)))["code"]
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
    answer = await http.post(f"{issuer}/token", data=form, headers={"Authorization": authorization})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    answer = await http.post(f"{issuer}/token", data=form, auth=("passerelle", SECRET))
    assert answer.status_code == 200


async def test_errors_go_back_to_the_client_with_its_state(issuer, http):
    answer = await http.get(authorize_url(client(), issuer, max_age="1"))
    assert answer.status_code == 302
    back = parse_qs(urlsplit(answer.headers["location"]).query)
    assert back["error"] == ["invalid_request"]
    assert back["state"] == [STATE]


async def test_a_parameter_that_comes_twice_is_refused(issuer, http):
    answer = await http.get(authorize_url(client(), issuer) + "&state=" + "t" * 40)
    assert "error=invalid_request" in answer.headers["location"]


async def test_an_unregistered_redirect_gets_a_page_and_no_redirect(issuer, http):
    url = authorize_url(client(), issuer).replace("8400", "8499")
    for answer in (await http.get(url), await http.post(url, data={"sub": STAFF[0].sub})):
        assert answer.status_code == 400
        assert "location" not in answer.headers


async def test_somebody_who_is_not_on_the_list_is_asked_again(issuer, http):
    answer = await http.post(authorize_url(client(), issuer), data={"sub": "<script>"})
    assert answer.status_code == 400
    assert "<script>" not in answer.text
    assert 'name="sub"' in answer.text


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer guessed", "Basic guessed"])
async def test_userinfo_wants_a_token_of_ours(issuer, http, authorization):
    answer = await http.get(f"{issuer}/userinfo", headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_body_larger_than_any_form_is_refused(issuer, http):
    answer = await http.post(f"{issuer}/token", data={"code": "x" * 100_000})
    assert answer.status_code == 413
