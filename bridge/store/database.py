# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How the bridge reaches PostgreSQL, and what an outage of it looks like to the rest: `Unavailable`, in seconds."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg

from bridge.domain.errors import Unavailable

POOL_SIZE = 10
ACQUIRE_TIMEOUT_S = 3.0
"""Stops: requests piling up behind a database that is gone."""
COMMAND_TIMEOUT_S = 5.0
STATEMENT_TIMEOUT_MS = 5000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000

Row = dict[str, Any]

_OUTAGE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.OperatorInterventionError,
    asyncpg.QueryCanceledError,
    asyncpg.TransactionRollbackError,  # a deadlock: nothing happened, trying again helps
)


@contextlib.contextmanager
def outages() -> Iterator[None]:
    """Turn every way in which the database can be gone into `Unavailable`."""
    try:
        yield
    except asyncpg.DataError:
        raise  # an InterfaceError by birth, but a bug of ours
    except _OUTAGE as error:
        raise Unavailable("the database") from error


class Connection:
    """One connection, inside one transaction."""

    def __init__(self, raw: asyncpg.Connection) -> None:
        self._raw = raw

    async def execute(self, sql: str, *values: object) -> int:
        """Run a statement; return how many rows it touched."""
        tag: str = await self._raw.execute(sql, *values)
        count = tag.rsplit(" ", 1)[-1]
        return int(count) if count.isdigit() else 0

    async def row(self, sql: str, *values: object) -> Row | None:
        """Return the first row, or None."""
        record = await self._raw.fetchrow(sql, *values)
        return None if record is None else dict(record)

    async def rows(self, sql: str, *values: object) -> list[Row]:
        """Return all rows."""
        return [dict(record) for record in await self._raw.fetch(sql, *values)]

    async def value(self, sql: str, *values: object) -> Any:  # noqa: ANN401  # what SQL answers
        """Return the first column of the first row, or None."""
        return await self._raw.fetchval(sql, *values)


class Database:
    """The pool. Every access is a transaction, so that a change and its audit row stand or fall together."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Give a connection; commit at the end, roll back when the block raises."""
        with outages():
            async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT_S) as raw, raw.transaction():
                yield Connection(raw)

    async def answers(self) -> bool:
        """Tell whether the database answers now."""
        try:
            async with self.transaction() as tx:
                return bool(await tx.value("SELECT true"))
        except Unavailable:
            return False


@contextlib.asynccontextmanager
async def open_database(url: str, *, size: int = POOL_SIZE) -> AsyncIterator[Database]:
    """Open the pool for as long as the block lasts."""
    with outages():
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=size,
            timeout=ACQUIRE_TIMEOUT_S,
            command_timeout=COMMAND_TIMEOUT_S,
            server_settings={
                "application_name": "passerelle-bridge",
                "jit": "off",  # compiling takes longer than any statement of ours
                "statement_timeout": str(STATEMENT_TIMEOUT_MS),
                "idle_in_transaction_session_timeout": str(IDLE_IN_TRANSACTION_TIMEOUT_MS),
            },
        )
    try:
        yield Database(pool)
    finally:
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT_S):
                await pool.close()
        except TimeoutError:
            pool.terminate()
