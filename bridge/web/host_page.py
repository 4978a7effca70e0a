# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What a host sees of a meeting while it runs: the page `/m/{id}/host`, fed by one server-sent stream.

The stream carries sections: one JSON snapshot each, sent whole at first and whenever it differs. To add a section `x`:

1. `async def section(services, meeting) -> dict` in the module that it is about, named below in `SECTIONS`;
2. `services.watchers.tell(meeting.id)` wherever what it shows has changed (all is read again every 15 s anyhow);
3. `templates/_host_x.html`, included by `host.html`, and `static/ts/host-x.ts`, which exports a class with
   `show(snapshot)` and is named in `SECTIONS` of `static/ts/host.ts`.

What hosts do there are requests of the API like anybody else's, each judged by the power level in the room.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from bridge.domain.errors import BridgeError, Unavailable
from bridge.domain.meetings import Meeting
from bridge.matrix.rooms import HOST_LEVEL
from bridge.store import sessions
from bridge.web import access, admission, moderation, organizing, waiting
from bridge.web.context import SERVICES, Services
from bridge.web.meetings import require_host
from bridge.web.sessions import bearer_text
from bridge.web.snapshots import Snapshots, follow

Section = Callable[[Services, Meeting], Awaitable[dict[str, Any]]]


async def _about(services: Services, meeting: Meeting) -> dict[str, Any]:
    return admission.meeting_json(services, meeting)


SECTIONS: dict[str, Section] = {
    "people": moderation.section,
    "meeting": _about,
    "waiting": waiting.section,
    "access": access.section,
}


def add_routes(app: web.Application) -> None:
    """Add the stream; the page itself is one of `bridge.web.pages`."""
    app.router.add_get("/api/v1/meetings/{meeting_id}/host", _stream)


async def _stream(request: web.Request) -> web.StreamResponse:
    services = request.app[SERVICES]
    who, meeting = await require_host(request)

    async def read() -> Snapshots | None:
        """Look at the session and the level again each time: who is no host any more sees nothing more."""
        now = await admission.meeting_by_id(services, meeting.id)
        async with services.database.transaction() as tx:
            bearer = await sessions.find(tx, bearer_text(request), services.now())
        if bearer is None or now is None:
            return None
        try:
            await organizing.require_level(services, now, who.user_id, HOST_LEVEL)
        except Unavailable:
            raise
        except BridgeError:
            return None
        return {name: await section(services, now) for name, section in SECTIONS.items()}

    with services.watchers.watch(meeting.id, who.user_id, host=True) as watcher:
        return await follow(request, watcher, read)
