# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Networks that lose packets or block UDP."""

import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.conformance.call import BLUE, RED
from tests.conformance.relay import LOSSY, TCP_ALONE, losing, tcp_alone
from tests.conformance.server import serving

OWN = "the server must advertise the bad network's address"


@asynccontextmanager
async def behind(call, address):
    """The call on a server of its own, which is reached at this address."""
    with tempfile.TemporaryDirectory() as folder:
        command = {} if call.server.command is None else {"command": call.server.command}
        with serving(Path(folder), auto_create=True, advertise=[address], **command) as server:
            call.server = server
            yield server


@pytest.mark.capability("packet loss: publish", own=OWN)
async def test_what_is_lost_on_the_way_to_the_server_is_sent_again(call):
    async with behind(call, LOSSY) as server, losing(server) as network:
        bob = await call.witness("bob")
        alice = await call.enter("alice")
        sid = await alice.show(RED)
        await call.sees(bob, "alice", RED)
        network.up = 0.1
        await call.until(lambda: _resent(alice, sid), "packets sent again", within=20)
        await _goes_on(call, bob, "alice")


@pytest.mark.capability("packet loss: receive", own=OWN)
async def test_what_is_lost_on_the_way_to_the_client_is_sent_again(call):
    async with behind(call, LOSSY) as server, losing(server) as network:
        bob = await call.witness("bob")
        sid = await bob.show(BLUE)
        alice = await call.enter("alice")
        await call.sees(alice, "bob", BLUE)
        network.down = 0.1

        async def got():
            got = await alice.receiving(sid)
            return got["nacks"] and got["retransmitted"]

        await call.until(got, "packets that came again", within=20)
        await _goes_on(call, alice, "bob")


@pytest.mark.capability("UDP blocked: media by TCP", own=OWN)
async def test_where_udp_is_blocked_media_comes_by_tcp(call):
    async with behind(call, TCP_ALONE) as server, tcp_alone(server) as count:
        bob = await call.witness("bob")
        await bob.show(BLUE)
        alice = await call.enter("alice")
        await alice.show(RED)
        await call.sees(alice, "bob", BLUE, within=20)
        await call.sees(bob, "alice", RED, within=20)
        assert count[0] > 10_000


async def _resent(person, sid):
    return (await person.sending(sid))["retransmitted"]


async def _goes_on(call, viewer, identity):
    frames = (await viewer.sees(identity))["frames"]

    async def more():
        return (await viewer.sees(identity))["frames"] > frames + 15

    await call.until(more, f"more pictures of {identity}")
