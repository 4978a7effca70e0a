# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The audit table: written in the transaction of the change, never updated (a trigger sees to it)."""

from __future__ import annotations

import json

from bridge.domain.audit import AuditRow
from bridge.store.database import Connection, Row


async def append(tx: Connection, row: AuditRow) -> None:
    """Write one row."""
    await tx.execute(
        "INSERT INTO audit (actor, action, subject, data) VALUES ($1, $2, $3, $4::jsonb)",
        row.actor,
        row.action.value,
        row.subject,
        json.dumps(dict(row.data), sort_keys=True),
    )


async def about(tx: Connection, subject: str) -> list[Row]:
    """Return what was written about a meeting, an invite or a user, oldest first."""
    return await tx.rows(
        "SELECT seq, at, actor, action, subject, data FROM audit WHERE subject = $1 ORDER BY seq", subject
    )
