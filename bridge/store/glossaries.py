# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The terms of each meeting, as its organiser wrote them."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.store.database import Connection


async def put(tx: Connection, room_id: str, terms: Sequence[str]) -> None:
    """Store the terms of a meeting in place of those before."""
    await tx.execute(
        """INSERT INTO glossaries (room_id, terms) VALUES ($1, $2)
           ON CONFLICT (room_id) DO UPDATE SET terms = $2""",
        room_id,
        list(terms),
    )


async def find(tx: Connection, room_id: str) -> list[str]:
    """Return the terms of a meeting in their order."""
    return list(await tx.value("SELECT terms FROM glossaries WHERE room_id = $1", room_id) or ())
