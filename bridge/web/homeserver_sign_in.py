# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How staff sign in to Element: our homeserver asks us, as an OAuth 2.0 provider of its own, and we ask the real one.

Synapse by itself sends a `state` too short for ProConnect, looks at no assurance level, and takes whoever has a name
for its owner. So that one sign-in, with all its rules, leads to one Matrix user, it is a client of ours
(`oidc_providers` in `homeserver-config`): `AUTHORIZE` is met by browsers, the rest by the homeserver, on the internal
port.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlencode

from aiohttp import web

from bridge.domain.errors import Refused
from bridge.domain.identities import unescaped
from bridge.settings import HomeserverSettings
from bridge.store import sessions
from bridge.store.sessions import SignedIn
from bridge.web import attempts
from bridge.web.context import SERVICES, Services
from bridge.web.limits import SIGN_INS
from bridge.web.oidc import Attempt, failed
from bridge.web.requester import address_of
from bridge.web.sessions import bearer_text

CLIENT_ID = "homeserver"
AUTHORIZE = "/auth/homeserver"
TOKEN = "/homeserver/token"  # noqa: S105  # a path
USERINFO = "/homeserver/userinfo"
LIFETIME = timedelta(seconds=60)
"""Of a code and of the token for it."""
MAX_STATE = 256
"""Characters; Synapse sends 30. Stops: cookies that swell."""
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


def callback(settings: HomeserverSettings) -> str:
    """Return where the homeserver takes a sign-in's answer."""
    return f"{settings.client_url}/_synapse/client/oidc/callback"


def begin(request: web.Request) -> Attempt:
    """Return the attempt that a browser brings from the homeserver, or refuse it."""
    services, query = request.app[SERVICES], request.query
    services.limits.take(SIGN_INS, address_of(request))
    state, challenge = query.get("state", ""), query.get("code_challenge", "")
    known = (
        query.get("client_id") == CLIENT_ID
        and query.get("redirect_uri") == callback(services.settings.homeserver)
        and query.get("response_type") == "code"
        and query.get("code_challenge_method") == "S256"
    )
    if not known or not 0 < len(state) <= MAX_STATE or not _CHALLENGE.fullmatch(challenge):
        raise failed("not what our homeserver asks")
    return attempts.begin(AUTHORIZE, homeserver=(state, challenge))


async def finish(services: Services, state: str, challenge: str, who: SignedIn) -> str:
    """Return where a browser goes back to, with a code that only the homeserver can use."""
    code = secrets.token_urlsafe(32)
    async with services.database.transaction() as tx:
        await sessions.put_code(tx, f"homeserver.{code}.{challenge}", who, services.now() + LIFETIME)
    return f"{callback(services.settings.homeserver)}?{urlencode({'code': code, 'state': state})}"


def add_internal_routes(app: web.Application) -> None:
    """Add what the homeserver asks itself."""
    app.router.add_post(TOKEN, _token)
    app.router.add_get(USERINFO, _userinfo)


async def _token(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
    if not _is_our_homeserver(services, form):
        return _refuse("invalid_client", 401)
    if form.get("grant_type") != "authorization_code":
        return _refuse("unsupported_grant_type", 400)
    digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    token, now = secrets.token_urlsafe(32), services.now()
    async with services.database.transaction() as tx:
        changed = await sessions.change_code(
            tx, f"homeserver.{form.get('code')}.{challenge}", f"userinfo.{token}", now, now + LIFETIME
        )
    if not changed or form.get("redirect_uri") != callback(services.settings.homeserver):
        return _refuse("invalid_grant", 400)
    content = {"access_token": token, "token_type": "Bearer", "expires_in": int(LIFETIME.total_seconds())}
    return web.json_response(content, headers={"Cache-Control": "no-store"})


async def _userinfo(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    async with services.database.transaction() as tx:
        who = await sessions.take_code(tx, f"userinfo.{bearer_text(request)}", services.now())
    if who is None:
        raise Refused(401, "M_UNKNOWN_TOKEN", "This token was used or is too old.")
    content = {"sub": who.localpart, "localpart": unescaped(who.localpart), "name": who.display_name}
    return web.json_response(content, headers={"Cache-Control": "no-store"})


def _is_our_homeserver(services: Services, form: Mapping[str, str]) -> bool:
    secret = services.settings.homeserver.sso_secret
    if secret is None:
        return False
    given, expected = form.get("client_secret", ""), secret.get_secret_value()
    return form.get("client_id") == CLIENT_ID and secrets.compare_digest(given.encode(), expected.encode())


def _refuse(error: str, status: int) -> web.Response:
    return web.json_response({"error": error}, status=status, headers={"Cache-Control": "no-store"})
