# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""One UDP socket for everything: raw and non-blocking, because transports cost more and buy nothing."""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable

from sfu.core.ice_lite import Address

BATCH = 64
"""Datagrams read per wake-up; then other callbacks get their turn."""
BUFFER_BYTES = 8 * 1024 * 1024
"""Asked of the kernel, which grants what net.core.rmem_max and wmem_max allow."""
MAX_DATAGRAM = 2048


class UdpSocket:
    """Reads datagrams into one buffer; `on_datagram` must copy what it keeps."""

    def __init__(self, on_datagram: Callable[[memoryview, Address], None], dropped: Counter[str]) -> None:
        self._on_datagram = on_datagram
        self._dropped = dropped
        self._socket: socket.socket | None = None
        self._buffer = bytearray(MAX_DATAGRAM)
        self._view = memoryview(self._buffer)

    def open(self, host: str, port: int) -> int:
        """Bind and start reading; the port that was bound. Raises OSError when it is taken."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_DGRAM)
        try:
            bound.setblocking(False)
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                bound.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
            bound.bind((host, port))
        except OSError:
            bound.close()
            raise
        self._socket = bound
        asyncio.get_running_loop().add_reader(bound.fileno(), self._drain)
        return int(bound.getsockname()[1])

    def close(self) -> None:
        """Stop reading and close."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def send(self, datagram: bytes | bytearray, address: Address) -> None:
        """Send now or lose it: media that waits is worse than media that is missing."""
        if self._socket is None:
            return
        try:
            self._socket.sendto(datagram, address)
        except BlockingIOError:
            self._dropped["send_full"] += 1
        except OSError:
            self._dropped["send_error"] += 1

    def _drain(self) -> None:
        buffer, view, on_datagram = self._buffer, self._view, self._on_datagram
        for _ in range(BATCH):
            if self._socket is None:
                return
            try:
                size, address = self._socket.recvfrom_into(buffer)
            except BlockingIOError:
                return
            except OSError:  # an ICMP error of an earlier send
                self._dropped["receive_error"] += 1
                continue
            if size == MAX_DATAGRAM:
                self._dropped["oversize"] += 1
                continue
            on_datagram(view[:size], address)
