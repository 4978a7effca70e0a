# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the meetings' bot was told and has still to do, the rooms it was invited to, and the languages of people.

An errand is written down in the transaction that marks its push as handled, and is gone once it is done: a bridge that
dies in between does it again, and everything that it does is named after the event, so that it happens once.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.domain.names import RoomId, UserId
from bridge.store.database import Connection

CLAIM = timedelta(seconds=60)
"""After so long an errand that somebody began is somebody else's: its bridge died. Longer than any request of ours."""
MAX_WAITING = 20
"""Errands of one person at a time. Stops: a flood of commands keeping others waiting."""
MAX_ROOMS = 50
"""Rooms to which one person has invited the bot. Stops: a bot in rooms without number."""


class Kind(enum.StrEnum):
    """What happened."""

    SAID = "said"
    INVITED = "invited"
    LEFT = "left"
    """Somebody left a room that is no meeting; perhaps nobody else is in it."""
    REACTED = "reacted"
    """Somebody set a sign at a notice of ours: `body` is the sign, a blank, and the notice."""


@dataclass(frozen=True, slots=True)
class Errand:
    """One thing to do. `body` is what was said; once it is settled `sign` and `answer` are still to be said."""

    event_id: str
    kind: Kind
    room_id: RoomId
    sender: UserId
    body: str
    sent_at: datetime
    sign: str = ""
    answer: str = ""


async def put(tx: Connection, errand: Errand) -> bool:
    """Write an errand down; False when it is known, or its sender has too many."""
    return bool(
        await tx.execute(
            """INSERT INTO errands (event_id, kind, room_id, sender, body, sent_at)
               SELECT $1, $2, $3, $4, $5, $6 WHERE (SELECT count(*) FROM errands WHERE sender = $4) < $7
               ON CONFLICT DO NOTHING""",
            errand.event_id,
            errand.kind.value,
            errand.room_id,
            errand.sender,
            errand.body,
            errand.sent_at,
            MAX_WAITING,
        )
    )


async def claim(tx: Connection, now: datetime) -> Errand | None:
    """Return the oldest errand that nobody does, and keep others off it for `CLAIM`."""
    row = await tx.row(
        """UPDATE errands SET claimed_at = $1 WHERE seq = (
               SELECT seq FROM errands WHERE claimed_at IS NULL OR claimed_at < $2
               ORDER BY seq LIMIT 1 FOR UPDATE SKIP LOCKED
           ) RETURNING event_id, kind, room_id, sender, body, sent_at, sign, answer""",
        now,
        now - CLAIM,
    )
    return None if row is None else Errand(**(row | {"kind": Kind(row["kind"])}))


async def settle(tx: Connection, event_id: str, *, sign: str, answer: str) -> None:
    """Write down what came of an errand, before it is said: it is not done again when saying it fails."""
    await tx.execute("UPDATE errands SET sign = $2, answer = $3 WHERE event_id = $1", event_id, sign, answer)


async def done(tx: Connection, event_id: str) -> None:
    """Forget an errand."""
    await tx.execute("DELETE FROM errands WHERE event_id = $1", event_id)


async def joined(tx: Connection, room_id: RoomId, invited_by: UserId) -> bool:
    """Write down that the bot comes into a room; False when this person has invited it to too many."""
    return bool(
        await tx.execute(
            """INSERT INTO bot_rooms (room_id, invited_by)
               SELECT $1, $2 WHERE (SELECT count(*) FROM bot_rooms WHERE invited_by = $2 AND room_id <> $1) < $3
               ON CONFLICT (room_id) DO UPDATE SET invited_by = $2""",
            room_id,
            invited_by,
            MAX_ROOMS,
        )
    )


async def left(tx: Connection, room_id: RoomId) -> bool:
    """Write down that the bot is not in a room any more; False when it was there by no invitation."""
    return bool(await tx.execute("DELETE FROM bot_rooms WHERE room_id = $1", room_id))


async def is_guest_in(tx: Connection, room_id: RoomId) -> bool:
    """Tell whether the bot is in this room because somebody invited it."""
    return bool(await tx.value("SELECT true FROM bot_rooms WHERE room_id = $1", room_id))


async def set_language(tx: Connection, user_id: UserId, language: str) -> None:
    """Remember in which language the bot answers somebody."""
    await tx.execute(
        "INSERT INTO languages (user_id, language) VALUES ($1, $2) ON CONFLICT (user_id) DO UPDATE SET language = $2",
        user_id,
        language,
    )


async def language_of(tx: Connection, user_id: UserId) -> str | None:
    """Return the language that somebody chose."""
    language: str | None = await tx.value("SELECT language FROM languages WHERE user_id = $1", user_id)
    return language
