# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Media over TCP (RFC 6544, passive): accepted connections, and datagrams framed in them.

Nothing here waits. What a slow connection does not take stays in its buffer up to a limit, then whole
frames are dropped: late media is worth less than memory.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable

from sfu.core.connections import Connections
from sfu.core.demux import Traffic, classify
from sfu.core.framing import FrameReader, frame
from sfu.core.ice_lite import Address, Link, SocketAddress
from sfu.core.limits_media import MAX_TCP_BUFFERED, MAX_TCP_UNSENT, TCP_RESERVE

BACKLOG = 128
BATCH = 16
"""Connections accepted per wake-up; then other callbacks get their turn."""
_READ_BYTES = 64 * 1024
_MEDIA = 128
"""First bytes from here on are RTP and RTCP (RFC 7983)."""


class TcpFront:
    """All connections of one worker; `on_datagram` must copy what it keeps.

    `on_gone` hears of an address whose connection is closed, whoever closed it.
    """

    def __init__(
        self,
        next_link: Callable[[], Link],
        on_datagram: Callable[[memoryview, Address], None],
        on_gone: Callable[[Address], None],
        clock: Callable[[], float],
        dropped: Counter[str],
    ) -> None:
        self._next_link = next_link
        self._on_gone = on_gone
        self._clock = clock
        self._dropped = dropped
        self._on_datagram = on_datagram
        self._listening: list[socket.socket] = []
        self._paused = False
        self._buffer = memoryview(bytearray(_READ_BYTES))
        self._allowed = Connections()
        self.connections: dict[Link, Connection] = {}

    def accept_from(self, bound: socket.socket) -> None:
        """Take over a listening socket and accept what comes."""
        bound.setblocking(False)
        self._listening.append(bound)
        asyncio.get_running_loop().add_reader(bound.fileno(), self._accept, bound)

    def proven(self, link: Link) -> None:
        """A valid check came over a connection."""
        self._allowed.proven(link)

    def hang_up(self, link: Link) -> None:
        """Close a connection; unknown ones are fine."""
        connection = self.connections.pop(link, None)
        if connection is not None:
            self._allowed.closed(link)
            connection.close()
            self._on_gone(connection.address)

    def sweep(self, now: float) -> None:
        """Close what is overdue; accept again when descriptors had run out."""
        for link, cause in self._allowed.overdue(now):
            self._dropped[cause] += 1
            self.hang_up(link)
        if self._paused:
            self._paused = False
            for bound in self._listening:
                asyncio.get_running_loop().add_reader(bound.fileno(), self._accept, bound)

    def close(self) -> None:
        """Close everything."""
        for bound in self._listening:
            asyncio.get_running_loop().remove_reader(bound.fileno())
            bound.close()
        self._listening.clear()
        for link in list(self.connections):
            self.hang_up(link)

    def read(self, connection: "Connection") -> None:
        """Take in what a connection has for us."""
        link = connection.address[0]
        try:
            size = connection.receive_into(self._buffer)
        except BlockingIOError:
            return
        except OSError:
            size = 0
        if not size:
            self.hang_up(link)
            return
        self._allowed.heard(link, self._clock())
        for datagram in connection.frames.feed(self._buffer[:size]):
            if self._allowed.is_stranger(link) and classify(datagram) is not Traffic.STUN:
                self._dropped["stranger"] += 1
                self.hang_up(link)
            if link not in self.connections:
                return
            self._on_datagram(datagram, connection.address)
        if connection.frames.broken:
            self._dropped["oversize"] += 1
            self.hang_up(link)

    def _accept(self, bound: socket.socket) -> None:
        for _ in range(BATCH):
            try:
                accepted, remote = bound.accept()
            except (BlockingIOError, ConnectionError):
                return
            except OSError:  # descriptors or memory ran out: try again with the next sweep
                self._dropped["tcp_accept"] += 1
                self._paused = True
                for each in self._listening:
                    asyncio.get_running_loop().remove_reader(each.fileno())
                return
            refusal = self._allowed.refusal(remote[0])
            if refusal is not None:
                self._dropped[refusal] += 1
                accepted.close()
                continue
            link = self._next_link()
            try:
                self.connections[link] = Connection(accepted, (link, remote), self, self._dropped)
            except OSError:  # it was reset already
                accepted.close()
                continue
            self._allowed.opened(link, remote[0], self._clock())


class Connection:
    """One connection: a socket, the frames coming in, the bytes waiting to go out."""

    def __init__(self, accepted: socket.socket, address: Address, front: TcpFront, dropped: Counter[str]) -> None:
        accepted.setblocking(False)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MAX_TCP_UNSENT)
        self.address = address
        self.frames = FrameReader()
        self.receive_into = accepted.recv_into
        self._socket = accepted
        self._front = front
        self._dropped = dropped
        self._waiting = bytearray()
        asyncio.get_running_loop().add_reader(accepted.fileno(), front.read, self)

    def send(self, datagram: bytes | bytearray, _address: SocketAddress) -> None:
        """As `socket.sendto`: now, or from the buffer, or never. Raises OSError when the connection is broken."""
        framed = frame(datagram)
        if self._waiting:
            room = MAX_TCP_BUFFERED if datagram[0] >= _MEDIA else MAX_TCP_BUFFERED + TCP_RESERVE
            if len(self._waiting) + len(framed) > room:
                self._dropped["send_full"] += 1
            else:
                self._waiting += framed
            return
        try:
            sent = self._socket.send(framed)
        except BlockingIOError:
            sent = 0
        if sent < len(framed):
            self._waiting += framed[sent:]
            asyncio.get_running_loop().add_writer(self._socket.fileno(), self._flush)

    def close(self) -> None:
        """Stop and close; what waits is lost."""
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket.fileno())
        loop.remove_writer(self._socket.fileno())
        self._socket.close()

    def _flush(self) -> None:
        try:
            sent = self._socket.send(self._waiting)
        except BlockingIOError:
            return
        except OSError:
            self._front.hang_up(self.address[0])
            return
        del self._waiting[:sent]
        if not self._waiting:
            asyncio.get_running_loop().remove_writer(self._socket.fileno())
