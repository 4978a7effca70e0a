# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How the supervisor sees from outside that a process is ready."""

import aiohttp

from bridge.stack.accounts import Admin
from bridge.stack.errors import StackError
from bridge.stack.supervisor import Probe

_TIMEOUT = aiohttp.ClientTimeout(total=2.0)


def http_answers(http: aiohttp.ClientSession, url: str) -> Probe:
    """Ready when a GET of `url` is answered with success."""

    async def probe(_started_at: float) -> bool:
        try:
            async with http.get(url, timeout=_TIMEOUT, allow_redirects=False) as response:
                return response.ok
        except (aiohttp.ClientError, TimeoutError):
            return False

    return probe


def device_is_active(admin: Admin, user_id: str, device_id: str) -> Probe:
    """Ready when this device of a bot, which has no port of its own, has spoken to its homeserver since its start."""

    async def probe(started_at: float) -> bool:
        try:
            return await admin.device_seen_at(user_id, device_id) >= started_at
        except StackError:
            return False

    return probe
