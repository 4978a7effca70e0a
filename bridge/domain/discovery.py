# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How a Matrix server name becomes a host and a port (server-server API, section 2.1), without SRV records.

An explicit port or a literal address is used as it is; else the well-known file may name another server; else
port 8448. SRV records are not asked: a server that has only those is not found.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from bridge.domain.names import ServerName, parse_server_name

DEFAULT_PORT = 8448
MAX_WELL_KNOWN = 50 * 1024
"""Bytes. Stops: a well-known file without end."""
MAX_REDIRECTS = 3
"""Hops of the well-known file. Stops: redirect loops."""
MIN_CACHE_S = 5 * 60.0
MAX_CACHE_S = 48 * 3600.0
REFUSED_CACHE_S = 3600.0
"""Stops: asking DNS again and again for a name that points inwards."""
UNREACHABLE_CACHE_S = 120.0
"""Stops: sending us against a dead server in a loop."""

_MAX_AGE = re.compile(r"(?:^|,)\s*max-age\s*=\s*\"?([0-9]{1,9})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect, and which name TLS must prove."""

    name: ServerName
    port: int


def needs_well_known(name: ServerName) -> bool:
    """Tell whether the well-known file of this name has to be asked."""
    return name.port is None and name.literal is None


def direct_target(name: ServerName) -> Target:
    """Return where a name leads that needs no (further) look-up."""
    return Target(name, name.port or DEFAULT_PORT)


def delegated_name(body: bytes) -> ServerName | None:
    """Return the server that a well-known file delegates to, or None when it says nothing usable."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    server = document.get("m.server") if isinstance(document, dict) else None
    return parse_server_name(server) if isinstance(server, str) else None


def cache_lifetime_s(cache_control: str | None) -> float:
    """Return for how long a well-known answer may be kept: its max-age within five minutes and 48 hours."""
    match = _MAX_AGE.search(cache_control or "")
    age = float(match.group(1)) if match else MIN_CACHE_S
    return min(max(age, MIN_CACHE_S), MAX_CACHE_S)
