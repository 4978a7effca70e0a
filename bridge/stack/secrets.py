# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Every secret of a local stack: generated once, kept in one file that only its owner can read."""

import dataclasses
import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from bridge.stack.errors import StackError

_FILE = "secrets.json"
_BYTES = 32


def _generate() -> str:
    return secrets.token_urlsafe(_BYTES)


@dataclass(frozen=True, slots=True)
class HomeserverSecrets:
    """What one Synapse needs to keep to itself."""

    database_password: str = field(default_factory=_generate, repr=False)
    registration_shared_secret: str = field(default_factory=_generate, repr=False)
    macaroon_secret_key: str = field(default_factory=_generate, repr=False)
    form_secret: str = field(default_factory=_generate, repr=False)
    admin_password: str = field(default_factory=_generate, repr=False)


@dataclass(frozen=True, slots=True)
class Secrets:
    """All secrets of a stack; its repr shows none of them."""

    home: HomeserverSecrets = field(default_factory=HomeserverSecrets, repr=False)
    partner: HomeserverSecrets = field(default_factory=HomeserverSecrets, repr=False)
    postgres_password: str = field(default_factory=_generate, repr=False)
    bridge_database_password: str = field(default_factory=_generate, repr=False)
    as_token: str = field(default_factory=_generate, repr=False)
    hs_token: str = field(default_factory=_generate, repr=False)
    jwt_login_secret: str = field(default_factory=_generate, repr=False)
    sso_secret: str = field(default_factory=_generate, repr=False)
    sfu_api_secret: str = field(default_factory=_generate, repr=False)
    oidc_client_secret: str = field(default_factory=_generate, repr=False)
    internal_token: str = field(default_factory=_generate, repr=False)
    captions_password: str = field(default_factory=_generate, repr=False)
    partner_password: str = field(default_factory=_generate, repr=False)


def load_secrets(data: Path) -> Secrets:
    """The secrets of this data folder, generated at the first call.

    Raises:
        StackError: the file is there and damaged.
    """
    path = data / _FILE
    if not path.exists():
        made = Secrets()
        write_private(path, json.dumps(dataclasses.asdict(made), indent=1) + "\n")
        return made
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        home = HomeserverSecrets(**saved.pop("home"))
        return Secrets(home=home, partner=HomeserverSecrets(**saved.pop("partner")), **saved)
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        # The message of e could quote a value; its type says enough.
        raise StackError(
            f"{path} is damaged ({type(e).__name__}). Restore it, or name another folder with --data."
        ) from e


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    draft = path.with_name(path.name + ".new")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
    draft.replace(path)
