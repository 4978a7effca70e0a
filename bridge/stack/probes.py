# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How the supervisor sees from outside that a process is ready."""

import aiohttp

from bridge.stack.supervisor import Probe

_TIMEOUT = aiohttp.ClientTimeout(total=2.0)


def http_answers(http: aiohttp.ClientSession, url: str) -> Probe:
    """Ready when a GET of `url` is answered with success."""

    async def probe() -> bool:
        try:
            async with http.get(url, timeout=_TIMEOUT, allow_redirects=False) as response:
                return response.ok
        except (aiohttp.ClientError, TimeoutError):
            return False

    return probe
