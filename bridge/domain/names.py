# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which Matrix names are well formed: server names, user ids, room ids (Matrix v1.11, appendices 4).

User ids hold colons and ports, room ids of version 12 hold none: nothing here is ever split from the right.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import NewType

MeetingId = NewType("MeetingId", str)
InviteId = NewType("InviteId", str)
RoomId = NewType("RoomId", str)
UserId = NewType("UserId", str)

MAX_SERVER_NAME = 230
"""Characters. Stops: names that leave no room for a localpart in a user id of 255."""
OUR_ID_BYTES = 9
"""Random bytes of a meeting's or an invite's id: unguessable enough for what is no secret, short enough to read out."""
MAX_ID = 255
"""Bytes of a user, room or device id (the specification's own limit). Stops: rows and tokens that swell."""

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z", re.IGNORECASE)
_PORT = re.compile(r"[0-9]{1,5}\Z")
_LOCALPART = re.compile(r"[!-9;-~]+\Z")  # historical user ids: any visible ASCII but the colon
_NEW_LOCALPART = re.compile(r"[a-z0-9._=/+-]+\Z")
_OPAQUE = re.compile(r"[!-~]+\Z")
_OUR_ID = re.compile(r"[A-Za-z0-9_-]{12}\Z")

Literal = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class ServerName:
    """A server name that follows the grammar; `host` has no brackets, `literal` is set for an IP address."""

    text: str
    host: str
    port: int | None
    literal: Literal | None


def parse_server_name(text: str) -> ServerName | None:
    """Return the parts of a server name, or None for anything that is not one.

    Stricter than the grammar where its slack reaches a resolver: no name that a C library reads as a number
    (`127.1`, `0x7f.1`, `2130706433`), no empty label, no scope id.
    """
    if not 0 < len(text) <= MAX_SERVER_NAME or not text.isascii():
        return None
    if text.startswith("["):
        inner, bracket, tail = text[1:].partition("]")
        literal = _literal6(inner) if bracket else None
        port = _port(tail)
        return None if literal is None or port is False else ServerName(text, str(literal), port, literal)
    host, colon, tail = text.partition(":")
    port = _port(colon + tail)
    if port is False:
        return None
    literal4 = _literal4(host)
    if literal4 is not None:
        return ServerName(text, host, port, literal4)
    labels = host.split(".")
    last = labels[-1].lower()
    if last.isdigit() or last.startswith("0x") or not all(_LABEL.match(label) for label in labels):
        return None
    return ServerName(text, host.lower(), port, None)


def _port(tail: str) -> int | bool | None:
    """None: no port; False: not a port."""
    if not tail:
        return None
    if tail[0] != ":" or not _PORT.match(tail[1:]):
        return False
    port = int(tail[1:])
    return port if 0 < port < 65536 else False


def _literal4(host: str) -> ipaddress.IPv4Address | None:
    try:
        return ipaddress.IPv4Address(host)  # refuses leading zeros and short forms
    except ValueError:
        return None


def _literal6(inner: str) -> ipaddress.IPv6Address | None:
    if "%" in inner:
        return None
    try:
        return ipaddress.IPv6Address(inner)
    except ValueError:
        return None


def server_of(user_id: str) -> str | None:
    """Return the server name of a user id, or None when it is no user id."""
    if len(user_id.encode()) > MAX_ID or not user_id.startswith("@"):
        return None
    localpart, colon, server = user_id[1:].partition(":")
    if not colon or not _LOCALPART.match(localpart) or parse_server_name(server) is None:
        return None
    return server


def localpart_of(user_id: str, server_name: str) -> str | None:
    """Return the localpart of a user of exactly this server, or None."""
    return user_id[1:].partition(":")[0] if server_of(user_id) == server_name else None


def is_new_localpart(localpart: str) -> bool:
    """Tell whether a new account may have this localpart (lower case, few signs)."""
    return bool(_NEW_LOCALPART.match(localpart))


def is_room_id(text: str) -> bool:
    """Tell whether this looks like a room id of any version."""
    return text.startswith("!") and 1 < len(text) <= MAX_ID and bool(_OPAQUE.match(text))


def is_our_id(text: str) -> bool:
    """Tell whether this can be the id of a meeting or an invite."""
    return bool(_OUR_ID.match(text))


def is_device_id(text: str) -> bool:
    """Tell whether this is plausible as a device id (or a member id): visible text of at most 255 bytes."""
    return 0 < len(text.encode()) <= MAX_ID and text.isprintable()
