# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What happens at each door, in the database and in Matrix, and how it is undone when one of them does not answer.

The rule at every door: first the database (a use is taken, the audit row written), then Matrix, then the database
again. A crash in between leaves a row that the sweeper finds.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from bridge.domain.contractors import Contractor, require_visit
from bridge.domain.display_name import clean_display_name, clean_organisation
from bridge.domain.errors import BridgeError, Refused, Unavailable
from bridge.domain.guests import guest_localpart, shown_name
from bridge.domain.invites import TOKEN_BYTES, Invite, require_open, require_terms, token_hash, unknown
from bridge.domain.lifecycle import require_admission
from bridge.domain.meetings import Meeting, as_json, matrix_to, matrix_uri
from bridge.domain.names import OUR_ID_BYTES, InviteId, MeetingId, RoomId, UserId, is_our_id, localpart_of, server_of
from bridge.matrix.homeserver import HomeserverRefusedError
from bridge.store import contractors, guests, invites, meetings
from bridge.store.database import Connection
from bridge.web.context import Services
from bridge.web.limits import PARTNER_INVITES
from bridge.web.sessions import GUEST, open_session


async def find_invite(services: Services, token: str, address: str) -> Invite:
    """Return the link of a token; every wrong one is refused alike and counted against its address."""
    services.limits.check_invite_guess(address)
    hashed = token_hash(token)
    if hashed is not None:
        async with services.database.transaction() as tx:
            invite = await invites.by_token(tx, hashed)
        if invite is not None:
            return invite
    services.limits.count_invite_guess(address)
    raise unknown()


async def admit_guest(services: Services, invite: Invite, raw_name: str, raw_organisation: str) -> dict[str, Any]:
    """Take one use and return the Session of a new throw-away account that is in the room."""
    name = clean_display_name(raw_name)
    organisation = invite.organisation or clean_organisation(raw_organisation)
    await services.accounts.require_guarded()
    user_id = _new_guest(services, invite.expires_at)
    async with services.database.transaction() as tx:
        meeting = await _meeting(tx, invite.meeting_id)
        require_admission(meeting.life, locked=meeting.locked, guest=True)
        expires_at = await guests.reserve(
            tx,
            user_id,
            meeting_id=meeting.id,
            invite_id=invite.id,
            now=services.now(),
            display_name=name,
            organisation=organisation,
        )
    return await _bring_in(services, meeting, user_id, name, organisation, expires_at)


async def admit_contractor(services: Services, contractor: Contractor, meeting_id: str) -> dict[str, Any]:
    """Return the Session of one visit to one of the meetings that a pass opens; an earlier visit to it ends."""
    await services.accounts.require_guarded()
    async with services.database.transaction() as tx:
        known = await contractors.lock(tx, contractor.id)
        assert known is not None  # passes stay in the database
        expires_at = require_visit(known, services.now())
        opened = {meeting.id: meeting for meeting in await contractors.meetings_of(tx, known)}
        meeting = opened.get(MeetingId(meeting_id))
        if meeting is None:
            raise Refused(404, "M_NOT_FOUND", "Your access does not open this meeting. Please ask who gave it to you.")
        require_admission(meeting.life, locked=meeting.locked, guest=True)
        user_id = _new_guest(services, expires_at)
        await guests.reserve_visit(tx, user_id, known, meeting_id=meeting.id, now=services.now(), expires_at=expires_at)
    services.sweep_now()
    return await _bring_in(services, meeting, user_id, known.display_name, known.organisation, expires_at)


def _new_guest(services: Services, ends_at: datetime) -> UserId:
    settings = services.settings.homeserver
    return UserId(f"@{guest_localpart(settings.guest_prefix, ends_at, secrets.token_hex(10))}:{settings.name}")


async def _bring_in(
    services: Services, meeting: Meeting, user_id: UserId, name: str, organisation: str, expires_at: datetime
) -> dict[str, Any]:
    """Make the account of a guest who is written down, bring it into the room and open its session, or undo all."""
    localpart = localpart_of(user_id, services.settings.homeserver.name)
    assert localpart is not None
    try:
        matrix = await services.accounts.register_guest(
            localpart, shown_name(name, services.settings.guests.label, organisation)
        )
        await services.rooms.join_guest(meeting.room_id, user_id)
        async with services.database.transaction() as tx:
            if not await guests.admitted(tx, user_id):
                raise Refused(410, "PASSERELLE_INVITE_REVOKED", "This link was withdrawn meanwhile.")
            return await open_session(
                tx, services, matrix, display_name=name, door=GUEST, meeting=meeting, expires_at=expires_at
            )
    except BridgeError as error:
        async with services.database.transaction() as tx:
            await guests.failed(tx, user_id)
        services.sweep_now()
        if isinstance(error, HomeserverRefusedError):
            raise Unavailable("the homeserver") from error  # it refuses what our registration promises: ours to mend
        raise


async def admit_partner(services: Services, invite: Invite, user_id: str, address: str) -> dict[str, str]:
    """Invite somebody on their own homeserver; one use for each new person, none for a second click."""
    partner = _foreign_user(services, user_id)
    services.limits.take(PARTNER_INVITES, address)
    async with services.database.transaction() as tx:
        require_open(invite, services.now())
        meeting = await _meeting(tx, invite.meeting_id)
        new = await meetings.add_partner(tx, meeting.id, partner, invite_id=invite.id, actor=partner)
        if new:
            require_admission(meeting.life, locked=meeting.locked, guest=False)
            await invites.take_use(tx, invite.id, services.now())
    return await _send_invitation(services, meeting, partner, undo=new, used=invite.id)


