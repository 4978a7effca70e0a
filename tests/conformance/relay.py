# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A bad network between the clients and the server: it loses packets by a seeded die, or lets nothing but TCP through.

It stands on another address of the loopback network, under the media port's number, and the server is told to
advertise that address.
"""

import asyncio
import random
from contextlib import asynccontextmanager, suppress

LOSSY, TCP_ALONE = "127.0.0.2", "127.0.0.3"


class LossyNetwork(asyncio.DatagramProtocol):
    """Forwards datagrams; `up` and `down` are the shares that get lost on the way to the server and back."""

    def __init__(self, server, seed):
        self.up = self.down = 0.0
        self._server = server
        self._random = random.Random(seed)
        self._ways = {}
        self._opening = {}

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        if self._random.random() < self.up:
            return
        way = self._ways.get(address)
        if way is not None:
            way.sendto(data)
        elif address in self._opening:
            self._opening[address].append(data)
        else:
            self._opening[address] = [data]
            self._task = asyncio.ensure_future(self._open(address))

    def back(self, data, address):
        if self._random.random() >= self.down:
            self.transport.sendto(data, address)

    async def _open(self, address):
        loop = asyncio.get_running_loop()
        way, _ = await loop.create_datagram_endpoint(lambda: _Way(self, address), remote_addr=self._server)
        self._ways[address] = way
        for data in self._opening.pop(address):
            way.sendto(data)

    def close(self):
        for way in self._ways.values():
            way.close()
        self.transport.close()


class _Way(asyncio.DatagramProtocol):
    """The socket towards the server that stands for one client."""

    def __init__(self, network, address):
        self._network = network
        self._address = address

    def datagram_received(self, data, address):
        self._network.back(data, self._address)

    def error_received(self, error):
        pass  # the server went first


@asynccontextmanager
async def losing(server, seed=1):
    """A network that loses packets, from its start none."""
    loop = asyncio.get_running_loop()
    _, network = await loop.create_datagram_endpoint(
        lambda: LossyNetwork(("127.0.0.1", server.media_port), seed), local_addr=(LOSSY, server.media_port)
    )
    try:
        yield network
    finally:
        network.close()


@asynccontextmanager
async def tcp_alone(server):
    """A network without UDP; gives the count of bytes that went through."""
    count = [0]
    tasks = set()

    async def pipe(reader, writer):
        with suppress(OSError):
            while data := await reader.read(65_536):
                count[0] += len(data)
                writer.write(data)
        writer.close()

    async def accept(reader, writer):
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", server.media_port)
        for way in (pipe(reader, there_writer), pipe(there_reader, writer)):
            task = asyncio.create_task(way)
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(accept, TCP_ALONE, server.media_port)
    try:
        yield count
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
