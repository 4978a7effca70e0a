# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Bearers of our own API, sign-in codes, and who at the sign-in provider is who here; hashes only."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from bridge.domain.audit import Action, AuditRow
from bridge.domain.names import InviteId, MeetingId, UserId
from bridge.store import audit
from bridge.store.database import Connection


@dataclass(frozen=True, slots=True)
class Bearer:
    """Who calls, and by which door they came; a guest's session knows one meeting only."""

    user_id: UserId
    door: str
    meeting_id: MeetingId | None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What a sign-in code stands for."""

    localpart: str
    display_name: str


def secret_hash(secret: str) -> bytes:
    """Return what is stored of a bearer or a code; both are 256 random bits, so a plain hash is enough."""
    return hashlib.sha256(secret.encode()).digest()


async def create(
    tx: Connection, token: str, *, user_id: UserId, door: str, meeting_id: MeetingId | None, expires_at: datetime
) -> None:
    """Write down a bearer."""
    await tx.execute(
        "INSERT INTO sessions (token_hash, user_id, door, meeting_id, expires_at) VALUES ($1, $2, $3, $4, $5)",
        secret_hash(token),
        user_id,
        door,
        meeting_id,
        expires_at,
    )


async def find(tx: Connection, token: str, now: datetime) -> Bearer | None:
    """Return whose bearer this is, while it lives."""
    row = await tx.row(
        "SELECT user_id, door, meeting_id FROM sessions WHERE token_hash = $1 AND expires_at > $2",
        secret_hash(token),
        now,
    )
    return None if row is None else Bearer(row["user_id"], row["door"], row["meeting_id"])


async def end_of_user(tx: Connection, user_id: UserId) -> None:
    """End every session of a user."""
    await tx.execute("DELETE FROM sessions WHERE user_id = $1", user_id)


async def end_of_invite(tx: Connection, invite_id: InviteId) -> None:
    """End the sessions of everybody who came by this link."""
    await tx.execute(
        "DELETE FROM sessions WHERE user_id IN (SELECT user_id FROM guests WHERE invite_id = $1)", invite_id
    )


async def purge(tx: Connection, now: datetime) -> None:
    """Drop what has ended."""
    await tx.execute("DELETE FROM sessions WHERE expires_at <= $1", now)
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


async def put_code(tx: Connection, code: str, who: SignedIn, expires_at: datetime) -> None:
    """Write down a sign-in code."""
    await tx.execute(
        "INSERT INTO login_codes (code_hash, localpart, display_name, expires_at) VALUES ($1, $2, $3, $4)",
        secret_hash(code),
        who.localpart,
        who.display_name,
        expires_at,
    )


async def take_code(tx: Connection, code: str, now: datetime) -> SignedIn | None:
    """Use a code up and return what it stands for; a second time finds nothing."""
    row = await tx.row(
        "DELETE FROM login_codes WHERE code_hash = $1 AND expires_at > $2 RETURNING localpart, display_name",
        secret_hash(code),
        now,
    )
    if row is None:
        return None
    await audit.append(tx, AuditRow(row["localpart"], Action.STAFF_SIGNED_IN, row["localpart"]))
    return SignedIn(row["localpart"], row["display_name"])
