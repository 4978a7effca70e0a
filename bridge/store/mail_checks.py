# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Codes by which guests show that a mail address is theirs: asked for, to be sent, tried, used once."""

# ruff: noqa: S608  # only column lists and limits of this module are pasted into statements

from __future__ import annotations

from datetime import datetime, timedelta

from bridge.domain.guests import GuestState
from bridge.domain.lobby import AT_THE_DOOR, PlaceState
from bridge.domain.mail_check import FORGET_AFTER, LIFETIME, RETRIES, Check, require_code
from bridge.domain.names import InviteId, MeetingId, UserId
from bridge.store.database import Connection, Row

BATCH = 20
"""Mails of one round, over one connection to the mail server."""
LEASE = timedelta(seconds=30)
"""How long a claimed code is left alone; should its bridge die, another sends it then, still in time."""

_COLUMNS = "check_hash, invite_id, meeting_id, address, language, expires_at, tries, verified, failures"


def _check(row: Row) -> Check:
    return Check(
        row["check_hash"],
        InviteId(row["invite_id"]),
        MeetingId(row["meeting_id"]),
        row["address"],
        row["language"],
        row["expires_at"],
        row["tries"],
        row["verified"],
        row["failures"],
    )


async def ask(
    tx: Connection,
    check_hash: bytes,
    *,
    invite_id: InviteId,
    meeting_id: MeetingId,
    address: str,
    language: str,
    now: datetime,
) -> datetime:
    """Write down that a code is to be sent, and return when it ends; refused (429) where there were too many."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtext($1))", f"mail codes of {meeting_id}")
    counted = await tx.row(
        """SELECT count(*) AS all, count(*) FILTER (WHERE lower(address) = lower($2)) AS own
           FROM mail_checks WHERE meeting_id = $1 AND created_at > $3""",
        meeting_id,
        address,
        now - FORGET_AFTER,
    )
    assert counted is not None
    require_code(counted["own"], counted["all"])
    await tx.execute(
        """INSERT INTO mail_checks
               (check_hash, invite_id, meeting_id, address, language, created_at, expires_at, due_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $6)""",
        check_hash,
        invite_id,
        meeting_id,
        address,
        language,
        now,
        now + LIFETIME,
    )
    return now + LIFETIME


async def find(tx: Connection, check_hash: bytes, invite_id: InviteId) -> Check | None:
    """Return the check of a secret, for this link; nobody else tries a code for it until the transaction ends."""
    row = await tx.row(
        f"SELECT {_COLUMNS} FROM mail_checks WHERE check_hash = $1 AND invite_id = $2 FOR UPDATE", check_hash, invite_id
    )
    return None if row is None else _check(row)


async def tried(tx: Connection, check: Check, *, right: bool) -> None:
    """Write down a try."""
    await tx.execute(
        "UPDATE mail_checks SET tries = tries + $2, verified = verified OR $3 WHERE check_hash = $1",
        check.check_hash,
        0 if right else 1,
        right,
    )


async def use(tx: Connection, check_hash: bytes, guest: UserId) -> bool:
    """Let one guest come in with an address that was shown to be theirs; False when another is in with it already.

    Who had to leave, or whose account could not be made, comes in again with the same code while it lives.
    """
    return bool(
        await tx.execute(
            """UPDATE mail_checks SET guest = $2 WHERE check_hash = $1 AND verified AND NOT EXISTS (
                   SELECT true FROM guests WHERE user_id = mail_checks.guest AND state = ANY($3))""",
            check_hash,
            guest,
            [GuestState.PENDING.value, GuestState.ACTIVE.value],
        )
    )


async def claim(tx: Connection, now: datetime) -> list[Check]:
    """Return the codes to send now, and keep other workers off them for `LEASE`."""
    rows = await tx.rows(
        f"""UPDATE mail_checks SET due_at = $2 WHERE check_hash IN (
                SELECT check_hash FROM mail_checks WHERE due_at <= $1 AND expires_at > $1
                ORDER BY due_at LIMIT {BATCH} FOR UPDATE SKIP LOCKED)
            RETURNING {_COLUMNS}""",
        now,
        now + LEASE,
    )
    return [_check(row) for row in rows]


async def sent(tx: Connection, check: Check) -> None:
    """Write down that a code left."""
    await tx.execute("UPDATE mail_checks SET due_at = NULL WHERE check_hash = $1", check.check_hash)


async def failed(tx: Connection, check: Check, now: datetime, *, for_good: bool) -> None:
    """Try again soon, or never."""
    again = None if for_good or check.failures >= len(RETRIES) else now + RETRIES[check.failures]
    await tx.execute(
        "UPDATE mail_checks SET failures = failures + 1, due_at = $2 WHERE check_hash = $1", check.check_hash, again
    )


async def purge(tx: Connection, now: datetime) -> None:
    """Forget addresses; those of guests who came in stand with the guest. Who waits is still asked for no other."""
    await tx.execute(
        """DELETE FROM mail_checks WHERE created_at <= $1 AND NOT EXISTS (
               SELECT true FROM lobby_places AS place
               WHERE place.check_hash = mail_checks.check_hash AND place.state = ANY($2))""",
        now - FORGET_AFTER,
        [state.value for state in (*AT_THE_DOOR, PlaceState.ADMITTED, PlaceState.REFUSED)],
    )
