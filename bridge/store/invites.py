# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Invite links: the hash of each, and how often it was used."""

# ruff: noqa: S608  # only column lists and limits of this module are pasted into statements

from __future__ import annotations

from datetime import datetime

from bridge.domain.audit import Action, AuditRow
from bridge.domain.guests import GuestState
from bridge.domain.invites import Invite, require_use
from bridge.domain.names import InviteId, MeetingId, UserId
from bridge.store import audit
from bridge.store.database import Connection, Row

MAX_LISTED = 200
"""Links in one answer. Stops: pages that never end."""

_COLUMNS = f"""id, meeting_id, uses, used, expires_at, revoked_at, sponsor, organisation, wants_email,
    (SELECT count(*) FROM guests WHERE invite_id = invites.id AND state = '{GuestState.PENDING.value}') AS coming"""


def _invite(row: Row) -> Invite:
    return Invite(
        InviteId(row["id"]),
        MeetingId(row["meeting_id"]),
        row["uses"],
        row["used"],
        row["expires_at"],
        row["revoked_at"],
        UserId(row["sponsor"]),
        row["organisation"],
        row["wants_email"],
        row["coming"],
    )


async def create(
    tx: Connection,
    *,
    invite_id: str,
    meeting_id: str,
    token_hash: bytes,
    uses: int,
    expires_at: datetime,
    sponsor: str,
    organisation: str = "",
    wants_email: bool = False,
    actor: str,
) -> Invite:
    """Write down a link."""
    row = await tx.row(
        f"""INSERT INTO invites
                (id, meeting_id, token_hash, uses, expires_at, created_by, sponsor, organisation, wants_email)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING {_COLUMNS}""",
        invite_id,
        meeting_id,
        token_hash,
        uses,
        expires_at,
        actor,
        sponsor,
        organisation,
        wants_email,
    )
    assert row is not None
    await audit.append(
        tx, AuditRow(actor, Action.INVITE_CREATED, meeting_id, {"invite": invite_id, "uses": uses, "sponsor": sponsor})
    )
    return _invite(row)


async def by_token(tx: Connection, token_hash: bytes) -> Invite | None:
    """Return the link of a token."""
    row = await tx.row(f"SELECT {_COLUMNS} FROM invites WHERE token_hash = $1", token_hash)
    return None if row is None else _invite(row)


async def by_id(tx: Connection, invite_id: str) -> Invite | None:
    """Return a link."""
    row = await tx.row(f"SELECT {_COLUMNS} FROM invites WHERE id = $1", invite_id)
    return None if row is None else _invite(row)


async def open_of(tx: Connection, meeting_id: MeetingId, now: datetime) -> list[Invite]:
    """Return the links of a meeting that still open, newest first."""
    rows = await tx.rows(
        f"""SELECT {_COLUMNS} FROM invites WHERE meeting_id = $1 AND revoked_at IS NULL AND expires_at > $2
            ORDER BY created_at DESC, id LIMIT {MAX_LISTED}""",
        meeting_id,
        now,
    )
    return [_invite(row) for row in rows]


async def renew(tx: Connection, invite_id: InviteId, *, token_hash: bytes, expires_at: datetime) -> None:
    """Let a link live as long as the meeting that it is for."""
    await tx.execute(
        "UPDATE invites SET token_hash = $2, expires_at = $3 WHERE id = $1", invite_id, token_hash, expires_at
    )


async def lock(tx: Connection, invite_id: InviteId) -> Invite:
    """Return a link whose uses nobody else takes until the transaction ends."""
    await tx.execute("SELECT FROM invites WHERE id = $1 FOR UPDATE", invite_id)
    invite = await by_id(tx, invite_id)  # a statement of its own: it sees the guests of those who held the lock before
    assert invite is not None
    return invite


async def take_use(tx: Connection, invite_id: InviteId, now: datetime) -> None:
    """Take one use, or refuse; of any number that race, the row's lock lets exactly the allowed ones through."""
    require_use(await lock(tx, invite_id), now)
    await tx.execute("UPDATE invites SET used = used + 1 WHERE id = $1", invite_id)


async def give_back(tx: Connection, invite_id: InviteId) -> None:
    """Give one use back, because its door could not be opened."""
    await tx.execute("UPDATE invites SET used = used - 1 WHERE id = $1 AND used > 0", invite_id)


async def revoke(tx: Connection, invite_id: InviteId, actor: str) -> bool:
    """Withdraw a link; False when it was withdrawn before."""
    done = await tx.execute("UPDATE invites SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL", invite_id)
    if done:
        await audit.append(tx, AuditRow(actor, Action.INVITE_REVOKED, invite_id))
    return bool(done)
