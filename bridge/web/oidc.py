# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How staff sign in: OpenID Connect's code flow, with what ProConnect-shaped providers ask for.

The identity token and a signed userinfo answer are verified with the provider's published keys and the one algorithm
that the client was registered with. The only module that knows authlib; `bridge.web.sign_in` is what browsers meet.
"""

from __future__ import annotations

import base64
import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx2
import structlog
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet

from bridge.domain.assurance import Assurance
from bridge.domain.errors import Refused, Unavailable
from bridge.domain.oidc_metadata import WELL_KNOWN, doubts, faults
from bridge.settings import OidcSettings

LEEWAY_S = 60
"""How far the provider's clock may be from ours."""
REQUEST_TIMEOUT_S = 10.0
CACHE_S = 600.0
"""How long the provider's metadata and keys are believed without asking again."""
REFETCH_S = 10.0
"""Between two looks for new keys. Stops: tokens with made-up keys making us ask the provider each time."""
MAX_SIGN_OUT_URL = 8000
"""Characters. Stops: an identity token so long that the provider's server refuses the sign-out; then without it."""

_WAY = "check the address, the way there (firewall, proxy) and its certificate ([federation] ca_file)."

_LOG = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sign-in that has begun; lives in the browser's cookie alone."""

    state: str
    nonce: str
    verifier: str
    next: str
    silent: bool = False
    """Nobody may be asked anything (`prompt=none`); if somebody has to be, the page offers to."""
    homeserver: tuple[str, str] | None = None
    """`state` and code challenge of our homeserver, when the sign-in is for Element."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who the provider says has signed in; `id_token` proves it to the provider at the sign-out."""

    subject: str
    claims: Mapping[str, Any]
    id_token: str


@dataclass(frozen=True, slots=True)
class Findings:
    """What a look at a provider found: what keeps everybody out, and what may."""

    faults: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


