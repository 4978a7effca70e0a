# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which headers every response carries: what a browser may do with it, and who may read it from elsewhere."""

from __future__ import annotations

from aiohttp import web

RTC_PREFIX = "/livekit/jwt/"
CALL_PREFIX = "/ec/"

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "Accept, Content-Type, Content-Length, Accept-Encoding, X-CSRF-Token",
}
"""For the authorisation service alone, which knows no cookies: Element Call on any origin calls it."""

_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(self), microphone=(self), display-capture=(self), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
DATA_CSP = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_CALL_CSP = "default-src 'none'; base-uri 'none'; frame-ancestors 'self'"
HSTS = "max-age=31536000; includeSubDomains"


def install(app: web.Application, *, public_url: str) -> None:
    """Add the headers to every response, errors included. A page that brings its own CSP keeps it."""
    https = public_url.startswith("https://")

    async def prepare(request: web.Request, response: web.StreamResponse) -> None:
        path = request.path
        for name, value in _ALWAYS.items():
            response.headers.setdefault(name, value)
        if path.startswith(CALL_PREFIX):
            response.headers.setdefault("Content-Security-Policy", _CALL_CSP)
            response.headers.setdefault("X-Frame-Options", "SAMEORIGIN")
        else:
            response.headers.setdefault("Content-Security-Policy", DATA_CSP)
            response.headers.setdefault("X-Frame-Options", "DENY")
        if path.startswith(RTC_PREFIX):
            response.headers.update(CORS)
        if https:
            response.headers.setdefault("Strict-Transport-Security", HSTS)

    app.on_response_prepare.append(prepare)
