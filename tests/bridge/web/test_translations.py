# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Captions in other languages, from the bot to the pages."""

import asyncio
import json
from typing import Any

import pytest

from bridge.domain.translations import MAX_LANGUAGES
from tests.bridge.web.test_captions import feed, put, segment


async def translate(bridge, room: str, text: str, *, rev: int = 1, lang: str = "en", of: str = "seg1") -> Any:
    headers = {"Authorization": f"Bearer {bridge.services.settings.internal.token.get_secret_value()}"}
    body = {"room_id": room, "rev": rev, "text": text}
    async with bridge.internal.put(
        f"/internal/v1/segments/{of}/translations/{lang}", json=body, headers=headers
    ) as response:
        return (await response.json()).get("changed", response.status)


async def events(response: Any, count: int) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    name = ""
    async with asyncio.timeout(10):
        while len(found) < count:
            line = (await response.content.readline()).decode().rstrip("\n")
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            if line.startswith("data: "):
                found.append((name, json.loads(line.removeprefix("data: "))))
    return found


@pytest.fixture
async def room(bridge) -> dict[str, Any]:
    """A meeting in which somebody has said something."""
    meeting = await bridge.meeting()
    await put(bridge, segment(meeting["room_id"], final=True))
    return meeting


async def test_pages_get_translations_as_they_come_and_newcomers_get_those_of_the_last_segments(bridge, room):
    room_id = room["room_id"]
    hello = {"segment_id": "seg1", "room_id": room_id, "lang": "en", "rev": 1, "text": "hello"}
    async with feed(bridge, room, await bridge.staff("marie")) as response:
        assert [name for name, _ in await events(response, 1)] == ["segment"]
        assert await translate(bridge, room_id, "hello") is True
        assert await events(response, 1) == [("translation", hello)]
    async with feed(bridge, room, await bridge.staff("marie")) as response:
        assert [name for name, _ in await events(response, 2)] == ["segment", "translation"]


async def test_the_same_translation_again_changes_nothing_and_another_replaces_it(bridge, room):
    assert await translate(bridge, room["room_id"], "hello") is True
    assert await translate(bridge, room["room_id"], "hello") is False
    assert await translate(bridge, room["room_id"], "good day") is True


@pytest.mark.parametrize(
    "changes",
    [{"rev": 2}, {"rev": 0}, {"of": "seg9"}, {"room_id": "!elsewhere"}],
    ids=["later", "older", "unknown", "room"],
)
async def test_what_fits_no_segment_is_not_kept(bridge, room, changes):
    room_id = changes.pop("room_id", room["room_id"])
    assert await translate(bridge, room_id, "hello", **changes) is False


async def test_a_newer_revision_makes_a_translation_void(bridge, room):
    await translate(bridge, room["room_id"], "hello")
    await put(bridge, segment(room["room_id"], rev=2, text="bonsoir", final=True))
    async with feed(bridge, room, await bridge.staff("marie")) as response:
        await translate(bridge, room["room_id"], "good evening", rev=2)
        found = await events(response, 2)
    assert [(name, content["text"]) for name, content in found] == [
        ("segment", "bonsoir"),
        ("translation", "good evening"),
    ]


async def test_words_that_were_taken_back_are_in_no_language(bridge, room):
    await translate(bridge, room["room_id"], "hello")
    await put(bridge, segment(room["room_id"], rev=2, text="", final=True))
    assert await translate(bridge, room["room_id"], "hello", rev=2) is False
    async with bridge.services.database.transaction() as tx:
        assert await tx.value("SELECT count(*) FROM translations") == 0


async def test_so_many_languages_and_no_more(bridge, room):
    languages = [f"a{chr(97 + number)}" for number in range(MAX_LANGUAGES + 1)]
    stored = [await translate(bridge, room["room_id"], "hello", lang=lang) for lang in languages]
    assert stored == [True] * MAX_LANGUAGES + [False]
    assert await translate(bridge, room["room_id"], "good day", lang=languages[0]) is True


@pytest.mark.parametrize(("lang", "text"), [("EN", "x"), ("e", "x"), ("en", ""), ("en", "a\x00b"), ("en", "x" * 8001)])
async def test_bad_input_is_refused(bridge, room, lang, text):
    assert await translate(bridge, room["room_id"], text, lang=lang) == 400


async def test_it_takes_the_internal_token(bridge, room):
    async with bridge.internal.put("/internal/v1/segments/seg1/translations/en", json={}) as response:
        assert response.status == 403
