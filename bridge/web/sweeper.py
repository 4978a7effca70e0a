# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What ends by itself: meetings and guests whose time is over, calls of people who left, old sessions and codes.

Everything to do stands in the database, so a sweep that fails, or a bridge that dies, only delays it.
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from bridge.domain.errors import BridgeError, Unavailable
from bridge.store import calls, guests, meetings, sessions, tokens, transactions, transcripts
from bridge.store.guests import Guest
from bridge.web import life, reminders
from bridge.web.context import Services
from bridge.web.limits import RETENTION

INTERVAL_S = 15.0
"""How late a guest's end may be noticed; a revocation wakes the sweeper at once."""

_LOG = structlog.get_logger(__name__)


async def run(services: Services) -> None:
    """Sweep for ever."""
    while True:
        try:
            await sweep(services)
        except Unavailable as gone:
            _LOG.warning("sweep_postponed", what=gone.what)
        await services.sweep_now.wait(INTERVAL_S)


async def sweep(services: Services) -> None:
    """Do once all that is due."""
    await life.move_on(services)
    await reminders.move_on(services)
    now = services.now()
    async with services.database.transaction() as tx:
        await sessions.purge(tx, now)
        await tokens.purge(tx, now)
        await transactions.purge(tx, now)
        await calls.purge(tx, now)
        await guests.time_over(tx, now)
        for user_id in await guests.left_behind(tx, now):
            await guests.failed(tx, user_id)
        ending = await guests.to_end(tx)
        for guest in ending:
            await sessions.end_of_user(tx, guest.user_id)
            await calls.revoke(tx, guest.user_id)
    await _end_devices(services)
    await _forget_what_was_said(services)
    await _remove_from_calls(services)
    for guest in ending:
        services.hub.close(guest.user_id)
        await _end(services, guest)


async def _end_devices(services: Services) -> None:
    """Sign out the Matrix devices of sessions that have ended."""
    async with services.database.transaction() as tx:
        over = await sessions.over(tx, services.now())
    for token_hash, kept in over:
        try:
            if token := services.seal.open(kept).get("matrix"):
                await services.accounts.logout(token)
        except Unavailable as gone:
            _LOG.warning("device_end_postponed", what=gone.what)
            return
        async with services.database.transaction() as tx:
            await sessions.forget(tx, token_hash)


async def _forget_what_was_said(services: Services) -> None:
    """Delete what is older than `[transcripts] keep_days`; looked at once in a while, as it reads much."""
    keep_days = services.settings.transcripts.keep_days
    if not keep_days or not services.limits.is_due(RETENTION):
        return
    before_ms = int((services.now() - timedelta(days=keep_days)).timestamp() * 1000)
    async with services.database.transaction() as tx:
        forgotten = await transcripts.purge(tx, before_ms)
    if forgotten:
        _LOG.info("transcripts_forgotten", calls=forgotten)


async def _remove_from_calls(services: Services) -> None:
    async with services.database.transaction() as tx:
        revoked = await calls.revoked(tx)
    for what in revoked:
        try:
            await services.sfu.remove(what.livekit_room, what.identity)
        except Unavailable as gone:
            _LOG.warning("removal_postponed", what=gone.what)
            return
        async with services.database.transaction() as tx:
            await calls.removed(tx, what)


async def _end(services: Services, guest: Guest) -> None:
    """Take a guest out of the room and close the account; what fails is done by the next sweep."""
    try:
        async with services.database.transaction() as tx:
            meeting = await meetings.by_id(tx, guest.meeting_id)
        if meeting is not None:
            await services.rooms.remove(meeting.room_id, guest.user_id)
        await services.accounts.deactivate_guest(guest.user_id)
    except Unavailable as gone:
        _LOG.warning("guest_end_postponed", what=gone.what)
        return
    except BridgeError:
        _LOG.exception("guest_end_refused")
        return
    async with services.database.transaction() as tx:
        await guests.ended(tx, guest)
