# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who is invited by mail and what they were told: the outbox, in which nobody has more than one letter.

A worker claims a row by moving its `due_at` ahead: should it die, the row is due again then. What changes meanwhile
sets `due_at` anew (a trigger does), so that a worker's word that all is told counts only for what it had read.
"""

# ruff: noqa: S608  # only column lists and limits of this module are pasted into statements

from __future__ import annotations

from datetime import datetime, timedelta

from bridge.domain.audit import SYSTEM, Action, AuditRow
from bridge.domain.letters import MAX_INVITEES, MIN_BETWEEN, Invitee, retry_after
from bridge.domain.names import InviteId, MeetingId
from bridge.store import audit
from bridge.store.database import Connection, Row

BATCH = 20
"""Letters of one round, over one connection to the mail server."""
LEASE = timedelta(minutes=10)
"""How long a claimed row is left alone; longer than a round takes."""

_COLUMNS = (
    "invite_id, meeting_id, address, name, language, told, withdrawn, failures, given_up, due_at IS NOT NULL AS waits"
)


def _invitee(row: Row) -> Invitee:
    return Invitee(
        InviteId(row["invite_id"]),
        MeetingId(row["meeting_id"]),
        row["address"],
        row["name"],
        row["language"],
        row["told"],
        row["withdrawn"],
        row["failures"],
        row["given_up"],
        row["waits"],
    )


async def add(tx: Connection, invitee: Invitee, actor: str) -> None:
    """Write down somebody whose link exists; they are owed an invitation."""
    await tx.execute(
        "INSERT INTO invitees (invite_id, meeting_id, address, name, language) VALUES ($1, $2, $3, $4, $5)",
        invitee.invite_id,
        invitee.meeting_id,
        invitee.address,
        invitee.name,
        invitee.language,
    )
    row = AuditRow(actor, Action.INVITEE_ADDED, invitee.meeting_id, {"invite": invitee.invite_id})
    await audit.append(tx, row)


async def of_meeting(tx: Connection, meeting_id: MeetingId) -> list[Invitee]:
    """Return those who are invited, by address."""
    rows = await tx.rows(
        f"""SELECT {_COLUMNS} FROM invitees WHERE meeting_id = $1 AND NOT withdrawn
            ORDER BY lower(address) LIMIT {MAX_INVITEES}""",
        meeting_id,
    )
    return [_invitee(row) for row in rows]


async def withdraw(tx: Connection, meeting_id: MeetingId, invite_id: str, actor: str) -> bool:
    """Take an invitation back; whoever had it is told. False when there is none."""
    done = await tx.execute(
        """UPDATE invitees SET withdrawn = true, due_at = now(), failures = 0
           WHERE meeting_id = $1 AND invite_id = $2 AND NOT withdrawn""",
        meeting_id,
        invite_id,
    )
    if done:
        await audit.append(tx, AuditRow(actor, Action.INVITEE_WITHDRAWN, meeting_id, {"invite": invite_id}))
    return bool(done)


async def claim(tx: Connection, now: datetime) -> list[Invitee]:
    """Return whom to look at now, and keep other workers off them until `now + LEASE`."""
    rows = await tx.rows(
        f"""UPDATE invitees SET due_at = $2 WHERE invite_id IN (
                SELECT invite_id FROM invitees WHERE due_at <= $1 AND (told_at IS NULL OR told_at <= $3)
                ORDER BY due_at LIMIT {BATCH} FOR UPDATE SKIP LOCKED)
            RETURNING {_COLUMNS}""",
        now,
        now + LEASE,
        now - MIN_BETWEEN,
    )
    return [_invitee(row) for row in rows]


async def told(tx: Connection, invitee: Invitee, version: int, claimed: datetime, now: datetime) -> None:
    """Write down that a letter of this version left; what changed since `claimed` stays due."""
    await tx.execute(
        """UPDATE invitees SET told = $2, told_at = $3, failures = 0, given_up = false,
               due_at = CASE WHEN due_at = $4 THEN NULL ELSE due_at END
           WHERE invite_id = $1""",
        invitee.invite_id,
        version,
        now,
        claimed + LEASE,
    )


async def settled(tx: Connection, invitee: Invitee, claimed: datetime) -> None:
    """Write down that nothing is owed."""
    await tx.execute(
        "UPDATE invitees SET due_at = NULL WHERE invite_id = $1 AND due_at = $2", invitee.invite_id, claimed + LEASE
    )


async def postponed(tx: Connection, invitee: Invitee, until: datetime) -> None:
    """Look again later; nothing failed."""
    await tx.execute("UPDATE invitees SET due_at = $2 WHERE invite_id = $1", invitee.invite_id, until)


async def failed(tx: Connection, invitee: Invitee, now: datetime, *, for_good: bool, why: str) -> None:
    """Try again later, or give up with a row in the audit; a later change is tried anew."""
    wait = None if for_good else retry_after(invitee.failures + 1)
    await tx.execute(
        "UPDATE invitees SET failures = failures + 1, given_up = $3, due_at = $2 WHERE invite_id = $1",
        invitee.invite_id,
        None if wait is None else now + wait,
        wait is None,
    )
    if wait is None:
        data = {"invite": invitee.invite_id, "why": why}
        await audit.append(tx, AuditRow(SYSTEM, Action.MAIL_GIVEN_UP, invitee.meeting_id, data))


async def forget(tx: Connection, invitee: Invitee) -> None:
    """Delete somebody who is invited no more."""
    await tx.execute("DELETE FROM invitees WHERE invite_id = $1", invitee.invite_id)


async def forget_letters(tx: Connection) -> None:
    """Let nothing wait for a mail server that there is not any more."""
    await tx.execute("UPDATE invitees SET due_at = NULL WHERE due_at IS NOT NULL")
