# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A media plane and its clients with emulated links between them, in the time of the running loop."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from random import Random
from unittest.mock import patch

from sfu.core.ice_lite import Address, SocketAddress
from sfu.core.ice_lite import Link as Socket
from sfu.core.media import MediaEvent, PeerConnected, PeerId, PeerLost
from sfu.media.plane import MediaPlane
from tests.emulated.client import DEFAULT_RTT_S, Client
from tests.emulated.link import PERFECT, Conditions, Link
from tests.emulated.publisher import CAMERA_720P, Encoding, Publisher
from tests.emulated.receiver import Receiver

SERVER = ("192.0.2.1", 7882)
UDP = Socket(1)


class EmulatedNetwork:
    """What the plane takes for its sockets (`sfu.media.network.Network`)."""

    def __init__(
        self,
        on_datagram: Callable[[memoryview, Address], None],
        _on_gone: object,
        _clock: object,
        _dropped: object,
    ) -> None:
        self.deliver = on_datagram
        self.forward: Callable[[bytes, SocketAddress], None]

    def open(self, _hosts: Sequence[str], port: int, *, tcp: bool, read: object = None) -> int:
        """Nothing to bind."""
        assert not tcp
        assert read is None
        return port

    def close(self) -> None:
        """Nothing to close."""

    def send(self, datagram: bytes | bytearray, address: Address) -> None:
        """The server sends."""
        self.forward(bytes(datagram), address[1])

    def fileno_of(self, _link: object) -> None:
        """No socket that C could write into."""

    def proven(self, address: Address) -> None:
        """Nothing to learn."""

    def hang_up(self, address: Address) -> None:
        """Nothing to hang up."""

    def sweep(self, now: float) -> None:
        """Nothing is overdue."""


class Stage:
    """Everything is drawn from one seed but keys and certificates."""

    def __init__(self, seed: int) -> None:
        self.loop = asyncio.get_running_loop()
        self.random = Random(seed)
        self.events: list[MediaEvent] = []
        self.links: dict[str, tuple[Link, Link]] = {}
        """By client: to the server, and back."""
        self.came_in: Counter[bytes] = Counter()
        """Datagrams that reached the server, by SSRC where they are RTP."""
        self.went_out: Counter[bytes] = Counter()
        """Datagrams that the server sent, the same way."""
        self.receivers: list[Receiver] = []
        self._joined: dict[PeerId, asyncio.Event] = {}
        self._clients: dict[SocketAddress, Client] = {}
        with patch("sfu.media.plane.Network", EmulatedNetwork):
            self.plane = MediaPlane(*SERVER, self._happened, tcp=False, clock=self.loop.time)
        self._network: EmulatedNetwork = self.plane._network  # type: ignore[assignment]
        self._network.forward = self._from_server

    def _happened(self, event: MediaEvent) -> None:
        self.events.append(event)
        if isinstance(event, PeerConnected):
            self._joined[event.peer].set()

    def client(self, name: str) -> Client:
        """Somebody with links of their own, perfect at first."""
        address = (f"198.51.100.{len(self._clients) + 1}", 5000)
        up, down = (Link(PERFECT, Random(self.random.random())) for _ in range(2))
        self.links[name] = (up, down)

        def send(datagram: bytes) -> None:
            for at in up.offer(len(datagram), self.loop.time()):
                self.loop.call_at(at, arrive, datagram)

        def arrive(datagram: bytes) -> None:
            self.came_in[datagram[8:12]] += 1
            self._network.deliver(memoryview(datagram), (UDP, address))

        client = self._clients[address] = Client(name, send, self.loop.time)
        return client

    def _from_server(self, datagram: bytes, address: SocketAddress) -> None:
        client = self._clients[address]
        self.went_out[datagram[8:12]] += 1
        for at in self.links[client.id][1].offer(len(datagram), self.loop.time()):
            self.loop.call_at(at, client.receive, datagram)

    async def join(self, client: Client) -> None:
        """Check, handshake, until the plane calls the peer connected."""
        self._joined[client.id] = asyncio.Event()
        self.plane.open_peer(client.id, client.credentials, [client.fingerprint])
        await client.connect(self.plane.fingerprint)
        await self._joined[client.id].wait()

    def conditions(self, name: str, up: Conditions | None = None, down: Conditions | None = None) -> None:
        """Change a client's links; `None` leaves one as it is. The client knows nothing of the new path yet."""
        next(one for one in self._clients.values() if one.id == name).rtt = DEFAULT_RTT_S
        for link, wanted in zip(self.links[name], (up, down), strict=True):
            if wanted is not None:
                link.conditions = wanted

    def publish(self, client: Client, encodings: tuple[Encoding, ...] = CAMERA_720P, **options: bool) -> Publisher:
        """Make a client a publisher."""
        publisher = Publisher(client, Random(self.random.random()), encodings, **options)
        client.handler = publisher
        for uplink in publisher.uplinks():
            self.plane.receive(uplink)
        return publisher

    def subscribe(self, client: Client, *publishers: Publisher, transport_cc: bool = True) -> Receiver:
        """Make a client a receiver of publishers."""
        receiver = Receiver(client, transport_cc=transport_cc)
        client.handler = receiver
        self.receivers.append(receiver)
        for publisher in publishers:
            for downlink in receiver.downlinks(publisher):
                self.plane.forward(downlink)
        return receiver

    @property
    def lost_peers(self) -> list[PeerLost]:
        """Whom the plane gave up."""
        return [event for event in self.events if isinstance(event, PeerLost)]

    async def close(self) -> None:
        """End all clients and the plane."""
        for client in self._clients.values():
            await client.close()
        await self.plane.close()


@asynccontextmanager
async def stage(seed: int) -> AsyncIterator[Stage]:
    """A started plane, closed at the end."""
    made = Stage(seed)
    await made.plane.start()
    try:
        yield made
    finally:
        await made.close()


@asynccontextmanager
async def call(
    seed: int, encodings: tuple[Encoding, ...] = CAMERA_720P, *, transport_cc: bool = True, **options: bool
) -> AsyncIterator[tuple[Stage, Publisher, Receiver]]:
    """One publisher "alice", one receiver "bob", connected over perfect links that a test then spoils."""
    async with stage(seed) as made:
        alice, bob = made.client("alice"), made.client("bob")
        await asyncio.gather(made.join(alice), made.join(bob))
        publisher = made.publish(alice, encodings, **options)
        receiver = made.subscribe(bob, publisher, transport_cc=transport_cc)
        yield made, publisher, receiver
