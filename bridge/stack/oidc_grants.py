# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the OIDC provider decides: which requests are in order, which code and token is worth what.

No HTTP and no clock here. Shaped after ProConnect (`proconnect`): `state` and `nonce` of at least 32 characters, no
parameter beyond its list and so no PKCE, a code of 30 seconds that is good once, sign-out with `id_token_hint` and
`state`. Without `proconnect` it is an ordinary provider: PKCE, the scopes of OpenID Connect, other parameters ignored.
"""

import base64
import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from bridge.stack import oidc_claims
from bridge.stack.oidc_claims import NOTHING_ASKED, Asked, UnreadableClaimsError
from bridge.stack.people import Person

CODE_LIFETIME_S = 30
TOKEN_LIFETIME_S = 60
SESSION_LIFETIME_S = 12 * 3600
# stops: memory growing with requests of strangers; the oldest goes first.
CODES_MAX = 1000
TOKENS_MAX = 1000
SESSIONS_MAX = 1000
# stops: a page or redirect as large as a stranger likes.
PARAMETER_LENGTH_MAX = 2048

_STATE_LENGTH_MIN = 32
_KNOWN = frozenset(
    {
        "response_type",
        "client_id",
        "redirect_uri",
        "scope",
        "state",
        "nonce",
        "prompt",
        "login_hint",
        "idp_hint",
        "claims",
    }
)
_PROMPTS = ("none", "login")
_S256_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")

T = TypeVar("T")


class UnusableRequestError(Exception):
    """Nobody can be sent back anywhere: client or redirect URI are not registered. Shown as a page."""


class OAuthError(Exception):
    """An error of RFC 6749: `error` is its code, the text says what was wrong. Safe to show."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True)
class Client:
    """A registered client."""

    client_id: str
    client_secret: str
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Authorization:
    """An authorize request that is in order."""

    client_id: str
    redirect_uri: str
    scopes: frozenset[str]
    state: str
    nonce: str
    code_challenge: str | None
    silent: bool = False
    login_hint: str = ""
    asked: Asked = NOTHING_ASKED


@dataclass(frozen=True, slots=True)
class Grant:
    """Who signed in, and for which request."""

    authorization: Authorization
    sub: str
    signed_in_at: int


