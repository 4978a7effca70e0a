# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How staff sign in: OpenID Connect's code flow, with what ProConnect-shaped providers ask for.

State, nonce (43 characters each) and the PKCE verifier travel in a short-lived cookie of the browser that began; the
identity token and a signed userinfo answer are verified with the provider's published keys and an allow-list of
algorithms. The only door in or out of authlib.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx2
import structlog
from aiohttp import web
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import Field

from bridge.domain.display_name import clean_display_name
from bridge.domain.errors import Refused, Unavailable
from bridge.domain.identities import local_path, localpart_for
from bridge.domain.names import localpart_of
from bridge.matrix.homeserver import HomeserverRefusedError
from bridge.settings import OidcSettings
from bridge.store import sessions
from bridge.store.sessions import SignedIn
from bridge.web.body import Body, read
from bridge.web.context import SERVICES, Services
from bridge.web.limits import SIGN_INS, address_of
from bridge.web.sessions import STAFF, STAFF_LIFETIME, open_session

ALGORITHMS = ("RS256", "ES256")
"""Signatures that are believed. Never HS256: a public key must not be taken for a shared secret."""
COOKIE = "passerelle_login_"
COOKIE_LIFETIME_S = 600
CODE_LIFETIME = timedelta(seconds=60)
LEEWAY_S = 60
REQUEST_TIMEOUT_S = 10.0
METADATA_CACHE_S = 600.0
MAX_QUERY = 2048
"""Characters of a code or a state. Stops: passing pages of text on to the provider."""

_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One sign-in that has begun; lives in the browser's cookie alone."""

    state: str
    nonce: str
    verifier: str
    next: str


@dataclass(frozen=True, slots=True)
class Person:
    """Who the provider says has signed in."""

    subject: str
    claims: Mapping[str, Any]


class Provider:
    """One OpenID provider, found by discovery. `redirect_uri` is where it sends browsers back to."""

    def __init__(self, settings: OidcSettings, *, redirect_uri: str, ca_file: str | None = None) -> None:
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._tls = ssl.create_default_context()
        if ca_file is not None:
            self._tls.load_verify_locations(ca_file)
        self._metadata: tuple[float, dict[str, Any]] | None = None

    @property
    def issuer(self) -> str:
        """The issuer as the settings name it; part of a person's lasting identity."""
        return self._settings.issuer

    def _client(self, **more: Any) -> AsyncOAuth2Client:  # noqa: ANN401  # authlib's own keywords
        return AsyncOAuth2Client(
            client_id=self._settings.client_id,
            client_secret=self._settings.client_secret.get_secret_value(),
            redirect_uri=self._redirect_uri,
            scope=self._settings.scopes,
            code_challenge_method="S256" if self._settings.pkce else None,
            timeout=REQUEST_TIMEOUT_S,
            verify=self._tls,
            trust_env=False,
            follow_redirects=False,
            leeway=0,  # ProConnect's access tokens live 60 s; authlib's leeway of 60 s would call every one expired
            **more,
        )

    async def login_url(self, attempt: _Attempt) -> str:
        """Return where the browser goes to sign in."""
        metadata = await self._discover()
        pkce = {"code_verifier": attempt.verifier} if self._settings.pkce else {}
        async with self._client() as client:
            url, _ = client.create_authorization_url(
                metadata["authorization_endpoint"], state=attempt.state, nonce=attempt.nonce, **pkce
            )
        return str(url)

    async def person(self, attempt: _Attempt, code: str, returned_issuer: str | None) -> Person:
        """Exchange the code and return who signed in, or refuse."""
        metadata = await self._discover()
        if returned_issuer is not None and returned_issuer != metadata["issuer"]:
            raise failed("another provider answered")  # RFC 9207: mix-up
        methods = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        method = "client_secret_post" if "client_secret_post" in methods else "client_secret_basic"
        pkce = {"code_verifier": attempt.verifier} if self._settings.pkce else {}
        try:
            async with self._client(token_endpoint_auth_method=method) as client:
                tokens = await client.fetch_token(
                    metadata["token_endpoint"], grant_type="authorization_code", code=code, **pkce
                )
                keys = _keys(_json(await client.request("GET", metadata["jwks_uri"], withhold_token=True)))
                claims = self._identity(tokens.get("id_token"), keys, metadata, attempt.nonce)
                info = await self._userinfo(client, keys, metadata)
        except httpx2.HTTPStatusError as error:
            raise failed(f"status {error.response.status_code}") from error
        except (AuthlibBaseError, JoseError, ValueError) as error:
            raise failed(type(error).__name__) from error
        except httpx2.HTTPError as error:
            raise Unavailable("the sign-in provider") from error
        if info and info.get("sub") != claims["sub"]:
            raise failed("userinfo of somebody else")
        return Person(claims["sub"], {**claims, **info})

    def _identity(self, token: object, keys: KeySet, metadata: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        if not isinstance(token, str):
            raise failed("no identity token")
        claims = jwt.decode(token, keys, algorithms=list(ALGORITHMS)).claims
        jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": metadata["issuer"]},
            aud={"essential": True, "value": self._settings.client_id},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
            nonce={"essential": True, "value": nonce},
        ).validate(claims)
        authorized = claims.get("azp")
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if (authorized is not None or several) and authorized != self._settings.client_id:
            raise failed("token for another client")
        if not isinstance(claims["sub"], str) or not 0 < len(claims["sub"]) <= 255:
            raise failed("no usable subject")
        return dict(claims)

    async def _userinfo(self, client: AsyncOAuth2Client, keys: KeySet, metadata: Mapping[str, Any]) -> dict[str, Any]:
        endpoint = metadata.get("userinfo_endpoint")
        if endpoint is None:
            return {}
        response = await client.get(endpoint)
        response.raise_for_status()
        if not response.headers.get("Content-Type", "").lower().startswith("application/jwt"):
            return _json(response)
        claims = jwt.decode(response.text, keys, algorithms=list(ALGORITHMS)).claims
        jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": metadata["issuer"]},
            aud={"essential": True, "value": self._settings.client_id},
            sub={"essential": True},
        ).validate(claims)
        return dict(claims)

    async def _discover(self) -> dict[str, Any]:
        if self._metadata is not None and self._metadata[0] > time.monotonic():
            return self._metadata[1]
        try:
            async with httpx2.AsyncClient(verify=self._tls, timeout=REQUEST_TIMEOUT_S, trust_env=False) as client:
                metadata = _json(await client.get(f"{self._settings.issuer}/.well-known/openid-configuration"))
        except (httpx2.HTTPError, ValueError) as error:
            raise Unavailable("the sign-in provider") from error
        needed = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")
        if not all(isinstance(metadata.get(name), str) for name in needed):
            raise Unavailable("the sign-in provider")
        if metadata["issuer"].rstrip("/") != self._settings.issuer:
            _LOG.error("oidc_issuer_differs", expected=self._settings.issuer)
            raise Unavailable("the sign-in provider")
        self._metadata = (time.monotonic() + METADATA_CACHE_S, metadata)
        return metadata


