# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What somebody sees whose sign-in did not work: a page that says what happened and what to do, in their language.

Browsers come to `/auth/…` by navigation, so an answer in JSON would be all that they show; programs still get it.
"""

from __future__ import annotations

from http import HTTPStatus
from urllib.parse import quote

import structlog
from aiohttp import web

from bridge.domain.errors import Refused, Unavailable
from bridge.domain.identities import local_path
from bridge.web import attempts
from bridge.web.errors import Handler
from bridge.web.oidc import failed
from bridge.web.pages import PAGES

_LOG = structlog.get_logger(__name__)

_KINDS = {
    "PASSERELLE_SIGN_IN_DECLINED": "declined",
    "PASSERELLE_SIGN_IN_SETUP": "setup",
    "PASSERELLE_ASSURANCE": "assurance",
    "PASSERELLE_NO_ACCOUNT": "account",
    "M_LIMIT_EXCEEDED": "rate",
}
_SETUP = frozenset(
    {"invalid_request", "unauthorized_client", "unsupported_response_type", "invalid_scope", "invalid_client"}
)
_AWAY = frozenset({"server_error", "temporarily_unavailable"})
_KNOWN = _SETUP | _AWAY | {"access_denied", "unmet_authentication_requirements"}


def provider_error(error: str) -> Refused | Unavailable:
    """Return what an error of the provider (RFC 6749, 4.1.2.1; OpenID Connect Core 3.1.2.6) means for a person."""
    _LOG.info("sign_in_refused_by_provider", error=error if error in _KNOWN else "other")
    if error == "access_denied":
        return Refused(
            403, "PASSERELLE_SIGN_IN_DECLINED", "The sign-in was refused or cancelled there. You can try again."
        )
    if error == "unmet_authentication_requirements":
        return Refused(403, "PASSERELLE_ASSURANCE", "This service asks for a stronger sign-in than yours was.")
    if error in _AWAY:
        return Unavailable("the sign-in provider")
    if error in _SETUP:
        _LOG.error("sign_in_is_set_up_wrongly", error=error)
        return Refused(
            502,
            "PASSERELLE_SIGN_IN_SETUP",
            "The sign-in of this service is not set up correctly. Please tell your administrator.",
        )
    return failed("the provider said no")


def for_browsers(handler: Handler) -> Handler:
    """Answer a browser's navigation with a page where the handler refuses."""

    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except (Refused, Unavailable) as error:
            if "text/html" not in request.headers.get("Accept", ""):
                raise
            if isinstance(error, Unavailable):
                _LOG.warning("unavailable", what=error.what)
                kind, status = "away", HTTPStatus.SERVICE_UNAVAILABLE.value
            else:
                kind, status = _KINDS.get(error.errcode, "failed"), error.status
            response = request.app[PAGES].sign_in_problem(request, kind, *_ways_on(request), status)
            if error.retry_after_s is not None:
                response.headers["Retry-After"] = str(error.retry_after_s)
            return response

    return answer


def _ways_on(request: web.Request) -> tuple[str, str]:
    """Return where the sign-in begins again, and where the person came from."""
    attempt = attempts.find(request, request.query.get("state", ""))
    if attempt is not None and attempt.homeserver is not None:
        return "", "/"  # from Element, which alone can begin it again
    back = attempt.next if attempt else local_path(request.query.get("next", "/")) or "/"
    return login_path(back), back


def login_path(target: str) -> str:
    """Return where a sign-in begins that ends at this path of ours."""
    return f"/auth/login?next={quote(target, safe='/')}"
