# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How does the kernel write the address of a socket? (ip(7), ipv6(7))"""

import socket
import struct
import sys
from typing import Literal

from sfu.core.ice_lite import SocketAddress

_ORDER: Literal["little", "big"] = sys.byteorder
_INET = struct.Struct("!H4s8x")
_INET6 = struct.Struct("!HI16s")


def packed_address(address: SocketAddress) -> bytes:
    """As the kernel wants it: a `sockaddr_in` or `sockaddr_in6`."""
    host, port, *rest = address
    if ":" not in host:
        return socket.AF_INET.to_bytes(2, _ORDER) + _INET.pack(port, socket.inet_aton(host))
    flow, scope = rest or (0, 0)
    packed = _INET6.pack(port, flow, socket.inet_pton(socket.AF_INET6, host.partition("%")[0]))
    return socket.AF_INET6.to_bytes(2, _ORDER) + packed + int(scope).to_bytes(4, _ORDER)


def unpacked_address(address: bytes) -> SocketAddress:
    """As `socket.recvfrom` gives it."""
    if int.from_bytes(address[:2], _ORDER) == socket.AF_INET:
        port, host = _INET.unpack(address[2:16])
        return socket.inet_ntoa(host), port
    port, flow, host = _INET6.unpack(address[2:24])
    scope = int.from_bytes(address[24:28], _ORDER)
    name = socket.inet_ntop(socket.AF_INET6, host)
    return (f"{name}%{socket.if_indextoname(scope)}" if scope else name), port, flow, scope
