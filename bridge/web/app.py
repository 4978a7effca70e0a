# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The two applications: the public one (pages, doors, API, authorisation service) and the internal one."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from bridge.domain.errors import Refused
from bridge.web import (
    access,
    api,
    calendars,
    captions,
    consents,
    contractors,
    corrections,
    exports,
    final_pass,
    glossary,
    guest_mail,
    guests,
    headers,
    homeserver_sign_in,
    host_page,
    internal,
    invitees,
    invites,
    lobby,
    meetings,
    moderation,
    network_test,
    own_sessions,
    partners,
    revocations,
    rtc,
    search,
    sign_in,
    sign_out,
    tokens,
    transactions,
    transcripts,
    translations,
    waiting,
)
from bridge.web.body import MAX_BODY
from bridge.web.context import SERVICES, Services
from bridge.web.errors import Handler, errors
from bridge.web.pages import add_pages

MAX_TRANSACTION = 16 * 1024 * 1024
"""Bytes. Synapse pushes up to 100 events of 64 KiB. Stops: a push without end."""

_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


@web.middleware
async def same_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse changes that another site's page asks for; the authorisation service is open to all origins on purpose."""
    if request.method not in _SAFE_METHODS and not request.path.startswith(headers.RTC_PREFIX):
        own = urlsplit(request.app[SERVICES].settings.http.public_url)
        origin = request.headers.get("Origin")
        foreign = origin is not None and origin != f"{own.scheme}://{own.netloc}"
        if foreign or request.headers.get("Sec-Fetch-Site") == "cross-site":
            raise Refused(403, "M_FORBIDDEN", "This may only be asked by our own pages.")
    return await handler(request)


def build_public(services: Services) -> web.Application:
    """Return the application for the world."""
    settings = services.settings
    app = web.Application(middlewares=[errors, same_origin], client_max_size=MAX_BODY)
    app[SERVICES] = services
    headers.install(app, public_url=settings.http.public_url)
    app.router.add_get("/healthz", _alive)
    app.router.add_get("/ready", _ready)
    rtc.add_routes(app)
    invites.add_routes(app)
    partners.add_routes(app)
    network_test.add_routes(app)
    guest_mail.add_routes(app)
    meetings.add_routes(app)
    moderation.add_routes(app)
    invitees.add_routes(app)
    calendars.add_routes(app)
    guests.add_routes(app)
    host_page.add_routes(app)
    lobby.add_routes(app)
    waiting.add_routes(app)
    contractors.add_routes(app)
    captions.add_routes(app)
    transcripts.add_routes(app)
    exports.add_routes(app)
    corrections.add_routes(app)
    glossary.add_routes(app)
    search.add_routes(app)
    tokens.add_routes(app)
    revocations.add_routes(app)
    access.add_routes(app)
    api.install(app)
    own_sessions.add_routes(app)
    if settings.oidc is not None:
        ca_file = settings.federation.ca_file
        sign_in.add_routes(
            app,
            settings.oidc,
            public_url=settings.http.public_url,
            ca_file=None if ca_file is None else str(ca_file),
        )
        sign_out.add_routes(app)
    add_pages(app, settings)
    return app


def build_internal(services: Services) -> web.Application:
    """Return the application for the homeserver, the bots and operators."""
    app = web.Application(middlewares=[errors, internal.internal_token], client_max_size=MAX_TRANSACTION)
    app[SERVICES] = services
    headers.install(app, public_url="http://internal")
    app.router.add_get("/healthz", _alive)
    app.router.add_get("/ready", _ready)
    transactions.add_routes(app)
    internal.add_routes(app)
    revocations.add_internal_routes(app)
    homeserver_sign_in.add_internal_routes(app)
    final_pass.add_routes(app)
    corrections.add_internal_routes(app)
    glossary.add_internal_routes(app)
    consents.add_internal_routes(app)
    translations.add_internal_routes(app)
    return app


async def _alive(request: web.Request) -> web.Response:
    del request
    return web.json_response({"ok": True})


async def _ready(request: web.Request) -> web.Response:
    """Tell a load balancer whether joins would work now."""
    ready = await request.app[SERVICES].database.answers()
    return web.json_response({"ready": ready}, status=200 if ready else 503)
