# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How failures leave as HTTP: `{"errcode", "error"}` with a fitting status, and never a trace of our inside."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from bridge.domain.errors import Refused, Unavailable

_LOG = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_WORDS = {
    400: ("M_UNKNOWN", "This request could not be read."),
    404: ("M_UNRECOGNIZED", "There is nothing here."),
    405: ("M_UNRECOGNIZED", "This address does not take this method."),
    413: ("M_TOO_LARGE", "This is more than is taken here."),
}


def error_response(status: int, errcode: str, error: str, *, retry_after_s: int | None = None) -> web.Response:
    """Return the one form in which errors leave."""
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return web.json_response({"errcode": errcode, "error": error}, status=status, headers=headers)


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer whatever a handler raised."""
    try:
        return await handler(request)
    except Refused as refused:
        return error_response(refused.status, refused.errcode, refused.error, retry_after_s=refused.retry_after_s)
    except Unavailable as gone:
        _LOG.warning("unavailable", what=gone.what)
        return error_response(
            503,
            "M_UNKNOWN",
            f"Something that we need ({gone.what}) does not answer. Please try again in a moment.",
            retry_after_s=gone.retry_after_s,
        )
    except web.HTTPException as raised:
        if raised.status < 400:
            raise
        errcode, text = _WORDS.get(raised.status, ("M_UNKNOWN", raised.reason or "This did not work."))
        response = error_response(raised.status, errcode, text)
        if "Allow" in raised.headers:
            response.headers["Allow"] = raised.headers["Allow"]
        return response
    except Exception:  # noqa: BLE001  # the outermost shell: log, answer, keep serving
        trace = secrets.token_hex(8)
        _LOG.exception("internal_error", trace=trace)
        return error_response(500, "M_UNKNOWN", f"Something went wrong on our side (trace {trace}).")
