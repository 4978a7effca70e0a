# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Guests: each throw-away account, from before it exists until after it is gone.

The states and what may follow what stand in `bridge.domain.guests`; every statement names the states it comes from.
"""

# ruff: noqa: S608  # only column lists and limits of this module are pasted into statements

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.domain.audit import SYSTEM, Action, AuditRow
from bridge.domain.contractors import Contractor
from bridge.domain.errors import Refused
from bridge.domain.guests import MAX_LISTED, PENDING_TIMEOUT_S, GuestEvent, GuestState, after, before
from bridge.domain.names import InviteId, MeetingId, UserId
from bridge.store import audit, invites
from bridge.store.database import Connection

SWEEP_BATCH = 50
"""Guests that one sweep ends; the next one goes on."""

_REVOKE = "UPDATE guests SET state = $1"


@dataclass(frozen=True, slots=True)
class Guest:
    """A guest that has to be ended."""

    user_id: UserId
    meeting_id: MeetingId


@dataclass(frozen=True, slots=True)
class Present:
    """A guest as hosts see it."""

    user_id: UserId
    display_name: str
    organisation: str
    sponsor: UserId
    since: datetime
    expires_at: datetime
    email: str
    """Shown to be theirs; "" where nobody asked."""


async def reserve(
    tx: Connection,
    user_id: UserId,
    *,
    meeting_id: MeetingId,
    invite_id: InviteId,
    now: datetime,
    display_name: str = "",
    organisation: str = "",
) -> datetime:
    """Take a use of the invite for a guest that does not exist yet; return when the guest's time ends.

    Refused (409) where there is or was a guest of this name, which pages may propose.
    """
    await invites.take_use(tx, invite_id, now)
    expires_at: datetime | None = await tx.value(
        """INSERT INTO guests
               (user_id, meeting_id, invite_id, state, created_at, expires_at, display_name, organisation)
           SELECT $1, $2, id, $3, $5, expires_at, $6, $7 FROM invites WHERE id = $4
           ON CONFLICT (user_id) DO NOTHING RETURNING expires_at""",
        user_id,
        meeting_id,
        GuestState.PENDING.value,
        invite_id,
        now,
        display_name,
        organisation,
    )
    if expires_at is None:
        raise Refused(409, "PASSERELLE_SEAT_TAKEN", "This page was used before. Please press the button once more.")
    await audit.append(tx, AuditRow(user_id, Action.GUEST_ADMITTED, meeting_id, {"invite": invite_id}))
    return expires_at


async def reserve_visit(
    tx: Connection,
    user_id: UserId,
    contractor: Contractor,
    *,
    meeting_id: MeetingId,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Write down a contractor's visit before its account exists; it takes the place of the one before."""
    await tx.execute(
        f"{_REVOKE} WHERE contractor_id = $3 AND meeting_id = $4 AND state = ANY($2)",
        after(GuestEvent.REVOKED).value,
        before(GuestEvent.REVOKED),
        contractor.id,
        meeting_id,
    )
    await tx.execute(
        """DELETE FROM sessions WHERE user_id IN
            (SELECT user_id FROM guests WHERE contractor_id = $1 AND meeting_id = $2)""",
        contractor.id,
        meeting_id,
    )
    await tx.execute(
        """INSERT INTO guests
               (user_id, meeting_id, contractor_id, state, created_at, expires_at, display_name, organisation)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)""",
        user_id,
        meeting_id,
        contractor.id,
        GuestState.PENDING.value,
        now,
        expires_at,
        contractor.display_name,
        contractor.organisation,
    )
    await audit.append(tx, AuditRow(user_id, Action.GUEST_ADMITTED, meeting_id, {"contractor": contractor.id}))


async def revoke_of_contractor(tx: Connection, contractor_id: str, *, but: Sequence[MeetingId]) -> None:
    """Begin to end a contractor's visits, but for those to some meetings."""
    await tx.execute(
        f"{_REVOKE} WHERE contractor_id = $3 AND state = ANY($2) AND meeting_id <> ALL($4)",
        after(GuestEvent.REVOKED).value,
        before(GuestEvent.REVOKED),
        contractor_id,
        list(but),
    )


async def set_email(tx: Connection, user_id: UserId, email: str) -> None:
    """Write down the mail address that a guest has shown to be theirs."""
    await tx.execute("UPDATE guests SET email = $2 WHERE user_id = $1", user_id, email)


async def admitted(tx: Connection, user_id: UserId) -> bool:
    """Make a guest active whose account is in the room; False when it was ended meanwhile."""
    return bool(
        await tx.execute(
            "UPDATE guests SET state = $2 WHERE user_id = $1 AND state = ANY($3)",
            user_id,
            after(GuestEvent.ADMITTED).value,
            before(GuestEvent.ADMITTED),
        )
    )


async def failed(tx: Connection, user_id: UserId) -> None:
    """Give the use back and leave the half-made account to the sweep."""
    row = await tx.row(
        "UPDATE guests SET state = $2 WHERE user_id = $1 AND state = ANY($3) RETURNING invite_id, meeting_id",
        user_id,
        after(GuestEvent.FAILED).value,
        before(GuestEvent.FAILED),
    )
    if row is not None:
        if row["invite_id"] is not None:
            await invites.give_back(tx, row["invite_id"])
        await audit.append(tx, AuditRow(SYSTEM, Action.GUEST_FAILED, row["meeting_id"], {"user_id": user_id}))


