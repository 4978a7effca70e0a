# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What people say of captions once a call is over, for the final pass.

The caption bot is out of the room then, and people may still withdraw.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from bridge.domain.errors import Refused
from bridge.domain.meetings import CONSENT
from bridge.domain.names import MAX_ID
from bridge.store import meetings
from bridge.web.context import SERVICES

MAX_PEOPLE = 100
"""Stops: one request becoming thousands at the homeserver. A call has 64 captioned tracks at most."""
_SHOWN = ("type", "sender", "state_key", "event_id", "origin_server_ts", "content")


def add_internal_routes(app: web.Application) -> None:
    """Add what the final pass asks."""
    app.router.add_get("/internal/v1/rooms/{room_id}/consents", _read)


async def _read(request: web.Request) -> web.Response:
    """Answer the consent events of the people named by `user`, and all reactions to the event named by `notice`."""
    services, room_id = request.app[SERVICES], request.match_info["room_id"]
    people, notice = dict.fromkeys(request.query.getall("user", [])), request.query.get("notice", "")
    if len(people) > MAX_PEOPLE or not all(0 < len(name) <= MAX_ID for name in (notice, *people)):
        raise Refused(400, "M_BAD_JSON", f"Name one notice and {MAX_PEOPLE} people at most.")
    async with services.database.transaction() as tx:
        meeting = None if "\x00" in room_id else await meetings.by_room(tx, room_id)
    if meeting is None:
        raise Refused(404, "M_NOT_FOUND", "This room is no meeting.")
    stated = [await services.rooms.state_event(meeting.room_id, CONSENT, user_id) for user_id in people]
    events = [event for event in stated if event] + await services.rooms.reactions(meeting.room_id, notice)
    return web.json_response({"events": [_shown(event) for event in events]})


def _shown(event: dict[str, Any]) -> dict[str, Any]:
    return {name: event[name] for name in _SHOWN if name in event}
