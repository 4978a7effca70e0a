# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What time does to contractors' passes: their sponsors are reminded, they expire, they are forgotten.

A reminder is sent before it is written down, under a name that is the same each time: a bridge that dies in between
sends it again, and the homeserver takes the two for one.
"""

from __future__ import annotations

import structlog

from bridge.domain.audit import SYSTEM
from bridge.domain.contractors import Contractor, ContractorEvent, due
from bridge.domain.errors import BridgeError, Unavailable
from bridge.domain.guests import shown_name
from bridge.locales import catalogue
from bridge.store import contractors, sessions
from bridge.web.context import Services

_LOG = structlog.get_logger(__name__)


async def move_on(services: Services) -> None:
    """Do what is due; what fails is done by a later sweep."""
    async with services.database.transaction() as tx:
        waiting = await contractors.to_look_at(tx, services.now(), services.settings.guests.policy)
    for contractor in waiting:
        try:
            await _look_at(services, contractor)
        except Unavailable as gone:
            _LOG.warning("contractor_postponed", contractor=contractor.id, what=gone.what)
        except BridgeError:
            _LOG.exception("contractor_step_refused", contractor=contractor.id)


async def _look_at(services: Services, seen: Contractor) -> None:
    policy = services.settings.guests.policy
    if due(seen, services.now(), policy) is ContractorEvent.END_IS_NEAR:
        await _remind(services, seen)
    async with services.database.transaction() as tx:
        contractor = await contractors.lock(tx, seen.id)
        event = None if contractor is None else due(contractor, services.now(), policy)
        if contractor is None or event is None or contractor.ends_at != seen.ends_at:
            return  # renewed or withdrawn meanwhile
        await contractors.happen(tx, contractor, event, actor=SYSTEM)
        if event is ContractorEvent.TIME_OVER:
            await sessions.end_of_contractor(tx, contractor.id)
    _LOG.info("contractor_moved_on", contractor=seen.id, event_=event.value)


async def _remind(services: Services, contractor: Contractor) -> None:
    words = catalogue(services.settings.guests.language)
    async with services.database.transaction() as tx:
        room = await contractors.notice_room(tx, contractor.sponsor)
    if room is None:
        room = await services.notices.make_room(
            contractor.sponsor, words.text("notices_room", service=services.settings.branding.name)
        )
        async with services.database.transaction() as tx:
            await contractors.set_notice_room(tx, contractor.sponsor, room)
    reminder = words.count(
        "page.contractor_reminder",
        services.settings.guests.grace_days,
        name=shown_name(contractor.display_name, services.settings.guests.label, contractor.organisation),
        date=f"{contractor.ends_at:%Y-%m-%d}",
        url=f"{services.settings.http.public_url}/contractors",
    )
    key = f"{contractor.id} {contractor.ends_at.isoformat()}"
    await services.notices.tell(room, contractor.sponsor, reminder, key=key)
