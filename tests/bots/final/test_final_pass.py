# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A worker as a process: from the sound of a call to the transcript at the bridge, also when it is killed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import asyncpg
import pytest
import soundfile
from aiohttp import web
from aiohttp.test_utils import TestServer

from bots.captions.consent import CONSENT
from bots.captions.track import Speaker
from bots.final.spool import EndedCall, Spool
from tests.bots.final.conftest import SPEECH

START_MS = 1_700_000_000_000
TOKEN = "0123456789abcdefghijklmnopqrstuv"
CALL = EndedCall("!room:hs", "$call/1", START_MS, START_MS + 60_000, {"@a:hs": "Allison", "@j:hs": "June"})
CALL = replace(CALL, agreed=dict.fromkeys(CALL.names, 5))


def consent(user: str, *, allow: bool = True, at_ms: int = 5) -> dict:
    about = {"type": CONSENT, "sender": user, "state_key": user, "content": {"allow": allow}}
    return about | {"origin_server_ts": at_ms, "event_id": f"${user}{at_ms}"}


class FakeBridge:
    """The routes of the bridge that the final pass uses."""

    def __init__(self) -> None:
        self.consents = [consent(user) for user in CALL.names]
        self.meeting = True
        self.away = False
        self.asked = 0
        self.stored: list[dict] = []
        self.told: list[tuple[str, float]] = []
        self.refusals = 0

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_put("/internal/v1/calls/{call}/transcript", self._store)
        app.router.add_put("/internal/v1/calls/{call}/progress", self._progress)
        app.router.add_get("/internal/v1/rooms/{room}/glossary", self._glossary)
        app.router.add_get("/internal/v1/rooms/{room}/consents", self._consents)
        return app

    async def _store(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        assert request.match_info["call"] == CALL.call_id
        self.refusals -= 1
        if self.refusals >= 0:
            return web.json_response({}, status=503)
        self.stored.append(await request.json())
        return web.json_response({})

    async def _progress(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.told.append((body["state"], body["done"]))
        return web.json_response({})

    async def _consents(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.away:
            return web.json_response({}, status=502)
        assert request.query["notice"] == CALL.call_id
        named = request.query.getall("user")
        events = [event for event in self.consents if event["sender"] in named]
        return web.json_response({"events": events}, status=200 if self.meeting else 404)

    async def _glossary(self, request: web.Request) -> web.Response:
        assert request.match_info["room"] == CALL.room_id
        return web.json_response({"terms": ["Allison", "June"]})


@pytest.fixture
async def bridge() -> AsyncIterator[tuple[FakeBridge, str]]:
    fake = FakeBridge()
    async with TestServer(fake.app()) as server:
        yield fake, str(server.make_url("")).rstrip("/")


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """A call of two people, several pieces long."""
    spool = Spool(tmp_path / "spool")
    for user, track, name, at_ms in (("@a:hs", "TR_A", "guest", 0), ("@j:hs", "TR_J", "partner", 20_000)):
        writer = spool.call(CALL.call_id).writer(Speaker(CALL.room_id, CALL.call_id, user, track))
        samples, _ = soundfile.read(SPEECH / f"{name}.flac", dtype="float32")
        for begin in range(0, len(samples), 512):
            block = samples[begin : begin + 512]
            writer.write(block, START_MS + at_ms + (begin + len(block)) / 16)
        writer.flush()
    spool.call(CALL.call_id).end(CALL)
    return spool


@pytest.fixture
def worker(tmp_path: Path, models: Path, database_url: str, bridge) -> Callable[[], subprocess.Popen]:
    config = tmp_path / "bots.toml"
    config.write_text(f"""
[homeserver]
client_url = "http://hs"
user_id = "@captions:hs"
password = "{TOKEN}"
device_id = "D"
[bridge]
internal_url = "{bridge[1]}"
internal_token = "{TOKEN}"
[speech]
model_cache = "{models}"
spool = "{tmp_path / "spool"}"
[call]
livekit_service_url = "http://rtc"
[database]
url = "{database_url}"
""")
    config.chmod(0o600)
    log = (tmp_path / "worker.log").open("wb")
    return lambda: subprocess.Popen(
        [sys.executable, "-m", "bots", "work", "--config", config], stderr=log, env=os.environ | {"HF_HUB_OFFLINE": "1"}
    )


async def until(condition: Callable[[], object], log: Path) -> None:
    try:
        async with asyncio.timeout(300):
            while not condition():  # noqa: ASYNC110  # another process
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(log.read_text()[-3000:])  # noqa: ASYNC240  # the test is over


def end(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


async def test_a_call_becomes_a_transcript_and_its_sound_goes(tmp_path, spool, worker, bridge, database_url):
    fake, _ = bridge
    fake.refusals = 1
    process = worker()
    try:
        await until(lambda: ("running", 0.0) in fake.told and fake.refusals == 0, tmp_path / "worker.log")
        connection = await asyncpg.connect(database_url)
        # It failed once, at the very end: what was read stays, and it is tried again.
        due = "UPDATE speech.pgqueuer SET execute_after = now() WHERE attempts > 0"
        async with asyncio.timeout(120):
            while await connection.execute(due) != "UPDATE 1":  # noqa: ASYNC110  # another process
                await asyncio.sleep(0.05)
        await connection.close()
        await until(lambda: fake.stored and not spool.call(CALL.call_id).tracks(), tmp_path / "worker.log")
    finally:
        await asyncio.to_thread(end, process)
    (made,) = fake.stored
    assert {key: made[key] for key in ("room_id", "call_id", "started_ms", "ended_ms")} == {
        "room_id": CALL.room_id, "call_id": CALL.call_id, "started_ms": START_MS, "ended_ms": START_MS + 60_000,
    }  # fmt: skip
    assert made["model"]["name"] == "whisper-base"
    assert made["model"]["not_used_for_training"] is True
    said = {
        name: " ".join(p["text"] for p in made["paragraphs"] if p["display_name"] == name)
        for name in ("Allison", "June")
    }
    assert "I will try to locate them for you." in said["Allison"]
    assert "prendre votre appel en ce moment." in said["June"]
    assert {p["lang"] for p in made["paragraphs"] if p["display_name"] == "June"} == {"fr"}
    first = next(p for p in made["paragraphs"] if p["display_name"] == "June")
    assert 20_000 <= first["start_ms"] - START_MS < 21_000
    assert [word for p in made["paragraphs"] for *_, word in p["words"]] == " ".join(
        p["text"] for p in made["paragraphs"]
    ).split()
    assert fake.told[0] == ("queued", 0.0)
    assert fake.told[-1] == ("done", 1.0)
    assert "locate" not in (tmp_path / "worker.log").read_text(), "what was said is in no log"
    assert json.loads((tmp_path / "worker.log").read_text().splitlines()[0])["event"]


async def test_killed_in_the_middle_another_goes_on_where_it_was(tmp_path, spool, worker, bridge, database_url):
    fake, _ = bridge
    first = worker()
    connection = None
    try:
        async with asyncio.timeout(300):
            while connection is None or not await connection.fetchval("SELECT count(*) FROM speech.pieces"):
                if connection is None and fake.told:
                    connection = await asyncpg.connect(database_url)
                await asyncio.sleep(0.02)
    finally:
        first.kill()
        first.wait()
    before = await connection.fetch("SELECT * FROM speech.pieces ORDER BY track_sid, end_sample")
    assert fake.stored == []
    await connection.execute("UPDATE speech.pgqueuer SET heartbeat = heartbeat - interval '1 hour'")
    # What the first one read is marked: the second must take it as it is, and not read it anew.
    await connection.execute("""UPDATE speech.pieces SET words = '[[0, 300, " Marked."]]'""")
    second = worker()
    try:
        await until(lambda: fake.stored, tmp_path / "worker.log")
        async with asyncio.timeout(120):
            while await connection.fetchval("SELECT count(*) FROM speech.calls"):  # noqa: ASYNC110  # another process
                await asyncio.sleep(0.05)
    finally:
        await asyncio.to_thread(end, second)
    text = " ".join(p["text"] for p in fake.stored[0]["paragraphs"])
    assert text.count("Marked.") == len(before)
    assert text.count("Personne n'est en mesure") == 1
    await connection.close()
