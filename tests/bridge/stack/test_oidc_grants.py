# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the OIDC provider decides, without HTTP."""

import pytest

from bridge.stack.oidc_grants import (
    PARAMETER_LENGTH_MAX,
    Authorization,
    Client,
    Expiring,
    Grant,
    OAuthError,
    UnusableRequestError,
    authenticate_client,
    check_authorization,
    check_exchange,
    redirect_target,
    released_claims,
)
from bridge.stack.people import STAFF

CALLBACK = "http://localhost:8400/auth/callback"
CLIENT = Client("passerelle", "s" * 43, (CALLBACK,), ("http://localhost:8400/",))
CLIENTS = {CLIENT.client_id: CLIENT}
# RFC 7636, appendix B
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
GOOD = {
    "response_type": "code",
    "client_id": "passerelle",
    "redirect_uri": CALLBACK,
    "scope": "openid profile email",
    "state": "s" * 32,
    "nonce": "n" * 32,
}


def judge(parameters, *, pkce=True):
    client, redirect_uri = redirect_target(CLIENTS, parameters)
    return check_authorization(client, redirect_uri, parameters, pkce=pkce)


def test_a_good_request_is_accepted_whole():
    assert judge(GOOD) == Authorization(
        "passerelle", CALLBACK, frozenset({"openid", "profile", "email"}), "s" * 32, "n" * 32, None
    )


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "other"},
        {"redirect_uri": CALLBACK + "/"},
        {"redirect_uri": CALLBACK + "?x=1"},
        {"redirect_uri": "http://LOCALHOST:8400/auth/callback"},
        {"redirect_uri": ""},
    ],
)
def test_unregistered_clients_and_redirects_are_never_redirected_to(change):
    with pytest.raises(UnusableRequestError):
        judge(GOOD | change)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"state": "s" * 31}, "invalid_request"),
        ({"state": ""}, "invalid_request"),
        ({"nonce": "n" * 31}, "invalid_request"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": "openid everything"}, "invalid_scope"),
        ({"max_age": "1"}, "invalid_request"),
        ({"prompt": "none"}, "login_required"),
        ({"claims": "x" * (PARAMETER_LENGTH_MAX + 1)}, "invalid_request"),
        ({"code_challenge": CHALLENGE}, "invalid_request"),
        ({"code_challenge": CHALLENGE, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": CHALLENGE + "=", "code_challenge_method": "S256"}, "invalid_request"),
        ({"code_challenge_method": "S256"}, "invalid_request"),
    ],
)
def test_each_fault_has_its_error(change, error):
    with pytest.raises(OAuthError) as refused:
        judge(GOOD | change)
    assert refused.value.error == error


@pytest.mark.parametrize("missing", ["response_type", "scope", "state", "nonce"])
def test_nothing_that_is_needed_may_miss(missing):
    with pytest.raises(OAuthError):
        judge({name: value for name, value in GOOD.items() if name != missing})


def test_pkce_is_accepted_unless_the_provider_does_without_it():
    with_pkce = GOOD | {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    assert judge(with_pkce).code_challenge == CHALLENGE
    with pytest.raises(OAuthError, match="unknown parameter 'code_challenge'"):
        judge(with_pkce, pkce=False)


def grant(challenge: str | None = None) -> Grant:
    return Grant(Authorization("passerelle", CALLBACK, frozenset({"openid"}), "s", "n", challenge), "sub", 0)


def test_a_code_is_exchanged_for_its_grant():
    assert check_exchange(grant(), CLIENT, {"redirect_uri": CALLBACK}) == grant()
    form = {"redirect_uri": CALLBACK, "code_verifier": VERIFIER}
    assert check_exchange(grant(CHALLENGE), CLIENT, form).sub == "sub"


@pytest.mark.parametrize(
    ("challenge", "form"),
    [
        (None, {"redirect_uri": CALLBACK + "x"}),
        (None, {}),
        (None, {"redirect_uri": CALLBACK, "code_verifier": VERIFIER}),
        (CHALLENGE, {"redirect_uri": CALLBACK}),
        (CHALLENGE, {"redirect_uri": CALLBACK, "code_verifier": VERIFIER + "x"}),
    ],
)
def test_an_exchange_that_differs_from_the_request_is_refused(challenge, form):
    with pytest.raises(OAuthError) as refused:
        check_exchange(grant(challenge), CLIENT, form)
    assert refused.value.error == "invalid_grant"


def test_a_code_of_another_client_or_none_at_all_is_refused():
    other = Client("other", "x" * 43, (CALLBACK,), ())
    for taken, client in ((grant(), other), (None, CLIENT)):
        with pytest.raises(OAuthError, match=r"another client|unknown"):
            check_exchange(taken, client, {"redirect_uri": CALLBACK})


@pytest.mark.parametrize(
    ("client_id", "secret"), [("passerelle", ""), ("passerelle", "s" * 42), ("other", "s" * 43), ("", "")]
)
def test_only_the_client_with_its_secret_is_let_in(client_id, secret):
    assert authenticate_client(CLIENTS, "passerelle", "s" * 43) is CLIENT
    with pytest.raises(OAuthError, match="unknown client or wrong secret"):
        authenticate_client(CLIENTS, client_id, secret)


def test_entries_end_at_their_time_and_are_taken_once():
    store = Expiring(lifetime_s=60, size_max=10)
    store.put("a", "value", now=100.0)
    assert store.get("a", now=159.9) == "value"
    assert store.get("a", now=160.0) is None
    assert store.take("a", now=101.0) == "value"
    assert store.take("a", now=101.0) is None


def test_a_flood_of_entries_pushes_out_the_oldest_and_never_grows():
    store = Expiring(lifetime_s=60, size_max=3)
    for n in range(100):
        store.put(str(n), n, now=0.0)
        assert len(store) <= 3
    assert [store.get(str(n), now=1.0) for n in (96, 97, 98, 99)] == [None, 97, 98, 99]


def test_claims_follow_the_scopes_and_the_user_name_is_always_there():
    marie = STAFF[0]
    assert released_claims(marie, frozenset({"openid"})) == {
        "sub": marie.sub, "preferred_username": "marie.curie",
    }  # fmt: skip
    proconnect = released_claims(marie, frozenset(["openid", "given_name", "usual_name", "email", "uid", "siret"]))
    assert proconnect["usual_name"] == "Curie"
    assert len(proconnect["siret"]) == 14
    assert "name" not in proconnect
    assert "organizational_unit" not in proconnect
    assert released_claims(marie, frozenset({"openid", "profile"}))["name"] == "Marie Curie"
