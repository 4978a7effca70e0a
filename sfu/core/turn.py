# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""With which credentials may a participant use the TURN server? Time-limited ones, from a secret shared with it.

The scheme is that of draft-uberti-behave-turn-rest-00, which coturn calls `use-auth-secret`: nothing is stored,
and a password that leaks is worth nothing after its time.
"""

import base64
import hmac
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Turn:
    """A TURN server (coturn) beside this one."""

    urls: tuple[str, ...]
    """RFC 7065, as `turns:turn.example.org:443?transport=tcp`; clients try all of them."""
    secret: str = field(repr=False)
    ttl_s: int
    """How long credentials open new allocations; those that are open go on."""

    def over_tls(self) -> "Turn | None":
        """The same server by those URLs alone that are reached over TLS; None where there is none."""
        urls = tuple(url for url in self.urls if url.startswith("turns:"))
        return replace(self, urls=urls) if urls else None


@dataclass(frozen=True, slots=True)
class IceServer:
    """What a client is told."""

    urls: tuple[str, ...]
    username: str
    credential: str = field(repr=False)
    forced: bool = False
    """Whether the client shall take no other way."""


def ice_server(turn: Turn, participant: str, wall_s: int, *, forced: bool = False) -> IceServer:
    """Make credentials for a participant's session at a Unix time."""
    username = f"{wall_s + turn.ttl_s}:{participant}"
    password = hmac.digest(turn.secret.encode(), username.encode(), "sha1")
    return IceServer(turn.urls, username, base64.b64encode(password).decode("ascii"), forced)
