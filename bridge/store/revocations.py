# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Revocations in the database: what is over at once, what is marked to be ended, and when nothing of it is left.

The marks are those that everything else uses, too: a guest that ends, a grant for a call that is taken back, a session
that has ended and keeps a Matrix token. `bridge.web.revoking` ends what is marked, whoever marked it.
"""

# ruff: noqa: S608  # only limits of this module are pasted into statements

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from bridge.domain.audit import SYSTEM, Action, AuditRow
from bridge.domain.contractors import ContractorEvent
from bridge.domain.errors import Refused
from bridge.domain.guests import GuestState
from bridge.domain.names import MeetingId, RoomId, UserId, localpart_of
from bridge.domain.revocation import Kind, Revocation, names_of, partners_of
from bridge.store import (
    audit,
    barred,
    calendars,
    calls,
    contractors,
    guests,
    invitees,
    invites,
    lobby,
    sessions,
    tokens,
)
from bridge.store.database import Connection, Row

KEEP = timedelta(days=30)
"""How long it can be asked what became of a revocation; the audit has it for good."""
OPENID_LIFETIME = timedelta(hours=2)
"""Longer than an OpenID token of Synapse lives (one hour): with it a device that was signed out asks for a call."""
BATCH = 50
"""Of each kind that is ended in one go; the next one goes on."""


async def begin(tx: Connection, act: Revocation, *, own_server: str) -> Revocation:
    """End what is ours to end and mark the rest; return the act with whom it ends. 404 for what there is not."""
    does = {
        Kind.LINK: _link,
        Kind.GUEST: _guest,
        Kind.CONTRACTOR: _contractor,
        Kind.PARTNERS: _partners,
        Kind.DEVICE: _device,
        Kind.EVERYWHERE: _everywhere,
        Kind.PERSON: _person,
        Kind.SERVER: _server,
    }
    users = tuple(dict.fromkeys(await does[act.kind](tx, act, own_server)))
    await tx.execute(
        """INSERT INTO revocations (id, kind, subject, actor, asked_at, users, people)
           VALUES ($1, $2, $3, $4, $5, $6, cardinality($6::text[]))""",
        act.id,
        act.kind.value,
        act.subject,
        act.actor,
        act.asked_at,
        list(users),
    )
    data = {"revocation": act.id, "kind": act.kind.value}
    await audit.append(tx, AuditRow(act.actor, Action.REVOKED, act.subject, data))
    return replace(act, users=users, people=len(users))


async def _link(tx: Connection, act: Revocation, _own: str) -> Iterable[UserId]:
    invite = await invites.by_id(tx, act.subject)
    if invite is None:
        raise _nothing()
    await invites.revoke(tx, invite.id, act.actor)
    await invitees.withdraw(tx, invite.meeting_id, invite.id, act.actor)
    came = await tx.rows(
        "SELECT user_id FROM guests WHERE invite_id = $1 AND state <> $2", invite.id, GuestState.ENDED.value
    )
    await guests.revoke_of_invite(tx, invite.id)
    partners = await tx.rows(
        "UPDATE partners SET revoked_at = $2 WHERE invite_id = $1 AND revoked_at IS NULL RETURNING user_id",
        invite.id,
        act.asked_at,
    )
    await sessions.end_of_invite(tx, invite.id)
    room_id = await _room_of(tx, invite.meeting_id)
    users = [UserId(row["user_id"]) for row in [*came, *partners]]
    for user_id in users:
        await calls.revoke(tx, user_id, room_id)
    return users


async def _guest(tx: Connection, act: Revocation, _own: str) -> Iterable[UserId]:
    user_id = UserId(act.subject)
    if await guests.state_of(tx, user_id) in {None, GuestState.ENDING, GuestState.ENDED}:
        raise Refused(404, "M_NOT_FOUND", "There is no such guest in this meeting.")
    await guests.revoke(tx, user_id)
    await sessions.end_of_user(tx, user_id)
    await calls.revoke(tx, user_id)
    meeting_id = await tx.value("SELECT meeting_id FROM guests WHERE user_id = $1", user_id)
    await audit.append(tx, AuditRow(act.actor, Action.GUEST_REVOKED, meeting_id, {"user_id": user_id}))
    return [user_id]


async def _contractor(tx: Connection, act: Revocation, _own: str) -> Iterable[UserId]:
    contractor = await contractors.lock(tx, act.subject)
    if contractor is None:
        raise _nothing()
    await contractors.happen(tx, contractor, ContractorEvent.REVOKED, actor=act.actor)
    here = await tx.rows(
        "SELECT user_id FROM guests WHERE contractor_id = $1 AND state <> $2", contractor.id, GuestState.ENDED.value
    )
    await guests.revoke_of_contractor(tx, contractor.id, but=[])
    await sessions.end_of_contractor(tx, contractor.id)
    for row in here:
        await calls.revoke(tx, row["user_id"])
    return [UserId(row["user_id"]) for row in here]


async def _partners(tx: Connection, act: Revocation, _own: str) -> Iterable[UserId]:
    """End a homeserver's people in a meeting: those whom we invited, and those in the room whom `act` names."""
    meeting_id, server = partners_of(act.subject)
    invited = await tx.rows(
        """SELECT user_id FROM partners
           WHERE meeting_id = $1 AND substr(user_id, strpos(user_id, ':') + 1) = $2 AND revoked_at IS NULL""",
        meeting_id,
        server,
    )
    users = sorted({UserId(row["user_id"]) for row in invited} | set(act.users))
    if not users:
        raise _nothing()
    await tx.execute(
        """INSERT INTO partners (meeting_id, user_id, revoked_at) SELECT $1, unnest($2::text[]), $3
           ON CONFLICT (meeting_id, user_id) DO UPDATE SET revoked_at = $3""",
        meeting_id,
        users,
        act.asked_at,
    )
    room_id = await _room_of(tx, meeting_id)
    for user_id in users:
        await lobby.sent_away(tx, meeting_id, user_id, act.asked_at)
        await calls.revoke(tx, user_id, room_id)
    return users


