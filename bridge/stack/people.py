# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who lives in a local stack: the demo staff of its OIDC provider, and the accounts that every stack has."""

from dataclasses import dataclass

BOT_LOCALPART = "passerelle"
CAPTIONS_LOCALPART = "captions"
CAPTIONS_NAME = "Captions"
CAPTIONS_DEVICE = "CAPTIONS"
GUEST_PREFIX = "guest-"
PARTNER_LOCALPART = "pavel"
PARTNER_NAME = "Pavel Novák"
ADMIN_LOCALPART = "stack-admin"
JWT_ISSUER = "passerelle"
MEETING_TITLE = "Team meeting"


@dataclass(frozen=True, slots=True)
class Person:
    """One member of the demo staff, with the claims that ProConnect gives about a public servant."""

    sub: str
    uid: str
    given_name: str
    usual_name: str
    email: str
    siret: str
    organizational_unit: str
    belonging_population: str = "agent"
    acr: str = "eidas1"
    amr: tuple[str, ...] = ("pwd",)

    @property
    def name(self) -> str:
        """As shown to others."""
        return f"{self.given_name} {self.usual_name}"

    def user_id(self, server_name: str) -> str:
        """The Matrix account that the bridge gives them at the first sign-in."""
        return f"@{self.uid}:{server_name}"


STAFF = (
    Person(
        "5f1a9c3e-marie",
        "marie.curie",
        "Marie",
        "Curie",
        "marie.curie@ministere.example",
        "13002526500013",
        "Direction de la recherche",
    ),
    Person(
        "7c2b8d4f-jean",
        "jean.moulin",
        "Jean",
        "Moulin",
        "jean.moulin@prefecture.example",
        "13002526500021",
        "Cabinet du préfet",
        acr="eidas2",
        amr=("pwd", "totp", "mfa"),
    ),
    Person(
        "9d3c7e5a-ada",
        "ada.lovelace",
        "Ada",
        "Lovelace",
        "ada.lovelace@ministere.example",
        "13002526500013",
        "Direction du numérique",
    ),
)
