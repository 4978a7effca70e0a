# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A small OIDC provider in ProConnect's shape, where the demo staff of a local stack sign in without passwords.

    python -m bridge.stack.oidc_provider --config oidc.toml

Authorization code flow, PKCE where the client wants it, userinfo as a signed JWT, sign-out by redirect. The
sign-in page posts `sub` to its own address, query included, so a script signs in with one POST there.
"""

import argparse
import asyncio
import base64
import binascii
import secrets
import signal
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote_plus, urlencode

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import BaseModel, ConfigDict

from bridge.stack import oidc_page
from bridge.stack.oidc_grants import (
    CODE_LIFETIME_S,
    CODES_MAX,
    PARAMETER_LENGTH_MAX,
    SCOPES,
    TOKEN_LIFETIME_S,
    TOKENS_MAX,
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
from bridge.stack.people import Person
from bridge.stack.secrets import write_private

_ALGORITHM = "RS256"
_ID_TOKEN_LIFETIME_S = 300
# stops: bodies larger than any form of ours.
_BODY_BYTES_MAX = 16 * 1024
_CODE_BYTES = 32


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClientSettings(_Strict):
    """One `[[clients]]`."""

    client_id: str
    client_secret: str
    redirect_uris: list[str]
    post_logout_redirect_uris: list[str] = []


class PersonSettings(_Strict):
    """One `[[people]]`."""

    sub: str
    preferred_username: str
    given_name: str
    usual_name: str
    email: str
    siret: str
    organizational_unit: str


class Settings(_Strict):
    """`oidc.toml`."""

    issuer: str
    host: str
    port: int
    signing_key_file: Path
    # ProConnect refuses PKCE's parameters like any other that it does not know.
    pkce: bool = True
    clients: list[ClientSettings]
    people: list[PersonSettings]


def load_signing_key(path: Path) -> RSAKey:
    """The key that signs tokens, made at the first start."""
    if not path.exists():
        write_private(path, RSAKey.generate_key(2048).as_pem(private=True).decode("ascii"))
    key = RSAKey.import_key(path.read_text(encoding="ascii"))
    return RSAKey.import_key(key.as_dict(private=True), {"kid": key.thumbprint(), "use": "sig", "alg": _ALGORITHM})


class Provider:
    """The HTTP side of the provider."""

    def __init__(self, settings: Settings, key: RSAKey) -> None:
        self._issuer = settings.issuer
        self._pkce = settings.pkce
        self._key = key
        self._clients = {
            c.client_id: Client(
                c.client_id, c.client_secret, tuple(c.redirect_uris), tuple(c.post_logout_redirect_uris)
            )
            for c in settings.clients
        }
        self._people = {p.sub: Person(**p.model_dump()) for p in settings.people}
        self._codes: Expiring[Grant] = Expiring(lifetime_s=CODE_LIFETIME_S, size_max=CODES_MAX)
        self._tokens: Expiring[Grant] = Expiring(lifetime_s=TOKEN_LIFETIME_S, size_max=TOKENS_MAX)

    def application(self) -> web.Application:
        """The routes."""
        app = web.Application(client_max_size=_BODY_BYTES_MAX)
        app.add_routes(
            [
                web.get("/.well-known/openid-configuration", self._discovery),
                web.get("/jwks", self._jwks),
                web.get("/authorize", self._authorize),
                web.post("/authorize", self._choose),
                web.post("/token", self._token),
                web.get("/userinfo", self._userinfo),
                web.post("/userinfo", self._userinfo),
                web.get("/session/end", self._end_session),
            ]
        )
        return app

    async def _discovery(self, _request: web.Request) -> web.Response:
        document: dict[str, object] = {
            "issuer": self._issuer,
            "authorization_endpoint": f"{self._issuer}/authorize",
            "token_endpoint": f"{self._issuer}/token",
            "userinfo_endpoint": f"{self._issuer}/userinfo",
            "jwks_uri": f"{self._issuer}/jwks",
            "end_session_endpoint": f"{self._issuer}/session/end",
            "scopes_supported": SCOPES,
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [_ALGORITHM],
            "userinfo_signing_alg_values_supported": [_ALGORITHM],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "acr_values_supported": ["eidas1"],
            "claims_parameter_supported": True,
        }
        if self._pkce:
            document["code_challenge_methods_supported"] = ["S256"]
        return web.json_response(document)

    async def _jwks(self, _request: web.Request) -> web.Response:
        return web.json_response({"keys": [self._key.as_dict(private=False)]})

    async def _authorize(self, request: web.Request) -> web.Response:
        judged = self._judge(request)
        return judged if isinstance(judged, web.Response) else self._choose_page(request, judged)

    async def _choose(self, request: web.Request) -> web.Response:
        judged = self._judge(request)
        if isinstance(judged, web.Response):
            return judged
        sub = (await request.post()).get("sub")
        if not isinstance(sub, str) or sub not in self._people:
            return self._choose_page(request, judged, status=400)
        code = secrets.token_urlsafe(_CODE_BYTES)
        self._codes.put(code, Grant(judged, sub, int(time.time())), now=time.monotonic())
        return _send_back(judged.redirect_uri, {"code": code, "state": judged.state})

    def _judge(self, request: web.Request) -> Authorization | web.Response:
        """The request in its address, or the answer that refuses it."""
        try:
            client, redirect_uri = redirect_target(self._clients, request.query)
        except UnusableRequestError as e:
            return _page(oidc_page.error_page(_language(request), str(e)), status=400)
        try:
            return check_authorization(client, redirect_uri, _once(request), pkce=self._pkce)
        except OAuthError as e:
            parameters = {"error": e.error, "error_description": e.description}
            if state := request.query.get("state", "")[:PARAMETER_LENGTH_MAX]:
                parameters["state"] = state
            return _send_back(redirect_uri, parameters)

    def _choose_page(self, request: web.Request, authorization: Authorization, *, status: int = 200) -> web.Response:
        page = oidc_page.choose_page(_language(request), tuple(self._people.values()))
        return _page(page, status=status, form_target=authorization.redirect_uri)

    async def _token(self, request: web.Request) -> web.Response:
        form = {key: value for key, value in (await request.post()).items() if isinstance(value, str)}
        try:
            client = authenticate_client(self._clients, *_client_credentials(request, form))
            if form.get("grant_type") != "authorization_code":
                raise OAuthError("unsupported_grant_type", "only authorization_code")
            taken = self._codes.take(form.get("code", ""), now=time.monotonic())
            grant = check_exchange(taken, client, form)
        except OAuthError as e:
            return _json_error(e, status=401 if e.error == "invalid_client" else 400)
        access_token = secrets.token_urlsafe(_CODE_BYTES)
        self._tokens.put(access_token, grant, now=time.monotonic())
        now = int(time.time())
        id_token = self._sign(
            {
                "iss": self._issuer,
                "sub": grant.sub,
                "aud": client.client_id,
                "iat": now,
                "exp": now + _ID_TOKEN_LIFETIME_S,
                "auth_time": grant.signed_in_at,
                "nonce": grant.authorization.nonce,
                "acr": "eidas1",
            }
        )
        return web.json_response(
            {
                "access_token": access_token,
                "token_type": "Bearer",
                "expires_in": TOKEN_LIFETIME_S,
                "id_token": id_token,
                "scope": " ".join(sorted(grant.authorization.scopes)),
            },
            headers={"Cache-Control": "no-store"},
        )

    async def _userinfo(self, request: web.Request) -> web.Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        grant = self._tokens.get(token, now=time.monotonic()) if scheme.lower() == "bearer" else None
        if grant is None:
            refused = OAuthError("invalid_token", "unknown or ended access token")
            return _json_error(refused, status=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        person = self._people[grant.sub]
        now = int(time.time())
        claims = {
            **released_claims(person, grant.authorization.scopes),
            "iss": self._issuer,
            "aud": grant.authorization.client_id,
            "iat": now,
            "exp": now + TOKEN_LIFETIME_S,
        }
        return web.Response(
            body=self._sign(claims).encode("ascii"),
            content_type="application/jwt",
            headers={"Cache-Control": "no-store"},
        )

    async def _end_session(self, request: web.Request) -> web.Response:
        """RP-initiated logout. There is no session to end: it leads back where the client registered, or nowhere."""
        target = request.query.get("post_logout_redirect_uri")
        if target is not None and any(target in c.post_logout_redirect_uris for c in self._clients.values()):
            state = request.query.get("state")
            return _send_back(target, {"state": state} if state else {})
        return _page(oidc_page.signed_out_page(_language(request)))

    def _sign(self, claims: dict[str, object]) -> str:
        return jwt.encode({"alg": _ALGORITHM, "kid": self._key.kid}, claims, self._key)


def _language(request: web.Request) -> str:
    return oidc_page.language(request.headers.get("Accept-Language", ""))


def _send_back(redirect_uri: str, parameters: Mapping[str, str]) -> web.Response:
    joint = "&" if "?" in redirect_uri else "?"
    location = redirect_uri + (joint + urlencode(parameters) if parameters else "")
    headers = {"Location": location, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return web.Response(status=302, headers=headers)


def _once(request: web.Request) -> dict[str, str]:
    """The parameters, none of them twice (RFC 6749, 3.1)."""
    parameters = dict(request.query.items())
    if len(parameters) != len(request.query):
        raise OAuthError("invalid_request", "a parameter comes twice")
    return parameters


def _client_credentials(request: web.Request, form: Mapping[str, str]) -> tuple[str, str]:
    """From the form, or from HTTP Basic, whose parts are form-encoded (RFC 6749, 2.3.1)."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise OAuthError("invalid_client", "unreadable Authorization header") from None
    return unquote_plus(client_id), unquote_plus(secret)


def _page(text: str, *, status: int = 200, form_target: str | None = None) -> web.Response:
    headers = oidc_page.security_headers(form_target)
    return web.Response(text=text, status=status, content_type="text/html", charset="utf-8", headers=headers)


def _json_error(error: OAuthError, *, status: int, headers: Mapping[str, str] | None = None) -> web.Response:
    body = {"error": error.error, "error_description": error.description}
    return web.json_response(body, status=status, headers={"Cache-Control": "no-store", **(headers or {})})


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(
        Provider(settings, load_signing_key(settings.signing_key_file)).application(), access_log=None
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
        await stop.wait()
    finally:
        await runner.cleanup()


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bridge.stack.oidc_provider", description=__doc__)
    parser.add_argument("--config", type=Path, required=True, help="path of oidc.toml")
    with parser.parse_args().config.open("rb") as file:
        settings = Settings.model_validate(tomllib.load(file))
    asyncio.run(serve(settings))


if __name__ == "__main__":
    main()
