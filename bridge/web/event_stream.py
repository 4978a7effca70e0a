# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What has every server-sent stream of ours: its headers, and how long it may be silent or not read."""

from __future__ import annotations

from aiohttp import web

KEEP_ALIVE_S = 15.0
"""Silence after which a comment is sent, so that proxies keep the stream, and the session is looked at again."""
WRITE_TIMEOUT_S = 30.0
"""Stops: a page that reads nothing keeping its stream for ever."""


def event_stream() -> web.StreamResponse:
    """Return the answer that events are sent in as they come."""
    return web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
