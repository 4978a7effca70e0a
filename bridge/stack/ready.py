# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What a stack that is ready tells programs: `ready.json`, which only its owner can read."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bridge.stack.meeting import Meeting
from bridge.stack.people import CAPTIONS_LOCALPART, PARTNER_LOCALPART, STAFF
from bridge.stack.render import Addresses
from bridge.stack.secrets import write_private


@dataclass(frozen=True, slots=True)
class Ready:
    """Everything somebody needs to use the stack. Holds secrets."""

    where: Addresses
    meeting: Meeting | None
    guest_link: str | None = field(repr=False)
    partner_password: str = field(repr=False)
    internal_token: str = field(repr=False)
    ca_file: Path
    pids: Mapping[str, int]

    @property
    def url(self) -> str:
        """The page to open first."""
        return f"{self.where.bridge}/"

    def document(self) -> dict[str, object]:
        """The content of `ready.json`."""
        where = self.where
        return {
            "url": self.url,
            "meeting": asdict(self.meeting) if self.meeting is not None else None,
            "guest_link": self.guest_link,
            "staff": [
                {"sub": person.sub, "name": person.name, "user_id": person.user_id(where.home_name)} for person in STAFF
            ],
            "homeservers": {
                "home": {"name": where.home_name, "client_url": where.home_client},
                "partner": {"name": where.partner_name, "client_url": where.partner_client},
            },
            "partner_user": {
                "user_id": f"@{PARTNER_LOCALPART}:{where.partner_name}",
                "password": self.partner_password,
            },
            "captions": {"user_id": f"@{CAPTIONS_LOCALPART}:{where.home_name}"},
            "internal": {"url": where.bridge_internal, "token": self.internal_token},
            "sfu": {"api_url": where.sfu_api},
            "oidc": {"issuer": where.oidc_issuer},
            "ca_file": str(self.ca_file),
            "pids": dict(self.pids),
        }

    def write(self, path: Path) -> None:
        """Write it, whole or not at all."""
        write_private(path, json.dumps(self.document(), indent=1, ensure_ascii=False) + "\n")


def has_desktop(environment: Mapping[str, str]) -> bool:
    """Whether a browser opened from here would be seen by somebody."""
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))
