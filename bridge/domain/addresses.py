# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which addresses and names on the internet the bridge may be sent to by a stranger (rules 2, 3 and 5 of netguard).

`ipaddress.is_global` is no help here: on CPython 3.11 it calls 6to4 of a private address global, and NAT64, too.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from bridge.domain.names import Literal, ServerName

_V4_BLOCKED = tuple(
    ipaddress.IPv4Network(net)
    for net in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link local: cloud metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_V6_UNICAST = ipaddress.IPv6Network("2000::/3")
_V6_BLOCKED = tuple(
    ipaddress.IPv6Network(net)
    for net in (
        "2001::/23",  # protocol assignments, Teredo
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address inside
        "3fff::/20",  # documentation
    )
)

_SPECIAL_DOMAINS = (
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "arpa",
    "onion",
    "test",
    "invalid",
)

PUBLIC_PORTS = (443, *range(8443, 8500))
"""Ports where homeservers are found. Stops: using us to knock at mail, SSH or database ports of others."""


def address_allowed(address: Literal) -> bool:
    """Tell whether a stranger may send us to this address: global unicast and in no special block."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in net for net in _V4_BLOCKED)
    if address.ipv4_mapped is not None:
        return address_allowed(address.ipv4_mapped)
    if address.scope_id is not None or address not in _V6_UNICAST:
        return False  # loopback, local, multicast, NAT64, discard, unspecified: all lie outside 2000::/3
    return not any(address in net for net in _V6_BLOCKED)


def addresses_allowed(addresses: Iterable[Literal]) -> bool:
    """Tell whether a whole DNS answer may be used: one bad address condemns it, and so does none at all."""
    judged = [address_allowed(address) for address in addresses]
    return bool(judged) and all(judged)


def name_allowed(name: ServerName) -> bool:
    """Tell whether a server name may be looked up at all (before any address is known)."""
    if name.literal is not None or (name.port is not None and name.port not in PUBLIC_PORTS):
        return False
    labels = name.host.split(".")
    return len(labels) > 1 and labels[-1] not in _SPECIAL_DOMAINS