async def _device(tx: Connection, act: Revocation, _own: str) -> Iterable[UserId]:
    ended = await sessions.end_device(tx, act.subject)
    if ended is None:
        raise Refused(404, "M_NOT_FOUND", "There is no such session, or it has ended.")
    user_id, device_id = ended
    if device_id:
        await _device_is_over(tx, user_id, device_id, act.asked_at)
        await calls.revoke_device(tx, user_id, device_id)
    await audit.append(tx, AuditRow(act.actor, Action.STAFF_SIGNED_OUT, user_id))
    return [user_id]


async def _everywhere(tx: Connection, act: Revocation, own: str) -> Iterable[UserId]:
    user_id = UserId(act.subject)
    localpart = localpart_of(user_id, own)
    if localpart is None:
        return [user_id]
    for row in await tx.rows("SELECT device_id FROM sessions WHERE user_id = $1 AND device_id <> ''", user_id):
        await _device_is_over(tx, user_id, row["device_id"], act.asked_at)
    await sessions.end_of_user(tx, user_id)
    await sessions.drop_codes(tx, localpart)
    await tokens.end_of_user(tx, user_id, act.actor)
    await calendars.revoke(tx, user_id)
    await tx.execute(
        "INSERT INTO sign_outs (user_id, asked_at) VALUES ($1, $2) ON CONFLICT DO NOTHING", user_id, act.asked_at
    )
    await calls.revoke(tx, user_id)
    await audit.append(tx, AuditRow(act.actor, Action.STAFF_SIGNED_OUT, user_id))
    return [user_id]


async def _person(tx: Connection, act: Revocation, own: str) -> Iterable[UserId]:
    await barred.bar(tx, act.subject, actor=act.actor, now=act.asked_at)
    users = await _everywhere(tx, act, own)
    await tx.execute("DELETE FROM meeting_staff WHERE user_id = $1", act.subject)
    await tx.execute("DELETE FROM partners WHERE user_id = $1", act.subject)
    for user_id in users:
        await calls.revoke(tx, user_id)
    return users


async def _server(tx: Connection, act: Revocation, _own: str) -> Iterable[UserId]:
    await barred.bar(tx, act.subject, actor=act.actor, now=act.asked_at)
    await tx.execute("DELETE FROM partners WHERE substr(user_id, strpos(user_id, ':') + 1) = $1", act.subject)
    return await calls.revoke_server(tx, act.subject)


async def _device_is_over(tx: Connection, user_id: UserId, device_id: str, now: datetime) -> None:
    await tx.execute(
        """INSERT INTO ended_devices (user_id, device_id, ended_at) VALUES ($1, $2, $3)
           ON CONFLICT (user_id, device_id) DO UPDATE SET ended_at = $3""",
        user_id,
        device_id,
        now,
    )


async def _room_of(tx: Connection, meeting_id: MeetingId) -> RoomId:
    return RoomId(await tx.value("SELECT room_id FROM meetings WHERE id = $1", meeting_id))


def _nothing() -> Refused:
    return Refused(404, "M_NOT_FOUND", "There is no such thing, or it is not yours.")


async def require_call(tx: Connection, meeting_id: MeetingId, user_id: UserId, device_id: str) -> None:
    """Refuse a call to whoever is being ended, whatever Matrix still says of them.

    The rows are locked: of a revocation and a token that race, the token is refused, or it is taken back.
    """
    await tx.execute("SELECT true FROM meetings WHERE id = $1 FOR SHARE", meeting_id)
    guest = await tx.value("SELECT state FROM guests WHERE user_id = $1 FOR SHARE", user_id)
    partner = await tx.row(
        "SELECT revoked_at FROM partners WHERE meeting_id = $1 AND user_id = $2 FOR SHARE", meeting_id, user_id
    )
    over = guest not in {None, GuestState.ACTIVE.value} or (partner is not None and partner["revoked_at"] is not None)
    over = over or bool(
        await tx.value("SELECT true FROM ended_devices WHERE user_id = $1 AND device_id = $2", user_id, device_id)
    )
    if over or await barred.is_barred(tx, names_of(user_id)):
        raise Refused(403, "M_FORBIDDEN", "Your access to this meeting was ended. Please ask its organiser.")


