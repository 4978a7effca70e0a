# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who was let into which call with which rights, so that the call follows when the room changes."""

# ruff: noqa: S608  # only column lists and limits of this module are pasted into statements

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.domain.audit import SYSTEM, Action, AuditRow
from bridge.domain.names import RoomId, UserId
from bridge.domain.powers import Source
from bridge.domain.rtc_grant import TOKEN_LIFETIME_S
from bridge.store import audit
from bridge.store.database import Connection

REMOVAL_BATCH = 50
ROOMS_BATCH = 50
TOKEN_SLACK_S = 120
"""What clocks may differ by, and more."""
KEEP = timedelta(days=7)
"""Longer than any call: whoever has not asked for a token since then is in none. Stops: the table growing for ever."""


@dataclass(frozen=True, slots=True)
class CallGrant:
    """One identity in one LiveKit room."""

    livekit_room: str
    identity: str


@dataclass(frozen=True, slots=True)
class RightsDue:
    """An identity of whose rights the media server has to hear; `known` is what it heard last, None: nothing."""

    call: CallGrant
    user_id: UserId
    known: frozenset[Source] | None
    asked: int


async def grant(tx: Connection, what: CallGrant, *, room_id: RoomId, user_id: UserId, device_id: str) -> None:
    """Write down that somebody was let in; audited the first time, and the first after a removal."""
    row = await tx.row(
        """INSERT INTO call_grants (livekit_room, identity, room_id, user_id, device_id) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (livekit_room, identity) DO UPDATE SET granted_at = now(), revoked_at = NULL
           RETURNING (xmax = 0) AS first""",
        what.livekit_room,
        what.identity,
        room_id,
        user_id,
        device_id,
    )
    assert row is not None
    await tx.execute(
        "DELETE FROM call_removals WHERE livekit_room = $1 AND identity = $2", what.livekit_room, what.identity
    )
    if row["first"]:
        await audit.append(tx, AuditRow(user_id, Action.CALL_ADMITTED, room_id))


async def is_let_in(tx: Connection, room_id: RoomId, user_id: UserId) -> bool:
    """Tell whether somebody asked for the call of a room and was let in."""
    found = "SELECT true FROM call_grants WHERE room_id = $1 AND user_id = $2 AND revoked_at IS NULL LIMIT 1"
    return bool(await tx.value(found, room_id, user_id))


async def ask_rights(tx: Connection, room_id: RoomId) -> int:
    """Mark that the media server has to hear what people in a room may send now; return of how many identities."""
    return await tx.execute("UPDATE call_grants SET rights_asked = rights_asked + 1 WHERE room_id = $1", room_id)


async def rooms_with_rights_due(tx: Connection) -> list[RoomId]:
    """Return the rooms of whose people the media server has still to hear."""
    rows = await tx.rows(
        f"""SELECT DISTINCT room_id FROM call_grants WHERE rights_asked > rights_told AND revoked_at IS NULL
            LIMIT {ROOMS_BATCH}"""
    )
    return [RoomId(row["room_id"]) for row in rows]


async def rights_due(tx: Connection, room_id: RoomId) -> list[RightsDue]:
    """Return the identities of a room of which the media server has still to hear."""
    rows = await tx.rows(
        """SELECT livekit_room, identity, user_id, rights, rights_asked, rights_told FROM call_grants
           WHERE room_id = $1 AND rights_asked > rights_told AND revoked_at IS NULL""",
        room_id,
    )
    return [
        RightsDue(
            CallGrant(row["livekit_room"], row["identity"]),
            UserId(row["user_id"]),
            frozenset(Source(name) for name in row["rights"].split()) if row["rights_told"] else None,
            row["rights_asked"],
        )
        for row in rows
    ]


async def rights_told(tx: Connection, due: RightsDue, rights: Set[Source]) -> None:
    """Write down what the media server has heard of an identity."""
    await tx.execute(
        "UPDATE call_grants SET rights = $3, rights_told = $4 WHERE livekit_room = $1 AND identity = $2",
        due.call.livekit_room,
        due.call.identity,
        " ".join(sorted(rights)),
        due.asked,
    )


