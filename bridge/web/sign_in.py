# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The staff door: to the provider and back, and the one-time code that a page exchanges for its Session.

State and nonce (43 characters each) and the PKCE verifier travel in a short-lived cookie of the browser that began,
so that nothing is stored for sign-ins that never end.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog
from aiohttp import web
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
from bridge.web.oidc import REQUEST_TIMEOUT_S, Attempt, Person, Provider, failed
from bridge.web.sessions import STAFF, STAFF_LIFETIME, open_session

COOKIE = "passerelle_login_"
COOKIE_LIFETIME_S = 600
COOKIE_PATH = "/auth/callback"
CODE_LIFETIME = timedelta(seconds=60)
MAX_QUERY = 2048
"""Characters of a code or a state. Stops: passing pages of text on to the provider."""

_LOG = structlog.get_logger(__name__)

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
    attempt = Attempt(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), target)
    response = _redirect(await request.app[PROVIDER].login_url(attempt))
    packed = base64.urlsafe_b64encode(
        json.dumps([attempt.state, attempt.nonce, attempt.verifier, attempt.next]).encode()
    ).decode()
    response.set_cookie(
        _cookie_name(attempt.state),
        packed,
        max_age=COOKIE_LIFETIME_S,
        path=COOKIE_PATH,
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
    try:
        async with asyncio.timeout(2 * REQUEST_TIMEOUT_S):  # for four requests together
            person = await provider.person(attempt, code, query.get("iss"))
    except TimeoutError as error:
        raise Unavailable("the sign-in provider") from error
    ticket = await _remember(services, provider.issuer, person)
    response = _redirect(f"{attempt.next}#code={ticket}")
    response.del_cookie(_cookie_name(state), path=COOKIE_PATH)
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


def _redirect(location: str) -> web.Response:
    return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store"})


def _secure(services: Services) -> bool:
    return services.settings.http.public_url.startswith("https://")


def _cookie_name(state: str) -> str:
    """Return a name of its own for each attempt, so that two windows can sign in at once."""
    return COOKIE + "".join(sign for sign in state[:8] if sign.isascii() and (sign.isalnum() or sign in "-_"))


def _attempt(packed: str | None, state: str) -> Attempt | None:
    try:
        known, nonce, verifier, target = json.loads(base64.urlsafe_b64decode(packed or ""))
    except (ValueError, TypeError, RecursionError):
        return None
    if not all(isinstance(text, str) for text in (known, nonce, verifier, target)) or local_path(target) is None:
        return None
    if len(known) < 32 or not secrets.compare_digest(known.encode(), state.encode()):
        return None
    return Attempt(known, nonce, verifier, target)
