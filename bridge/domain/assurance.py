# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How surely must somebody have signed in: what the parameter `claims` asks, and whether the answer is enough.

OpenID Connect Core 5.5.1.1 lets a provider ignore even an essential `acr`, so what comes back is looked at as well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Assurance:
    """Which levels (`acr`) are enough, and of which ways of signing in (`amr`) one must have been used; empty: any."""

    acr: tuple[str, ...] = ()
    amr: tuple[str, ...] = ()

    def claims_parameter(self) -> str | None:
        """Return what to ask of the identity token, or None for nothing."""
        asked: dict[str, object] = {}
        if self.acr:
            values = {"value": self.acr[0]} if len(self.acr) == 1 else {"values": list(self.acr)}
            asked["acr"] = {"essential": True} | values
        if self.amr:
            asked["amr"] = {"essential": True}
        return json.dumps({"id_token": asked}, separators=(",", ":")) if asked else None

    def is_met_by(self, claims: Mapping[str, object]) -> bool:
        """Tell whether an identity token says enough."""
        used = claims.get("amr")
        methods = used if isinstance(used, list) else []
        return (not self.acr or claims.get("acr") in self.acr) and (not self.amr or any(m in self.amr for m in methods))
