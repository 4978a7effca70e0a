# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Corrections from a bridge that stumbles; tests/bridge/web/test_bot_listens.py has the real one."""

import asyncio
import json
from dataclasses import asdict

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bots.corrections import MAX_LINE, Corrections


class FakeBridge:
    """Answers each request with the next of ``answers``: a status, or the bytes of a stream that then ends."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.paths = []

    async def get(self, request):
        assert request.headers["Authorization"] == "Bearer s3cret"
        self.paths.append(request.raw_path)
        answer = self.answers.pop(0)
        if isinstance(answer, int):
            return web.Response(status=answer)
        return web.Response(body=answer, content_type="text/event-stream")


def event(segment):
    return b": comment\n\nevent: segment\nid: x\ndata: " + json.dumps(asdict(segment)).encode() + b"\n\n"


@pytest.fixture
async def follow(monkeypatch):
    monkeypatch.setattr("bots.corrections._BACKOFF_S", (0.0,))
    servers, heard = [], []

    async def run(bridge):
        app = web.Application()
        app.router.add_get("/internal/v1/rooms/{room}/corrections", bridge.get)
        servers.append(server := TestServer(app))
        await server.start_server()
        corrections = Corrections(str(server.make_url("")).rstrip("/"), "s3cret")
        async with asyncio.timeout(10):
            await corrections.follow("!room:hs/1", "$call", heard.append)
        return heard

    yield run
    for server in servers:
        await server.close()


async def test_outages_refusals_and_endings_of_the_stream_are_passing(follow, segment):
    first, second = segment(1, rev=7), segment(2, rev=9, voice="voice-1")
    bridge = FakeBridge(503, 401, event(first), event(first) + event(second), 404)
    heard = await follow(bridge)
    assert [(one.id, one.rev, one.voice) for one in heard] == [("S1", 7, ""), ("S1", 7, ""), ("S2", 9, "voice-1")]
    assert bridge.paths[0].endswith("/rooms/!room:hs%2F1/corrections")


async def test_what_cannot_be_read_is_left_out(follow, segment):
    stream = b'data: {"id": 5}\n\ndata: nonsense\n\ndata:\n\n' + event(segment(1))
    assert [one.id for one in await follow(FakeBridge(stream, 404))] == ["S1"]


async def test_a_line_without_end_is_not_collected(follow, segment):
    stream = b"data: " + b"x" * 4 * MAX_LINE
    assert [one.id for one in await follow(FakeBridge(stream, event(segment(1)), 404))] == ["S1"]
