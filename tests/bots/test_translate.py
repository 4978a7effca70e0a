# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""From a final caption to its translation at the bridge."""

import asyncio
import contextlib

import pytest
from aiohttp import web

from bots import translate as module
from bots.engines.translate import TranslationRefusedError, TranslatorAwayError
from bots.translate import MAX_WAITING, SegmentTranslator


class Shouting:
    """Translates into capitals; fails as told."""

    def __init__(self) -> None:
        self.failures: list[Exception] = []
        self.asked: list[list[str]] = []

    async def translate(self, texts, source, target) -> list[str]:
        self.asked.append(list(texts))
        if self.failures:
            raise self.failures.pop(0)
        return [f"{target}: {text.upper()}" for text in texts]

    async def close(self) -> None: ...


class Bridge:
    """Remembers what was put."""

    def __init__(self) -> None:
        self.stored: list[tuple[str, dict]] = []
        self.failures: list[int] = []

    async def put(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer token"
        if self.failures:
            return web.Response(status=self.failures.pop(0))
        self.stored.append((request.path, await request.json()))
        return web.json_response({"changed": True})


@pytest.fixture
def bridge() -> Bridge:
    return Bridge()


@pytest.fixture
def engine() -> Shouting:
    return Shouting()


@pytest.fixture
async def translator(bridge, engine, monkeypatch):
    monkeypatch.setattr(module, "BACKOFF_S", (0.01,))
    app = web.Application()
    app.router.add_put("/internal/v1/segments/{id}/translations/{lang}", bridge.put)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    translator = SegmentTranslator(engine, ("fr", "en", "de"), url, "token")
    running = asyncio.create_task(translator.run())
    yield translator
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    await runner.cleanup()


def path(segment, lang: str) -> str:
    return f"/internal/v1/segments/{segment.id}/translations/{lang}"


async def test_a_final_segment_is_stored_in_every_language_but_its_own(translator, bridge, segment, until):
    said = segment(1, rev=4, text="bonjour")
    translator.put(said)
    await until(lambda: len(bridge.stored) == 2)
    assert bridge.stored == [
        (path(said, "en"), {"room_id": "!room", "rev": 4, "text": "en: BONJOUR"}),
        (path(said, "de"), {"room_id": "!room", "rev": 4, "text": "de: BONJOUR"}),
    ]


async def test_unfinished_words_are_left_alone(translator, engine, bridge, segment, until):
    translator.put(segment(1, final=False))
    translator.put(segment(2, lang=""))
    translator.put(segment(3, lang="de"))
    await until(lambda: len(bridge.stored) == 2)
    assert engine.asked == [["phrase 3"], ["phrase 3"]]


async def test_a_newer_revision_is_what_is_translated_and_words_taken_back_are_not(engine, bridge, segment, until):
    translator = SegmentTranslator(engine, ("en",), "http://nowhere", "token")
    translator.put(segment(1, rev=1, text="one"))
    translator.put(segment(2, rev=1, text="two"))
    translator.put(segment(1, rev=2, text="un"))
    translator.put(segment(2, rev=2, text=""))
    assert [(one.text, one.rev) for one in translator._waiting.values()] == [("un", 2)]


async def test_outages_of_the_translator_and_of_the_bridge_are_waited_out(translator, engine, bridge, segment, until):
    engine.failures = [TranslatorAwayError("down"), TranslatorAwayError("down")]
    bridge.failures = [503]
    translator.put(segment(1, lang="en"))
    await until(lambda: len(bridge.stored) == 2)
    assert {stored[0].rpartition("/")[2] for stored in bridge.stored} == {"fr", "de"}


async def test_what_is_refused_holds_nobody_up(translator, engine, bridge, segment, until):
    engine.failures = [TranslationRefusedError("no such language")]
    translator.put(segment(1, lang="xx"))
    translator.put(segment(2, lang="fr"))
    await until(lambda: len(bridge.stored) == 4)
    assert path(segment(1), "fr") not in [stored[0] for stored in bridge.stored]


async def test_a_translator_that_stays_away_fills_no_memory(engine, segment):
    translator = SegmentTranslator(engine, ("en",), "http://nowhere", "token")
    for number in range(MAX_WAITING + 10):
        translator.put(segment(number))
    assert len(translator._waiting) == MAX_WAITING
    assert translator.given_up == 10
    assert next(iter(translator._waiting.values())).text == "phrase 10"
