# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who will a guest be? A name for the account before there is one, so that a page can start Element Call meanwhile.

A proposal is neither written down nor promised: the page brings it back when the guest joins, and the account gets
another name where it does not fit. The random part of a name decides nothing, so a page may as well have chosen it.
"""

from __future__ import annotations

import secrets
from datetime import datetime

from bridge.domain.guests import RANDOM_BYTES, guest_device, guest_localpart, is_guest_localpart
from bridge.domain.invites import Invite, require_unspent, unknown
from bridge.domain.lifecycle import require_admission
from bridge.domain.lobby import Door, is_early, must_wait
from bridge.domain.names import UserId, localpart_of
from bridge.store import bars, meetings
from bridge.web.context import Services


async def propose(services: Services, invite: Invite, *, must_verify: bool) -> dict[str, str] | None:
    """Return who a guest of this link would be in the call, and in which room. Refused: whoever would not be admitted.

    None where somebody has to let them in first, or where they have to show a mail address (`must_verify`): until then
    they learn nothing of the room.
    """
    async with services.database.transaction() as tx:
        require_unspent(invite, services.now())
        await bars.require_free(tx, invite.meeting_id, invite_id=invite.id)
        meeting = await meetings.by_id(tx, invite.meeting_id)
    if meeting is None:
        raise unknown()  # deleted meanwhile
    require_admission(meeting.life, locked=meeting.locked)
    waits = is_early(meeting.life, Door.GUEST) or must_wait(meeting.lobby, Door.GUEST)
    if waits or must_verify:
        return None
    user_id = new_guest(services, invite.expires_at)
    return {
        "user_id": user_id,
        "device_id": guest_device(localpart(services, user_id)),
        "base_url": services.settings.homeserver.client_url,
        "room_id": meeting.room_id,
    }


def as_proposed(services: Services, invite: Invite, proposed: str) -> UserId | None:
    """Return the user id that a page brings back, if it is one that it can have been told."""
    settings, user_id = services.settings.homeserver, UserId(proposed)
    name = localpart_of(user_id, settings.name)
    ours = name is not None and is_guest_localpart(name, settings.guest_prefix, invite.expires_at)
    return user_id if ours else None


def new_guest(services: Services, ends_at: datetime) -> UserId:
    """Return a user id that nobody had."""
    settings = services.settings.homeserver
    name = guest_localpart(settings.guest_prefix, ends_at, secrets.token_hex(RANDOM_BYTES))
    return UserId(f"@{name}:{settings.name}")


def localpart(services: Services, user_id: UserId) -> str:
    """Return the name of a guest's account on our homeserver."""
    name = localpart_of(user_id, services.settings.homeserver.name)
    assert name is not None  # it is our guest
    return name
