# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Bearers of our own API, sign-in codes, and who at the sign-in provider is who here; hashes only.

A session of staff ends with its time, after some hours without a request, or when somebody says so. What it keeps
(`kept`, sealed by `bridge.web.seal`) is ended after it: `over` says which, `forget` drops the row.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.domain.audit import Action, AuditRow
from bridge.domain.names import InviteId, MeetingId, UserId
from bridge.domain.scopes import Scope
from bridge.store import audit
from bridge.store.database import Connection


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who calls, and by which door they came; a guest's session knows one meeting only."""

    user_id: UserId
    door: str
    meeting_id: MeetingId | None
    scopes: frozenset[Scope] | None = None
    """What an API token may do; None for a session, which may do all that its person may."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a sign-in code stands for; `kept` is sealed."""

    localpart: str
    display_name: str
    organization: str = ""
    kept: str = ""


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One of a person's sessions, as they see it; `id` names it and opens nothing."""

    id: str
    created_at: datetime
    seen_at: datetime
    agent: str


SEEN_EVERY = timedelta(minutes=1)
"""How exactly it is known when a session was last used. Stops: a write for every request."""
OVER_AT_ONCE = 100
"""Sessions ended by one sweep. Stops: a sweep that takes all night."""


def secret_hash(secret: str) -> bytes:
    """Return what is stored of a bearer or a code; both are 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).digest()


async def create(
    tx: Connection,
    token: str,
    *,
    user_id: UserId,
    door: str,
    meeting_id: MeetingId | None,
    expires_at: datetime,
    now: datetime | None = None,
    idle_s: int = 0,
    kept: str = "",
    agent: str = "",
    device_id: str = "",
) -> None:
    """Write down a bearer. It ends after `idle_s` without a request; 0: it may rest."""
    await tx.execute(
        "INSERT INTO sessions"
        " (token_hash, user_id, door, meeting_id, expires_at, created_at, seen_at, idle_s, kept, agent, device_id)"
        " VALUES ($1, $2, $3, $4, $5, coalesce($6, now()), coalesce($6, now()), $7, $8, $9, $10)",
        secret_hash(token),
        user_id,
        door,
        meeting_id,
        expires_at,
        now,
        idle_s,
        kept,
        agent,
        device_id,
    )


async def find(tx: Connection, token: str, now: datetime) -> Bearer | None:
    """Return whose bearer this is, while it lives, and note that it was used."""
    row = await tx.row(
        "SELECT user_id, door, meeting_id, seen_at FROM sessions WHERE token_hash = $1 AND session_lives(sessions, $2)",
        secret_hash(token),
        now,
    )
    if row is None:
        return None
    if now - row["seen_at"] >= SEEN_EVERY:
        await tx.execute("UPDATE sessions SET seen_at = $2 WHERE token_hash = $1", secret_hash(token), now)
    return Bearer(row["user_id"], row["door"], row["meeting_id"])


async def of_user(tx: Connection, user_id: UserId, now: datetime) -> list[OpenSession]:
    """Return a person's sessions, the newest first."""
    rows = await tx.rows(
        "SELECT left(encode(token_hash, 'hex'), 16) AS id, created_at, seen_at, agent FROM sessions"
        " WHERE user_id = $1 AND session_lives(sessions, $2) ORDER BY created_at DESC, id LIMIT 100",
        user_id,
        now,
    )
    return [OpenSession(row["id"], row["created_at"], row["seen_at"], row["agent"]) for row in rows]


def id_of(token: str) -> str:
    """Return how `of_user` names the session of this bearer."""
    return secret_hash(token).hex()[:16]


async def kept_by(tx: Connection, session_id: str) -> str | None:
    """Return what a session keeps, or None when there is no such session."""
    kept: str | None = await tx.value(
        "SELECT kept FROM sessions WHERE left(encode(token_hash, 'hex'), 16) = $1", session_id
    )
    return kept


async def owner(tx: Connection, session_id: str) -> UserId | None:
    """Return whose session of staff an id names, while it has not ended."""
    user_id: UserId | None = await tx.value(
        "SELECT user_id FROM sessions WHERE left(encode(token_hash, 'hex'), 16) = $1 AND door = 'staff' AND NOT ended",
        session_id,
    )
    return user_id


async def end_device(tx: Connection, session_id: str) -> tuple[UserId, str] | None:
    """End a session of staff by its id; return whose it was and on which Matrix device, or None without one."""
    row = await tx.row(
        "UPDATE sessions SET ended = true"
        " WHERE left(encode(token_hash, 'hex'), 16) = $1 AND door = 'staff' AND NOT ended RETURNING user_id, device_id",
        session_id,
    )
    return None if row is None else (UserId(row["user_id"]), row["device_id"])


