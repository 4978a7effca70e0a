# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What happens at each door, in the database and in Matrix, and how it is undone when one of them does not answer.

The rule at every door: first the database (a use is taken, the audit row written), then Matrix, then the database
again. A crash in between leaves a row that the sweeper finds.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import datetime, timedelta
from typing import Any

from bridge.domain.contractors import Contractor, require_visit
from bridge.domain.display_name import clean_organisation
from bridge.domain.errors import BridgeError, Refused, Unavailable
from bridge.domain.guests import guest_device, shown_name
from bridge.domain.invites import TOKEN_BYTES, Invite, require_open, require_terms, token_hash, unknown
from bridge.domain.lobby import PASSES, Place, PlaceState
from bridge.domain.mail_check import Check
from bridge.domain.mail_check import unknown as code_unknown
from bridge.domain.meetings import Meeting, as_json
from bridge.domain.names import OUR_ID_BYTES, InviteId, MeetingId, RoomId, UserId, is_our_id, localpart_of, server_of
from bridge.domain.revocation import names_of
from bridge.matrix.homeserver import HomeserverRefusedError
from bridge.store import barred, bars, calls, contractors, guests, invites, mail_checks, meetings, sessions
from bridge.store import lobby as lobby_places
from bridge.store.database import Connection
from bridge.store.lobby import Arrival
from bridge.web import lobby, seats, secret_links
from bridge.web.context import Services
from bridge.web.limits import PARTNER_INVITES
from bridge.web.sessions import GUEST, open_session


async def find_invite(services: Services, token: str, address: str) -> Invite:
    """Return the link of a token; every wrong one is refused alike and counted against its address."""
    return await secret_links.find(services, token, address, invites.by_token, unknown())


async def admit_guest(
    services: Services, invite: Invite, who: Arrival, check: Check | None = None, proposed: str = ""
) -> dict[str, Any] | Place:
    """Take one use and return the Session of a new throw-away account in the room, or the place in the queue.

    `check`: which mail address they have shown to be theirs. `proposed`: the user id for which their page has
    started Element Call (`bridge.web.seats`).
    """
    await services.accounts.require_guarded()
    user_id = seats.as_proposed(services, invite, proposed) or seats.new_guest(services, invite.expires_at)
    async with services.database.transaction() as tx:
        await bars.require_free(tx, invite.meeting_id, invite_id=invite.id)
        meeting, place = await lobby.knock(tx, services, invite.meeting_id, who)
        if place is not None and place.state not in PASSES:
            return place
        if place is not None and place.user_id is not None:
            await _replace(tx, invite.id, place.user_id)
        expires_at = await guests.reserve(
            tx,
            user_id,
            meeting_id=meeting.id,
            invite_id=invite.id,
            now=services.now(),
            display_name=who.name,
            organisation=who.organisation,
        )
        if check is not None:
            await _with_address(tx, user_id, check)
    return await _bring_in(services, meeting, user_id, who.name, who.organisation, expires_at, place)


async def _replace(tx: Connection, invite_id: InviteId, user_id: UserId) -> None:
    """End the account that a browser came in with before, whose page it lost; its use is the next one's."""
    if await guests.revoke(tx, user_id):
        await sessions.end_of_user(tx, user_id)
        await calls.revoke(tx, user_id)
        await invites.give_back(tx, invite_id)


async def admit_contractor(
    services: Services, contractor: Contractor, meeting_id: str, who: Arrival
) -> dict[str, Any] | Place:
    """Return the Session of one visit to one of the meetings that a pass opens, which ends the visit before, or the
    place in the queue.
    """
    await services.accounts.require_guarded()
    async with services.database.transaction() as tx:
        known = await contractors.lock(tx, contractor.id)
        assert known is not None  # passes stay in the database
        expires_at = require_visit(known, services.now())
        opened = {meeting.id: meeting for meeting in await contractors.meetings_of(tx, known)}
        meeting = opened.get(MeetingId(meeting_id))
        if meeting is None:
            raise Refused(404, "M_NOT_FOUND", "Your access does not open this meeting. Please ask who gave it to you.")
        await bars.require_free(tx, meeting.id, contractor_id=contractor.id)
        meeting, place = await lobby.knock(tx, services, meeting.id, who)
        if place is not None and place.state not in PASSES:
            return place
        user_id = seats.new_guest(services, expires_at)
        await guests.reserve_visit(tx, user_id, known, meeting_id=meeting.id, now=services.now(), expires_at=expires_at)
    services.sweep_now()
    return await _bring_in(services, meeting, user_id, known.display_name, known.organisation, expires_at, place)


async def _with_address(tx: Connection, user_id: UserId, check: Check) -> None:
    """Write down a guest's verified mail address; one code brings one guest in at a time."""
    if not await mail_checks.use(tx, check.check_hash, user_id):
        raise code_unknown()
    await guests.set_email(tx, user_id, check.address)


async def _bring_in(
    services: Services,
    meeting: Meeting,
    user_id: UserId,
    name: str,
    organisation: str,
    expires_at: datetime,
    place: Place | None,
) -> dict[str, Any]:
    """Make the account of a guest who is written down, bring it into the room and open its session, or undo all."""
    localpart = seats.localpart(services, user_id)
    try:
        matrix = await services.accounts.register_guest(localpart, guest_device(localpart))
        await asyncio.gather(  # both before the join, which takes the name along
            services.accounts.name(matrix, shown_name(name, services.settings.guests.label, organisation)),
            services.rooms.invite(meeting.room_id, user_id),
        )
        await services.rooms.join_guest(meeting.room_id, user_id)
        async with services.database.transaction() as tx:
            if not await guests.admitted(tx, user_id):
                raise Refused(410, "PASSERELLE_INVITE_REVOKED", "This link was withdrawn meanwhile.")
            if place is not None:
                await lobby.entered(tx, services, place, user_id)
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