async def left_behind(tx: Connection, now: datetime) -> list[UserId]:
    """Return guests that a crash left pending."""
    rows = await tx.rows(
        f"SELECT user_id FROM guests WHERE state = $1 AND created_at < $2 LIMIT {SWEEP_BATCH}",
        GuestState.PENDING.value,
        now - timedelta(seconds=PENDING_TIMEOUT_S),
    )
    return [UserId(row["user_id"]) for row in rows]


async def time_over(tx: Connection, now: datetime) -> None:
    """Begin to end the guests whose time is over."""
    await tx.execute(
        "UPDATE guests SET state = $1 WHERE state = ANY($2) AND expires_at <= $3",
        after(GuestEvent.TIME_OVER).value,
        before(GuestEvent.TIME_OVER),
        now,
    )


async def revoke_of_invite(tx: Connection, invite_id: InviteId) -> None:
    """Begin to end everybody who came by this link."""
    await tx.execute(
        "UPDATE guests SET state = $1 WHERE invite_id = $2 AND state = ANY($3)",
        after(GuestEvent.REVOKED).value,
        invite_id,
        before(GuestEvent.REVOKED),
    )


async def revoke_of_meeting(tx: Connection, meeting_id: MeetingId) -> None:
    """Begin to end every guest of a meeting."""
    await tx.execute(
        "UPDATE guests SET state = $1 WHERE meeting_id = $2 AND state = ANY($3)",
        after(GuestEvent.REVOKED).value,
        meeting_id,
        before(GuestEvent.REVOKED),
    )


async def revoke(tx: Connection, user_id: UserId) -> bool:
    """Begin to end one guest, who left or was taken out of the room; False for whoever is no guest any more."""
    return bool(
        await tx.execute(
            "UPDATE guests SET state = $1 WHERE user_id = $2 AND state = ANY($3)",
            after(GuestEvent.REVOKED).value,
            user_id,
            before(GuestEvent.REVOKED),
        )
    )


async def to_end(tx: Connection) -> list[Guest]:
    """Return guests whose account has still to be taken away, in no order: one that fails keeps no other waiting."""
    rows = await tx.rows(
        f"SELECT user_id, meeting_id FROM guests WHERE state = $1 ORDER BY random() LIMIT {SWEEP_BATCH}",
        GuestState.ENDING.value,
    )
    return [Guest(UserId(row["user_id"]), MeetingId(row["meeting_id"])) for row in rows]


async def ended(tx: Connection, guest: Guest) -> None:
    """Write down that the account is gone, and forget what the guest was called."""
    done = await tx.execute(
        "UPDATE guests SET state = $2, display_name = '', organisation = '', email = ''"
        " WHERE user_id = $1 AND state = ANY($3)",
        guest.user_id,
        after(GuestEvent.DEACTIVATED).value,
        before(GuestEvent.DEACTIVATED),
    )
    if done:
        await audit.append(tx, AuditRow(SYSTEM, Action.GUEST_ENDED, guest.meeting_id, {"user_id": guest.user_id}))


async def present(tx: Connection, meeting_id: MeetingId) -> list[Present]:
    """Return the guests who are in a meeting now, oldest first."""
    rows = await tx.rows(
        f"""SELECT user_id, guests.display_name, guests.organisation, guests.created_at, guests.expires_at, email,
                coalesce(invites.sponsor, contractors.sponsor) AS sponsor
            FROM guests
            LEFT JOIN invites ON invites.id = invite_id LEFT JOIN contractors ON contractors.id = contractor_id
            WHERE guests.meeting_id = $1 AND guests.state = $2
            ORDER BY guests.created_at, user_id LIMIT {MAX_LISTED}""",
        meeting_id,
        GuestState.ACTIVE.value,
    )
    return [
        Present(
            UserId(row["user_id"]),
            row["display_name"],
            row["organisation"],
            UserId(row["sponsor"]),
            row["created_at"],
            row["expires_at"],
            row["email"],
        )
        for row in rows
    ]


async def is_in(tx: Connection, meeting_id: MeetingId, user_id: str) -> bool:
    """Tell whether this is a guest of a meeting who has not been ended."""
    return bool(
        await tx.value(
            "SELECT true FROM guests WHERE user_id = $1 AND meeting_id = $2 AND state = ANY($3)",
            user_id,
            meeting_id,
            [GuestState.PENDING.value, GuestState.ACTIVE.value],
        )
    )


async def meeting_of(tx: Connection, user_id: str) -> MeetingId | None:
    """Return the meeting of a guest, or None for whoever is none."""
    meeting_id: MeetingId | None = await tx.value("SELECT meeting_id FROM guests WHERE user_id = $1", user_id)
    return meeting_id


async def state_of(tx: Connection, user_id: UserId) -> GuestState | None:
    """Return where a guest stands."""
    state = await tx.value("SELECT state FROM guests WHERE user_id = $1", user_id)
    return None if state is None else GuestState(state)


async def since(tx: Connection, user_id: UserId, now: datetime) -> datetime | None:
    """Return when a guest came in, or None when the pass is not valid any more."""
    at: datetime | None = await tx.value(
        "SELECT created_at FROM guests WHERE user_id = $1 AND state = $2 AND expires_at > $3",
        user_id,
        GuestState.ACTIVE.value,
        now,
    )
    return at
