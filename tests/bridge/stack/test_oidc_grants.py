# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the OIDC provider decides, without HTTP: the rows of ProConnect's table, one by one."""

import pytest

from bridge.stack.oidc_claims import IDP_ID, Asked, UnreadableClaimsError, read_claims, released
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
    check_person,
    check_sign_out,
    redirect_target,
    silently,
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
    "scope": "openid given_name usual_name email uid siret idp_id",
    "state": "s" * 32,
    "nonce": "n" * 32,
}
GENERIC = GOOD | {"scope": "openid profile email", "state": "s", "nonce": "n"}
MARIE, JEAN, _ = STAFF


def judge(parameters, *, proconnect=True):
    client, redirect_uri = redirect_target(CLIENTS, parameters)
    return check_authorization(client, redirect_uri, parameters, proconnect=proconnect)


def test_a_good_request_is_accepted_whole():
    assert judge(GOOD) == Authorization(
        "passerelle", CALLBACK, frozenset(GOOD["scope"].split()), "s" * 32, "n" * 32, None
    )


@pytest.mark.parametrize(
    "more",
    [
        {"prompt": "none"},
        {"prompt": "login"},
        {"login_hint": "marie.curie@ministere.example"},
        {"idp_hint": IDP_ID},
        {"claims": '{"id_token":{"amr":{"essential":true}}}'},
        {"claims": '{"id_token":{"acr":{"essential":true,"value":"eidas2"}}}'},
        {"scope": GOOD["scope"] + " siren organizational_unit belonging_population"},
    ],
)
def test_what_proconnect_documents_may_be_asked(more):
    assert judge(GOOD | more).redirect_uri == CALLBACK


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
        ({"scope": "openid profile"}, "invalid_scope"),
        ({"max_age": "1"}, "invalid_request"),
        ({"acr_values": "eidas2"}, "invalid_request"),
        ({"code_challenge": CHALLENGE, "code_challenge_method": "S256"}, "invalid_request"),
        ({"prompt": "select_account"}, "invalid_request"),
        ({"idp_hint": "another"}, "invalid_request"),
        ({"claims": "x" * (PARAMETER_LENGTH_MAX + 1)}, "invalid_request"),
        ({"claims": "{"}, "invalid_request"),
        ({"claims": "[]"}, "invalid_request"),
        ({"claims": '{"claims":{}}'}, "invalid_request"),
        ({"claims": '{"id_token":{"acr":{"essential":true,"values":[1]}}}'}, "invalid_request"),
    ],
)
def test_each_fault_has_its_error(change, error):
    with pytest.raises(OAuthError) as refused:
        judge(GOOD | change)
    assert refused.value.error == error
    assert str(refused.value).startswith("Y000400") == (error == "invalid_request")


@pytest.mark.parametrize(
    "change",
    [
        {"code_challenge": CHALLENGE},
        {"code_challenge": CHALLENGE, "code_challenge_method": "plain"},
        {"code_challenge": CHALLENGE + "=", "code_challenge_method": "S256"},
        {"code_challenge_method": "S256"},
        {"scope": "openid siret"},
    ],
)
def test_an_ordinary_provider_checks_pkce_and_has_the_usual_scopes(change):
    with pytest.raises(OAuthError):
        judge(GENERIC | change, proconnect=False)


@pytest.mark.parametrize("missing", ["response_type", "scope", "state", "nonce"])
def test_nothing_that_is_needed_may_miss(missing):
    with pytest.raises(OAuthError):
        judge({name: value for name, value in GOOD.items() if name != missing})


def test_an_ordinary_provider_takes_pkce_and_ignores_what_it_does_not_know():
    more = {"code_challenge": CHALLENGE, "code_challenge_method": "S256", "max_age": "1"}
    assert judge(GENERIC | more, proconnect=False).code_challenge == CHALLENGE


