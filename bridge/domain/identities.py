# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who a person of the sign-in provider is here: localpart, name, organisation, and where a sign-in may lead back to."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

from bridge.domain.display_name import MAX_DISPLAY_NAME, clean_display_name
from bridge.domain.errors import Refused
from bridge.domain.names import MAX_ID
from bridge.domain.plain import one_line

MAX_ORGANIZATION = 60
"""Characters. Stops: an organisation that pushes the person's name out of sight."""
MAX_CLAIM = 255
"""Characters of a claim that is kept. Stops: a provider filling our table."""
KEPT_CLAIMS = (
    "email",
    "uid",
    "siret",
    "siren",
    "organizational_unit",
    "belonging_population",
    "idp_id",
    "acr",
)
"""What is kept of a sign-in, beside name and subject: who the person works for, and how surely they signed in."""
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-/+")


def localpart_for(claims_name: str, *, server_name: str, guest_prefix: str, reserved: frozenset[str]) -> str:
    """Return the localpart for a name from the provider's claims, or refuse one that is ours.

    Signs that Matrix does not take are written as the appendices have it ("mapping from other character sets").
    """
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


def unescaped(localpart: str) -> str:
    """Return the text that the mapping turns into this localpart, for a homeserver that maps it once more."""
    return unquote(localpart.replace("=", "%"))


def kept_claims(claims: Mapping[str, object]) -> dict[str, str]:
    """Return what is written down of a person's claims."""
    texts = ((name, claims.get(name)) for name in KEPT_CLAIMS)
    return {name: text[:MAX_CLAIM] for name, value in texts if isinstance(value, str) and (text := one_line(value))}


def label_of(claims: Mapping[str, str], labels: Mapping[str, str]) -> str:
    """Return the operator's short name of the organisation that a person works for, or ""."""
    siret = claims.get("siret", "")
    keys = (siret, claims.get("siren") or siret[:9], claims.get("idp_id", ""))
    return next((labels[key] for key in keys if key in labels), "")


def organization_of(claims: Mapping[str, str], labels: Mapping[str, str]) -> str:
    """Return who a person works for: by its short name, else as the provider says it, else by its number, or ""."""
    siret = claims.get("siret")
    return (
        label_of(claims, labels)
        or claims.get("organizational_unit", "")[:MAX_ORGANIZATION].rstrip()
        or (f"SIRET {siret}" if siret else "")
    )


def name_of(claims: Mapping[str, object], localpart: str, label: str = "") -> str:
    """Return the name as others see it, with the short name of the organisation behind it where there is one."""
    given, usual = claims.get("given_name"), claims.get("usual_name") or claims.get("family_name")
    full = " ".join(part for part in (given, usual) if isinstance(part, str))
    behind = f" [{label}]" if label else ""
    for name in (claims.get("name"), full):
        if isinstance(name, str):
            try:
                return clean_display_name(name)[: MAX_DISPLAY_NAME - len(behind)].rstrip() + behind
            except Refused:
                continue
    return localpart


def local_path(path: str) -> str | None:
    """Return a path of our own pages to which a sign-in may return, or None for anything that leads elsewhere."""
    if not path.startswith("/") or path.startswith(("//", "/\\")) or len(path) > 512:
        return None
    if "\\" in path or "#" in path or not path.isascii() or not path.isprintable() or " " in path:
        return None
    return path
