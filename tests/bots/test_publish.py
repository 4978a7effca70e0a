# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Segments on their way to the bridge, with a bridge that stumbles."""

import asyncio
import contextlib
from dataclasses import asdict, dataclass, field

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bots.captions.segment import Segment
from bots.publish import Publisher


@dataclass
class FakeBridge:
    """Stores segments as the bridge does; ``answers`` are given first, one a request."""

    answers: list[int] = field(default_factory=list)
    stored: dict[str, dict] = field(default_factory=dict)
    requests: list[tuple[str, int]] = field(default_factory=list)
    hold: asyncio.Event | None = None

    async def put(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer s3cret"
        body = await request.json()
        assert body["id"] == request.match_info["id"]
        self.requests.append((body["id"], body["rev"]))
        if self.hold is not None:
            await self.hold.wait()
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.stored[body["id"]] = body
        return web.json_response({"changed": True}, status=status)


class Settled:
    """Collects what is settled, and can be waited for."""

    def __init__(self, until) -> None:
        self.segments: list[Segment] = []
        self._until = until

    def __call__(self, segment: Segment) -> None:
        self.segments.append(segment)

    async def reach(self, count: int) -> None:
        await self._until(lambda: len(self.segments) >= count)


@pytest.fixture
def bridge() -> FakeBridge:
    return FakeBridge()


@pytest.fixture
def settled(until) -> Settled:
    return Settled(until)


@pytest.fixture
async def publisher(bridge, settled):
    application = web.Application()
    application.router.add_put("/internal/v1/segments/{id}", bridge.put)
    async with TestServer(application) as server:
        publisher = Publisher(str(server.make_url("")).rstrip("/"), "s3cret", settled)
        running = asyncio.create_task(publisher.run())
        yield publisher
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_a_final_segment_is_settled_once_it_is_stored(publisher, bridge, settled, segment):
    publisher.put(segment(1))
    await settled.reach(1)
    assert bridge.stored["S1"] == asdict(segment(1))


async def test_segments_arrive_in_order(publisher, bridge, settled, segment):
    for number in range(20):
        publisher.put(segment(number))
    await settled.reach(20)
    assert [name for name, _ in bridge.requests] == [f"S{number}" for number in range(20)]


@pytest.mark.parametrize("status", [500, 503, 429, 408, 401])
async def test_a_bridge_that_fails_gets_the_segment_again(publisher, bridge, settled, segment, status):
    bridge.answers = [status, status]
    publisher.put(segment(1))
    await settled.reach(1)
    assert bridge.requests == [("S1", 1)] * 3
    assert "S1" in bridge.stored


@pytest.mark.parametrize("status", [400, 403, 404, 409, 413])
async def test_a_segment_the_bridge_refuses_holds_up_nobody(publisher, bridge, settled, segment, status):
    bridge.answers = [status]
    publisher.put(segment(1))
    publisher.put(segment(2))
    await settled.reach(2)
    assert bridge.requests == [("S1", 1), ("S2", 1)]
    assert set(bridge.stored) == {"S2"}


async def test_partial_texts_that_were_overtaken_are_never_sent(publisher, bridge, settled, segment, until):
    bridge.hold = asyncio.Event()
    publisher.put(segment(0))
    await until(lambda: bridge.requests)
    for rev in range(1, 6):
        publisher.put(segment(1, rev=rev, final=rev == 5))
    bridge.hold.set()
    await settled.reach(2)
    assert bridge.requests == [("S0", 1), ("S1", 5)]


async def test_a_bridge_that_is_away_gets_everything_when_it_is_back(bridge, settled, segment, unused_tcp_port):
    publisher = Publisher(f"http://127.0.0.1:{unused_tcp_port}", "s3cret", settled)
    running = asyncio.create_task(publisher.run())
    for number in range(5):
        publisher.put(segment(number))
    application = web.Application()
    application.router.add_put("/internal/v1/segments/{id}", bridge.put)
    async with TestServer(application, port=unused_tcp_port):
        await settled.reach(5)
        running.cancel()
        await asyncio.wait([running])
    assert len(bridge.stored) == 5
