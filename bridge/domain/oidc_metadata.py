# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What is wrong with an OpenID provider's discovery document for us, in sentences that say what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

WELL_KNOWN = "/.well-known/openid-configuration"
_NEEDED = ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri")


def faults(metadata: Mapping[str, object], issuer: str) -> list[str]:
    """Return why nobody can sign in with this document."""
    found = [f"It has no {name}: is this the provider's issuer?" for name in _NEEDED if not _text(metadata, name)]
    said = _text(metadata, "issuer")
    if said and said.rstrip("/") != issuer:
        found.append(f"It calls itself {said!r}: write that as issuer in [oidc], to the letter.")
    return found


def doubts(
    metadata: Mapping[str, object],
    *,
    pkce: bool,
    signing_algorithm: str,
    signed_userinfo: bool,
    scopes: Sequence[str],
    asks_claims: bool,
    acr: Sequence[str],
) -> list[str]:
    """Return what may not work; documents are often incomplete, so none of it stops a sign-in."""
    found = []
    signs_with = _texts(metadata, "id_token_signing_alg_values_supported")
    if signs_with and signing_algorithm not in signs_with:
        found.append(
            f"It signs with {', '.join(signs_with)}: set signing_algorithm to what the client is registered with."
        )
    if pkce and "S256" not in _texts(metadata, "code_challenge_methods_supported"):
        found.append("It names no PKCE with S256: set pkce = false if it refuses the sign-in.")
    if signed_userinfo and not _text(metadata, "userinfo_endpoint"):
        found.append("It has no userinfo_endpoint, and signed_userinfo is set.")
    offered = _texts(metadata, "scopes_supported")
    if offered and (missing := [scope for scope in scopes if scope not in offered]):
        found.append(f"It does not name these scopes: {', '.join(missing)}. Change scopes in [oidc].")
    if asks_claims and metadata.get("claims_parameter_supported") is not True:
        found.append("It does not say that it reads the parameter claims, by which acr and amr are asked.")
    levels = _texts(metadata, "acr_values_supported")
    if levels and (missing := [level for level in acr if level not in levels]):
        found.append(f"It does not name these levels: {', '.join(missing)}. It has {', '.join(levels)}.")
    if not _text(metadata, "end_session_endpoint"):
        found.append("It has no end_session_endpoint: signing out here leaves people signed in there.")
    return found


def _text(metadata: Mapping[str, object], name: str) -> str:
    value = metadata.get(name)
    return value if isinstance(value, str) else ""


def _texts(metadata: Mapping[str, object], name: str) -> list[str]:
    value = metadata.get(name)
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []
