# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Contractors' passes, the meetings that each opens, and the rooms in which sponsors are told about them."""

# ruff: noqa: S608  # only column lists and limits of this module are pasted into statements

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bridge.domain.audit import Action, AuditRow
from bridge.domain.contractors import MAX_PASSES, Contractor, ContractorEvent, ContractorState, Policy, after, begin
from bridge.domain.errors import Refused
from bridge.domain.meetings import Meeting
from bridge.domain.names import RoomId, UserId
from bridge.store import audit
from bridge.store.database import Connection, Row
from bridge.store.meetings import COLUMNS as MEETING_COLUMNS
from bridge.store.meetings import TABLES as MEETING_TABLES
from bridge.store.meetings import from_row as meeting_from_row

SWEEP_BATCH = 50
"""Passes that one sweep looks at; the next one goes on."""

_COLUMNS = "id, sponsor, display_name, organisation, state, created_at, ends_at"


def _contractor(row: Row) -> Contractor:
    return Contractor(
        row["id"],
        UserId(row["sponsor"]),
        row["display_name"],
        row["organisation"],
        ContractorState(row["state"]),
        row["created_at"],
        row["ends_at"],
    )


async def create(
    tx: Connection, contractor: Contractor, *, token_hash: bytes, meetings: Sequence[Meeting], actor: str
) -> None:
    """Write down a pass; its sponsor may have so many."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtext($1))", contractor.sponsor)  # two at once count each other
    have = await tx.value(
        "SELECT count(*) FROM contractors WHERE sponsor = $1 AND state <> 'ended'", contractor.sponsor
    )
    if have >= MAX_PASSES:
        raise Refused(409, "PASSERELLE_TOO_MANY_CONTRACTORS", f"You answer for {MAX_PASSES} people already.")
    await tx.execute(
        f"INSERT INTO contractors ({_COLUMNS}, token_hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        contractor.id,
        contractor.sponsor,
        contractor.display_name,
        contractor.organisation,
        contractor.state.value,
        contractor.created_at,
        contractor.ends_at,
        token_hash,
    )
    await audit.append(tx, AuditRow(actor, Action.CONTRACTOR_CREATED, contractor.id, {"sponsor": contractor.sponsor}))
    await set_meetings(tx, contractor, meetings, actor=actor)


async def set_meetings(tx: Connection, contractor: Contractor, meetings: Sequence[Meeting], *, actor: str) -> None:
    """Say which meetings a pass opens, instead of those before."""
    await tx.execute("DELETE FROM contractor_meetings WHERE contractor_id = $1", contractor.id)
    for meeting in meetings:
        await tx.execute(
            "INSERT INTO contractor_meetings (contractor_id, meeting_id) VALUES ($1, $2)", contractor.id, meeting.id
        )
    await audit.append(tx, AuditRow(actor, Action.CONTRACTOR_MEETINGS, contractor.id, {"meetings": len(meetings)}))


async def by_token(tx: Connection, token_hash: bytes) -> Contractor | None:
    """Return the pass of a link."""
    row = await tx.row(f"SELECT {_COLUMNS} FROM contractors WHERE token_hash = $1", token_hash)
    return None if row is None else _contractor(row)


async def of_sponsor(tx: Connection, sponsor: UserId) -> list[Contractor]:
    """Return the passes that somebody answers for, the next to end first."""
    rows = await tx.rows(
        f"SELECT {_COLUMNS} FROM contractors WHERE sponsor = $1 AND state <> 'ended' ORDER BY ends_at, id", sponsor
    )
    return [_contractor(row) for row in rows]


async def lock(tx: Connection, contractor_id: str, sponsor: UserId | None = None) -> Contractor | None:
    """Return a pass and keep others from changing it meanwhile; with a sponsor, only theirs."""
    row = await tx.row(
        f"SELECT {_COLUMNS} FROM contractors WHERE id = $1 AND ($2::text IS NULL OR sponsor = $2) FOR UPDATE",
        contractor_id,
        sponsor,
    )
    return None if row is None else _contractor(row)


async def meetings_of(tx: Connection, contractor: Contractor) -> list[Meeting]:
    """Return the meetings that a pass opens and that are not put away, the next first."""
    rows = await tx.rows(
        f"""SELECT {MEETING_COLUMNS} FROM {MEETING_TABLES} WHERE state NOT IN ('archived', 'deleted')
            AND id IN (SELECT meeting_id FROM contractor_meetings WHERE contractor_id = $1)
            ORDER BY starts_at NULLS LAST, created_at DESC, id""",
        contractor.id,
    )
    return [meeting_from_row(row) for row in rows]


async def renew(tx: Connection, contractor: Contractor, ends_at: datetime, *, now: datetime, policy: Policy) -> None:
    """Give a locked pass another end, by its sponsor's hand."""
    after(contractor, ContractorEvent.RENEWED)
    await tx.execute(
        "UPDATE contractors SET ends_at = $2, state = $3 WHERE id = $1",
        contractor.id,
        ends_at,
        begin(ends_at, now, policy).value,
    )
    data = {"ends_at": ends_at.isoformat(timespec="seconds")}
    await audit.append(tx, AuditRow(contractor.sponsor, Action.CONTRACTOR_RENEWED, contractor.id, data))


async def happen(tx: Connection, contractor: Contractor, event: ContractorEvent, *, actor: str) -> None:
    """Move a locked pass on; one that has ended forgets whose it was, and what it opened."""
    state = after(contractor, event)
    await tx.execute("UPDATE contractors SET state = $2 WHERE id = $1", contractor.id, state.value)
    if state is ContractorState.ENDED:
        await tx.execute("UPDATE contractors SET display_name = '', organisation = '' WHERE id = $1", contractor.id)
        await tx.execute("DELETE FROM contractor_meetings WHERE contractor_id = $1", contractor.id)
    await audit.append(tx, AuditRow(actor, Action.CONTRACTOR_MOVED, contractor.id, {"event": event.value}))


async def to_look_at(tx: Connection, now: datetime, policy: Policy) -> list[Contractor]:
    """Return passes that time has something for; `bridge.domain.contractors.due` says what."""
    rows = await tx.rows(
        f"""SELECT {_COLUMNS} FROM contractors WHERE (state = 'valid' AND ends_at <= $1)
            OR (state = 'reminded' AND ends_at <= $2) OR (state = 'expired' AND ends_at <= $3)
            ORDER BY ends_at, id LIMIT {SWEEP_BATCH}""",
        now + policy.remind,
        now,
        now - policy.grace,
    )
    return [_contractor(row) for row in rows]


async def notice_room(tx: Connection, user_id: UserId) -> RoomId | None:
    """Return the room in which we tell somebody of the staff what they have to decide."""
    room: RoomId | None = await tx.value("SELECT room_id FROM notice_rooms WHERE user_id = $1", user_id)
    return room


async def set_notice_room(tx: Connection, user_id: UserId, room_id: RoomId) -> None:
    """Write down such a room."""
    await tx.execute(
        "INSERT INTO notice_rooms (user_id, room_id) VALUES ($1, $2) ON CONFLICT (user_id) DO UPDATE SET room_id = $2",
        user_id,
        room_id,
    )
