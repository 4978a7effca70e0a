# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Through which socket does a datagram come and go? All sockets of the media port, each a numbered link."""

import errno
import itertools
import socket
from collections import Counter
from collections.abc import Callable, Sequence

from sfu.core.ice_lite import Address, Link
from sfu.media.tcp import BACKLOG, TcpFront
from sfu.media.udp import Read, UdpSocket

_TRIES = 50
"""For a port that is free by UDP and TCP on every address, when any port will do."""


class Network:
    """`open` it from the loop that uses it; `on_datagram` must copy what it keeps.

    `on_gone` hears of an address that ceased with its TCP connection. `clock` gives monotonic seconds.
    """

    def __init__(
        self,
        on_datagram: Callable[[memoryview, Address], None],
        on_gone: Callable[[Address], None],
        clock: Callable[[], float],
        dropped: Counter[str],
    ) -> None:
        self._on_datagram = on_datagram
        self._dropped = dropped
        self._numbers = itertools.count(1)
        self._udp: dict[Link, UdpSocket] = {}
        self._tcp = TcpFront(self._next_link, on_datagram, on_gone, clock, dropped)

    def open(self, hosts: Sequence[str], port: int, *, tcp: bool, read: Read | None = None) -> int:
        """Bind every address and start reading; the port, the same for all. 0 finds one.

        UDP is read by `read` if there is one. Raises OSError, whose `filename` says which port, address and protocol.
        """
        for attempt in range(_TRIES):
            try:
                udp, streams = _bind(hosts, port, tcp=tcp)
                break
            except OSError as error:
                if port or error.errno != errno.EADDRINUSE or attempt == _TRIES - 1:
                    raise
        for bound in udp:
            link = self._next_link()
            self._udp[link] = UdpSocket(bound, link, self._on_datagram, self._dropped, read)
        for bound in streams:
            self._tcp.accept_from(bound)
        return int(udp[0].getsockname()[1])

    def close(self) -> None:
        """Close everything."""
        for one in self._udp.values():
            one.close()
        self._udp.clear()
        self._tcp.close()

    def send(self, datagram: bytes | bytearray, address: Address) -> None:
        """Send now or lose it: media that waits is worse than media that is missing."""
        link, remote = address
        through = self._udp.get(link) or self._tcp.connections.get(link)
        if through is None:
            self._dropped["send_closed"] += 1
            return
        try:
            through.send(datagram, remote)
        except BlockingIOError:
            self._dropped["send_full"] += 1
        except OSError:
            self._dropped["send_error"] += 1

    def fileno_of(self, link: Link) -> int | None:
        """Give the file descriptor of a UDP socket; None for any other link."""
        through = self._udp.get(link)
        return None if through is None else through.fileno

    @property
    def tcp_connections(self) -> int:
        """How many are open."""
        return len(self._tcp.connections)

    def proven(self, address: Address) -> None:
        """A valid check came from there."""
        self._tcp.proven(address[0])

    def hang_up(self, address: Address) -> None:
        """Close what only this address used."""
        self._tcp.hang_up(address[0])

    def sweep(self, now: float) -> None:
        """Close what is overdue; to be called every second or so."""
        self._tcp.sweep(now)

    def _next_link(self) -> Link:
        return Link(next(self._numbers))


def _bind(hosts: Sequence[str], port: int, *, tcp: bool) -> tuple[list[socket.socket], list[socket.socket]]:
    udp: list[socket.socket] = []
    streams: list[socket.socket] = []
    try:
        for host in hosts:
            udp.append(_bound(host, port, socket.SOCK_DGRAM))
            port = udp[0].getsockname()[1]
        if tcp:
            streams.extend(_bound(host, port, socket.SOCK_STREAM) for host in hosts)
    except OSError:
        for one in (*udp, *streams):
            one.close()
        raise
    return udp, streams


def _bound(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    name = f"{port} on {host} ({'UDP' if kind is socket.SOCK_DGRAM else 'TCP'})"
    try:
        [(family, _, _, _, address)] = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_NUMERICHOST)
        bound = socket.socket(family, kind)
    except OSError as error:
        raise OSError(error.errno, error.strerror, name) from error
    try:
        if kind is socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:  # IPv4 clients come by an IPv4 socket, under their own addresses
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind(address)
        if kind is socket.SOCK_STREAM:
            bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise OSError(error.errno, error.strerror, name) from error
    return bound
