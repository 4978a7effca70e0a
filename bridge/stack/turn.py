# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How is coturn set up as the relay of an SFU? Its file, and the table that the SFU needs for it.

A local stack has no relay: everything in it is on one machine. An operator makes these files with
`passerelle turn-config` and runs coturn where clients reach it.
"""

import ipaddress
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from bridge.stack.errors import StackError
from bridge.stack.render import templates, toml

USER_QUOTA = 12
"""Allocations of one session at once: LiveKit's figure."""
TOTAL_QUOTA = 1200
MAX_BYTES_PER_SECOND = 2_000_000
"""Of one session, in each direction: 16 Mbit/s, more than a gallery of cameras."""
CREDENTIALS_S = 14_400
_RELAY_PORTS = (49_152, 65_535)
_HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)


@dataclass(frozen=True, slots=True)
class Relay:
    """One coturn. Raises StackError for values that would not work."""

    name: str
    """Its host name, which clients look up and its certificate is for; the realm too."""
    addresses: tuple[str, ...]
    """To listen and to relay on; `public/private` behind a NAT."""
    sfu: tuple[str, ...]
    """The addresses of the SFU's media port: all that may be reached through it."""
    certificate: Path | None = None
    key: Path | None = None
    port: int = 3478
    tls_port: int = 5349
    relay_ports: tuple[int, int] = _RELAY_PORTS
    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    def __post_init__(self) -> None:
        """Check what goes into a file whose lines have no quoting."""
        if not _HOST_NAME.fullmatch(self.name):
            raise StackError(f"{self.name!r} is no host name.")
        if not self.addresses or not self.sfu:
            raise StackError("Name at least one address of the relay and one of the SFU.")
        for address in (*(part for both in self.addresses for part in both.split("/", 1)), *self.sfu):
            _check_address(address)
        if (self.certificate is None) != (self.key is None):
            raise StackError("A certificate and its key belong together: give both or neither.")
        for path in filter(None, (self.certificate, self.key)):
            if not path.is_file() or "\n" in str(path):
                raise StackError(f"{path} is no file.")

    def urls(self) -> list[str]:
        """List what clients try, the cheapest first."""
        plain = [f"turn:{self.name}:{self.port}?transport={transport}" for transport in ("udp", "tcp")]
        return plain if self.certificate is None else [*plain, f"turns:{self.name}:{self.tls_port}?transport=tcp"]


def render_coturn(relay: Relay) -> str:
    """Write `turnserver.conf`. It holds the secret: mode 0600, or 0640 for coturn's group."""
    return (
        templates()
        .get_template("turn/turnserver.conf.j2")
        .render(
            realm=relay.name,
            port=relay.port,
            tls_port=relay.tls_port,
            addresses=[both.rpartition("/")[2] for both in relay.addresses],
            external=[both for both in relay.addresses if "/" in both],
            relay_ports=relay.relay_ports,
            secret=relay.secret,
            certificate=relay.certificate,
            key=relay.key,
            sfu=relay.sfu,
            user_quota=USER_QUOTA,
            total_quota=TOTAL_QUOTA,
            max_bytes_per_second=MAX_BYTES_PER_SECOND,
        )
    )


def render_sfu_table(relay: Relay) -> str:
    """Write the table `[turn]` of sfu.toml."""
    return toml({"turn": {"urls": relay.urls(), "secret": relay.secret, "ttl": CREDENTIALS_S}})


def _check_address(text: str) -> None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise StackError(f"{text!r} is no IP address.") from None
    if address.is_unspecified or address.is_multicast or "%" in text:
        raise StackError(f"{text} is no address that a relay can send to or from.")
    if address.is_loopback:
        raise StackError(f"{text} is a loopback address, to which coturn relays nothing.")