async def admit_partner(
    services: Services, invite: Invite, partner: UserId, address: str, who: Arrival
) -> RoomId | Place:
    """Invite somebody on their own homeserver and return the room, or their place in the queue.

    One use for each new person, none for a second click.
    """
    services.limits.take(PARTNER_INVITES, address)
    async with services.database.transaction() as tx:
        require_open(invite, services.now())
        await bars.require_free(tx, invite.meeting_id, user_id=partner)
        await bars.require_free(tx, invite.meeting_id, invite_id=invite.id)
        await _require_not_barred(tx, partner)
        meeting, place = await _meeting(tx, invite.meeting_id), None
        if not await meetings.is_partner(tx, meeting.id, partner):
            meeting, place = await lobby.knock(tx, services, invite.meeting_id, who)
            if place is not None and place.state not in PASSES:
                return place
        new = await _write_partner(tx, services, meeting, partner, invite.id, place)
    await _send_invitation(services, meeting, partner, undo=new, used=invite.id)
    return meeting.room_id


async def bring_partner(services: Services, place: Place) -> None:
    """Invite a partner who was admitted, whether or not their page is still there."""
    assert place.user_id is not None
    assert place.invite_id is not None
    async with services.database.transaction() as tx:
        meeting = await _meeting(tx, place.meeting_id)
        known = await lobby_places.by_id(tx, place.id)
        if known is None or known.state is not PlaceState.ADMITTED:
            return  # their page was faster
        new = await _write_partner(tx, services, meeting, place.user_id, place.invite_id, known)
    await _send_invitation(services, meeting, place.user_id, undo=new, used=place.invite_id)
    services.watchers.tell(meeting.id)


async def _write_partner(
    tx: Connection, services: Services, meeting: Meeting, partner: UserId, invite_id: InviteId, place: Place | None
) -> bool:
    """Take a use for a partner who is new; tell whether they are."""
    await _require_not_barred(tx, partner)
    new = await meetings.add_partner(tx, meeting.id, partner, invite_id=invite_id, actor=partner)
    if new:
        await invites.take_use(tx, invite_id, services.now())
    if place is not None:
        await lobby.entered(tx, services, place, partner)
    return new


async def invite_partner(services: Services, meeting: Meeting, user_id: str, actor: UserId) -> None:
    """Invite somebody whom the organiser names, of any homeserver."""
    if server_of(user_id) is None:
        raise _no_user_id()
    services.limits.take(PARTNER_INVITES, actor)
    partner = UserId(user_id)
    async with services.database.transaction() as tx:
        await _require_not_barred(tx, partner)
        await bars.require_free(tx, meeting.id, user_id=partner)
        new = await meetings.add_partner(tx, meeting.id, partner, invite_id=None, actor=actor)
    await _send_invitation(services, meeting, partner, undo=new, used=None)


async def _send_invitation(
    services: Services, meeting: Meeting, partner: UserId, *, undo: bool, used: InviteId | None
) -> None:
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


async def staff_place(services: Services, meeting: Meeting, who: Arrival) -> Place | None:
    """Return the place in the queue of a member of staff whom a link would bring in for the first time; None: come in.

    Refused where the meeting is locked or over.
    """
    assert who.user_id is not None
    async with services.database.transaction() as tx:
        await bars.require_free(tx, meeting.id, user_id=who.user_id)
        if await meetings.is_staff_of(tx, meeting, who.user_id):
            return None
        _, place = await lobby.knock(tx, services, meeting.id, who)
        if place is None or place.state not in PASSES:
            return place
        await lobby.entered(tx, services, place, who.user_id)
    return None


async def admit_staff(services: Services, meeting: Meeting, user_id: UserId) -> None:
    """See to it that a member of staff is in the room; whoever calls has judged that they may."""
    async with services.database.transaction() as tx:
        await bars.require_free(tx, meeting.id, user_id=user_id)
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
    verify_email: bool = False,
) -> dict[str, Any]:
    """Make a link; its url is shown this once. Who answers for its guests is the organiser, or whom it names."""
    require_terms(uses, ttl_s)
    if verify_email and services.settings.mail is None:
        raise Refused(
            409, "PASSERELLE_NO_MAIL", "Mail is not configured on this server, so no address can be verified."
        )
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
            wants_email=verify_email,
            actor=actor,
        )
    return {
        "id": invite.id,
        "url": f"{services.settings.http.public_url}/j/{token}",
        "uses": invite.uses,
        "sponsor": invite.sponsor,
        "organisation": invite.organisation,
        "verify_email": invite.wants_email,
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


async def _require_not_barred(tx: Connection, partner: UserId) -> None:
    if await barred.is_barred(tx, names_of(partner)):
        raise Refused(403, "PASSERELLE_PARTNER_BARRED", "People of this homeserver are not let in here at present.")


def foreign_user(services: Services, user_id: str) -> UserId:
    """Return the user id of somebody of another homeserver, or refuse it."""
    server = server_of(user_id)
    if server is None:
        raise _no_user_id()
    if server == services.settings.homeserver.name:
        raise Refused(400, "PASSERELLE_USE_SIGN_IN", "You have an account here: please sign in instead.")
    return UserId(user_id)


def _no_user_id() -> Refused:
    return Refused(400, "PASSERELLE_BAD_USER_ID", "This is no Matrix user id; they look like @name:server.")
