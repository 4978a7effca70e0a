# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Where does the media port listen, and which addresses of it are clients told?"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from sfu.core.media import Candidate

_FAMILIES = (4, 6)


@dataclass(frozen=True, slots=True)
class Reach:
    """Addresses as text; the first ones are preferred."""

    hosts: tuple[str, ...]
    """To bind; IPv6 link-local ones with their zone."""
    advertised: tuple[str, ...]
    """To tell clients, never with a zone: its name means nothing on another machine (RFC 4007 section 11.2)."""

    def candidates(self, port: int, *, tcp: bool) -> list[Candidate]:
        """List them for an answer: everything by UDP before anything by TCP."""
        protocols = ("udp", "tcp") if tcp else ("udp",)
        return [Candidate(host, port, protocol) for protocol in protocols for host in self.advertised]


def reach(hosts: Sequence[str], advertise: Sequence[str] = ()) -> Reach:
    """Check addresses; `advertise` replaces the bound ones of its family, as behind a NAT.

    Raises ValueError with what to change.
    """
    bound = [_address(host) for host in hosts]
    told = [_address(host) for host in advertise]
    if not bound:
        raise ValueError("media_host is empty; name at least one address")
    if len({str(one) for one in bound}) < len(bound):
        raise ValueError("media_host names an address twice")
    for one in bound:
        if one.is_link_local and one.version == 6 and not one.scope_id:
            raise ValueError(f"{one} is link-local and needs its zone: {one}%eth0")
    for one in told:
        if one.is_unspecified or one.is_multicast:
            raise ValueError(f"advertise: {one} is no address that clients can reach")
        if one.version == 6 and one.scope_id:
            raise ValueError(f"advertise: {one} has a zone, which means nothing on another machine")
        if one.version not in {other.version for other in bound}:
            raise ValueError(f"advertise: {one} is IPv{one.version}, and no address of media_host is")
    advertised: list[str] = []
    for family in sorted(_FAMILIES, key=lambda family: _first(bound, family)):
        own = [one for one in bound if one.version == family]
        replaced = [str(one) for one in told if one.version == family]
        if not replaced and any(one.is_unspecified for one in own):
            wildcard = next(one for one in own if one.is_unspecified)
            raise ValueError(f"{wildcard} is no address that clients can reach; name one to advertise")
        advertised += replaced or [str(one).partition("%")[0] for one in own]
    return Reach(tuple(map(str, bound)), tuple(advertised))


def _first(bound: Sequence[ipaddress.IPv4Address | ipaddress.IPv6Address], family: int) -> int:
    return next((index for index, one in enumerate(bound) if one.version == family), len(bound))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"{text!r} is no IP address") from None
