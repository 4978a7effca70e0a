# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""From which address does a request come, and as whom do limits count it?"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

UNKNOWN = "unknown"
HOUSEHOLD = 64
"""Bits of an IPv6 address that a provider gives to one customer (RFC 6177), who can use all addresses behind them."""


def counted(peer: str | None, forwarded: Sequence[str], proxies: Sequence[Network]) -> str:
    """Return whom limits count: the last address in front of our own proxies; of IPv6 its first 64 bits.

    `forwarded` holds the values of `X-Forwarded-For`, to which each proxy appends whom it saw: what stands before the
    entry of a proxy that is not ours, anybody can have written.
    """
    address = _parsed(peer or "")
    hops = [hop for value in forwarded for hop in value.split(",")]
    while address is not None and hops and any(address in network for network in proxies):
        before = _parsed(hops.pop())
        if before is None:
            break
        address = before
    if address is None:
        return UNKNOWN
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, HOUSEHOLD), strict=False))
    return str(address)


def _parsed(text: str) -> Address | None:
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
