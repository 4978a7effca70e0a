# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which port is whose, counted from one base, and whether they are free.

A homeserver's name holds its federation port and can never change, so a data folder keeps the base it was
made with; asking for another one there is an error and not a move.
"""

import errno
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bridge.stack.errors import StackError

DEFAULT_BASE = 8400
LOOPBACK = "127.0.0.1"
_FIRST_UNPRIVILEGED = 1024
_LAST_PORT = 65535
_FILE = "stack.json"


@dataclass(frozen=True, slots=True)
class Listener:
    """One port, and the words for whoever wants it."""

    port: int
    wanted_by: str
    kind: socket.SocketKind = socket.SOCK_STREAM


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of one local stack."""

    base: int

    @property
    def bridge(self) -> int:
        """Pages, API, authorisation service, Element Call."""
        return self.base

    @property
    def bridge_internal(self) -> int:
        """Application service transactions, caption segments, operators."""
        return self.base + 1

    @property
    def bots_metrics(self) -> int:
        """What Prometheus reads of the caption bot."""
        return self.base + 2

    @property
    def sfu(self) -> int:
        """HTTP and WebSocket."""
        return self.base + 10

    @property
    def media(self) -> int:
        """RTP over UDP, and over TCP where UDP is blocked."""
        return self.base + 11

    @property
    def postgres(self) -> int:
        """PostgreSQL."""
        return self.base + 20

    @property
    def home_client(self) -> int:
        """Client API of `home`."""
        return self.base + 30

    @property
    def home_federation(self) -> int:
        """Federation API of `home`, part of its name."""
        return self.base + 31

    @property
    def partner_client(self) -> int:
        """Client API of `partner`."""
        return self.base + 40

    @property
    def partner_federation(self) -> int:
        """Federation API of `partner`, part of its name."""
        return self.base + 41

    @property
    def oidc(self) -> int:
        """The OIDC provider."""
        return self.base + 50

    def listeners(self) -> Iterator[Listener]:
        """Every port of the stack."""
        yield Listener(self.bridge, "the bridge (pages and API)")
        yield Listener(self.bridge_internal, "the bridge (internal API)")
        yield Listener(self.bots_metrics, "the caption bot (metrics)")
        yield Listener(self.sfu, "the SFU (HTTP and WebSocket)")
        yield Listener(self.media, "the SFU (media)", socket.SOCK_DGRAM)
        yield Listener(self.media, "the SFU (media)")
        yield Listener(self.postgres, "PostgreSQL")
        yield Listener(self.home_client, "the homeserver 'home' (clients)")
        yield Listener(self.home_federation, "the homeserver 'home' (federation)")
        yield Listener(self.partner_client, "the homeserver 'partner' (clients)")
        yield Listener(self.partner_federation, "the homeserver 'partner' (federation)")
        yield Listener(self.oidc, "the OIDC provider")


def choose_ports(data: Path, asked_base: int | None) -> Ports:
    """The ports of this data folder: those saved in it, else counted from `asked_base` and saved.

    Raises:
        StackError: the base leaves the range of ports, or differs from the one saved here.
    """
    saved = _saved_base(data)
    if saved is not None:
        if asked_base not in {None, saved}:
            raise StackError(
                f"{data} was made with --port-base {saved}, and its homeservers' names hold those ports. "
                f"Start it with --port-base {saved}, or name another folder with --data to use {asked_base}."
            )
        return Ports(saved)
    base = DEFAULT_BASE if asked_base is None else asked_base
    ports = Ports(base)
    last = max(listener.port for listener in ports.listeners())
    if base < _FIRST_UNPRIVILEGED or last > _LAST_PORT:
        highest = _LAST_PORT - (last - base)
        raise StackError(f"--port-base must be between {_FIRST_UNPRIVILEGED} and {highest}, not {base}.")
    (data / _FILE).write_text(json.dumps({"port_base": base}) + "\n", encoding="utf-8")
    return ports


def _saved_base(data: Path) -> int | None:
    path = data / _FILE
    if not path.exists():
        return None
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["port_base"])
    except (ValueError, KeyError, TypeError) as e:
        raise StackError(f"{path} is damaged: {e}. Restore it, or name another folder with --data.") from e


def check_free(ports: Ports) -> None:
    """Bind every port once, so that a busy one is found before anything has started.

    Raises:
        StackError: names the first busy port, who wanted it, and the way out.
    """
    for listener in ports.listeners():
        try:
            with _bound(listener):
                pass
        except OSError as e:
            if e.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise
            protocol = "UDP" if listener.kind == socket.SOCK_DGRAM else "TCP"
            raise StackError(
                f"{protocol} port {listener.port} on {LOOPBACK} is in use, and {listener.wanted_by} wants it. "
                f"Stop the program that holds it, or move the whole stack with --port-base "
                f"(a data folder keeps its ports, so with another --data)."
            ) from e


@contextmanager
def _bound(listener: Listener) -> Iterator[None]:
    with socket.socket(socket.AF_INET, listener.kind) as s:
        if listener.kind == socket.SOCK_STREAM:
            # As the servers themselves do: connections in TIME_WAIT are no reason to refuse.
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((LOOPBACK, listener.port))
        if listener.kind == socket.SOCK_STREAM:
            s.listen(1)
        yield
