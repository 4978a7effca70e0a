# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does `!meet revoke …` mean? A link, a guest or a homeserver, as hosts and operators call them."""

from __future__ import annotations

from bridge.domain.errors import Refused
from bridge.domain.invites import token_hash
from bridge.domain.meetings import Meeting
from bridge.domain.names import InviteId, UserId
from bridge.domain.revocation import Kind
from bridge.store import guests, invites
from bridge.web.context import Services
from bridge.web.revocations import revoke_as


async def revoke(
    services: Services, meeting: Meeting | None, sender: UserId, words: tuple[str, ...]
) -> tuple[str, str | int]:
    """Revoke what is named; return the key of what to say about it, and its name, or of links how many."""
    kind, rest = (words[0].lower() if words else ""), " ".join(words[1:])
    if kind == "server" and rest:
        await revoke_as(services, sender, Kind.SERVER, rest)
        return "revoked_server", rest
    if meeting is not None and kind == "link":
        found = await _links(services, meeting, rest)
        for invite_id in found:
            await revoke_as(services, sender, Kind.LINK, invite_id)
        return "revoked_links", len(found)
    if meeting is not None and kind == "guest" and rest:
        user_id, name = await _guest(services, meeting, rest)
        await revoke_as(services, sender, Kind.GUEST, user_id)
        return "revoked_guest", name
    raise Refused(400, "revoke_usage", "")


async def _links(services: Services, meeting: Meeting, named: str) -> list[InviteId]:
    """Return the link that somebody pasted, or by its id; without a name all that open."""
    hashed = token_hash(named.rpartition("/")[2])
    async with services.database.transaction() as tx:
        known = await invites.open_of(tx, meeting.id, services.now())
        if not named:
            return [invite.id for invite in known]
        pasted = None if hashed is None else await invites.by_token(tx, hashed)
    wanted = named if pasted is None else pasted.id
    found = [invite.id for invite in known if invite.id == wanted]
    if not found:
        raise Refused(404, "revoke_nothing", "")
    return found


async def _guest(services: Services, meeting: Meeting, named: str) -> tuple[UserId, str]:
    """Return the guest whom a name or a user id means; of several with one name, the user id has to say which."""
    async with services.database.transaction() as tx:
        there = await guests.present(tx, meeting.id)
    found = [one for one in there if named.casefold() in {one.display_name.casefold(), one.user_id}]
    if not found:
        raise Refused(404, "revoke_nothing", "")
    if len(found) > 1:
        raise Refused(409, "revoke_which", ", ".join(one.user_id for one in found))
    return found[0].user_id, found[0].display_name
