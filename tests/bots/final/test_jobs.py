# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The queue on a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from bots.captions.paragraphs import Word
from bots.final.failed_jobs import show
from bots.final.work import Worker
from bots.settings import Settings, SettingsError
from bots.store.database import UPGRADES, DatabaseAwayError, NewerDatabaseError, open_pool, upgrade
from bots.store.jobs import MAX_ATTEMPTS, Jobs, PieceRow
from bots.store.pauses import HOLD_S, ask_to_pause

TOKEN = "0123456789abcdefghijklmnopqrstuv"


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    await upgrade(database_url)
    async with open_pool(database_url) as opened:
        yield opened


async def test_eight_processes_make_the_schema_once_and_again_changes_nothing(database_url: str):
    await asyncio.gather(*(upgrade(database_url) for _ in range(8)))
    await upgrade(database_url)
    async with open_pool(database_url) as pool:
        assert await pool.fetch("SELECT version FROM speech.version") == [(len(UPGRADES),)]
        names = {row[0] for row in await pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'speech'")}
        assert {"calls", "pieces", "version", "pgqueuer", "pgqueuer_log"} <= names
        assert not await pool.fetch("SELECT 1 FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'pgq%'")


async def test_a_database_of_a_newer_version_is_left_alone(database_url: str, pool: asyncpg.Pool):
    await pool.execute("UPDATE speech.version SET version = 99")
    with pytest.raises(NewerDatabaseError, match="newer"):
        await upgrade(database_url)


async def test_a_database_that_is_not_there_is_an_outage():
    with pytest.raises(DatabaseAwayError):
        await upgrade("postgresql://postgres@127.0.0.1:1/postgres")


async def test_a_call_is_queued_once_whoever_asks_and_worked_on_by_one(pool: asyncpg.Pool):
    asked = await asyncio.gather(*(Jobs(pool).add("$call") for _ in range(8)))
    assert sorted(asked) == [False] * 7 + [True]
    taken = await asyncio.gather(*(Jobs(pool).take() for _ in range(4)))
    assert [one.call_id for one in taken if one] == ["$call"]


async def test_the_job_of_a_silent_worker_goes_to_another_and_its_pieces_are_there_once(pool: asyncpg.Pool):
    dead, living = Jobs(pool), Jobs(pool, heartbeat_s=0.2)
    await dead.add("$call")
    first = await dead.take()
    piece = PieceRow("TR_1", 1_700_000_000_000, 16_000, "fr", (Word(0, 400, " été"), Word(400, 500, " l'an.")))
    await dead.keep(first, piece)
    await dead.keep(first, piece)
    async with asyncio.timeout(120):
        while (second := await living.take()) is None:  # noqa: ASYNC110  # the database's clock
            await asyncio.sleep(0.05)
    assert (second.call_id, second.attempt) == ("$call", 2)
    assert await living.kept("$call") == [piece]
    await living.done(second)
    assert await living.kept("$call") == []
    assert await living.take() is None
    assert await living.add("$call"), "a call that is done may be asked for anew"


async def test_what_fails_is_tried_later_and_at_last_held_for_people(pool: asyncpg.Pool, database_url: str, capsys):
    jobs = Jobs(pool)
    await jobs.add("$call")
    for attempt in range(1, MAX_ATTEMPTS + 1):
        taken = await jobs.take()
        assert taken.attempt == attempt
        again = await jobs.failed(taken, RuntimeError(f"reason {attempt}"))
        assert again is (attempt < MAX_ATTEMPTS)
        assert await jobs.take() is None, "not at once"
        await pool.execute("UPDATE speech.pgqueuer SET execute_after = now() WHERE status = 'queued'")
    (dead,) = await jobs.dead()
    assert await show(settings(database_url), retry=False) == 1
    assert f"$call: reason {MAX_ATTEMPTS}" in capsys.readouterr().out
    assert (dead.call_id, dead.failure) == ("$call", f"reason {MAX_ATTEMPTS}")
    assert not await jobs.add("$call"), "a dead job is not queued again by itself"
    assert await show(settings(database_url), retry=True) == 0
    assert (await jobs.take()).attempt == 1
    assert await jobs.dead() == []
    assert await show(settings(database_url), retry=False) == 0


async def test_without_a_database_the_commands_say_so():
    for command in (show(settings(None), retry=False), Worker(settings(None)).run()):
        with pytest.raises(SettingsError, match="There is no"):
            await command


def settings(url: str | None) -> Settings:
    values = {
        "homeserver": {"client_url": "http://hs", "user_id": "@captions:hs", "password": TOKEN, "device_id": "D"},
        "bridge": {"internal_url": "http://bridge", "internal_token": TOKEN},
        "speech": {"model_cache": "models"},
        "call": {"livekit_service_url": "http://rtc"},
    }
    return Settings.model_validate(values | ({"database": {"url": url}} if url else {}))


async def test_a_job_that_is_given_back_goes_on_at_once_and_counts_for_nothing(pool: asyncpg.Pool):
    jobs = Jobs(pool)
    await jobs.add("$call")
    await jobs.give_back(await jobs.take())
    assert (await jobs.take()).attempt == 1


async def test_workers_of_a_machine_wait_as_long_as_they_are_asked_to_and_no_longer(
    pool: asyncpg.Pool, database_url: str
):
    jobs = Jobs(pool)
    assert not await jobs.must_pause("here")
    await ask_to_pause(database_url, "here")
    await ask_to_pause(database_url, "here")
    assert await jobs.must_pause("here")
    assert not await jobs.must_pause("elsewhere")
    left = await pool.fetchval("SELECT extract(epoch FROM until - now()) FROM speech.pauses")
    assert HOLD_S - 5 < left <= HOLD_S
    await pool.execute("UPDATE speech.pauses SET until = now()")
    assert not await jobs.must_pause("here")


async def test_where_no_worker_ever_was_nobody_is_asked(database_url: str):
    await ask_to_pause(database_url, "here")
    with pytest.raises(DatabaseAwayError):
        await ask_to_pause("postgresql://postgres@127.0.0.1:1/postgres", "here")
    with pytest.raises(DatabaseAwayError, match="refuses"):
        await ask_to_pause(database_url.replace("/postgres", "/nowhere").replace("@", "-wrong@"), "here")
