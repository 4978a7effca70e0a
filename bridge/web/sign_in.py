# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The staff door: to the provider and back, and the one-time code that a page exchanges for its Session.

State and nonce (43 characters each) and the PKCE verifier travel in a short-lived cookie of the browser that began, so
that nothing is stored for sign-ins that never end, and a bridge that restarts in between loses none. The code is good
in that same browser alone: a link with somebody else's code signs nobody in.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import timedelta

import structlog
from aiohttp import web
from pydantic import Field

from bridge.domain.errors import Refused, Unavailable
from bridge.domain.identities import kept_claims, label_of, local_path, localpart_for, name_of, organization_of
from bridge.domain.names import localpart_of
from bridge.domain.user_agent import describe
from bridge.matrix.homeserver import HomeserverRefusedError
from bridge.settings import OidcSettings
from bridge.store import revocations, sessions, tokens
from bridge.store.sessions import SignedIn
from bridge.web import attempts, cookies, homeserver_sign_in
from bridge.web.body import Body, read
from bridge.web.context import SERVICES, Services
from bridge.web.limits import SIGN_INS
from bridge.web.oidc import REQUEST_TIMEOUT_S, Attempt, Person, Provider, failed
from bridge.web.requester import address_of
from bridge.web.sessions import STAFF, open_session
from bridge.web.sign_in_page import for_browsers, provider_error

CALLBACK = "/auth/callback"
TICKET_COOKIE = "passerelle_ticket"
CODE_LIFETIME = timedelta(seconds=60)
MAX_QUERY = 2048
"""Characters of a code, a state or a hint. Stops: passing pages of text on to the provider."""

_LOG = structlog.get_logger(__name__)

PROVIDER: web.AppKey[Provider] = web.AppKey("oidc_provider", Provider)
OIDC: web.AppKey[OidcSettings] = web.AppKey("oidc_settings", OidcSettings)


class Code(Body):
    """What the page found in its address."""

    code: str = Field(min_length=1, max_length=256)


def add_routes(app: web.Application, settings: OidcSettings, *, public_url: str, ca_file: str | None) -> None:
    """Add sign-in."""
    app[OIDC] = settings
    app[PROVIDER] = Provider(settings, redirect_uri=f"{public_url}{CALLBACK}", ca_file=ca_file)
    app.router.add_get("/auth/login", for_browsers(_login))
    app.router.add_get(CALLBACK, for_browsers(_callback))
    app.router.add_post("/auth/session", _session)
    app.router.add_get(homeserver_sign_in.AUTHORIZE, for_browsers(_for_homeserver))


async def _login(request: web.Request) -> web.StreamResponse:
    services, query = request.app[SERVICES], request.query
    services.limits.take(SIGN_INS, address_of(request))
    target = local_path(query.get("next", "/"))
    if target is None:
        raise Refused(400, "M_BAD_JSON", "next must be a path of these pages.")
    hint = query.get("login_hint", "")
    if len(hint) > MAX_QUERY or not hint.isprintable():
        raise Refused(400, "M_BAD_JSON", "login_hint must be an address.")
    attempt = attempts.begin(target, silent="silent" in query)
    return await begin(request, attempt, login_hint=hint)


async def _for_homeserver(request: web.Request) -> web.StreamResponse:
    return await begin(request, homeserver_sign_in.begin(request))


async def begin(request: web.Request, attempt: Attempt, *, login_hint: str = "") -> web.StreamResponse:
    """Send the browser to the provider; a silent attempt that can't even begin ends where it came from."""
    try:
        url = await request.app[PROVIDER].login_url(attempt, login_hint=login_hint)
    except Unavailable:
        if attempt.silent:
            return redirect(f"{attempt.next}#sign-in=needed")
        raise
    response = redirect(url)
    attempts.remember(request, response, attempt)
    return response


async def _callback(request: web.Request) -> web.StreamResponse:
    services, query = request.app[SERVICES], request.query
    services.limits.take(SIGN_INS, address_of(request))
    state, code = query.get("state", ""), query.get("code", "")
    if len(state) > MAX_QUERY or len(code) > MAX_QUERY:
        raise failed("oversized answer")
    attempt = attempts.find(request, state)
    if attempt is None:
        raise failed("no sign-in of this browser")
    if "error" in query or not code:
        response = _not_signed_in(attempt, query.get("error", ""))
    else:
        response = await _signed_in(request, attempt, code)
    attempts.forget(request, response, state)
    return response


def _not_signed_in(attempt: Attempt, error: str) -> web.Response:
    refused = provider_error(error)
    if attempt.silent:  # whatever it was, the person decides what comes next
        return redirect(f"{attempt.next}#sign-in=needed")
    raise refused


