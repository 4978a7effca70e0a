# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Calendars to subscribe to: one secret address a person, of which only the hash is here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bridge.domain.audit import Action, AuditRow
from bridge.domain.names import UserId
from bridge.store import audit
from bridge.store.database import Connection


@dataclass(frozen=True, slots=True)
class SubscribedCalendar:
    """Whose calendar an address leads to, and since when."""

    user_id: UserId
    created_at: datetime


async def replace(tx: Connection, user_id: UserId, token_hash: bytes, now: datetime) -> None:
    """Give somebody an address; the one before leads nowhere from now on."""
    await tx.execute(
        """INSERT INTO calendars (user_id, token_hash, created_at) VALUES ($1, $2, $3)
           ON CONFLICT (user_id) DO UPDATE SET token_hash = $2, created_at = $3""",
        user_id,
        token_hash,
        now,
    )
    await audit.append(tx, AuditRow(user_id, Action.CALENDAR_CREATED, user_id))


async def revoke(tx: Connection, user_id: UserId) -> None:
    """Let somebody's address lead nowhere."""
    if await tx.execute("DELETE FROM calendars WHERE user_id = $1", user_id):
        await audit.append(tx, AuditRow(user_id, Action.CALENDAR_REVOKED, user_id))


async def of_user(tx: Connection, user_id: UserId) -> SubscribedCalendar | None:
    """Return somebody's calendar, if they subscribed."""
    row = await tx.row("SELECT user_id, created_at FROM calendars WHERE user_id = $1", user_id)
    return None if row is None else SubscribedCalendar(UserId(row["user_id"]), row["created_at"])


async def by_token(tx: Connection, token_hash: bytes) -> SubscribedCalendar | None:
    """Return the calendar of an address."""
    row = await tx.row("SELECT user_id, created_at FROM calendars WHERE token_hash = $1", token_hash)
    return None if row is None else SubscribedCalendar(UserId(row["user_id"]), row["created_at"])
