# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""One UDP socket: raw and non-blocking, because transports cost more and buy nothing."""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable

from sfu.core.ice_lite import Address, Link

BATCH = 64
"""Datagrams read per wake-up; then other callbacks get their turn."""
BUFFER_BYTES = 8 * 1024 * 1024
"""Asked of the kernel, which grants what net.core.rmem_max and wmem_max allow."""
MAX_DATAGRAM = 2048
"""Bytes of one datagram that are read; no packet of a client is longer than its MTU. stops: 64 KiB for each."""


Read = Callable[[int, Link, Callable[[memoryview, Address], None]], None]
"""Reads a socket from now on, by file descriptor: what is not its business goes to `on_datagram`, on this loop."""


class UdpSocket:
    """Reads datagrams into one buffer; `on_datagram` must copy what it keeps. Takes over a bound socket.

    With `read` it is that which reads.
    """

    def __init__(
        self,
        bound: socket.socket,
        link: Link,
        on_datagram: Callable[[memoryview, Address], None],
        dropped: Counter[str],
        read: Read | None,
    ) -> None:
        bound.setblocking(False)
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            bound.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
        self._socket = bound
        self._link = link
        self._on_datagram = on_datagram
        self._dropped = dropped
        self._buffer = bytearray(MAX_DATAGRAM)
        self._view = memoryview(self._buffer)
        self.send = bound.sendto
        """Raises BlockingIOError when the kernel's buffer is full, and OSError."""
        self.fileno = bound.fileno()
        loop = asyncio.get_running_loop()
        if read is None:
            loop.add_reader(self.fileno, self._drain)
        else:
            read(self.fileno, link, on_datagram)

    def close(self) -> None:
        """Stop reading and close."""
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()

    def _drain(self) -> None:
        receive, buffer, view = self._socket.recvfrom_into, self._buffer, self._view
        link, on_datagram = self._link, self._on_datagram
        for _ in range(BATCH):
            try:
                size, address = receive(buffer)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error of an earlier send
                self._dropped["receive_error"] += 1
                continue
            if size == MAX_DATAGRAM:
                self._dropped["oversize"] += 1
                continue
            on_datagram(view[:size], (link, address))
