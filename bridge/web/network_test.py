# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How does somebody with a link learn whether a call would work from where they are? A room of their own for seconds.

Nothing is remembered here: the media server knows which tests there are, and the sweeper ends those that stay.
"""

from __future__ import annotations

import secrets

from aiohttp import web

from bridge.domain import network_test
from bridge.domain.invites import require_open
from bridge.web import admission
from bridge.web.context import SERVICES, Services
from bridge.web.limits import NETWORK_TESTS, too_many
from bridge.web.requester import address_of


def add_routes(app: web.Application) -> None:
    """Add the test of a link's holder."""
    app.router.add_post("/j/{token}/network-test", _begin)


async def _begin(request: web.Request) -> web.Response:
    services, address = request.app[SERVICES], address_of(request)
    invite = await admission.find_invite(services, request.match_info["token"], address)
    require_open(invite, services.now())
    services.limits.take(NETWORK_TESTS, address)
    if await end_old(services) >= network_test.MAX_ROOMS:
        raise too_many(network_test.ROOM_LIFETIME_S)
    room = network_test.ROOM_PREFIX + secrets.token_urlsafe(12)
    await services.sfu.create_test_room(room)
    token = services.sfu.test_token(room, int(services.now().timestamp()))
    return web.json_response({"url": services.sfu.public_url, "jwt": token}, headers={"Cache-Control": "no-store"})


async def end_old(services: Services) -> int:
    """End the tests whose time is up, and tell how many go on."""
    rooms = await services.sfu.test_rooms()
    over = network_test.over(rooms, int(services.now().timestamp()))
    for room in over:
        await services.sfu.delete_room(room)
    return len(rooms) - len(over)
