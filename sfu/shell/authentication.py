# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which token does a request carry, and what does it allow?"""

import time
from collections.abc import Mapping

from aiohttp import web

from sfu.core.grants import Grants
from sfu.wire import token


def bearer_grants(request: web.Request, keys: Mapping[str, str], *, header_only: bool = False) -> Grants:
    """Verify a request's token: the Authorization header, else `access_token` (browsers cannot set headers
    of a WebSocket). Raises `TokenError`.
    """
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    text = value.strip() if scheme.lower() == "bearer" else ""
    if not text and not header_only:
        text = request.query.get("access_token", "")
    return token.verify(text, keys, time.time())