async def revoke(tx: Connection, user_id: UserId, room_id: RoomId | None = None) -> int:
    """Mark what a user (in one room, or everywhere) has to be removed from; return how many identities."""
    return await tx.execute(
        """UPDATE call_grants SET revoked_at = now()
           WHERE user_id = $1 AND ($2::text IS NULL OR room_id = $2) AND revoked_at IS NULL""",
        user_id,
        room_id,
    )


async def revoke_device(tx: Connection, user_id: UserId, device_id: str) -> None:
    """Mark what one device of a user has to be removed from."""
    await tx.execute(
        "UPDATE call_grants SET revoked_at = now() WHERE user_id = $1 AND device_id = $2 AND revoked_at IS NULL",
        user_id,
        device_id,
    )


async def revoke_server(tx: Connection, server: str) -> list[UserId]:
    """Mark everybody of a homeserver to be removed from every call; return who they are."""
    rows = await tx.rows(
        """UPDATE call_grants SET revoked_at = now()
           WHERE substr(user_id, strpos(user_id, ':') + 1) = $1 AND revoked_at IS NULL RETURNING user_id""",
        server,
    )
    return [UserId(row["user_id"]) for row in rows]


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


async def users_of(tx: Connection, livekit_room: str, identities: Sequence[str]) -> dict[str, UserId]:
    """Return who stands behind identities of a call; those that we did not let in are left out."""
    rows = await tx.rows(
        "SELECT identity, user_id FROM call_grants WHERE livekit_room = $1 AND identity = ANY($2)",
        livekit_room,
        list(identities),
    )
    return {row["identity"]: UserId(row["user_id"]) for row in rows}


async def revoked(tx: Connection) -> list[CallGrant]:
    """Return identities that the SFU has still to remove."""
    rows = await tx.rows(
        f"""SELECT livekit_room, identity FROM call_grants WHERE revoked_at IS NOT NULL
            ORDER BY revoked_at LIMIT {REMOVAL_BATCH}"""
    )
    return [CallGrant(row["livekit_room"], row["identity"]) for row in rows]


async def removed(tx: Connection, what: CallGrant, now: datetime) -> None:
    """Write down that the SFU removed an identity, unless it was let in again meanwhile."""
    row = await tx.row(
        """DELETE FROM call_grants WHERE livekit_room = $1 AND identity = $2 AND revoked_at IS NOT NULL
           RETURNING room_id, user_id""",
        what.livekit_room,
        what.identity,
    )
    if row is not None:
        await tx.execute(
            """INSERT INTO call_removals (livekit_room, identity, removed_at) VALUES ($1, $2, $3)
               ON CONFLICT (livekit_room, identity) DO UPDATE SET removed_at = $3""",
            what.livekit_room,
            what.identity,
            now,
        )
        await audit.append(tx, AuditRow(SYSTEM, Action.CALL_REMOVED, row["room_id"], {"user_id": row["user_id"]}))


async def removed_before(tx: Connection, livekit_room: str, at: datetime) -> list[str]:
    """Return who was taken out of a call up to a moment, and may hold a token that has not ended."""
    rows = await tx.rows(
        "SELECT identity FROM call_removals WHERE livekit_room = $1 AND removed_at <= $2", livekit_room, at
    )
    return [row["identity"] for row in rows]


async def purge(tx: Connection, now: datetime) -> None:
    """Forget who was let in long ago, and whose tokens have all ended."""
    await tx.execute(
        "DELETE FROM call_removals WHERE removed_at < $1", now - timedelta(seconds=TOKEN_LIFETIME_S + TOKEN_SLACK_S)
    )
    await tx.execute("DELETE FROM call_grants WHERE granted_at < $1 AND revoked_at IS NULL", now - KEEP)