class Provider:
    """One OpenID provider, found by discovery. `redirect_uri` is where it sends browsers back to."""

    def __init__(
        self,
        settings: OidcSettings,
        *,
        redirect_uri: str,
        ca_file: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._redirect_uri = redirect_uri
        self._assurance = Assurance(settings.acr, settings.amr)
        self._clock = clock
        self._tls = ssl.create_default_context()
        if ca_file is not None:
            self._tls.load_verify_locations(ca_file)
        self._metadata: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None

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

    async def login_url(self, attempt: Attempt, *, login_hint: str = "") -> str:
        """Return where the browser goes to sign in. Nothing is sent that is not needed: ProConnect refuses it."""
        metadata = await self._discover()
        wanted = {
            "code_verifier": attempt.verifier if self._settings.pkce else None,
            "claims": self._assurance.claims_parameter(),
            "prompt": "none" if attempt.silent else None,
            "login_hint": login_hint,
            "idp_hint": self._settings.idp_hint,
        }
        async with self._client() as client:
            url, _ = client.create_authorization_url(
                metadata["authorization_endpoint"],
                state=attempt.state,
                nonce=attempt.nonce,
                **{name: value for name, value in wanted.items() if value},
            )
        return str(url)

    async def logout_url(self, id_token: str, *, state: str, back_to: str) -> str | None:
        """Return where the browser goes to sign out at the provider, too; None where the provider offers none."""
        endpoint = (await self._discover()).get("end_session_endpoint")
        if not isinstance(endpoint, str) or not id_token:
            return None
        query = {"id_token_hint": id_token, "post_logout_redirect_uri": back_to, "state": state}
        url = endpoint + ("&" if "?" in endpoint else "?") + urlencode(query)
        return url if len(url) <= MAX_SIGN_OUT_URL else None

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
                id_token = tokens.get("id_token")
                claims = await self._identity(id_token, metadata, attempt.nonce)
                info = await self._userinfo(client, metadata, attempt.nonce)
        except httpx2.HTTPStatusError as error:
            if error.response.status_code >= 500:
                raise Unavailable("the sign-in provider") from error
            raise failed(f"status {error.response.status_code}") from error
        except (AuthlibBaseError, JoseError, ValueError) as error:
            raise failed(type(error).__name__) from error
        except httpx2.HTTPError as error:
            raise Unavailable("the sign-in provider") from error
        if info and info.get("sub") != claims["sub"]:
            raise failed("userinfo of somebody else")
        return Person(claims["sub"], {**info, **claims}, id_token)

    async def _identity(self, token: object, metadata: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        if not isinstance(token, str):
            raise failed("no identity token")
        claims = await self._verified(token, metadata)
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
        if not self._assurance.is_met_by(claims):
            raise not_sure_enough()
        return claims

    async def _userinfo(self, client: AsyncOAuth2Client, metadata: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        endpoint = metadata.get("userinfo_endpoint")
        if endpoint is None:
            if self._settings.signed_userinfo:
                raise failed("no userinfo endpoint")
            return {}
        response = await client.get(endpoint)
        response.raise_for_status()
        if not response.headers.get("Content-Type", "").lower().startswith("application/jwt"):
            if self._settings.signed_userinfo:
                raise failed("userinfo is not signed")
            return _json(response)
        claims = await self._verified(response.text, metadata)
        jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": metadata["issuer"]},
            aud={"essential": True, "value": self._settings.client_id},
            sub={"essential": True},
            nonce={"value": nonce},
        ).validate(claims)
        return claims

    async def _verified(self, token: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a token says, if one of the provider's keys signed it; a new key of theirs is looked for once."""
        algorithms = [self._settings.signing_algorithm]
        _require_each_name_once(token)
        try:
            return dict(jwt.decode(token, await self._published_keys(metadata), algorithms=algorithms).claims)
        except (InvalidKeyIdError, BadSignatureError):
            fetched_at, _ = self._keys or (0.0, None)
            if self._clock() - fetched_at < REFETCH_S:
                raise
            self._keys = None
            return dict(jwt.decode(token, await self._published_keys(metadata), algorithms=algorithms).claims)

    async def _published_keys(self, metadata: Mapping[str, Any]) -> KeySet:
        if self._keys is None or self._clock() - self._keys[0] >= CACHE_S:
            async with self._plain_client() as client:
                response = await client.get(metadata["jwks_uri"])
            self._keys = (self._clock(), _key_set(_json(response)))
        return self._keys[1]

    async def look(self) -> Findings:
        """Look at the provider without signing anybody in."""
        settings, where = self._settings, f"{self._settings.issuer}{WELL_KNOWN}"
        try:
            async with self._plain_client() as client:
                metadata = _json(await client.get(where))
        except httpx2.HTTPStatusError as error:
            status = error.response.status_code
            return Findings((f"{where} answers {status}: is issuer in [oidc] the provider's, to the letter?",))
        except httpx2.HTTPError as error:
            return Findings((f"{where} does not answer ({type(error).__name__}): {_WAY}",))
        except ValueError:
            return Findings((f"{where} is no JSON object: is issuer in [oidc] the provider's, to the letter?",))
        wrong = faults(metadata, settings.issuer)
        if not wrong:
            wrong += await self._key_faults(metadata)
        return Findings(
            tuple(wrong),
            tuple(
                doubts(
                    metadata,
                    pkce=settings.pkce,
                    signing_algorithm=settings.signing_algorithm,
                    signed_userinfo=settings.signed_userinfo,
                    scopes=settings.scopes.split(),
                    asks_claims=self._assurance.claims_parameter() is not None,
                    acr=settings.acr,
                )
            ),
        )

    async def _key_faults(self, metadata: Mapping[str, Any]) -> list[str]:
        """Return what keeps us from checking signatures."""
        uri, algorithm = metadata["jwks_uri"], self._settings.signing_algorithm
        try:
            keys = await self._published_keys(metadata)
        except (httpx2.HTTPError, JoseError, ValueError) as error:
            return [f"Its keys can't be read from {uri} ({type(error).__name__}): {_WAY}"]
        kind = "RSA" if algorithm == "RS256" else "EC"
        if any(key.key_type == kind for key in keys.keys):
            return []
        return [f"{uri} has no key for {algorithm}: set signing_algorithm to what the client is registered with."]

    def _plain_client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(verify=self._tls, timeout=REQUEST_TIMEOUT_S, trust_env=False)

    async def _discover(self) -> dict[str, Any]:
        if self._metadata is not None and self._clock() - self._metadata[0] < CACHE_S:
            return self._metadata[1]
        try:
            async with self._plain_client() as client:
                metadata = _json(await client.get(f"{self._settings.issuer}{WELL_KNOWN}"))
        except (httpx2.HTTPError, ValueError) as error:
            raise Unavailable("the sign-in provider") from error
        if wrong := faults(metadata, self._settings.issuer):
            _LOG.error("oidc_provider_does_not_fit", why=wrong)
            raise Unavailable("the sign-in provider")
        self._metadata = (self._clock(), metadata)
        return metadata


def _require_each_name_once(token: str) -> None:
    """Refuse two claims of one name: another reader of the same token would believe the other (RFC 7519, 4)."""
    for part in token.split(".")[:2]:
        json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)), object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(read := dict(pairs)) < len(pairs):
        msg = "a name stands there twice"
        raise ValueError(msg)
    return read


def failed(why: str) -> Refused:
    """Return the answer to a sign-in that did not work; why goes to our log only."""
    _LOG.info("sign_in_failed", why=why)
    return Refused(
        400, "PASSERELLE_SIGN_IN_FAILED", "This sign-in did not work. Please start again from the first page."
    )


def not_sure_enough() -> Refused:
    """Return the answer to somebody who signed in less surely than the settings want."""
    _LOG.info("sign_in_failed", why="assurance")
    return Refused(
        403,
        "PASSERELLE_ASSURANCE",
        "This service asks for a stronger sign-in, for example with a second factor. Please sign in again that way.",
    )


def _json(response: httpx2.Response) -> dict[str, Any]:
    response.raise_for_status()
    document = response.json()
    if not isinstance(document, dict):
        msg = "not a JSON object"
        raise ValueError(msg)  # their document is wrong, not our call
    return document


def _key_set(document: Any) -> KeySet:  # noqa: ANN401  # a decoded document, checked by joserfc
    try:
        return KeySet.import_key_set(document)
    except (KeyError, TypeError) as error:
        msg = "not a key set"
        raise ValueError(msg) from error
