# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Whose sound may still lie here now that their call is over, and for how long?

Whoever withdraws before the final transcript is written has no part in it. The caption bot looks after it, because it
runs where sound is written, whether a worker comes or not; workers look once more before they hand a transcript over.
"""

import asyncio
import time

import structlog

from bots.captions.consent import still_agree
from bots.final.bridge import Bridge, BridgeError, NoMeetingError
from bots.final.spool import EndedCall, Spool

LOOK_S = 60.0
"""How long the sound of somebody who withdrew after the call may lie here."""

log = structlog.get_logger(__name__)


async def forget_withdrawn(spool: Spool, call: EndedCall, bridge: Bridge) -> None:
    """Delete the sound of those who do not agree any more, and all of it where there is no meeting to read it.

    Raises:
        BridgeError: nobody can say who does; until then nothing of the call may be handed over.
    """
    kept = spool.call(call.call_id)
    people = await asyncio.to_thread(kept.people)
    if not people:
        return
    agreed = {user_id: call.agreed.get(user_id, 0) for user_id in people}
    try:
        events = await bridge.consents(call, sorted(people))
    except NoMeetingError:
        await asyncio.to_thread(kept.delete)
        log.info("sound_of_no_meeting_deleted", room_id=call.room_id)
        return
    agree = still_agree(call.call_id, agreed, events)
    if people - agree:
        await asyncio.to_thread(kept.keep_only, agree.__contains__)
        log.info("sound_of_withdrawn_deleted", room_id=call.room_id, people=len(people - agree))


async def sweep(spool: Spool) -> None:
    """Delete the sound that nobody came for."""
    deleted = await asyncio.to_thread(spool.sweep, time.time())
    if deleted:
        log.error("sound_deleted_unread", calls=deleted)


async def look_after(spool: Spool, bridge: Bridge) -> None:
    """Look once a minute at all sound of calls that are over, until cancelled."""
    while True:
        try:
            await sweep(spool)
            for call in await asyncio.to_thread(lambda: list(spool.ended())):
                try:
                    await forget_withdrawn(spool, call, bridge)
                except BridgeError as error:
                    log.warning("withdrawals_not_known", room_id=call.room_id, reason=str(error))
        except OSError as error:  # a worker deletes what we look at, or the disk is gone: captions go on
            log.warning("sound_not_looked_after", reason=type(error).__name__)
        await asyncio.sleep(LOOK_S)