@pytest.mark.parametrize(
    ("claims", "asked"),
    [
        (None, Asked()),
        ('{"id_token":{"acr":{"essential":true,"value":"eidas2"}}}', Asked(acr=("eidas2",))),
        ('{"id_token":{"acr":{"essential":true,"values":["eidas2","eidas3"]}}}', Asked(acr=("eidas2", "eidas3"))),
        ('{"id_token":{"acr":{"value":"eidas3"}}}', Asked()),
        ('{"id_token":{"amr":{"essential":true}}}', Asked(amr=True)),
        ('{"id_token":{"amr":null,"acr":null},"userinfo":{}}', Asked(amr=True)),
    ],
)
def test_claims_are_read_as_openid_connect_has_them(claims, asked):
    assert read_claims(claims) == asked


@pytest.mark.parametrize("claims", ['{"id_token":[1]}', '{"id_token":{"acr":"eidas2"}}', "[" * 100_000, "null"])
def test_claims_that_nobody_can_read_are_refused(claims):
    with pytest.raises(UnreadableClaimsError):
        read_claims(claims)


def test_somebody_who_signed_in_less_surely_than_is_essential_does_not_come_back():
    asked = judge(GOOD | {"claims": '{"id_token":{"acr":{"essential":true,"value":"eidas2"}}}'})
    check_person(asked, JEAN)
    check_person(judge(GOOD), MARIE)
    with pytest.raises(OAuthError, match="eidas1") as refused:
        check_person(asked, MARIE)
    assert refused.value.error == "unmet_authentication_requirements"


def test_only_somebody_with_a_session_who_is_expected_signs_in_silently():
    silent = judge(GOOD | {"prompt": "none"})
    assert silently(silent, MARIE) is MARIE
    hinted = judge(GOOD | {"prompt": "none", "login_hint": JEAN.email})
    assert silently(hinted, JEAN) is JEAN
    for request, person in ((silent, None), (hinted, MARIE), (hinted, None)):
        with pytest.raises(OAuthError) as refused:
            silently(request, person)
        assert refused.value.error == "login_required"


BACK = {"post_logout_redirect_uri": "http://localhost:8400/", "state": "s" * 32}


def test_a_sign_out_leads_back_with_a_hint_a_state_and_the_registered_address():
    assert check_sign_out(CLIENTS, "passerelle", BACK, proconnect=True) == BACK["post_logout_redirect_uri"]


@pytest.mark.parametrize(
    ("client_id", "change"),
    [
        (None, {}),
        ("other", {}),
        ("passerelle", {"state": ""}),
        ("passerelle", {"state": "s" * 31}),
        ("passerelle", {"post_logout_redirect_uri": "http://localhost:8400"}),
        ("passerelle", {"post_logout_redirect_uri": "http://evil.example/"}),
    ],
)
def test_a_sign_out_that_differs_by_a_letter_is_refused(client_id, change):
    with pytest.raises(UnusableRequestError, match="Y030111"):
        check_sign_out(CLIENTS, client_id, BACK | change, proconnect=True)
    if "state" not in change:
        assert check_sign_out(CLIENTS, client_id, BACK | change, proconnect=False) is None


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


def test_claims_follow_the_scopes():
    assert released(MARIE, frozenset({"openid"}), proconnect=True) == {"sub": MARIE.sub}
    told = released(MARIE, frozenset(GOOD["scope"].split()), proconnect=True)
    assert told == {
        "sub": MARIE.sub, "given_name": "Marie", "usual_name": "Curie", "email": MARIE.email, "uid": "marie.curie",
        "siret": "13002526500013", "idp_id": IDP_ID,
    }  # fmt: skip
    more = released(
        MARIE, frozenset({"openid", "siren", "organizational_unit", "belonging_population"}), proconnect=True
    )
    assert (more["siren"], more["belonging_population"]) == ("130025265", "agent")
    generic = released(MARIE, frozenset({"openid", "profile", "email"}), proconnect=False)
    assert (generic["name"], generic["preferred_username"]) == ("Marie Curie", "marie.curie")
    assert "siret" not in generic
