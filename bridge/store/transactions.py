# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the homeserver pushed: stored before it is acknowledged, handled once, in order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.store.database import Connection

KEEP_IDS = timedelta(days=30)
"""How long a replayed id is known; homeservers retry for hours, not weeks."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """One push that waits."""

    txn_id: str
    body: bytes


async def put(tx: Connection, txn_id: str, body: bytes) -> bool:
    """Store a push; False when this id was stored before, handled or not."""
    return bool(
        await tx.execute("INSERT INTO transactions (txn_id, body) VALUES ($1, $2) ON CONFLICT DO NOTHING", txn_id, body)
    )


async def next_waiting(tx: Connection) -> Transaction | None:
    """Return the oldest push that waits, and keep other workers off it until the transaction ends."""
    row = await tx.row(
        "SELECT txn_id, body FROM transactions WHERE done_at IS NULL ORDER BY seq LIMIT 1 FOR UPDATE SKIP LOCKED"
    )
    return None if row is None else Transaction(row["txn_id"], row["body"])


async def done(tx: Connection, txn_id: str) -> None:
    """Mark a push as handled and forget what it said."""
    await tx.execute("UPDATE transactions SET done_at = now(), body = NULL WHERE txn_id = $1", txn_id)


async def purge(tx: Connection, now: datetime) -> None:
    """Forget ids that nobody will send again."""
    await tx.execute("DELETE FROM transactions WHERE done_at < $1", now - KEEP_IDS)
