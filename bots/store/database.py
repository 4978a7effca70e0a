# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The database of the final pass: who reaches it, and how its schema comes about."""

import contextlib
from collections.abc import AsyncIterator, Iterator

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.domain.settings import DBSettings
from pgqueuer.queries import Queries

SCHEMA = "speech"
_SETTINGS = DBSettings(db_schema=SCHEMA, channel="speech_jobs")  # type: ignore[arg-type]  # validated by pydantic
_LOCK = 7_241_903_118
"""Whoever holds this advisory lock upgrades; the bridge's upgrades have their own."""
_POOL_SIZE = 3
_TIMEOUT_S = 10.0

# Append only; each runs once.
UPGRADES = (
    """
    CREATE TABLE speech.calls (
        call_id text PRIMARY KEY,
        attempts int NOT NULL DEFAULT 0,
        failure text NOT NULL DEFAULT '',
        seen_at timestamptz NOT NULL DEFAULT now()
    );
    CREATE TABLE speech.pieces (
        call_id text NOT NULL REFERENCES speech.calls ON DELETE CASCADE,
        track_sid text NOT NULL,
        stretch_ms bigint NOT NULL,
        end_sample bigint NOT NULL,
        lang text NOT NULL,
        words jsonb NOT NULL,
        PRIMARY KEY (call_id, track_sid, stretch_ms, end_sample)
    );
    """,
    """
    CREATE TABLE speech.pauses (host text PRIMARY KEY, until timestamptz NOT NULL);
    """,
)

_OUTAGE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
)


class DatabaseAwayError(Exception):
    """PostgreSQL can't be reached now."""


class NewerDatabaseError(Exception):
    """A newer version of the bots upgraded this database."""


@contextlib.contextmanager
def outages() -> Iterator[None]:
    """Turn every way in which the database can be gone into ``DatabaseAwayError``."""
    try:
        yield
    except asyncpg.DataError:
        raise  # an InterfaceError by birth, but a bug of ours
    except _OUTAGE as error:
        raise DatabaseAwayError(f"the database is away: {type(error).__name__}") from error


def queue(connection: asyncpg.Connection) -> Queries:
    """Return pgqueuer's queries on a connection, in our schema."""
    return Queries(
        AsyncpgDriver(connection),
        qbe=QueryBuilderEnvironment(_SETTINGS),
        qbq=QueryQueueBuilder(_SETTINGS),
        qbs=QuerySchedulerBuilder(_SETTINGS),
    )


async def upgrade(url: str) -> None:
    """Make the schema or bring it up to date; processes that start together wait for the first.

    Raises:
        DatabaseAwayError: it can't be reached.
        NewerDatabaseError: it is ahead of this version.
    """
    with outages():
        connection = await asyncpg.connect(url, timeout=_TIMEOUT_S)
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
            await _upgrade(connection)
        finally:
            await connection.close()


async def _upgrade(connection: asyncpg.Connection) -> None:
    await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    await connection.execute("CREATE TABLE IF NOT EXISTS speech.version (version int NOT NULL)")
    jobs = queue(connection)
    if await jobs.schema_is_installed():
        await jobs.upgrade()
    else:
        async with connection.transaction():
            await jobs.install(create_schema=False)
    done = await connection.fetchval("SELECT version FROM speech.version")
    if done is None:
        await connection.execute("INSERT INTO speech.version VALUES (0)")
    if (done or 0) > len(UPGRADES):
        raise NewerDatabaseError(f"the schema {SCHEMA} is of a newer version ({done}): upgrade this program first")
    for number, statements in enumerate(UPGRADES[done or 0 :], (done or 0) + 1):
        async with connection.transaction():
            await connection.execute(statements)
            await connection.execute("UPDATE speech.version SET version = $1", number)


@contextlib.asynccontextmanager
async def open_pool(url: str) -> AsyncIterator[asyncpg.Pool]:
    """Open a pool for as long as the block lasts."""
    with outages():
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=_POOL_SIZE,
            timeout=_TIMEOUT_S,
            command_timeout=_TIMEOUT_S,
            server_settings={"application_name": "passerelle-speech"},
        )
    try:
        yield pool
    finally:
        pool.terminate()
