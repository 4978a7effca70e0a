# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A real PostgreSQL for the tests of the bridge: one cluster, an empty database for each test."""

import asyncio
import secrets
import signal
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from bridge.stack.postgres import (
    SUPERUSER,
    Cluster,
    accepts_connections,
    clean_environment,
    find_binaries,
    prepare_cluster,
)
from bridge.store.database import Database, open_database
from bridge.store.upgrades import NewerDatabase, upgrade

PASSWORD = secrets.token_hex(16)
START_DEADLINE_S = 60.0
_DROP = "DROP SCHEMA public CASCADE; CREATE SCHEMA public"
_EMPTY = """
SET session_replication_role = replica; -- without triggers, the audit's among them
DO $$ DECLARE known record; BEGIN
    FOR known IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'version' LOOP
        EXECUTE format('DELETE FROM %I', known.tablename);
    END LOOP;
    PERFORM setval(format('%I.%I', schemaname, sequencename)::regclass, 1, false)
        FROM pg_sequences WHERE schemaname = 'public';
END $$
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _until_ready(port: int) -> None:
    async with asyncio.timeout(START_DEADLINE_S):
        while not await accepts_connections(port, PASSWORD):  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.05)


@pytest.fixture
def free_port() -> Callable[[], int]:
    return _free_port


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder: Path = tmp_path_factory.mktemp("postgres")
    made = prepare_cluster(find_binaries(), folder, port=_free_port(), superuser_password=PASSWORD, fsync=False)
    process = subprocess.Popen(
        made.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_environment()
    )
    try:
        asyncio.run(_until_ready(made.port))
        yield made
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


@pytest.fixture
async def empty_database_url(cluster: Cluster) -> str:
    """One database without a table: dropping a schema is ten times faster than dropping a database."""
    url = _url(cluster)
    await _execute(url, _DROP)
    return url


@pytest.fixture
async def database_url(cluster: Cluster) -> str:
    """The same with all tables, and nothing in them: emptying those is ten times faster than making them."""
    url = _url(cluster)
    try:
        new = await upgrade(url)
    except NewerDatabase:  # as the test before wanted it
        await _execute(url, _DROP)
        new = await upgrade(url)
    if not new:
        await _execute(url, _EMPTY)
    return url


def _url(cluster: Cluster) -> str:
    return f"postgresql://{SUPERUSER}:{PASSWORD}@127.0.0.1:{cluster.port}/{SUPERUSER}"


async def _execute(url: str, statement: str) -> None:
    admin = await asyncpg.connect(url)
    try:
        await admin.execute(statement)
    finally:
        await admin.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with open_database(database_url) as opened:
        yield opened