PROVIDER: web.AppKey[Provider] = web.AppKey("oidc_provider", Provider)


class Code(Body):
    """What the page found in its address."""

    code: str = Field(min_length=1, max_length=256)


def add_routes(app: web.Application, settings: OidcSettings, *, public_url: str, ca_file: str | None) -> None:
    """Add sign-in."""
    app[PROVIDER] = Provider(settings, redirect_uri=f"{public_url}/auth/callback", ca_file=ca_file)
    app.router.add_get("/auth/login", _login)
    app.router.add_get("/auth/callback", _callback)
    app.router.add_post("/auth/session", _session)


async def _login(request: web.Request) -> web.StreamResponse:
    services = request.app[SERVICES]
    services.limits.take(SIGN_INS, address_of(request))
    target = local_path(request.query.get("next", "/"))
    if target is None:
        raise Refused(400, "M_BAD_JSON", "next must be a path of these pages.")
    attempt = _Attempt(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), target)
    response = web.HTTPFound(await request.app[PROVIDER].login_url(attempt))
    response.headers["Cache-Control"] = "no-store"
    packed = base64.urlsafe_b64encode(
        json.dumps([attempt.state, attempt.nonce, attempt.verifier, attempt.next]).encode()
    ).decode()
    response.set_cookie(
        _cookie_name(attempt.state),
        packed,
        max_age=COOKIE_LIFETIME_S,
        path="/auth/callback",
        httponly=True,
        secure=_secure(services),
        samesite="Lax",
    )
    return response


async def _callback(request: web.Request) -> web.StreamResponse:
    services, query = request.app[SERVICES], request.query
    services.limits.take(SIGN_INS, address_of(request))
    state, code = query.get("state", ""), query.get("code", "")
    if len(state) > MAX_QUERY or len(code) > MAX_QUERY:
        raise failed("oversized answer")
    attempt = _attempt(request.cookies.get(_cookie_name(state)), state)
    if attempt is None:
        raise failed("no sign-in of this browser")
    if "error" in query or not code:
        raise failed("the provider said no")
    provider = request.app[PROVIDER]
    async with asyncio.timeout(3 * REQUEST_TIMEOUT_S):
        person = await provider.person(attempt, code, query.get("iss"))
    ticket = await _remember(services, provider.issuer, person)
    response = web.HTTPFound(f"{attempt.next}#code={ticket}")
    response.headers["Cache-Control"] = "no-store"
    response.del_cookie(_cookie_name(state), path="/auth/callback")
    return response


