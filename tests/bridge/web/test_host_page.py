# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What hosts follow on their page: snapshots of named sections, for as long as they are hosts."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bridge.domain.errors import Refused
from bridge.web.watchers import MAX_PER_KEY, MAX_PER_MEETING, Watchers

HOME = "home.example"
JEAN = f"@jean:{HOME}"


async def snapshots(response: Any) -> AsyncIterator[tuple[str, Any]]:
    """Each event of a stream: its name, and what it says."""
    name = ""
    while line := (await response.content.readline()).decode():
        if line.startswith("event: "):
            name = line.removeprefix("event: ").rstrip("\n")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


async def until(response: Any, section: str, **wanted: Any) -> dict[str, Any]:
    """Read until a section shows all of these."""
    async with asyncio.timeout(20):
        async for name, content in snapshots(response):
            if name == section and wanted.items() <= content.items():
                return dict(content)
    pytest.fail("the stream ended")


def follow(bridge, meeting: dict[str, Any], headers: dict[str, str]) -> Any:
    return bridge.public.get(f"/api/v1/meetings/{meeting['id']}/host", headers=headers)


async def test_a_host_sees_how_the_meeting_stands_and_what_becomes_of_it(bridge):
    meeting, marie = await bridge.meeting("Budget"), await bridge.staff("marie")
    async with follow(bridge, meeting, marie) as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        assert (await until(response, "meeting", locked=False))["title"] == "Budget"
        async with bridge.public.put(f"/api/v1/meetings/{meeting['id']}/lock", headers=marie) as locked:
            assert locked.status == 200
        await until(response, "meeting", locked=True)


async def test_who_is_no_host_any_more_sees_nothing_more(bridge):
    meeting, marie, jean = await bridge.meeting(), await bridge.staff("marie"), await bridge.staff("jean")
    hosts = f"/api/v1/meetings/{meeting['id']}/hosts"
    async with bridge.public.post(hosts, json={"user_id": JEAN}, headers=marie) as made:
        assert made.status == 200
    async with follow(bridge, meeting, jean) as response:
        await until(response, "meeting")
        async with bridge.public.delete(f"{hosts}/{JEAN}", headers=marie) as dropped:
            assert dropped.status == 200
        async with asyncio.timeout(20):
            assert "meeting" not in [name async for name, _ in snapshots(response)]


async def test_an_outage_ends_no_stream(bridge):
    meeting, marie = await bridge.meeting(), await bridge.staff("marie")
    async with follow(bridge, meeting, marie) as response:
        await until(response, "meeting", locked=False)
        bridge.homeserver.broken = lambda path: "power_levels" in path
        bridge.services.watchers.tell(meeting["id"])
        async with asyncio.timeout(20):
            assert (await response.content.readuntil(b"still here\n")).endswith(b"\n: still here\n")
        bridge.homeserver.broken = lambda _path: False
        async with bridge.public.put(f"/api/v1/meetings/{meeting['id']}/lock", headers=marie):
            await until(response, "meeting", locked=True)


async def test_a_bridge_that_stops_ends_the_streams(bridge):
    meeting, marie = await bridge.meeting(), await bridge.staff("marie")
    async with follow(bridge, meeting, marie) as response:
        await until(response, "meeting")
        bridge.services.watchers.close()
        async with asyncio.timeout(20):
            await response.content.read()  # to the end that there is now


def test_streams_are_limited_a_person_and_a_meeting() -> None:
    watchers = Watchers()
    for limit, keys in ((MAX_PER_KEY, ["same"] * MAX_PER_KEY), (MAX_PER_MEETING, map(str, range(MAX_PER_MEETING)))):
        opened = [watchers.watch("m", key) for key in keys]
        assert len(opened) == limit
        for one in opened:
            one.__enter__()
        with pytest.raises(Refused, match="too many windows"), watchers.watch("m", "same"):
            pass
        for one in opened:
            one.__exit__(None, None, None)
    assert not watchers.host_watches("m")
