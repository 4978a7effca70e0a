# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""API tokens of staff: the hash of each, what it may do and until when."""

# ruff: noqa: S608  # only the column list of this module is pasted into statements

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.domain.audit import Action, AuditRow
from bridge.domain.errors import Refused
from bridge.domain.names import UserId
from bridge.domain.scopes import MAX_TOKENS, SIGN_IN_WITHIN, Scope
from bridge.store import audit
from bridge.store.database import Connection, Row
from bridge.store.sessions import secret_hash

USED_EVERY = timedelta(minutes=5)
"""How exactly the last use of a token is known. Stops: a write for every request."""

_COLUMNS = "id, user_id, name, scopes, created_at, expires_at, used_at"


@dataclass(frozen=True, slots=True)
class ApiToken:
    """One token, without the secret."""

    id: str
    user_id: UserId
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


def _token(row: Row) -> ApiToken:
    known = {scope.value for scope in Scope}
    return ApiToken(**(row | {"scopes": frozenset(Scope(scope) for scope in row["scopes"] if scope in known)}))


async def create(
    tx: Connection,
    secret: str,
    *,
    token_id: str,
    user_id: UserId,
    name: str,
    scopes: Iterable[Scope],
    now: datetime,
    lifetime: timedelta,
) -> ApiToken:
    """Write down a token of somebody who has not too many (409)."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtext($1))", f"tokens of {user_id}")
    if await tx.value("SELECT count(*) FROM api_tokens WHERE user_id = $1", user_id) >= MAX_TOKENS:
        raise Refused(
            409, "PASSERELLE_TOO_MANY_TOKENS", f"You have {MAX_TOKENS} API tokens. Revoke one that you do not need."
        )
    row = await tx.row(
        f"""INSERT INTO api_tokens (id, user_id, name, scopes, token_hash, created_at, expires_at, person_seen_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $6) RETURNING {_COLUMNS}""",
        token_id,
        user_id,
        name,
        sorted(scope.value for scope in scopes),
        secret_hash(secret),
        now,
        now + lifetime,
    )
    assert row is not None
    await audit.append(tx, AuditRow(user_id, Action.TOKEN_CREATED, token_id, {"scopes": " ".join(row["scopes"])}))
    return _token(row)


async def find(tx: Connection, secret: str, now: datetime) -> ApiToken | None:
    """Return the token of a secret while it lives, and note that it was used; 401 for one that rests."""
    row = await tx.row(
        f"SELECT {_COLUMNS}, person_seen_at FROM api_tokens WHERE token_hash = $1 AND expires_at > $2",
        secret_hash(secret),
        now,
    )
    if row is None:
        return None
    if row.pop("person_seen_at") <= now - SIGN_IN_WITHIN:
        raise Refused(
            401,
            "PASSERELLE_TOKEN_RESTS",
            f"This API token rests: its owner has not signed in for {SIGN_IN_WITHIN.days} days. One sign-in wakes it.",
        )
    if row["used_at"] is None or row["used_at"] < now - USED_EVERY:
        await tx.execute("UPDATE api_tokens SET used_at = $2 WHERE id = $1", row["id"], now)
    return _token(row)


async def of_user(tx: Connection, user_id: UserId) -> list[ApiToken]:
    """Return somebody's tokens, newest first."""
    rows = await tx.rows(f"SELECT {_COLUMNS} FROM api_tokens WHERE user_id = $1 ORDER BY created_at DESC, id", user_id)
    return [_token(row) for row in rows]


async def end_of_user(tx: Connection, user_id: UserId, actor: str) -> None:
    """Delete all tokens of somebody."""
    for row in await tx.rows("DELETE FROM api_tokens WHERE user_id = $1 RETURNING id", user_id):
        await audit.append(tx, AuditRow(actor, Action.TOKEN_REVOKED, row["id"]))


async def person_was_here(tx: Connection, user_id: str, now: datetime) -> None:
    """Write down that somebody signed in, which wakes their tokens."""
    await tx.execute("UPDATE api_tokens SET person_seen_at = $2 WHERE user_id = $1", user_id, now)


async def revoke(tx: Connection, token_id: str, user_id: UserId) -> bool:
    """Delete somebody's token; False when it is none of theirs."""
    done = await tx.execute("DELETE FROM api_tokens WHERE id = $1 AND user_id = $2", token_id, user_id)
    if done:
        await audit.append(tx, AuditRow(user_id, Action.TOKEN_REVOKED, token_id))
    return bool(done)


async def purge(tx: Connection, now: datetime) -> None:
    """Drop what has ended."""
    await tx.execute("DELETE FROM api_tokens WHERE expires_at <= $1", now)
