# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which TCP connections may stay? Anybody can open one; only a valid check makes it a peer's.

A connection is a *stranger's* until its first valid check, and strangers are few, in all and per host.
"""

import ipaddress
from collections import Counter
from dataclasses import dataclass

from sfu.core.ice_lite import Link
from sfu.core.limits_media import (
    MAX_TCP_CONNECTIONS,
    MAX_TCP_STRANGERS,
    MAX_TCP_STRANGERS_PER_HOST,
    TCP_FIRST_CHECK_S,
    TCP_IDLE_S,
)

_IPV6_SITE = 64
"""Bits of an IPv6 address that name a site; the rest is for its owner to choose."""


@dataclass(slots=True)
class _Connection:
    host: str
    opened: float
    heard: float
    stranger: bool = True


class Connections:
    """All connections of one worker. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._known: dict[Link, _Connection] = {}
        self._strangers: Counter[str] = Counter()

    def __len__(self) -> int:
        """How many are open."""
        return len(self._known)

    def refusal(self, host: str) -> str | None:
        """Say why another connection from this address can't be had, as a cause to count; None: welcome."""
        if len(self._known) >= MAX_TCP_CONNECTIONS:
            return "tcp_full"
        if self._strangers.total() >= MAX_TCP_STRANGERS:
            return "tcp_strangers"
        if self._strangers[site(host)] >= MAX_TCP_STRANGERS_PER_HOST:
            return "tcp_strangers_of_host"
        return None

    def opened(self, link: Link, host: str, now: float) -> None:
        """A connection of an address that was welcome."""
        where = site(host)
        self._known[link] = _Connection(where, now, now)
        self._strangers[where] += 1

    def is_stranger(self, link: Link) -> bool:
        """Whether no valid check has come over it."""
        known = self._known.get(link)
        return known is None or known.stranger

    def heard(self, link: Link, now: float) -> None:
        """Some bytes came."""
        known = self._known.get(link)
        if known is not None:
            known.heard = now

    def proven(self, link: Link) -> None:
        """A valid check came."""
        known = self._known.get(link)
        if known is not None and known.stranger:
            known.stranger = False
            self._forget_stranger(known.host)

    def closed(self, link: Link) -> None:
        """The connection is gone."""
        known = self._known.pop(link, None)
        if known is not None and known.stranger:
            self._forget_stranger(known.host)

    def overdue(self, now: float) -> list[tuple[Link, str]]:
        """Name the connections to close, each with a cause to count."""
        overdue: list[tuple[Link, str]] = []
        for link, known in self._known.items():
            if known.stranger and now - known.opened > TCP_FIRST_CHECK_S:
                overdue.append((link, "tcp_unproven"))
            elif now - known.heard > TCP_IDLE_S:
                overdue.append((link, "tcp_idle"))
        return overdue

    def _forget_stranger(self, host: str) -> None:
        self._strangers[host] -= 1
        if not self._strangers[host]:
            del self._strangers[host]


def site(host: str) -> str:
    """Give what one owner of an address has: the IPv4 address itself, an IPv6 /64."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((int(address) >> _IPV6_SITE << _IPV6_SITE, _IPV6_SITE)))
