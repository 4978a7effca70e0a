# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How a session of staff ends by hand: here, in Matrix and at the provider.

What ends is written down first, so the sweeper finishes what an outage leaves. The provider is left by redirect, with
the identity token as a hint and a state that comes back (RP-initiated logout); no other way ends its cookies.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from aiohttp import web

from bridge.domain.errors import Unavailable
from bridge.domain.revocation import Kind
from bridge.store import sessions
from bridge.web import cookies, revoking
from bridge.web.context import SERVICES, Services
from bridge.web.oidc import Provider
from bridge.web.sessions import bearer_text, require_staff
from bridge.web.sign_in import PROVIDER, redirect

SIGNED_OUT = "/auth/signed-out"
COOKIE = "passerelle_logout"
COOKIE_LIFETIME = timedelta(minutes=10)


def add_routes(app: web.Application) -> None:
    """Add sign-out; the provider is that of `sign_in`."""
    app.router.add_post("/auth/logout", _logout)
    app.router.add_get(SIGNED_OUT, _signed_out)


async def _logout(request: web.Request) -> web.Response:
    """End this session, or with `?everywhere` all that somebody is signed in by; say where the browser goes on."""
    services, who, token = request.app[SERVICES], await require_staff(request), bearer_text(request)
    session_id = sessions.id_of(token)
    async with services.database.transaction() as tx:
        kept = await sessions.kept_by(tx, session_id)
    if "everywhere" in request.query:
        await revoking.revoke(services, Kind.EVERYWHERE, who.user_id, who.user_id)
    else:
        await revoking.revoke(services, Kind.DEVICE, session_id, who.user_id)
    id_token = services.seal.open(kept or "").get("id_token", "")
    state = secrets.token_urlsafe(32)
    url = await _provider_url(request.app[PROVIDER], services, id_token, state) or f"{SIGNED_OUT}?state={state}"
    response = web.json_response({"redirect": url}, headers={"Cache-Control": "no-store"})
    cookies.give(request, response, COOKIE, state, COOKIE_LIFETIME)
    return response


async def _provider_url(provider: Provider, services: Services, id_token: str, state: str) -> str | None:
    try:
        back_to = services.settings.http.public_url + SIGNED_OUT
        return await provider.logout_url(id_token, state=state, back_to=back_to)
    except Unavailable:  # it can't be left now; here the session is over all the same
        return None


async def _signed_out(request: web.Request) -> web.Response:
    """The provider sends the browser back here; a state that is not this browser's says nothing."""
    state, expected = request.query.get("state", ""), cookies.held(request, COOKIE)
    ours = bool(expected) and secrets.compare_digest(state.encode(), expected.encode())
    response = redirect("/#signed-out" if ours else "/")
    cookies.take_away(request, response, COOKIE)
    return response
