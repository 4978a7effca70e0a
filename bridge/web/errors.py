# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How failures leave as HTTP: `{"errcode", "error"}` with a fitting status, and never a trace of our inside."""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import structlog
from aiohttp import web

from bridge.domain.errors import Refused, Unavailable
from bridge.locales.refusals import in_language
from bridge.web.language import language_of
from bridge.web.pages import PAGES

_LOG = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_WORDS = {
    400: ("M_UNKNOWN", "This request could not be read."),
    404: ("M_UNRECOGNIZED", "There is nothing here."),
    405: ("M_UNRECOGNIZED", "This address does not take this method."),
    413: ("M_TOO_LARGE", "This is more than is taken here."),
}


def for_people(request: web.Request, response: web.Response) -> web.Response:
    """Return a page instead, where a browser goes to an address itself and would show its person the JSON."""
    if request.method != "GET" or "text/html" not in request.headers.get("Accept", "") or PAGES not in request.app:
        return response
    said = json.loads(response.text or "{}").get("error", "")
    page = request.app[PAGES].problem(request, response.status, said)
    for name in ("Retry-After", "Allow"):
        if name in response.headers:
            page.headers[name] = response.headers[name]
    return page


def error_response(status: int, errcode: str, error: str, *, retry_after_s: int | None = None) -> web.Response:
    """Return the one form in which errors leave."""
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return web.json_response({"errcode": errcode, "error": error}, status=status, headers=headers)


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer whatever a handler raised, to programs and to people."""
    try:
        return await handler(request)
    except web.HTTPException as raised:
        if raised.status < HTTPStatus.BAD_REQUEST:
            raise
        return for_people(request, _answer(request, raised))
    except Exception as raised:  # noqa: BLE001  # the outermost shell: log, answer, keep serving
        return for_people(request, _answer(request, raised))


def _answer(request: web.Request, raised: Exception) -> web.Response:
    language = language_of(request)
    match raised:
        case Refused():
            said = in_language(raised.error, language)
            return error_response(raised.status, raised.errcode, said, retry_after_s=raised.retry_after_s)
        case Unavailable():
            _LOG.warning("unavailable", what=raised.what)
            said = f"Something that we need ({raised.what}) does not answer. Please try again in a moment."
            return error_response(503, "M_UNKNOWN", in_language(said, language), retry_after_s=raised.retry_after_s)
        case web.HTTPException():
            errcode, text = _WORDS.get(raised.status, ("M_UNKNOWN", raised.reason or "This did not work."))
            response = error_response(raised.status, errcode, in_language(text, language))
            if "Allow" in raised.headers:
                response.headers["Allow"] = raised.headers["Allow"]
            return response
    trace = secrets.token_hex(8)
    _LOG.error("internal_error", trace=trace, exc_info=raised)
    said = f"Something went wrong on our side (trace {trace})."
    return error_response(500, "M_UNKNOWN", in_language(said, language))
