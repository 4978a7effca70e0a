# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What the OIDC provider tells about a person: by the scopes that were asked, and by the parameter `claims`.

No HTTP and no clock here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from bridge.stack.people import Person

IDP_ID = "71144ab3-ee1a-4401-b7b3-79b44f7daeeb"
"""Which identity provider stands behind this one: ProConnect's `idp_id`. Ours has itself alone."""

_PROCONNECT = {
    "openid": (),
    "given_name": ("given_name",),
    "usual_name": ("usual_name",),
    "email": ("email",),
    "uid": ("uid",),
    "siret": ("siret",),
    "idp_id": ("idp_id",),
    "siren": ("siren",),
    "organizational_unit": ("organizational_unit",),
    "belonging_population": ("belonging_population",),
}
_GENERIC = {
    "openid": (),
    "profile": ("name", "given_name", "family_name", "preferred_username"),
    "email": ("email",),
}


class UnreadableClaimsError(Exception):
    """The parameter `claims` is not what OpenID Connect Core 5.5 says; the text says where."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What `claims` asked of the identity token: `acr` holds the essential values, none of which may be fine, too."""

    acr: tuple[str, ...] = ()
    amr: bool = False


NOTHING_ASKED = Asked()


def scopes(*, proconnect: bool) -> Mapping[str, tuple[str, ...]]:
    """The scopes that there are, and the claims of each."""
    return _PROCONNECT if proconnect else _GENERIC


def read_claims(text: str | None) -> Asked:
    """Read the parameter.

    Raises:
        UnreadableClaimsError: it is none.
    """
    if text is None:
        return NOTHING_ASKED
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise UnreadableClaimsError("claims is no JSON") from None
    if not isinstance(document, dict) or not set(document) <= {"id_token", "userinfo"}:
        raise UnreadableClaimsError("claims holds id_token and userinfo, nothing else")
    wanted = document.get("id_token") or {}
    if not isinstance(wanted, dict):
        raise UnreadableClaimsError("claims: id_token is no object")
    return Asked(acr=_essential_values(wanted.get("acr")), amr="amr" in wanted)


def _essential_values(request: object) -> tuple[str, ...]:
    if request is None:
        return ()
    if not isinstance(request, dict):
        raise UnreadableClaimsError("claims: acr is no object")
    values = request.get("values", [request["value"]] if "value" in request else [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise UnreadableClaimsError("claims: the values of acr are no texts")
    return tuple(values) if request.get("essential") is True else ()


def released(person: Person, granted: frozenset[str], *, proconnect: bool) -> dict[str, str]:
    """What userinfo says about a person who signed in for these scopes."""
    known = {
        "name": person.name,
        "given_name": person.given_name,
        "usual_name": person.usual_name,
        "family_name": person.usual_name,
        "preferred_username": person.uid,
        "email": person.email,
        "uid": person.uid,
        "siret": person.siret,
        "siren": person.siret[:9],
        "idp_id": IDP_ID,
        "organizational_unit": person.organizational_unit,
        "belonging_population": person.belonging_population,
    }
    told = (claim for scope, claims in scopes(proconnect=proconnect).items() if scope in granted for claim in claims)
    return {"sub": person.sub} | {claim: known[claim] for claim in told}