async def require_sign_in(tx: Connection, user_id: str) -> None:
    """Refuse a sign-in of somebody who is barred, or whose other sign-ins are being ended this very moment."""
    if await barred.is_barred(tx, [user_id]):
        raise Refused(403, "PASSERELLE_NO_ACCOUNT", "Your access here was withdrawn. Please ask your administrator.")
    if await tx.value("SELECT true FROM sign_outs WHERE user_id = $1", user_id):
        raise Refused(
            503, "M_UNKNOWN", "Your other sign-ins are being ended. Please sign in again in a moment.", retry_after_s=3
        )


async def mark_guests(tx: Connection) -> None:
    """Mark what ends with guests, whatever it is that ended them."""
    ending = "SELECT user_id FROM guests WHERE state = $1"
    await tx.execute(f"UPDATE sessions SET ended = true WHERE user_id IN ({ending})", GuestState.ENDING.value)
    await tx.execute(
        f"UPDATE call_grants SET revoked_at = now() WHERE user_id IN ({ending}) AND revoked_at IS NULL",
        GuestState.ENDING.value,
    )


async def partners_to_remove(tx: Connection) -> list[tuple[MeetingId, RoomId, UserId]]:
    """Return partners whose link is gone and who are still in the room."""
    rows = await tx.rows(
        f"""SELECT meeting_id, room_id, user_id FROM partners JOIN meetings ON meetings.id = meeting_id
            WHERE revoked_at IS NOT NULL ORDER BY random() LIMIT {BATCH}"""
    )
    return [(MeetingId(row["meeting_id"]), RoomId(row["room_id"]), UserId(row["user_id"])) for row in rows]


async def partner_removed(tx: Connection, meeting_id: MeetingId, user_id: UserId) -> None:
    """Forget a partner who is out of the room."""
    await tx.execute(
        "DELETE FROM partners WHERE meeting_id = $1 AND user_id = $2 AND revoked_at IS NOT NULL", meeting_id, user_id
    )


async def sign_outs(tx: Connection) -> list[UserId]:
    """Return staff whose Matrix sessions have all to end."""
    rows = await tx.rows(f"SELECT user_id FROM sign_outs ORDER BY random() LIMIT {BATCH}")
    return [UserId(row["user_id"]) for row in rows]


async def signed_out(tx: Connection, user_id: UserId) -> None:
    """Write down that somebody's Matrix sessions have ended."""
    await tx.execute("DELETE FROM sign_outs WHERE user_id = $1", user_id)


async def settle(tx: Connection, now: datetime) -> list[Revocation]:
    """Close the acts of which nothing is left to end, and return them."""
    rows = await tx.rows(
        """UPDATE revocations SET done_at = $1 WHERE done_at IS NULL
           AND NOT EXISTS (SELECT true FROM guests WHERE user_id = ANY(users) AND state = $2)
           AND NOT EXISTS (SELECT true FROM call_grants WHERE user_id = ANY(users) AND revoked_at IS NOT NULL)
           AND NOT EXISTS (SELECT true FROM sessions WHERE user_id = ANY(users) AND ended AND kept <> '')
           AND NOT EXISTS (SELECT true FROM sign_outs WHERE user_id = ANY(users))
           AND NOT EXISTS (SELECT true FROM partners WHERE user_id = ANY(users) AND revoked_at IS NOT NULL)
           AND (kind <> ALL($3) OR NOT EXISTS (SELECT true FROM meetings WHERE bars_due > 0 AND state <> 'deleted'))
           RETURNING id, kind, subject, actor, asked_at, users, done_at, people""",
        now,
        GuestState.ENDING.value,
        [kind.value for kind in Kind if kind in {Kind.PERSON, Kind.SERVER}],
    )
    done = [_revocation(row) for row in rows]
    for act in done:
        await tx.execute("UPDATE revocations SET users = '{}' WHERE id = $1", act.id)
        took_ms = int((now - act.asked_at).total_seconds() * 1000)
        data: dict[str, str | int] = {"revocation": act.id, "people": len(act.users), "ms": took_ms}
        await audit.append(tx, AuditRow(SYSTEM, Action.REVOCATION_DONE, act.subject, data))
    return done


async def by_id(tx: Connection, revocation_id: str) -> Revocation | None:
    """Return an act."""
    row = await tx.row(
        "SELECT id, kind, subject, actor, asked_at, users, done_at, people FROM revocations WHERE id = $1",
        revocation_id,
    )
    return None if row is None else _revocation(row)


async def purge(tx: Connection, now: datetime) -> None:
    """Forget what nobody asks about any more."""
    await tx.execute("DELETE FROM revocations WHERE done_at < $1", now - KEEP)
    await tx.execute("DELETE FROM ended_devices WHERE ended_at < $1", now - OPENID_LIFETIME)


def _revocation(row: Row) -> Revocation:
    return Revocation(
        row["id"],
        Kind(row["kind"]),
        row["subject"],
        row["actor"],
        row["asked_at"],
        tuple(UserId(user_id) for user_id in row["users"]),
        row["done_at"],
        row["people"],
    )
