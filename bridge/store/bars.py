# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who was barred from a meeting, and which links and passes are shut with them.

The ban itself is in the room; these rows follow it. They say what a ban alone cannot: a guest has a new account each
time, so the link or the pass by which a barred guest came opens this meeting to nobody any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bridge.domain.audit import Action, AuditRow
from bridge.domain.errors import Refused
from bridge.domain.names import MeetingId, UserId
from bridge.store import audit
from bridge.store.database import Connection

MAX_BARS = 500
"""People barred from one meeting. Stops: lists without end; whoever needs more locks the meeting."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Somebody who may not come back."""

    user_id: UserId
    display_name: str
    barred_by: UserId
    barred_at: datetime
    link: bool
    """Whether a link or a pass is shut with them."""


async def put(tx: Connection, meeting_id: MeetingId, user_id: UserId, actor: str, now: datetime) -> bool:
    """Write down a ban that is in the room; False when it was known, or the list is full."""
    added = await tx.execute(
        """INSERT INTO bars (meeting_id, user_id, invite_id, contractor_id, display_name, barred_by, barred_at)
           SELECT $1, $2, guests.invite_id, guests.contractor_id, coalesce(guests.display_name, ''), $3, $4
           FROM (SELECT 1) AS one LEFT JOIN guests ON guests.user_id = $2 AND guests.meeting_id = $1
           WHERE (SELECT count(*) FROM bars WHERE meeting_id = $1) < $5
           ON CONFLICT DO NOTHING""",
        meeting_id,
        user_id,
        actor,
        now,
        MAX_BARS,
    )
    if added:
        await audit.append(tx, AuditRow(actor, Action.BARRED, meeting_id, {"user_id": user_id}))
    return bool(added)


async def drop(tx: Connection, meeting_id: MeetingId, user_id: UserId, actor: str) -> bool:
    """Forget a ban that is in the room no more; False when there was none."""
    dropped = await tx.execute("DELETE FROM bars WHERE meeting_id = $1 AND user_id = $2", meeting_id, user_id)
    if dropped:
        await audit.append(tx, AuditRow(actor, Action.UNBARRED, meeting_id, {"user_id": user_id}))
    return bool(dropped)


async def of_meeting(tx: Connection, meeting_id: MeetingId) -> list[Bar]:
    """Return who is barred, the last one first."""
    rows = await tx.rows(
        """SELECT user_id, display_name, barred_by, barred_at,
               (invite_id IS NOT NULL OR contractor_id IS NOT NULL) AS link
           FROM bars WHERE meeting_id = $1 ORDER BY barred_at DESC, user_id""",
        meeting_id,
    )
    return [
        Bar(UserId(row["user_id"]), row["display_name"], UserId(row["barred_by"]), row["barred_at"], row["link"])
        for row in rows
    ]


async def require_free(
    tx: Connection,
    meeting_id: MeetingId,
    *,
    user_id: UserId | None = None,
    invite_id: str | None = None,
    contractor_id: str | None = None,
) -> None:
    """Refuse (403) whoever is barred from a meeting, and whoever comes by a link or a pass that is shut."""
    shut = await tx.value(
        """SELECT true FROM bars WHERE meeting_id = $1
           AND (user_id = $2 OR invite_id = $3 OR contractor_id = $4) LIMIT 1""",
        meeting_id,
        user_id,
        invite_id,
        contractor_id,
    )
    if shut and user_id is not None:
        raise Refused(403, "PASSERELLE_BARRED", "A host barred you from this meeting. Please write to its organiser.")
    if shut:
        raise Refused(
            403,
            "PASSERELLE_LINK_SHUT",
            "This link opens the meeting no more: a host shut it. Please ask its organiser for another one.",
        )
