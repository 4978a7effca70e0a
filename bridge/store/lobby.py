# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who stands at which meeting's door: places in the queue, found by the secret that their browser holds.

What may follow what stands in `bridge.domain.lobby`. Whoever changes a place locks its row, so of two hosts who decide
at once the second hears what the first has decided.
"""

# ruff: noqa: S608  # only column lists and states of `bridge.domain.lobby` are pasted into statements

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bridge.domain.audit import SYSTEM, Action, AuditRow
from bridge.domain.lobby import (
    AT_THE_DOOR,
    FORGET,
    KEEPS,
    PASSES,
    TRANSITIONS,
    Door,
    Place,
    PlaceEvent,
    PlaceState,
    after,
    require_room,
)
from bridge.domain.names import InviteId, MeetingId, UserId
from bridge.store import audit
from bridge.store.database import Connection, Row

BATCH = 200
"""Places that one sweep ends; the next one goes on."""

_COLUMNS = """lobby_places.id, lobby_places.meeting_id, door, name, lobby_places.organisation, lobby_places.state,
    since, seen_at, number, lobby_places.invite_id, contractor_id, user_id, decided_by, announced_at,
    lobby_places.check_hash, coalesce(mail_checks.address, '') AS email,
    coalesce(invites.sponsor, contractors.sponsor) AS sponsor"""
_TABLES = """lobby_places LEFT JOIN invites ON invites.id = lobby_places.invite_id
    LEFT JOIN mail_checks ON mail_checks.check_hash = lobby_places.check_hash
    LEFT JOIN contractors ON contractors.id = contractor_id"""
_OVER = [state.value for state in (PlaceState.LEFT, PlaceState.EXPIRED)]


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody who comes to a door: who they say they are, by which link, and whose browser (hashes of secrets)."""

    secret_hash: bytes
    address_hash: bytes
    door: Door
    name: str
    organisation: str
    invite_id: InviteId | None = None
    contractor_id: str | None = None
    user_id: UserId | None = None
    check_hash: bytes | None = None
    """Of the mail address that they have shown to be theirs."""


def _place(row: Row) -> Place:
    return Place(**(row | {"door": Door(row["door"]), "state": PlaceState(row["state"])}))


async def arrive(tx: Connection, place_id: str, meeting_id: MeetingId, who: Arrival, now: datetime) -> Place:
    """Write down somebody new at the door, or refuse (429) where it is full; the caller has locked the meeting."""
    await _require_room(tx, meeting_id, who.invite_id, who.address_hash)
    await tx.execute(
        """INSERT INTO lobby_places (id, meeting_id, secret_hash, door, invite_id, contractor_id, user_id, name,
               organisation, address_hash, state, since, seen_at, check_hash)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13)""",
        place_id,
        meeting_id,
        who.secret_hash,
        who.door.value,
        who.invite_id,
        who.contractor_id,
        who.user_id,
        who.name,
        who.organisation,
        who.address_hash,
        PlaceState.EARLY.value,
        now,
        who.check_hash,
    )
    await audit.append(
        tx, AuditRow(SYSTEM, Action.LOBBY_PLACE, meeting_id, {"place": place_id, "door": who.door.value, "to": "early"})
    )
    found = await by_secret(tx, who.secret_hash)
    assert found is not None
    return found


async def come_back(tx: Connection, place: Place, now: datetime) -> Place:
    """Put a place that had expired, and is locked, at the end of the queue, or refuse (429) where that is full."""
    address_hash = await tx.value("SELECT address_hash FROM lobby_places WHERE id = $1", place.id)
    await _require_room(tx, place.meeting_id, place.invite_id, address_hash)
    return await happen(tx, place, PlaceEvent.RETURNED, actor=SYSTEM, now=now)


async def _require_room(tx: Connection, meeting_id: MeetingId, invite_id: InviteId | None, address_hash: bytes) -> None:
    row = await tx.row(
        """SELECT count(*) AS all_of_it, count(*) FILTER (WHERE invite_id = $2) AS of_invite,
               count(*) FILTER (WHERE address_hash = $3) AS from_address
           FROM lobby_places WHERE meeting_id = $1 AND state = ANY($4)""",
        meeting_id,
        invite_id,
        address_hash,
        [state.value for state in AT_THE_DOOR],
    )
    assert row is not None
    require_room(row["all_of_it"], row["of_invite"], row["from_address"])


