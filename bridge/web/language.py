# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""In which language do we answer this browser: the one chosen on a page, then what it asks for?"""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web

from bridge.domain.languages import Language, known, negotiate
from bridge.web import cookies

COOKIE = "passerelle_language"
"""Holds one of our languages and nothing about the person; only a choice on a page sets it."""
REMEMBERED = timedelta(days=365)


def language_of(request: web.Request) -> Language:
    """Return the language of an answer: `?lang=`, else the remembered choice, else `Accept-Language`."""
    asked = known(request.query.get("lang"))
    for name in (cookies.PREFIX + COOKIE, COOKIE):
        asked = asked or known(request.cookies.get(name))
    return negotiate(request.headers.get("Accept-Language", ""), asked)


def remember(request: web.Request, response: web.StreamResponse) -> None:
    """Keep the language that somebody chose for the other pages."""
    if chosen := known(request.query.get("lang")):
        cookies.give(request, response, COOKIE, chosen, REMEMBERED)
