# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import asyncio
import signal
import subprocess
import time
from collections.abc import Callable

import asyncpg
import pytest

from bridge.domain.audit import Action, AuditRow
from bridge.domain.errors import Refused, Unavailable
from bridge.stack.postgres import clean_environment, find_binaries, prepare_cluster
from bridge.store import audit, upgrades
from bridge.store.database import ACQUIRE_TIMEOUT_S, Database, open_database
from bridge.store.upgrades import UPGRADES, NewerDatabase, upgrade


async def test_of_bridges_that_start_together_exactly_one_migrates(empty_database_url: str):
    steps = await asyncio.gather(*(upgrade(empty_database_url) for _ in range(8)))
    assert sorted(steps) == [0] * 7 + [len(UPGRADES)]
    async with open_database(empty_database_url) as database, database.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM meetings") == 0
        assert await tx.rows("SELECT version FROM version") == [{"version": len(UPGRADES)}]


async def test_an_upgrade_that_fails_leaves_nothing_behind(empty_database_url: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(upgrades, "UPGRADES", (*UPGRADES, "CREATE TABLE half (x int); SELECT nonsense"))
    with pytest.raises(asyncpg.PostgresError):
        await upgrade(empty_database_url)
    monkeypatch.undo()
    assert await upgrade(empty_database_url) == len(UPGRADES)


async def test_a_database_of_a_newer_bridge_is_left_alone(database_url: str, database: Database):
    async with database.transaction() as tx:
        await tx.execute("UPDATE version SET version = version + 1")
    with pytest.raises(NewerDatabase):
        await upgrade(database_url)


async def test_a_change_and_its_audit_row_stand_or_fall_together(database: Database):

    async def change_and_refuse() -> None:
        async with database.transaction() as tx:
            await audit.append(tx, AuditRow("me", Action.MEETING_CREATED, "m"))
            raise Refused(400, "M_UNKNOWN", "no")

    with pytest.raises(Refused):
        await change_and_refuse()
    async with database.transaction() as tx:
        assert await audit.about(tx, "m") == []


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit", "TRUNCATE audit"])
async def test_the_audit_table_only_grows(database: Database, statement: str):
    async with database.transaction() as tx:
        await audit.append(tx, AuditRow("me", Action.MEETING_CREATED, "m", {"n": 1}))
    with pytest.raises(asyncpg.RaiseError):
        async with database.transaction() as tx:
            await tx.execute(statement)
    async with database.transaction() as tx:
        (row,) = await audit.about(tx, "m")
    assert (row["actor"], row["action"], row["data"]) == ("me", "meeting_created", '{"n": 1}')


async def test_a_bug_of_ours_is_not_taken_for_an_outage(database: Database):
    with pytest.raises(asyncpg.DataError):
        async with database.transaction() as tx:
            await tx.value("SELECT $1::int", "no number")


async def test_a_database_that_is_not_there_is_an_outage_at_once():
    with pytest.raises(Unavailable):
        await upgrade("postgresql://postgres@127.0.0.1:1/postgres")


async def test_an_outage_is_noticed_in_seconds_and_its_end_too(
    tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]
):
    folder, password = tmp_path_factory.mktemp("outage"), "x" * 16
    made = prepare_cluster(find_binaries(), folder, port=free_port(), superuser_password=password, fsync=False)

    def start() -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            made.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=clean_environment()
        )

    url = f"postgresql://postgres:{password}@127.0.0.1:{made.port}/postgres"
    process = start()
    try:
        await _until(lambda: _works(url))
        async with open_database(url) as database:
            assert await database.answers()
            process.send_signal(signal.SIGINT)
            await asyncio.to_thread(process.wait, 30)
            began = time.monotonic()
            with pytest.raises(Unavailable):
                async with database.transaction() as tx:
                    await tx.value("SELECT 1")
            assert time.monotonic() - began < ACQUIRE_TIMEOUT_S + 1
            process = start()
            await _until(database.answers)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


async def _works(url: str) -> bool:
    try:
        async with open_database(url):
            return True
    except Unavailable:
        return False


async def _until(condition) -> None:
    async with asyncio.timeout(30):
        while not await condition():  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.1)
