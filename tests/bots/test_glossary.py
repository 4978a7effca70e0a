# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Names and terms from a bridge that stumbles."""

import asyncio
import json

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bots.glossary import MAX_TERMS, Glossary


@pytest.fixture
async def followed(monkeypatch):
    monkeypatch.setattr("bots.glossary.REFRESH_S", 0.0)

    async def run(*answers):
        left = list(answers)

        async def get(request):
            assert request.headers["Authorization"] == "Bearer s3cret"
            assert request.match_info["room"] == "!room:hs/1"
            answer = left.pop(0)
            return web.Response(status=answer) if isinstance(answer, int) else web.Response(body=answer)

        app = web.Application()
        app.router.add_get("/internal/v1/rooms/{room}/glossary", get)
        taken: list[list[str]] = []
        async with TestServer(app) as server, asyncio.timeout(10):
            await Glossary(str(server.make_url("")).rstrip("/"), "s3cret").follow("!room:hs/1", taken.append)
        return taken

    return run


def terms(*words: str) -> bytes:
    return json.dumps({"terms": words}).encode()


async def test_terms_are_read_again_and_again_until_the_room_is_no_meeting(followed):
    assert await followed(terms("Anaïs"), terms("Anaïs", "Synapse"), 404) == [["Anaïs"], ["Anaïs", "Synapse"]]


async def test_outages_and_nonsense_leave_the_last_terms(followed):
    answers = (503, b"not json", b'{"terms": 5}', terms(*["x"] * (MAX_TERMS + 1)), terms("Anaïs"), 404)
    assert await followed(*answers) == [["Anaïs"]]
