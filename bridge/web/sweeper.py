# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What ends by itself: meetings and guests whose time is over, calls of people who left, old sessions and codes.

Everything to do stands in the database, so a sweep that fails, or a bridge that dies, only delays it.
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from bridge.domain.errors import Unavailable
from bridge.store import calls, guests, lobby, mail_checks, revocations, sessions, tokens, transactions, transcripts
from bridge.web import life, network_test, reminders, revoking
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
        queues = await lobby.expire_overdue(tx, now)
        await guests.time_over(tx, now)
        for user_id in await guests.left_behind(tx, now):
            await guests.failed(tx, user_id)
        await revocations.purge(tx, now)
        await mail_checks.purge(tx, now)
    for meeting_id in queues:
        services.watchers.tell(meeting_id)
    if queues:
        services.bot_now()
    await revoking.finish(services)
    await _forget_what_was_said(services)
    await _end_network_tests(services)


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


async def _end_network_tests(services: Services) -> None:
    try:
        await network_test.end_old(services)
    except Unavailable as gone:
        _LOG.warning("network_tests_postponed", what=gone.what)
