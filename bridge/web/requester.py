# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Whom do limits count for this request?"""

from __future__ import annotations

from aiohttp import web

from bridge.domain.forwarded import counted
from bridge.web.context import SERVICES


def address_of(request: web.Request) -> str:
    """Return the address it comes from, as limits count it: past our own proxies, and of IPv6 the first half."""
    proxies = request.app[SERVICES].settings.http.proxies
    return counted(request.remote, request.headers.getall("X-Forwarded-For", ()), proxies)
