# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How a page follows something that changes: named snapshots on one server-sent stream, each when it differs.

Each is whole, so a page has nothing to add up: whoever comes late, comes back or misses one has the truth with the
next.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from bridge.domain.errors import Unavailable
from bridge.web.event_stream import KEEP_ALIVE_S, WRITE_TIMEOUT_S, event_stream
from bridge.web.watchers import Watcher

PAUSE_S = 0.2
"""Between two looks at least. Stops: a hundred changes in a second read a hundred times by each page."""

Snapshots = Mapping[str, Any]


async def follow(
    request: web.Request, watcher: Watcher, read: Callable[[], Awaitable[Snapshots | None]]
) -> web.StreamResponse:
    """Send what `read` returns, at first and whenever it differs, until it returns None: then the stream has an end.

    It is read at every change and at least every `KEEP_ALIVE_S`; an outage of what it reads ends no stream.
    """
    response = event_stream()
    await response.prepare(request)
    sent: dict[str, bytes] = {}
    with contextlib.suppress(OSError, TimeoutError):  # the page went away, or reads nothing
        while not watcher.closed:
            try:
                now = await read()
            except Unavailable:
                now = {}
            if now is None:
                break
            fresh = {name: data for name, data in _events(now).items() if sent.get(name) != data}
            async with asyncio.timeout(WRITE_TIMEOUT_S):
                await response.write(b"".join(fresh.values()) or b": still here\n\n")
            sent |= fresh
            await asyncio.sleep(PAUSE_S)
            await watcher.changed.wait(KEEP_ALIVE_S)
    return response


def _events(snapshots: Snapshots) -> dict[str, bytes]:
    return {
        name: f"event: {name}\ndata: {json.dumps(content, separators=(',', ':'))}\n\n".encode()
        for name, content in snapshots.items()
    }
