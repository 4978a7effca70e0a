# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who was let into which call, so that whoever leaves the room can be taken out of the call, too."""

# ruff: noqa: S608  # only column lists and limits of this module are pasted into statements

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.domain.audit import SYSTEM, Action, AuditRow
from bridge.domain.names import RoomId, UserId
from bridge.store import audit
from bridge.store.database import Connection

REMOVAL_BATCH = 50
KEEP = timedelta(days=7)
"""Longer than any call: whoever has not asked for a token since then is in none. Stops: the table growing for ever."""


@dataclass(frozen=True, slots=True)
class CallGrant:
    """One identity in one LiveKit room."""

    livekit_room: str
    identity: str


async def grant(tx: Connection, what: CallGrant, *, room_id: RoomId, user_id: UserId) -> None:
    """Write down that somebody was let in; audited the first time, and the first after a removal."""
    row = await tx.row(
        """INSERT INTO call_grants (livekit_room, identity, room_id, user_id) VALUES ($1, $2, $3, $4)
           ON CONFLICT (livekit_room, identity) DO UPDATE SET granted_at = now(), revoked_at = NULL
           RETURNING (xmax = 0) AS first""",
        what.livekit_room,
        what.identity,
        room_id,
        user_id,
    )
    assert row is not None
    if row["first"]:
        await audit.append(tx, AuditRow(user_id, Action.CALL_ADMITTED, room_id))


async def revoke(tx: Connection, user_id: UserId, room_id: RoomId | None = None) -> int:
    """Mark what a user (in one room, or everywhere) has to be removed from; return how many identities."""
    return await tx.execute(
        """UPDATE call_grants SET revoked_at = now()
           WHERE user_id = $1 AND ($2::text IS NULL OR room_id = $2) AND revoked_at IS NULL""",
        user_id,
        room_id,
    )


async def revoke_room(tx: Connection, room_id: RoomId) -> int:
    """Mark everybody who is in the call of a room to be removed; return how many identities."""
    return await tx.execute(
        "UPDATE call_grants SET revoked_at = now() WHERE room_id = $1 AND revoked_at IS NULL", room_id
    )


async def people(tx: Connection, livekit_room: str, identities: Sequence[str], *, but: str) -> int:
    """Return how many people stand behind identities of a call; `but` is a user who does not count."""
    count: int = await tx.value(
        """SELECT count(DISTINCT user_id) FROM call_grants
           WHERE livekit_room = $1 AND identity = ANY($2) AND user_id <> $3""",
        livekit_room,
        list(identities),
        but,
    )
    return count


async def revoked(tx: Connection) -> list[CallGrant]:
    """Return identities that the SFU has still to remove."""
    rows = await tx.rows(
        f"""SELECT livekit_room, identity FROM call_grants WHERE revoked_at IS NOT NULL
            ORDER BY revoked_at LIMIT {REMOVAL_BATCH}"""
    )
    return [CallGrant(row["livekit_room"], row["identity"]) for row in rows]


async def removed(tx: Connection, what: CallGrant) -> None:
    """Write down that the SFU removed an identity, unless it was let in again meanwhile."""
    row = await tx.row(
        """DELETE FROM call_grants WHERE livekit_room = $1 AND identity = $2 AND revoked_at IS NOT NULL
           RETURNING room_id, user_id""",
        what.livekit_room,
        what.identity,
    )
    if row is not None:
        await audit.append(tx, AuditRow(SYSTEM, Action.CALL_REMOVED, row["room_id"], {"user_id": row["user_id"]}))


async def purge(tx: Connection, now: datetime) -> None:
    """Forget who was let in long ago."""
    await tx.execute("DELETE FROM call_grants WHERE granted_at < $1 AND revoked_at IS NULL", now - KEEP)