async def by_secret(tx: Connection, secret_hash: bytes) -> Place | None:
    """Return the place of a browser, locked until the transaction ends."""
    row = await tx.row(
        f"SELECT {_COLUMNS} FROM {_TABLES} WHERE secret_hash = $1 FOR UPDATE OF lobby_places", secret_hash
    )
    return None if row is None else _place(row)


async def by_id(tx: Connection, place_id: str) -> Place | None:
    """Return a place, locked until the transaction ends."""
    row = await tx.row(
        f"SELECT {_COLUMNS} FROM {_TABLES} WHERE lobby_places.id = $1 FOR UPDATE OF lobby_places", place_id
    )
    return None if row is None else _place(row)


async def happen(
    tx: Connection, place: Place, event: PlaceEvent, *, actor: str, now: datetime, user_id: UserId | None = None
) -> Place:
    """Let something happen to a place that is locked; refused (409) where the table has no such line."""
    state = after(place.state, event)
    if PlaceState.WAITING in (place.state, state):
        await mark_card(tx, place.meeting_id)  # first: its row keeps two from taking one number
    number = place.number
    if event is PlaceEvent.OPENED:
        number = await tx.value(
            "SELECT coalesce(max(number), 0) + 1 FROM lobby_places WHERE meeting_id = $1", place.meeting_id
        )
    await tx.execute(
        """UPDATE lobby_places SET state = $2, number = $3, user_id = coalesce($4, user_id),
               decided_by = CASE WHEN $5 THEN $6 ELSE decided_by END,
               since = CASE WHEN $7 THEN $8 ELSE since END,
               announced_at = CASE WHEN $7 THEN NULL ELSE announced_at END
           WHERE id = $1""",
        place.id,
        state.value,
        number,
        user_id,
        event in {PlaceEvent.ADMITTED, PlaceEvent.REFUSED},
        actor,
        event is PlaceEvent.RETURNED,
        now,
    )
    data = {"place": place.id, "door": place.door.value, "event": event.value, "to": state.value}
    await audit.append(tx, AuditRow(actor, Action.LOBBY_PLACE, place.meeting_id, data))
    changed = await by_id(tx, place.id)
    assert changed is not None  # locked by the caller
    return changed


async def seen(tx: Connection, place_id: str, now: datetime) -> None:
    """Write down that the page of a place is there."""
    await tx.execute("UPDATE lobby_places SET seen_at = $2 WHERE id = $1", place_id, now)


async def waiting(tx: Connection, meeting_id: MeetingId) -> list[Place]:
    """Return who waits for a meeting's hosts, in order, locked until the transaction ends."""
    rows = await tx.rows(
        f"""SELECT {_COLUMNS} FROM {_TABLES} WHERE lobby_places.meeting_id = $1 AND lobby_places.state = $2
            ORDER BY number FOR UPDATE OF lobby_places""",
        meeting_id,
        PlaceState.WAITING.value,
    )
    return [_place(row) for row in rows]


async def position(tx: Connection, place: Place) -> tuple[int, int]:
    """Return which in the queue somebody is, from 1, and how many wait."""
    row = await tx.row(
        """SELECT count(*) FILTER (WHERE number <= $2) AS before, count(*) AS all_of_it
           FROM lobby_places WHERE meeting_id = $1 AND state = $3""",
        place.meeting_id,
        place.number,
        PlaceState.WAITING.value,
    )
    assert row is not None
    return row["before"], row["all_of_it"]


async def of_round(tx: Connection, card: Card) -> list[Place]:
    """Return whom a card named since it was sent, whatever became of them."""
    rows = await tx.rows(
        f"""SELECT {_COLUMNS} FROM {_TABLES} WHERE lobby_places.meeting_id = $1 AND round = $2 AND round > 0
            ORDER BY number""",
        card.meeting_id,
        card.round,
    )
    return [_place(row) for row in rows]


async def partners_to_bring(tx: Connection) -> list[Place]:
    """Return partners who were admitted and are still to be invited on their own servers."""
    rows = await tx.rows(
        f"""SELECT {_COLUMNS} FROM {_TABLES} WHERE lobby_places.state = $1 AND door = $2
            ORDER BY seen_at LIMIT {BATCH}""",
        PlaceState.ADMITTED.value,
        Door.PARTNER.value,
    )
    return [_place(row) for row in rows]


async def promised(tx: Connection, invite_id: InviteId) -> int:
    """Return how many were admitted by a link who have not come in, and so not taken a use of it, yet."""
    count: int = await tx.value(
        "SELECT count(*) FROM lobby_places WHERE invite_id = $1 AND state = $2", invite_id, PlaceState.ADMITTED.value
    )
    return count