async def invite_partner(services: Services, meeting: Meeting, user_id: str, actor: UserId) -> dict[str, str]:
    """Invite somebody whom the organiser names, of any homeserver."""
    if server_of(user_id) is None:
        raise _no_user_id()
    services.limits.take(PARTNER_INVITES, actor)
    partner = UserId(user_id)
    async with services.database.transaction() as tx:
        new = await meetings.add_partner(tx, meeting.id, partner, invite_id=None, actor=actor)
    return await _send_invitation(services, meeting, partner, undo=new, used=None)


async def _send_invitation(
    services: Services, meeting: Meeting, partner: UserId, *, undo: bool, used: InviteId | None
) -> dict[str, str]:
    """Invite a partner who is written down already; where that fails, undo it and give the use of a link back."""
    try:
        await services.rooms.invite(meeting.room_id, partner)
    except BridgeError:
        if undo:
            async with services.database.transaction() as tx:
                await meetings.drop_partner(tx, meeting.id, partner)
                if used is not None:
                    await invites.give_back(tx, used)
        raise
    return {
        "room_id": meeting.room_id,
        "matrix_to": matrix_to(meeting.room_id, services.settings.homeserver.name),
        "matrix_uri": matrix_uri(meeting.room_id, services.settings.homeserver.name),
    }


async def require_staff_admission(services: Services, meeting: Meeting, user_id: UserId) -> None:
    """Refuse a member of staff whom a link would bring in for the first time when the meeting is locked or over."""
    async with services.database.transaction() as tx:
        known = await meetings.is_staff_of(tx, meeting, user_id)
    if not known:
        require_admission(meeting.life, locked=meeting.locked, guest=False)


async def admit_staff(services: Services, meeting: Meeting, user_id: UserId) -> None:
    """See to it that a member of staff is in the room; whoever calls has judged that they may."""
    async with services.database.transaction() as tx:
        if meeting.organizer != user_id:
            await meetings.add_staff(tx, meeting.id, user_id)
    if await services.rooms.is_joined(meeting.room_id, user_id):
        return
    await services.rooms.invite(meeting.room_id, user_id)
    await join_local(services, meeting.room_id, user_id)


async def create_invite(
    services: Services,
    meeting: Meeting,
    *,
    uses: int,
    ttl_s: int,
    actor: str,
    sponsor: UserId | None = None,
    raw_organisation: str = "",
) -> dict[str, Any]:
    """Make a link; its url is shown this once. Who answers for its guests is the organiser, or whom it names."""
    require_terms(uses, ttl_s)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    hashed = token_hash(token)
    assert hashed is not None
    async with services.database.transaction() as tx:
        invite = await invites.create(
            tx,
            invite_id=secrets.token_urlsafe(OUR_ID_BYTES),
            meeting_id=meeting.id,
            token_hash=hashed,
            uses=uses,
            expires_at=services.now() + timedelta(seconds=ttl_s),
            sponsor=sponsor or meeting.organizer,
            organisation=clean_organisation(raw_organisation),
            actor=actor,
        )
    return {
        "id": invite.id,
        "url": f"{services.settings.http.public_url}/j/{token}",
        "uses": invite.uses,
        "sponsor": invite.sponsor,
        "organisation": invite.organisation,
        "expires_at": invite.expires_at.isoformat(timespec="seconds"),
    }


def invite_json(invite: Invite) -> dict[str, Any]:
    """Return a link without what it is a secret of."""
    return {
        "id": invite.id,
        "uses": invite.uses,
        "used": invite.used,
        "expires_at": invite.expires_at.isoformat(timespec="seconds"),
    }


async def meeting_by_id(services: Services, meeting_id: str) -> Meeting | None:
    """Return a meeting."""
    if not is_our_id(meeting_id):
        return None
    async with services.database.transaction() as tx:
        return await meetings.by_id(tx, meeting_id)


async def invite_by_id(services: Services, invite_id: str) -> Invite | None:
    """Return a link."""
    if not is_our_id(invite_id):
        return None
    async with services.database.transaction() as tx:
        return await invites.by_id(tx, InviteId(invite_id))


def meeting_json(services: Services, meeting: Meeting) -> dict[str, Any]:
    """Return the Meeting as pages know it."""
    return as_json(meeting, services.settings.http.public_url)


async def _meeting(tx: Connection, meeting_id: MeetingId) -> Meeting:
    meeting = await meetings.by_id(tx, meeting_id)
    if meeting is None:
        raise unknown()  # deleted meanwhile: its links lead nowhere
    return meeting


async def join_local(services: Services, room_id: RoomId, user_id: UserId) -> None:
    """Bring an invited member of our homeserver into a room; others answer the invitation there."""
    localpart = localpart_of(user_id, services.settings.homeserver.name)
    if localpart is None:
        return
    try:
        await services.accounts.join_staff(localpart, room_id)
    except HomeserverRefusedError as error:
        raise Refused(403, "M_FORBIDDEN", "The homeserver does not let you into this room.") from error


def _foreign_user(services: Services, user_id: str) -> UserId:
    server = server_of(user_id)
    if server is None:
        raise _no_user_id()
    if server == services.settings.homeserver.name:
        raise Refused(400, "PASSERELLE_USE_SIGN_IN", "You have an account here: please sign in instead.")
    return UserId(user_id)


def _no_user_id() -> Refused:
    return Refused(400, "PASSERELLE_BAD_USER_ID", "This is no Matrix user id; they look like @name:server.")
