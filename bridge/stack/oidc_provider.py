# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A small OIDC provider in ProConnect's shape, where the demo staff of a local stack sign in without passwords.

    python -m bridge.stack.oidc_provider --config oidc.toml

Authorization code flow, userinfo as a signed JWT, silent sign-in (`prompt=none`) for whoever chose a name before in
this browser, sign-out by redirect; `oidc_grants` has the rules. Whoever is not asked silently chooses anew: nobody here
has a password. The sign-in page posts `sub` to its own address, query included, so a script signs in with one POST.
"""

import argparse
import asyncio
import base64
import binascii
import hashlib
import secrets
import signal
import time
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import unquote_plus, urlencode

from aiohttp import web
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey
from pydantic import BaseModel, ConfigDict, Field

from bridge.stack import oidc_claims, oidc_page
from bridge.stack.oidc_grants import (
    CODE_LIFETIME_S,
    CODES_MAX,
    PARAMETER_LENGTH_MAX,
    SESSION_LIFETIME_S,
    SESSIONS_MAX,
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
    check_person,
    check_sign_out,
    redirect_target,
    silently,
)
from bridge.stack.people import Person
from bridge.stack.secrets import write_private

_ID_TOKEN_LIFETIME_S = 60
_SESSION_COOKIE = "oidc_session"
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
    uid: str
    given_name: str
    usual_name: str
    email: str
    siret: str = Field(pattern=r"^[0-9]{14}$")
    organizational_unit: str
    belonging_population: str = "agent"
    acr: str = "eidas1"
    amr: tuple[str, ...] = ("pwd",)


class Settings(_Strict):
    """`oidc.toml`."""

    issuer: str
    host: str
    port: int
    signing_key_file: Path
    # ProConnect's rules, or those of an ordinary provider.
    proconnect: bool = True
    algorithm: Literal["RS256", "ES256"] = "RS256"
    clients: list[ClientSettings]
    people: list[PersonSettings]


def load_signing_key(path: Path, algorithm: str) -> RSAKey | ECKey:
    """The key that signs tokens, made at the first start."""
    kind = RSAKey if algorithm == "RS256" else ECKey
    if not path.exists():
        made = RSAKey.generate_key(2048) if algorithm == "RS256" else ECKey.generate_key("P-256")
        write_private(path, made.as_pem(private=True).decode("ascii"))
    key = kind.import_key(path.read_text(encoding="ascii"))
    return kind.import_key(key.as_dict(private=True), {"kid": key.thumbprint(), "use": "sig", "alg": algorithm})


class Provider:
    """The HTTP side of the provider."""

    def __init__(self, settings: Settings, key: RSAKey | ECKey) -> None:
        self._issuer = settings.issuer
        self._proconnect = settings.proconnect
        self._algorithm = settings.algorithm
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
        self._sessions: Expiring[str] = Expiring(lifetime_s=SESSION_LIFETIME_S, size_max=SESSIONS_MAX)

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
            "scopes_supported": list(oidc_claims.scopes(proconnect=self._proconnect)),
            "response_types_supported": ["code"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [self._algorithm],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "client_secret_basic"],
            "acr_values_supported": ["eidas1", "eidas2", "eidas3"],
            "claims_parameter_supported": True,
        }
        if self._proconnect:
            document["userinfo_signing_alg_values_supported"] = [self._algorithm]
        else:
            document["code_challenge_methods_supported"] = ["S256"]
        return web.json_response(document)

    async def _jwks(self, _request: web.Request) -> web.Response:
        return web.json_response({"keys": [self._key.as_dict(private=False)]})

    async def _authorize(self, request: web.Request) -> web.Response:
        judged = self._judge(request)
        if isinstance(judged, web.Response) or not judged.silent:
            return judged if isinstance(judged, web.Response) else self._choose_page(request, judged)
        try:
            sub = self._sessions.get(request.cookies.get(_SESSION_COOKIE, ""), now=time.monotonic())
            person = silently(judged, self._people.get(sub or ""))
        except OAuthError as e:
            return _error_back(judged.redirect_uri, e, judged.state)
        return self._sign_in(judged, person)

    async def _choose(self, request: web.Request) -> web.Response:
        judged = self._judge(request)
        if isinstance(judged, web.Response):
            return judged
        person = self._people.get(str((await request.post()).get("sub")))
        if person is None:
            return self._choose_page(request, judged, status=400)
        response = self._sign_in(judged, person)
        session = secrets.token_urlsafe(_CODE_BYTES)
        self._sessions.put(session, person.sub, now=time.monotonic())
        # Cookies know no ports: this path keeps it away from whatever else runs on this host.
        response.set_cookie(
            _SESSION_COOKIE, session, max_age=SESSION_LIFETIME_S, path="/authorize", httponly=True, samesite="Lax"
        )
        return response

    def _sign_in(self, authorization: Authorization, person: Person) -> web.Response:
        try:
            check_person(authorization, person)
        except OAuthError as e:
            return _error_back(authorization.redirect_uri, e, authorization.state)
        code = secrets.token_urlsafe(_CODE_BYTES)
        self._codes.put(code, Grant(authorization, person.sub, int(time.time())), now=time.monotonic())
        return _send_back(authorization.redirect_uri, {"code": code, "state": authorization.state, "iss": self._issuer})

    def _judge(self, request: web.Request) -> Authorization | web.Response:
        """The request in its address, or the answer that refuses it."""
        try:
            client, redirect_uri = redirect_target(self._clients, request.query)
        except UnusableRequestError as e:
            return _page(oidc_page.error_page(_language(request), str(e)), status=400)
        try:
            return check_authorization(client, redirect_uri, _once(request), proconnect=self._proconnect)
        except OAuthError as e:
            return _error_back(redirect_uri, e, request.query.get("state", "")[:PARAMETER_LENGTH_MAX])

    def _choose_page(self, request: web.Request, authorization: Authorization, *, status: int = 200) -> web.Response:
        hinted = sorted(self._people.values(), key=lambda person: person.email != authorization.login_hint)
        page = oidc_page.choose_page(_language(request), hinted)
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
        id_token = self._sign(self._id_claims(grant, access_token))
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

    def _id_claims(self, grant: Grant, access_token: str) -> dict[str, object]:
        now, person = int(time.time()), self._people[grant.sub]
        half = hashlib.sha256(access_token.encode("ascii")).digest()[:16]
        claims: dict[str, object] = {
            "iss": self._issuer,
            "sub": grant.sub,
            "aud": grant.authorization.client_id,
            "iat": now,
            "exp": now + _ID_TOKEN_LIFETIME_S,
            "auth_time": grant.signed_in_at,
            "nonce": grant.authorization.nonce,
            "at_hash": base64.urlsafe_b64encode(half).decode("ascii").rstrip("="),
            "acr": person.acr,
        }
        return claims | ({"amr": list(person.amr)} if grant.authorization.asked.amr else {})

    async def _userinfo(self, request: web.Request) -> web.Response:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        grant = self._tokens.get(token, now=time.monotonic()) if scheme.lower() == "bearer" else None
        if grant is None:
            refused = OAuthError("invalid_token", "unknown or ended access token")
            return _json_error(refused, status=401, headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})
        person, uncached = self._people[grant.sub], {"Cache-Control": "no-store"}
        told = oidc_claims.released(person, grant.authorization.scopes, proconnect=self._proconnect)
        if not self._proconnect:
            return web.json_response(told, headers=uncached)
        now = int(time.time())
        stamps = {"iss": self._issuer, "aud": grant.authorization.client_id, "iat": now, "exp": now + TOKEN_LIFETIME_S}
        signed = self._sign({**told, **stamps}).encode("ascii")
        return web.Response(body=signed, content_type="application/jwt", headers=uncached)

    async def _end_session(self, request: web.Request) -> web.Response:
        """RP-initiated logout: the person's sessions end, and the browser goes back where the client registered."""
        client_id, sub = self._hinted(request.query.get("id_token_hint", ""))
        try:
            target = check_sign_out(self._clients, client_id, request.query, proconnect=self._proconnect)
        except UnusableRequestError as e:
            return _page(oidc_page.error_page(_language(request), str(e)), status=400)
        if sub is not None:
            self._sessions.drop(sub)
        if target is None:
            return _page(oidc_page.signed_out_page(_language(request)))
        state = request.query.get("state")
        return _send_back(target, {"state": state} if state else {})

    def _hinted(self, token: str) -> tuple[str | None, str | None]:
        """For which client and person we made this identity token, however old it is."""
        try:
            claims = jwt.decode(token, self._key, algorithms=[self._algorithm]).claims
        except (JoseError, ValueError):
            return None, None
        return (claims.get("aud"), claims.get("sub")) if claims.get("iss") == self._issuer else (None, None)

    def _sign(self, claims: dict[str, object]) -> str:
        return jwt.encode({"alg": self._algorithm, "kid": self._key.kid}, claims, self._key)


def _language(request: web.Request) -> str:
    return oidc_page.language(request.headers.get("Accept-Language", ""))


def _send_back(redirect_uri: str, parameters: Mapping[str, str]) -> web.Response:
    joint = "&" if "?" in redirect_uri else "?"
    location = redirect_uri + (joint + urlencode(parameters) if parameters else "")
    headers = {"Location": location, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return web.Response(status=302, headers=headers)


def _error_back(redirect_uri: str, error: OAuthError, state: str) -> web.Response:
    parameters = {"error": error.error, "error_description": error.description}
    return _send_back(redirect_uri, parameters | ({"state": state} if state else {}))


def _once(request: web.Request) -> dict[str, str]:
    """The parameters, none of them twice (RFC 6749, 3.1)."""
    parameters = dict(request.query.items())
    if len(parameters) != len(request.query):
        raise OAuthError("invalid_request", "Y000400: a parameter comes twice")
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
    key = load_signing_key(settings.signing_key_file, settings.algorithm)
    runner = web.AppRunner(Provider(settings, key).application(), access_log=None)
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
