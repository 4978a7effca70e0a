# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How does the service look and what is it called here: the operator's name, logo, colour and pages of law."""

from __future__ import annotations

import hashlib
from typing import TypedDict

from aiohttp import web

from bridge.domain.branding import accent_of, logo_type
from bridge.settings import BrandingSettings
from bridge.web.headers import DATA_CSP

COLOURS, LOGO = "/branding/colours.css", "/branding/logo"
_KEPT = {"Cache-Control": "public, max-age=3600"}
_STILL = {"Content-Security-Policy": f"{DATA_CSP}; style-src 'unsafe-inline'; sandbox"}
"""A picture that somebody opens by itself runs nothing."""


class Look(TypedDict):
    """What templates show; addresses are empty where there is nothing to show."""

    name: str
    colours: str
    logo: str
    operator: str
    contact: str
    accessibility: str
    legal: str
    privacy: str


def add_branding(app: web.Application, settings: BrandingSettings) -> Look:
    """Serve the operator's logo and colours, as far as they have any; return what templates show."""
    look = Look(
        name=settings.name,
        colours="",
        logo="",
        operator=settings.operator,
        contact=settings.contact,
        accessibility=settings.accessibility_url or "/accessibility",
        legal=settings.legal_url,
        privacy=settings.privacy_url,
    )
    if settings.accent is not None:
        css = accent_of(settings.accent).css().encode()
        look["colours"] = _serve(app, COLOURS, css, "text/css", {})
    if settings.logo is not None:
        picture = settings.logo.read_bytes()
        look["logo"] = _serve(app, LOGO, picture, logo_type(picture), _STILL)
    return look


def _serve(app: web.Application, path: str, body: bytes, content_type: str, headers: dict[str, str]) -> str:
    async def answer(request: web.Request) -> web.Response:
        del request
        return web.Response(body=body, content_type=content_type, headers=_KEPT | headers)

    app.router.add_get(path, answer)
    return f"{path}?{hashlib.sha256(body).hexdigest()[:12]}"
