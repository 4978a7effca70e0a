# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A real coturn with our file: it lets the SFU's credentials in, to the SFU alone, a few at a time."""

import asyncio
import shutil
import socket
import ssl
import subprocess
import time
import tomllib
from contextlib import suppress

import pytest
import trustme
from aioice import stun
from aioice.turn import create_turn_endpoint

from bridge.stack.turn import USER_QUOTA, Relay, render_coturn, render_sfu_table
from sfu.core.turn import ice_server
from sfu.shell.settings import checked

METADATA_SERVICE = "169.254.169.254"


def own_address():
    """An address of this machine that isn't loopback, to which coturn relays nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(("192.0.2.1", 9))
        if not probe.getsockname()[0].startswith("127."):
            return probe.getsockname()[0]
    return None


def free_ports(host, count):
    sockets = [socket.create_server((host, 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Running:
    """coturn, and what a client needs to know of it."""

    def __init__(self, relay, authority):
        self.relay = relay
        self.host = relay.addresses[0]
        self.trust = ssl.create_default_context()
        authority.configure_trust(self.trust)
        table = tomllib.loads(render_sfu_table(relay))
        self._turn = checked({"keys": {"k": "0123456789abcdefghijklmnopqrstuv"}, **table}, "test").turn.shared()

    def credentials(self, session, *, issued=0.0):
        server = ice_server(self._turn, session, int(time.time() + issued))
        return server.username, server.credential

    async def allocate(self, session="PA_ann", *, transport="udp", tls=False, issued=0.0):
        """Allocate as a client; gives its transport and what comes and goes wrong there."""
        noted = Noted()
        port = self.relay.tls_port if tls else self.relay.port
        endpoint, _ = await create_turn_endpoint(
            lambda: noted,
            (self.host, port),
            *self.credentials(session, issued=issued),
            ssl=self.trust if tls else None,
            transport=transport,
        )
        return endpoint, noted


class Noted(asyncio.DatagramProtocol):
    """What a client got."""

    def __init__(self):
        self.received = asyncio.Queue()
        self.errors = asyncio.Queue()

    def datagram_received(self, data, _address):
        self.received.put_nowait(data)

    def error_received(self, error):
        self.errors.put_nowait(error)


@pytest.fixture
def coturn(tmp_path, wait_until):
    if shutil.which("turnserver") is None:
        pytest.skip("needs coturn (Debian: apt install coturn)")
    host = own_address()
    if host is None:
        pytest.skip("this machine has no interface but loopback")
    authority = trustme.CA()
    issued = authority.issue_cert(host)
    certificate, key = tmp_path / "turn.crt", tmp_path / "turn.key"
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    port, tls_port = free_ports(host, 2)
    relay = Relay(host, (host,), (host,), certificate, key, port, tls_port)
    config, log = tmp_path / "turnserver.conf", tmp_path / "coturn.log"
    config.write_text(render_coturn(relay))
    with log.open("w") as file:
        command = ["turnserver", "-c", config, "--db", tmp_path / "turndb"]
        process = subprocess.Popen(command, stdout=file, stderr=file, cwd=tmp_path)

    def listens():
        with suppress(OSError), socket.create_connection((host, tls_port), timeout=1):
            return True
        return False

    try:
        wait_until(listens, "coturn's listener")
        yield Running(relay, authority)
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize(
    ("transport", "tls"), [("udp", False), ("tcp", False), ("tcp", True)], ids=["udp", "tcp", "tls"]
)
async def test_media_reaches_the_sfu_and_comes_back(coturn, transport, tls):
    endpoint, noted = await coturn.allocate(transport=transport, tls=tls)
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sfu:
        sfu.bind((coturn.host, 0))
        sfu.setblocking(False)
        endpoint.sendto(b"to the sfu", sfu.getsockname())
        data, seen = await asyncio.wait_for(loop.sock_recvfrom(sfu, 2048), 10)
        assert (data, seen) == (b"to the sfu", endpoint.get_extra_info("sockname"))
        await loop.sock_sendto(sfu, b"to the client", seen)
        assert await asyncio.wait_for(noted.received.get(), 10) == b"to the client"
    endpoint.close()


@pytest.mark.parametrize("peer", [METADATA_SERVICE, "10.0.0.1", "192.168.0.1", "127.0.0.1", "203.0.113.9", "0.0.0.0"])
async def test_nothing_else_is_reached_through_it(coturn, peer):
    endpoint, noted = await coturn.allocate()
    endpoint.sendto(b"open sesame", (peer, 80))
    error = await asyncio.wait_for(noted.errors.get(), 10)
    assert isinstance(error, stun.TransactionFailed)
    assert error.response.attributes["ERROR-CODE"][0] == 403
    endpoint.close()


async def test_credentials_that_ended_and_invented_ones_open_nothing(coturn):
    with pytest.raises(stun.TransactionFailed):
        await coturn.allocate(issued=-100_000)
    name, _ = coturn.credentials("PA_ann")
    with pytest.raises(stun.TransactionFailed):
        await create_turn_endpoint(Noted, (coturn.host, coturn.relay.port), name, "guess")


async def test_one_session_cannot_take_all_of_it(coturn):
    endpoints = [(await coturn.allocate("PA_greedy"))[0] for _ in range(USER_QUOTA)]
    with pytest.raises(stun.TransactionFailed) as caught:
        await coturn.allocate("PA_greedy")
    assert caught.value.response.attributes["ERROR-CODE"][0] == 486
    endpoints.append((await coturn.allocate("PA_other"))[0])
    for endpoint in endpoints:
        endpoint.close()
