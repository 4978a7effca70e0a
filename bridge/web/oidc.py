# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How staff sign in: OpenID Connect's code flow, with what ProConnect-shaped providers ask for.

The identity token and a signed userinfo answer are verified with the provider's published keys and an allow-list of
algorithms. The only module that knows authlib; `bridge.web.sign_in` is what browsers meet.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from bridge.domain.errors import Refused, Unavailable
from bridge.settings import OidcSettings

ALGORITHMS = ("RS256", "ES256")
"""Signatures that are believed. Never HS256: a public key must not be taken for a shared secret."""
LEEWAY_S = 60
REQUEST_TIMEOUT_S = 10.0
METADATA_CACHE_S = 600.0

_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
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

    async def login_url(self, attempt: Attempt) -> str:
        """Return where the browser goes to sign in."""
        metadata = await self._discover()
        pkce = {"code_verifier": attempt.verifier} if self._settings.pkce else {}
        async with self._client() as client:
            url, _ = client.create_authorization_url(
                metadata["authorization_endpoint"], state=attempt.state, nonce=attempt.nonce, **pkce
            )
        return str(url)

    async def person(self, attempt: Attempt, code: str, returned_issuer: str | None) -> Person:
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


def failed(why: str) -> Refused:
    """Return the answer to a sign-in that did not work; why goes to our log only."""
    _LOG.info("sign_in_failed", why=why)
    return Refused(
        400, "PASSERELLE_SIGN_IN_FAILED", "This sign-in did not work. Please start again from the first page."
    )


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
