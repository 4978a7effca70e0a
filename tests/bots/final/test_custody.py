# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""People who withdraw when the call is over, before its final transcript is written."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import asyncpg
import numpy as np
import pytest
from aiohttp.test_utils import TestServer

from bots.captions.paragraphs import Word
from bots.captions.track import Speaker
from bots.engines.words import Reading
from bots.final import custody, final_pass
from bots.final.bridge import Bridge, BridgeError
from bots.final.custody import forget_withdrawn, look_after
from bots.final.final_pass import Desk, FinalPass
from bots.final.spool import Spool
from bots.glossary import Glossary
from bots.passport import Passport
from bots.store.database import open_pool, upgrade
from bots.store.jobs import Jobs
from bots.store.pauses import ask_to_pause
from tests.bots.final.test_final_pass import CALL, START_MS, TOKEN, FakeBridge, consent

ALLISON, JUNE = CALL.names


class Obedient:
    """A reader that hears one word in each piece; ``then`` is called when it has read one."""

    multilingual = False

    def __init__(self) -> None:
        self.then: Callable[[], None] = lambda: None

    def load(self) -> None: ...

    def identify(self, samples: np.ndarray) -> dict[str, float]:
        return {}

    def read(self, samples: np.ndarray, lang: str, hotwords: str = "") -> Reading:
        self.then()
        return Reading((Word(0, 400, " word"),), -0.1, 0.0)


@pytest.fixture
def spool(tmp_path: Path, speech) -> Spool:
    """A call of two people, who each say something."""
    spool = Spool(tmp_path / "spool")
    for user, track in ((ALLISON, "TR_A"), (JUNE, "TR_J")):
        writer = spool.call(CALL.call_id).writer(Speaker(CALL.room_id, CALL.call_id, user, track))
        writer.write(speech, START_MS + len(speech) / 16)
        writer.flush()
    spool.call(CALL.call_id).end(CALL)
    return spool


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    import soundfile

    from tests.bots.final.conftest import SPEECH

    return soundfile.read(SPEECH / "guest.flac", dtype="float32", frames=16_000 * 6)[0]


@pytest.fixture
async def fake() -> FakeBridge:
    return FakeBridge()


@pytest.fixture
async def bridge(fake: FakeBridge) -> AsyncIterator[Bridge]:
    async with TestServer(fake.app()) as server, Bridge(str(server.make_url("")).rstrip("/"), TOKEN) as client:
        yield client


def people(spool: Spool) -> list[str]:
    return sorted(track.user_id for track in spool.call(CALL.call_id).tracks())


async def test_nothing_is_deleted_while_everybody_agrees(spool, bridge):
    await forget_withdrawn(spool, CALL, bridge)
    assert people(spool) == [ALLISON, JUNE]


async def test_the_sound_of_somebody_who_withdraws_goes_and_that_of_the_others_stays(spool, fake, bridge):
    fake.consents = [consent(ALLISON, allow=False, at_ms=9), consent(JUNE)]
    await forget_withdrawn(spool, CALL, bridge)
    assert people(spool) == [JUNE]


async def test_sound_of_a_room_that_nobody_can_read_a_transcript_of_goes(spool, fake, bridge):
    fake.meeting = False
    await forget_withdrawn(spool, CALL, bridge)
    assert list(spool.ended()) == []


async def test_while_nobody_can_say_who_agrees_nothing_is_deleted_and_nothing_handed_over(spool):
    async with Bridge("http://127.0.0.1:1", TOKEN) as away:
        with pytest.raises(BridgeError):
            await forget_withdrawn(spool, CALL, away)
    assert people(spool) == [ALLISON, JUNE]


async def test_the_bot_looks_again_and_again_and_waits_out_a_bridge_that_is_away(
    spool, fake, bridge, until, monkeypatch
):
    monkeypatch.setattr(custody, "LOOK_S", 0.01)
    looking = asyncio.create_task(look_after(spool, bridge))
    await until(lambda: fake.asked > 1)
    fake.away = True
    asked = fake.asked
    await until(lambda: fake.asked > asked)
    fake.away, fake.consents = False, [consent(ALLISON)]
    with monkeypatch.context() as gone:
        failed: list[int] = []

        def fail(_now_s: float) -> int:
            failed.append(1)
            raise FileNotFoundError

        gone.setattr(spool, "sweep", fail)
        await until(lambda: len(failed) > 1)
    await until(lambda: people(spool) == [ALLISON])
    for path in spool._folder.rglob("*"):
        os.utime(path, (1000, 1000))
    await until(lambda: list(spool.ended()) == [])
    looking.cancel()