class Expiring(Generic[T]):
    """A bounded map whose entries end after a while; when full, the oldest makes room."""

    def __init__(self, *, lifetime_s: int, size_max: int) -> None:
        self._lifetime_s = lifetime_s
        self._size_max = size_max
        self._entries: OrderedDict[str, tuple[float, T]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def put(self, key: str, value: T, *, now: float) -> None:
        """Keep a value from now on."""
        if len(self._entries) >= self._size_max:
            self._entries.popitem(last=False)
        self._entries[key] = (now + self._lifetime_s, value)

    def get(self, key: str, *, now: float) -> T | None:
        """The value, unless it has ended."""
        entry = self._entries.get(key)
        return entry[1] if entry is not None and now < entry[0] else None

    def drop(self, value: T) -> None:
        """Forget every entry of this value."""
        for key in [key for key, entry in self._entries.items() if entry[1] == value]:
            del self._entries[key]

    def take(self, key: str, *, now: float) -> T | None:
        """The value, for the last time."""
        value = self.get(key, now=now)
        self._entries.pop(key, None)
        return value


def redirect_target(clients: Mapping[str, Client], parameters: Mapping[str, str]) -> tuple[Client, str]:
    """The client and its exactly registered redirect URI.

    Raises:
        UnusableRequestError: there is none.
    """
    client = clients.get(parameters.get("client_id", ""))
    if client is None:
        raise UnusableRequestError("This client_id is not registered here.")
    redirect_uri = parameters.get("redirect_uri", "")
    if redirect_uri not in client.redirect_uris:
        raise UnusableRequestError("This redirect_uri is not registered for the client, to the letter.")
    return client, redirect_uri


def check_authorization(
    client: Client, redirect_uri: str, parameters: Mapping[str, str], *, proconnect: bool
) -> Authorization:
    """Judge the rest of an authorize request.

    Raises:
        OAuthError: to be sent back to the client.
    """
    if proconnect and (unknown := sorted(set(parameters) - _KNOWN)):
        raise _bad_request(f"unknown parameter {unknown[0][:40]!r}")
    for name, value in parameters.items():
        if len(value) > PARAMETER_LENGTH_MAX:
            raise _bad_request(f"{name} is longer than {PARAMETER_LENGTH_MAX} characters")
    if parameters.get("response_type") != "code":
        raise OAuthError("unsupported_response_type", "only response_type=code")
    scopes = frozenset(parameters.get("scope", "").split())
    known_scopes = oidc_claims.scopes(proconnect=proconnect)
    if "openid" not in scopes or not scopes <= set(known_scopes):
        raise OAuthError("invalid_scope", f"scope must hold openid and nothing outside: {' '.join(known_scopes)}")
    for name in ("state", "nonce"):
        if len(parameters.get(name, "")) < (_STATE_LENGTH_MIN if proconnect else 1):
            raise _bad_request(f"{name} must have at least {_STATE_LENGTH_MIN} characters")
    if parameters.get("prompt", "login") not in _PROMPTS:
        raise _bad_request(f"prompt is one of {' '.join(_PROMPTS)}")
    if parameters.get("idp_hint", oidc_claims.IDP_ID) != oidc_claims.IDP_ID:
        raise _bad_request("idp_hint names no identity provider of ours")
    try:
        asked = oidc_claims.read_claims(parameters.get("claims"))
    except UnreadableClaimsError as e:
        raise _bad_request(str(e)) from e
    return Authorization(
        client_id=client.client_id,
        redirect_uri=redirect_uri,
        scopes=scopes,
        state=parameters["state"],
        nonce=parameters["nonce"],
        code_challenge=None if proconnect else _code_challenge(parameters),
        silent=parameters.get("prompt") == "none",
        login_hint=parameters.get("login_hint", ""),
        asked=asked,
    )


def _bad_request(what: str) -> OAuthError:
    return OAuthError("invalid_request", f"Y000400: {what}")  # ProConnect's own number for it


def check_person(authorization: Authorization, person: Person) -> None:
    """Judge whether this person satisfies what the client called essential.

    Raises:
        OAuthError: to be sent back to the client.
    """
    wanted = authorization.asked.acr
    if wanted and person.acr not in wanted:
        raise OAuthError("unmet_authentication_requirements", f"this person has {person.acr}")


def silently(authorization: Authorization, person: Person | None) -> Person:
    """Who signs in without being asked: whoever has a session, and is the one whom the client expects.

    Raises:
        OAuthError: nobody; the client has to ask.
    """
    if person is None:
        raise OAuthError("login_required", "nobody is signed in")
    if authorization.login_hint not in ("", person.email):
        raise OAuthError("login_required", "somebody else is signed in")
    return person


def check_sign_out(
    clients: Mapping[str, Client], client_id: str | None, parameters: Mapping[str, str], *, proconnect: bool
) -> str | None:
    """Where a sign-out leads back to, or None; `client_id` is whom a believable `id_token_hint` was made for.

    Raises:
        UnusableRequestError: ProConnect's rules are not kept.
    """
    target = parameters.get("post_logout_redirect_uri")
    client = clients.get(client_id or "")
    registered = client is not None and target in client.post_logout_redirect_uris
    if proconnect and not (registered and len(parameters.get("state", "")) >= _STATE_LENGTH_MIN):
        raise UnusableRequestError(
            "Y030111: a sign-out has id_token_hint, state and the registered post_logout_redirect_uri, to the letter."
        )
    return target if registered else None


def _code_challenge(parameters: Mapping[str, str]) -> str | None:
    challenge = parameters.get("code_challenge")
    if challenge is None and "code_challenge_method" not in parameters:
        return None
    if parameters.get("code_challenge_method") != "S256" or not _S256_CHALLENGE.fullmatch(challenge or ""):
        raise _bad_request("only PKCE with S256 and a challenge of 43 characters (RFC 7636)")
    return challenge


def authenticate_client(clients: Mapping[str, Client], client_id: str, secret: str) -> Client:
    """The client that knows its secret.

    Raises:
        OAuthError: unknown client or wrong secret, not saying which.
    """
    client = clients.get(client_id)
    expected = client.client_secret if client is not None else ""
    if not hmac.compare_digest(expected.encode(), secret.encode()) or client is None:
        raise OAuthError("invalid_client", "unknown client or wrong secret")
    return client


def check_exchange(grant: Grant | None, client: Client, parameters: Mapping[str, str]) -> Grant:
    """Judge the exchange of a code that has been taken out of its store.

    Raises:
        OAuthError: unknown, used, ended, another client's, another redirect URI, wrong PKCE verifier.
    """
    if grant is None:
        raise OAuthError("invalid_grant", "unknown, used or ended code")
    authorization = grant.authorization
    if authorization.client_id != client.client_id:
        raise OAuthError("invalid_grant", "the code was given to another client")
    if parameters.get("redirect_uri") != authorization.redirect_uri:
        raise OAuthError("invalid_grant", "redirect_uri differs from that of the authorize request")
    verifier = parameters.get("code_verifier")
    if (verifier is None) != (authorization.code_challenge is None):
        raise OAuthError("invalid_grant", "code_verifier and code_challenge come together or not at all")
    if verifier is not None and _s256(verifier) != authorization.code_challenge:
        raise OAuthError("invalid_grant", "code_verifier does not match")
    return grant


def _s256(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode("utf-8")).digest()
    return base64.urlsafe_b64encode(digest).decode("ascii").rstrip("=")