async def drop_codes(tx: Connection, localpart: str) -> None:
    """Let the sign-ins that somebody has begun lead nowhere."""
    await tx.execute("DELETE FROM login_codes WHERE localpart = $1", localpart)


async def end_of_user(tx: Connection, user_id: UserId) -> None:
    """End every session of a user."""
    await tx.execute("UPDATE sessions SET ended = true WHERE user_id = $1", user_id)


async def end_of_invite(tx: Connection, invite_id: InviteId) -> None:
    """End the sessions of everybody who came by this link."""
    await tx.execute(
        "DELETE FROM sessions WHERE user_id IN (SELECT user_id FROM guests WHERE invite_id = $1)", invite_id
    )


async def over(tx: Connection, now: datetime) -> list[tuple[bytes, str]]:
    """Return sessions that have ended with something to end after them: name for `forget`, and what they kept."""
    rows = await tx.rows(
        "SELECT token_hash, kept FROM sessions WHERE kept <> '' AND NOT session_lives(sessions, $1) LIMIT $2",
        now,
        OVER_AT_ONCE,
    )
    return [(row["token_hash"], row["kept"]) for row in rows]


async def forget(tx: Connection, token_hash: bytes) -> None:
    """Drop a session whose end is done."""
    await tx.execute("DELETE FROM sessions WHERE token_hash = $1", token_hash)


async def end_of_contractor(tx: Connection, contractor_id: str) -> None:
    """End the sessions of a contractor's visits."""
    await tx.execute(
        "DELETE FROM sessions WHERE user_id IN (SELECT user_id FROM guests WHERE contractor_id = $1)", contractor_id
    )


async def purge(tx: Connection, now: datetime) -> None:
    """Drop what has ended and left nothing to do."""
    await tx.execute("DELETE FROM sessions WHERE kept = '' AND NOT session_lives(sessions, $1)", now)
    await tx.execute("DELETE FROM login_codes WHERE expires_at <= $1", now)


async def bind_identity(tx: Connection, *, issuer: str, subject: str, wanted: str) -> str | None:
    """Return the localpart of a person at the provider, taking `wanted` at the first sign-in.

    None when that localpart is somebody else's: a name that two people bear never leads into the other's account.
    """
    known: str | None = await tx.value(
        "SELECT localpart FROM identities WHERE issuer = $1 AND subject = $2", issuer, subject
    )
    if known is not None:
        return known
    added = await tx.execute(
        "INSERT INTO identities (issuer, subject, localpart) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        issuer,
        subject,
        wanted,
    )
    if not added:
        return None
    await audit.append(tx, AuditRow(wanted, Action.STAFF_LINKED, wanted, {"issuer": issuer}))
    return wanted


async def note_sign_in(
    tx: Connection, *, issuer: str, subject: str, claims: Mapping[str, str], organization: str, now: datetime
) -> None:
    """Write down what the provider says about a person now; what it said before is gone."""
    await tx.execute(
        "UPDATE identities SET claims = $3, organization = $4, signed_in_at = $5 WHERE issuer = $1 AND subject = $2",
        issuer,
        subject,
        json.dumps(claims),
        organization,
        now,
    )


async def mail_address_of(tx: Connection, localpart: str) -> str:
    """Return the mail address that the provider gave for a member of staff, or ""."""
    address: str | None = await tx.value("SELECT claims->>'email' FROM identities WHERE localpart = $1", localpart)
    return address or ""


async def put_code(tx: Connection, code: str, who: SignedIn, expires_at: datetime) -> None:
    """Write down a sign-in code."""
    await tx.execute(
        "INSERT INTO login_codes (code_hash, localpart, display_name, organization, kept, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        secret_hash(code),
        who.localpart,
        who.display_name,
        who.organization,
        who.kept,
        expires_at,
    )


async def change_code(tx: Connection, old: str, new: str, now: datetime, expires_at: datetime) -> bool:
    """Use a code up for another one that stands for the same."""
    done = await tx.execute(
        "UPDATE login_codes SET code_hash = $2, expires_at = $4 WHERE code_hash = $1 AND expires_at > $3",
        secret_hash(old),
        secret_hash(new),
        now,
        expires_at,
    )
    return bool(done)


async def take_code(tx: Connection, code: str, now: datetime) -> SignedIn | None:
    """Use a code up and return what it stands for; a second time finds nothing."""
    row = await tx.row(
        "DELETE FROM login_codes WHERE code_hash = $1 AND expires_at > $2"
        " RETURNING localpart, display_name, organization, kept",
        secret_hash(code),
        now,
    )
    if row is None:
        return None
    await audit.append(tx, AuditRow(row["localpart"], Action.STAFF_SIGNED_IN, row["localpart"]))
    return SignedIn(row["localpart"], row["display_name"], row["organization"], row["kept"])