async def give_up(tx: Connection, place: Place, *, now: datetime) -> None:
    """Let the holder of a place that is locked leave it; their browser may take another one."""
    if (place.state, PlaceEvent.LEFT) in TRANSITIONS:
        await happen(tx, place, PlaceEvent.LEFT, actor=SYSTEM, now=now)
    await tx.execute("UPDATE lobby_places SET secret_hash = sha256(convert_to(id, 'UTF8')) WHERE id = $1", place.id)


async def sent_away(tx: Connection, meeting_id: MeetingId, user_id: UserId, now: datetime) -> None:
    """Let whoever was taken out of a meeting wait anew, should they come again."""
    rows = await tx.rows(
        f"""SELECT {_COLUMNS} FROM {_TABLES} WHERE lobby_places.meeting_id = $1 AND user_id = $2
            AND lobby_places.state = ANY($3) FOR UPDATE OF lobby_places""",
        meeting_id,
        user_id,
        [state.value for state in PASSES],
    )
    for row in rows:
        await give_up(tx, _place(row), now=now)


async def expire_overdue(tx: Connection, now: datetime) -> set[MeetingId]:
    """End the places behind which nobody was seen for too long, and forget old ones; return whose queues changed."""
    changed: set[MeetingId] = set()
    for state, keeps in KEEPS.items():
        changed |= await _expire(
            tx, "lobby_places.state = $1 AND seen_at < $2", [state.value, now - keeps], SYSTEM, now
        )
    await tx.execute("DELETE FROM lobby_places WHERE state = ANY($1) AND seen_at < $2", _OVER, now - FORGET)
    return changed


async def _expire(tx: Connection, which: str, values: Sequence[object], actor: str, now: datetime) -> set[MeetingId]:
    rows = await tx.rows(
        f"""SELECT {_COLUMNS} FROM {_TABLES} WHERE {which} AND lobby_places.state NOT IN ('left', 'expired')
            ORDER BY seen_at LIMIT {BATCH} FOR UPDATE OF lobby_places SKIP LOCKED""",
        *values,
    )
    for row in rows:
        await happen(tx, _place(row), PlaceEvent.EXPIRED, actor=actor, now=now)
    return {MeetingId(row["meeting_id"]) for row in rows}


@dataclass(frozen=True, slots=True)
class Card:
    """The notice by which a meeting's room is told who waits. `round` counts its notices."""

    meeting_id: MeetingId
    event_id: str | None
    sent_at: datetime | None
    round: int


async def mark_card(tx: Connection, meeting_id: MeetingId) -> None:
    """Say that the room has to be told something else than it was."""
    await tx.execute(
        """INSERT INTO lobby_cards (meeting_id) VALUES ($1) ON CONFLICT (meeting_id) DO UPDATE SET stale = true""",
        meeting_id,
    )


async def stale_cards(tx: Connection, before: datetime) -> list[Card]:
    """Return cards that no longer say who waits, and were not touched since `before`."""
    rows = await tx.rows(
        f"""SELECT meeting_id, event_id, sent_at, round FROM lobby_cards
            WHERE stale AND (sent_at IS NULL OR sent_at < $1) ORDER BY sent_at NULLS FIRST LIMIT {BATCH}""",
        before,
    )
    return [Card(**row) for row in rows]


async def read_card(tx: Connection, meeting_id: MeetingId) -> None:
    """Take a card's mark away before its meeting's queue is read: what changes after that marks it again."""
    await tx.execute("UPDATE lobby_cards SET stale = false WHERE meeting_id = $1", meeting_id)


async def told(tx: Connection, card: Card, named: Sequence[str], now: datetime) -> None:
    """Write down what a card says now: whom it names, and since when."""
    await tx.execute(
        "UPDATE lobby_cards SET event_id = $2, sent_at = $3, round = $4 WHERE meeting_id = $1",
        card.meeting_id,
        card.event_id,
        now,
        card.round,
    )
    await tx.execute(
        """UPDATE lobby_places SET announced_at = CASE WHEN round = $3 THEN announced_at ELSE $2 END, round = $3
           WHERE id = ANY($1)""",
        list(named),
        now,
        card.round,
    )


async def card_by_event(tx: Connection, event_id: str) -> Card | None:
    """Return the card that an event is, if it is the newest of its meeting."""
    row = await tx.row("SELECT meeting_id, event_id, sent_at, round FROM lobby_cards WHERE event_id = $1", event_id)
    return None if row is None else Card(**row)