async def _remember(services: Services, issuer: str, person: Person) -> str:
    """Bind the person to a Matrix localpart, and return a code that the page exchanges within a minute."""
    homeserver = services.settings.homeserver
    preferred = person.claims.get("preferred_username")
    bot = localpart_of(services.settings.captions.bot_user, homeserver.name)
    wanted = localpart_for(
        preferred if isinstance(preferred, str) and preferred.strip() else person.subject,
        server_name=homeserver.name,
        guest_prefix=homeserver.guest_prefix,
        reserved=frozenset(name for name in (homeserver.bot_localpart, bot) if name),
    )
    ticket = secrets.token_urlsafe(32)
    async with services.database.transaction() as tx:
        localpart = await sessions.bind_identity(tx, issuer=issuer, subject=person.subject, wanted=wanted)
        if localpart is None:
            raise Refused(
                403,
                "PASSERELLE_NO_ACCOUNT",
                "Somebody else has your account's name here. Please ask your administrator.",
            )
        who = SignedIn(localpart, _display_name(person.claims, localpart))
        await sessions.put_code(tx, ticket, who, services.now() + CODE_LIFETIME)
    return ticket


def _display_name(claims: Mapping[str, Any], localpart: str) -> str:
    parts = [claims.get("given_name"), claims.get("usual_name") or claims.get("family_name")]
    full = " ".join(part for part in parts if isinstance(part, str))
    for name in (claims.get("name"), full, localpart):
        if isinstance(name, str):
            try:
                return clean_display_name(name)
            except Refused:
                continue
    return localpart


async def _session(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    services.limits.take(SIGN_INS, address_of(request))
    body = await read(request, Code)
    async with services.database.transaction() as tx:
        who = await sessions.take_code(tx, body.code, services.now())
    if who is None:
        raise Refused(401, "PASSERELLE_CODE_UNKNOWN", "This sign-in was used or is too old. Please sign in again.")
    try:
        matrix = await services.accounts.login_staff(who.localpart, who.display_name)
    except HomeserverRefusedError as error:
        _LOG.warning("staff_login_refused", status=error.status, errcode=error.errcode)
        raise Refused(
            403, "PASSERELLE_NO_ACCOUNT", "Your Matrix account is closed. Please ask your administrator."
        ) from error
    async with services.database.transaction() as tx:
        session = await open_session(
            tx,
            services,
            matrix,
            display_name=who.display_name,
            door=STAFF,
            meeting=None,
            expires_at=services.now() + STAFF_LIFETIME,
        )
    return web.json_response(session, headers={"Cache-Control": "no-store"})


def failed(why: str) -> Refused:
    """Return the answer to a sign-in that did not work; why goes to our log only."""
    _LOG.info("sign_in_failed", why=why)
    return Refused(
        400, "PASSERELLE_SIGN_IN_FAILED", "This sign-in did not work. Please start again from the first page."
    )


def _secure(services: Services) -> bool:
    return services.settings.http.public_url.startswith("https://")


def _cookie_name(state: str) -> str:
    """Return a name of its own for each attempt, so that two windows can sign in at once."""
    return COOKIE + "".join(sign for sign in state[:8] if sign.isascii() and (sign.isalnum() or sign in "-_"))


def _attempt(packed: str | None, state: str) -> _Attempt | None:
    try:
        known, nonce, verifier, target = json.loads(base64.urlsafe_b64decode(packed or ""))
    except (ValueError, TypeError, RecursionError):
        return None
    if not all(isinstance(text, str) for text in (known, nonce, verifier, target)) or local_path(target) is None:
        return None
    if len(known) < 32 or not secrets.compare_digest(known.encode(), state.encode()):
        return None
    return _Attempt(known, nonce, verifier, target)


def _json(response: httpx2.Response) -> dict[str, Any]:
    response.raise_for_status()
    document = response.json()
    if not isinstance(document, dict):
        msg = "not a JSON object"
        raise ValueError(msg)  # their document is wrong, not our call
    return document


def _keys(document: Any) -> KeySet:  # noqa: ANN401  # a decoded document, checked by joserfc
    try:
        return KeySet.import_key_set(document)
    except (KeyError, TypeError) as error:
        msg = "not a key set"
        raise ValueError(msg) from error
