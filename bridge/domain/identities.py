# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How a person of the sign-in provider is called in Matrix (appendices, "mapping from other character sets")."""

from __future__ import annotations

from bridge.domain.errors import Refused
from bridge.domain.names import MAX_ID

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")


def localpart_for(claims_name: str, *, server_name: str, guest_prefix: str, reserved: frozenset[str]) -> str:
    """Return the localpart for a name from the provider's claims, or refuse one that is ours."""
    localpart = "".join(
        sign if sign in _PLAIN else "".join(f"={byte:02x}" for byte in sign.encode())
        for sign in claims_name.strip().lower()
    ).lstrip("_")
    if not localpart or len(localpart) + len(server_name) + 2 > MAX_ID:
        raise Refused(
            403, "PASSERELLE_NO_ACCOUNT", "Your account's name cannot be used here. Please ask your administrator."
        )
    if localpart.startswith(guest_prefix) or localpart in reserved:
        raise Refused(
            403, "PASSERELLE_NO_ACCOUNT", "Your account's name is reserved here. Please ask your administrator."
        )
    return localpart


def local_path(path: str) -> str | None:
    """Return a path of our own pages to which a sign-in may return, or None for anything that leads elsewhere."""
    if not path.startswith("/") or path.startswith(("//", "/\\")) or len(path) > 512:
        return None
    if "\\" in path or "#" in path or not path.isascii() or not path.isprintable() or " " in path:
        return None
    return path
