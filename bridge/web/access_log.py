# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""One line for each request: the route's template, never the path, so that no link or token is ever written down."""

from __future__ import annotations

import structlog
from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

_LOG = structlog.get_logger(__name__)


class AccessLog(AbstractAccessLogger):
    """Writes `http_request` events."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """Write one line."""
        resource = request.match_info.route.resource if isinstance(request, web.Request) else None
        _LOG.info(
            "http_request",
            method=request.method if request.method.isalpha() else "?",
            route="unmatched" if resource is None else resource.canonical,
            status=response.status,
            ms=round(time * 1000, 1),
        )

    @property
    def enabled(self) -> bool:
        """Always on."""
        return True
