# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Raised hands in order, and the call memberships to which Element Call ties them."""

from __future__ import annotations

from datetime import datetime

from bridge.domain.hands import MAX_DEVICES, MAX_HANDS, Hand
from bridge.domain.names import MeetingId, RoomId, UserId
from bridge.store.database import Connection, Row


async def came(tx: Connection, *, room_id: RoomId, user_id: UserId, state_key: str, event_id: str) -> None:
    """Write down that a device is in the call; a hand that was tied to its membership before is down."""
    await gone(tx, room_id, state_key, but=event_id)
    await tx.execute(
        """INSERT INTO call_members (room_id, state_key, user_id, event_id)
           SELECT $1, $2, $3, $4 WHERE
               (SELECT count(*) FROM call_members WHERE room_id = $1 AND user_id = $3 AND state_key <> $2) < $5
           ON CONFLICT (room_id, state_key) DO UPDATE SET event_id = $4""",
        room_id,
        state_key,
        user_id,
        event_id,
        MAX_DEVICES,
    )


async def gone(tx: Connection, room_id: RoomId, state_key: str, *, but: str = "") -> None:
    """Forget a device's membership of the call, and lower the hand that was tied to it."""
    row = await tx.row(
        "DELETE FROM call_members WHERE room_id = $1 AND state_key = $2 AND event_id <> $3 RETURNING event_id",
        room_id,
        state_key,
        but,
    )
    if row is not None:
        await tx.execute("DELETE FROM hands WHERE about = $1", row["event_id"])


async def left(tx: Connection, meeting_id: MeetingId, room_id: RoomId, user_id: UserId) -> None:
    """Forget somebody who is not in the room any more."""
    await tx.execute("DELETE FROM call_members WHERE room_id = $1 AND user_id = $2", room_id, user_id)
    await lower(tx, meeting_id, user_id)


async def raised(tx: Connection, meeting_id: MeetingId, user_id: UserId, now: datetime) -> bool:
    """Raise somebody's hand, or find it up; False when too many are."""
    return await _raise(tx, meeting_id, user_id, now, "", "")


async def reacted(
    tx: Connection, meeting_id: MeetingId, room_id: RoomId, user_id: UserId, now: datetime, *, event_id: str, about: str
) -> bool:
    """Raise the hand of somebody who reacted to a call membership of their own; False for any other event."""
    own = await tx.value(
        "SELECT true FROM call_members WHERE event_id = $1 AND room_id = $2 AND user_id = $3", about, room_id, user_id
    )
    return bool(own) and await _raise(tx, meeting_id, user_id, now, event_id, about)


async def _raise(
    tx: Connection, meeting_id: MeetingId, user_id: UserId, now: datetime, event_id: str, about: str
) -> bool:
    """Raise a hand; one that is up keeps its place, and is tied to the newest reaction."""
    return bool(
        await tx.execute(
            """INSERT INTO hands (meeting_id, user_id, event_id, about, raised_at) SELECT $1, $2, $3, $4, $5 WHERE
                   (SELECT count(*) FROM hands WHERE meeting_id = $1 AND user_id <> $2) < $6
               ON CONFLICT (meeting_id, user_id) DO UPDATE SET event_id = $3, about = $4""",
            meeting_id,
            user_id,
            event_id,
            about,
            now,
            MAX_HANDS,
        )
    )


async def lower(tx: Connection, meeting_id: MeetingId, user_id: UserId) -> Hand | None:
    """Lower somebody's hand; return it when it was up."""
    row = await tx.row(
        "DELETE FROM hands WHERE meeting_id = $1 AND user_id = $2 RETURNING user_id, raised_at, event_id",
        meeting_id,
        user_id,
    )
    return None if row is None else _hand(row)


async def taken_back(tx: Connection, meeting_id: MeetingId, event_id: str) -> bool:
    """Lower the hand that a reaction raised; False when it raised none."""
    return bool(await tx.execute("DELETE FROM hands WHERE meeting_id = $1 AND event_id = $2", meeting_id, event_id))


async def of_meeting(tx: Connection, meeting_id: MeetingId) -> list[Hand]:
    """Return the raised hands, the first one first."""
    rows = await tx.rows(
        "SELECT user_id, raised_at, event_id FROM hands WHERE meeting_id = $1 ORDER BY number", meeting_id
    )
    return [_hand(row) for row in rows]


async def forget(tx: Connection, meeting_id: MeetingId) -> None:
    """Lower all hands: the meeting is over."""
    await tx.execute("DELETE FROM hands WHERE meeting_id = $1", meeting_id)


def _hand(row: Row) -> Hand:
    return Hand(UserId(row["user_id"]), row["raised_at"], row["event_id"])
