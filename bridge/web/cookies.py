# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How does a browser keep something for us that no script, no other host and no plain connection can read or replace?

Where pages come by HTTPS a cookie's name begins with `__Host-`: browsers take such a cookie from this very host alone,
with `Secure`, for all paths and without `Domain`. By plain HTTP, as a local stack is, they would refuse it, so there it
has its name alone and is not `Secure`. The scheme of `[http] public_url` decides.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

from aiohttp import web

from bridge.web.context import SERVICES

PREFIX = "__Host-"

SameSite = Literal["Lax", "Strict"]


def held(request: web.Request, name: str) -> str:
    """Return what this browser keeps under a name, or ""."""
    return request.cookies.get(_called(request, name), "")


def begun(request: web.Request, start: str) -> list[str]:
    """Return the names that begin so of what this browser keeps."""
    prefix = _called(request, "")
    return [name.removeprefix(prefix) for name in request.cookies if name.startswith(prefix + start)]


def give(
    request: web.Request,
    response: web.StreamResponse,
    name: str,
    value: str,
    lifetime: timedelta,
    *,
    same_site: SameSite = "Lax",
) -> None:
    """Let a browser keep something."""
    response.set_cookie(
        _called(request, name),
        value,
        max_age=int(lifetime.total_seconds()),
        path="/",
        secure=_is_secure(request),
        httponly=True,
        samesite=same_site,
    )


def take_away(request: web.Request, response: web.StreamResponse, name: str) -> None:
    """Let a browser keep it no more."""
    secure = _is_secure(request)
    response.del_cookie(_called(request, name), path="/", secure=secure, httponly=True, samesite="Lax")


def _is_secure(request: web.Request) -> bool:
    return request.app[SERVICES].settings.http.public_url.startswith("https://")


def _called(request: web.Request, name: str) -> str:
    return PREFIX + name if _is_secure(request) else name
