# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""M7: twenty people join at once; how long until each hears the one who speaks. Real server, real signalling.

And M1's first half: how long a transport takes to connect over a bad network, in real time, which is OpenSSL's.
"""

import asyncio
import json
import socket
import statistics
import sys
import time
from asyncio.subprocess import PIPE
from pathlib import Path

import aiohttp

from tests.emulated.light_client import Listener
from tests.emulated.link import PRESETS
from tests.emulated.server import serving, token
from tests.emulated.stage import stage
from tests.ports import free_ports

PEOPLE = 20


def answers(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def connect(preset, seed):
    """Seconds, over an emulated network."""
    async with stage(seed) as made:
        client = made.client("alice")
        made.conditions("alice", PRESETS[preset], PRESETS[preset])
        began = time.monotonic()
        await made.join(client)
        return time.monotonic() - began


async def test_a_transport_connects_over_every_bad_network(goals):
    cases = [(preset, seed) for preset in PRESETS for seed in (1, 2, 3)]
    took = await asyncio.gather(*(connect(*case) for case in cases))
    results = [
        goals.at_most("M1", f"{preset}, seed {seed}: connected", 10.0 if preset == "satellite" else 5.0, seconds, " s")
        for (preset, seed), seconds in zip(cases, took, strict=True)
    ]
    assert all(results)


async def person(role, url, *tokens):
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.emulated.person", role, url, *tokens),
        stdout=PIPE,
        cwd=Path(__file__).parents[2],
    )


async def test_twenty_people_who_join_at_once_hear_soon(goals, tmp_path):
    port, media_port = free_ports()
    url = f"ws://127.0.0.1:{port}"
    log = tmp_path / "sfu.log"
    with serving(log, [f"--port={port}", f"--media-port={media_port}"], lambda: answers(port)):
        speaker = await person("speaker", url, token("speaker", "room"))
        try:
            assert json.loads(await speaker.stdout.readline())["event"] == "connected"
            listeners = [Listener(f"person {n}") for n in range(PEOPLE)]
            async with aiohttp.ClientSession() as http:
                joins = [one.listen(http, url, token(one.client.id, "room")) for one in listeners]
                took = await asyncio.gather(*joins)
                await asyncio.gather(*(one.close() for one in listeners))
        finally:
            speaker.kill()
            await speaker.wait()
    assert len(took) == PEOPLE
    p95 = sorted(took)[int(0.95 * PEOPLE) - 1]
    results = [
        goals.at_most("M7", f"{PEOPLE} join at once: first sound, p50", 0.5, statistics.median(took), " s"),
        goals.at_most("M7", f"{PEOPLE} join at once: first sound, p95", 1.5, p95, " s"),
    ]
    assert all(results)