async def _signed_in(request: web.Request, attempt: Attempt, code: str) -> web.Response:
    services, provider = request.app[SERVICES], request.app[PROVIDER]
    try:
        async with asyncio.timeout(2 * REQUEST_TIMEOUT_S):  # for four requests together
            person = await provider.person(attempt, code, request.query.get("iss"))
    except TimeoutError as error:
        raise Unavailable("the sign-in provider") from error
    who = await _identify(services, request.app[OIDC], person)
    if attempt.homeserver is not None:
        return redirect(await homeserver_sign_in.finish(services, *attempt.homeserver, who))
    ticket, binding = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    async with services.database.transaction() as tx:
        await sessions.put_code(tx, _bound(ticket, binding), who, services.now() + CODE_LIFETIME)
    response = redirect(f"{attempt.next}#code={ticket}")
    cookies.give(request, response, TICKET_COOKIE, binding, CODE_LIFETIME, same_site="Strict")
    return response


async def _identify(services: Services, settings: OidcSettings, person: Person) -> SignedIn:
    """Bind the person to a Matrix localpart, and write down what the provider says of them."""
    homeserver = services.settings.homeserver
    wanted = person.claims.get(settings.localpart_claim)
    if not (isinstance(wanted, str) and wanted.strip()):
        if settings.localpart_claim != OidcSettings.model_fields["localpart_claim"].default:
            raise failed(f"no claim {settings.localpart_claim}")
        wanted = person.subject
    if settings.localpart_claim == "email":
        wanted = wanted.replace("@", "-")  # marie.curie-ministere.example, as Tchap has it
    bot = localpart_of(services.settings.captions.bot_user, homeserver.name)
    localpart = localpart_for(
        wanted,
        server_name=homeserver.name,
        guest_prefix=homeserver.guest_prefix,
        reserved=settings.reserved | {homeserver.bot_localpart, bot or ""},
    )
    claims = kept_claims(person.claims)
    organization = organization_of(claims, settings.organizations)
    async with services.database.transaction() as tx:
        bound = await sessions.bind_identity(tx, issuer=settings.issuer, subject=person.subject, wanted=localpart)
        if bound is None:
            raise Refused(
                403,
                "PASSERELLE_NO_ACCOUNT",
                "Somebody else has your account's name here. Please ask your administrator.",
            )
        user_id = f"@{bound}:{homeserver.name}"
        await revocations.require_sign_in(tx, user_id)
        await tokens.person_was_here(tx, user_id, services.now())
        await sessions.note_sign_in(
            tx,
            issuer=settings.issuer,
            subject=person.subject,
            claims=claims,
            organization=organization,
            now=services.now(),
        )
    name = name_of(person.claims, bound, label_of(claims, settings.organizations))
    return SignedIn(bound, name, organization, services.seal.close({"id_token": person.id_token}))


async def _session(request: web.Request) -> web.Response:
    services, settings = request.app[SERVICES], request.app[OIDC]
    services.limits.take(SIGN_INS, address_of(request))
    body = await read(request, Code)
    async with services.database.transaction() as tx:
        who = await sessions.take_code(tx, _bound(body.code, cookies.held(request, TICKET_COOKIE)), services.now())
    if who is None:
        raise Refused(401, "PASSERELLE_CODE_UNKNOWN", "This sign-in was used or is too old. Please sign in again.")
    try:
        matrix = await services.accounts.login_staff(who.localpart, who.display_name)
    except HomeserverRefusedError as error:
        _LOG.warning("staff_login_refused", status=error.status, errcode=error.errcode)
        raise Refused(
            403, "PASSERELLE_NO_ACCOUNT", "Your Matrix account is closed. Please ask your administrator."
        ) from error
    kept = services.seal.open(who.kept) | {"matrix": matrix.access_token}
    async with services.database.transaction() as tx:
        session = await open_session(
            tx,
            services,
            matrix,
            display_name=who.display_name,
            organization=who.organization,
            door=STAFF,
            meeting=None,
            expires_at=services.now() + timedelta(hours=settings.session_hours),
            idle_s=int(settings.idle_minutes * 60),
            kept=services.seal.close(kept),
            agent=describe(request.headers.get("User-Agent", "")),
        )
    response = web.json_response(session, headers={"Cache-Control": "no-store"})
    cookies.take_away(request, response, TICKET_COOKIE)
    return response


def redirect(location: str) -> web.Response:
    """Return an answer that leads elsewhere."""
    return web.Response(status=302, headers={"Location": location, "Cache-Control": "no-store"})


def _bound(ticket: str, binding: str) -> str:
    """Return what is stored of a code: it opens nothing without the cookie of the browser that signed in."""
    return f"page.{ticket}.{binding}"
