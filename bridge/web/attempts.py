# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How a browser carries a sign-in that has begun: in a cookie of its own for each, read when the provider answers."""

from __future__ import annotations

import base64
import dataclasses
import json
import secrets
from datetime import timedelta

from aiohttp import web

from bridge.domain.identities import local_path
from bridge.web import cookies
from bridge.web.oidc import Attempt

COOKIE = "passerelle_login_"
LIFETIME = timedelta(minutes=10)
AT_ONCE = 4
"""Sign-ins that a browser has begun. Stops: cookies that together are longer than a request may be."""
_STATE_MIN = 32


def begin(target: str, *, silent: bool = False, homeserver: tuple[str, str] | None = None) -> Attempt:
    """Return a new attempt that ends at `target`, or for the homeserver (`Attempt.homeserver`)."""
    state, nonce, verifier = (secrets.token_urlsafe(size) for size in (32, 32, 48))
    return Attempt(state, nonce, verifier, target, silent, homeserver)


def remember(request: web.Request, response: web.StreamResponse, attempt: Attempt) -> None:
    """Give the browser its attempt, and take away the others when it has too many."""
    begun = cookies.begun(request, COOKIE)
    for name in begun if len(begun) >= AT_ONCE else ():
        cookies.take_away(request, response, name)
    packed = base64.urlsafe_b64encode(json.dumps(dataclasses.astuple(attempt)).encode()).decode()
    cookies.give(request, response, _name(attempt.state), packed, LIFETIME)


def find(request: web.Request, state: str) -> Attempt | None:
    """Return the attempt that this browser began with this state."""
    try:
        packed = json.loads(base64.urlsafe_b64decode(cookies.held(request, _name(state))))
        known, nonce, verifier, target, silent, homeserver = packed
    except (ValueError, TypeError, RecursionError):
        return None
    texts = (known, nonce, verifier, target, *(homeserver or ()))
    if not all(isinstance(text, str) for text in texts) or not isinstance(silent, bool) or local_path(target) is None:
        return None
    if len(known) < _STATE_MIN or not secrets.compare_digest(known.encode(), state.encode()):
        return None
    if homeserver is not None and len(homeserver) != 2:
        return None
    return Attempt(
        known, nonce, verifier, target, silent, None if homeserver is None else (homeserver[0], homeserver[1])
    )


def forget(request: web.Request, response: web.StreamResponse, state: str) -> None:
    """Take the attempt away: it is over."""
    cookies.take_away(request, response, _name(state))


def _name(state: str) -> str:
    """Return a name of its own for each attempt, so that two windows can sign in at once."""
    return COOKIE + "".join(sign for sign in state[:8] if sign.isascii() and (sign.isalnum() or sign in "-_"))