# --------------------------------------------------------------------------------------------- the final pass


@pytest.fixture
async def desk(spool, fake, bridge, database_url) -> AsyncIterator[Desk]:
    await upgrade(database_url)
    async with open_pool(database_url) as pool:
        glossary = Glossary("http://127.0.0.1:1", TOKEN)
        yield Desk(Jobs(pool), spool, bridge, glossary, Obedient(), ("en",), Passport("m", "", "", "MIT", "h", "e"))


async def run(desk: Desk) -> None:
    await desk.jobs.add(CALL.call_id)
    taken = await desk.jobs.take()
    assert taken is not None
    await FinalPass(desk, taken, next(desk.spool.ended())).run()


def speakers(fake: FakeBridge) -> set[str]:
    return {paragraph["user_id"] for paragraph in fake.stored[-1]["paragraphs"]}


async def test_who_agrees_is_in_the_transcript(desk, fake):
    await run(desk)
    assert speakers(fake) == {ALLISON, JUNE}
    assert fake.stored[0]["withdrawn"] == []


async def test_who_withdrew_before_it_was_read_is_not_in_it(desk, fake):
    desk.spool.call(CALL.call_id).end(replace(CALL, withdrawn=("@early:hs",)))
    fake.consents = [consent(ALLISON)]
    await run(desk)
    assert speakers(fake) == {ALLISON}
    assert fake.stored[0]["withdrawn"] == ["@early:hs", JUNE]


async def test_who_withdraws_while_it_is_read_is_not_in_it_and_what_was_read_goes(
    desk, fake, database_url, monkeypatch
):
    read: list[int] = []

    def withdraw() -> None:
        read.append(1)
        fake.consents = [consent(JUNE)]

    desk.reader.then = withdraw
    connection = await asyncpg.connect(database_url)
    kept: list[set[str]] = []

    async def store(*_: object, **__: object) -> None:
        rows = await connection.fetch("SELECT DISTINCT track_sid FROM speech.pieces")
        kept.append({row["track_sid"] for row in rows})

    monkeypatch.setattr(desk.bridge, "store", store)
    await run(desk)
    await connection.close()
    assert len(read) > 1, "both were being read"
    assert kept == [{"TR_J"}]


async def test_sound_that_is_deleted_under_the_reader_is_an_end_and_no_failure(desk, fake):
    def vanish() -> None:
        fake.consents = [consent(JUNE)]
        desk.spool.call(CALL.call_id).forget(ALLISON)

    desk.reader.then = vanish
    await run(desk)
    assert speakers(fake) == {JUNE}


async def test_a_call_whose_sound_was_swept_meanwhile_replaces_no_live_text(desk, fake):
    desk.reader.then = desk.spool.call(CALL.call_id).delete
    with pytest.raises(FileNotFoundError):
        await run(desk)
    assert fake.stored == []


@pytest.mark.parametrize("bounded", [False, True])
async def test_a_worker_waits_while_live_captions_are_short_of_time_but_not_for_ever(
    desk, fake, database_url, until, monkeypatch, *, bounded: bool
):
    monkeypatch.setattr(final_pass, "PAUSE_S", 0.01)
    monkeypatch.setattr(final_pass, "MAX_PAUSE_S", 0.1 if bounded else 1000)
    read: list[int] = []
    desk.reader.then = lambda: read.append(1)
    here = replace(desk, host="here")
    asked: list[str] = []

    async def must_pause(host: str) -> bool:
        asked.append(host)
        return await Jobs.must_pause(here.jobs, host)

    monkeypatch.setattr(here.jobs, "must_pause", must_pause)
    await ask_to_pause(database_url, "here")
    running = asyncio.create_task(run(here))
    if not bounded:
        await until(lambda: len(asked) > 3)
        assert read == []
        connection = await asyncpg.connect(database_url)
        await connection.execute("UPDATE speech.pauses SET until = now()")
        await connection.close()
    async with asyncio.timeout(120):
        await running
    assert speakers(fake) == {ALLISON, JUNE}
