# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Goal S9: which secrets of a stack stand where none may stand? Not where they are kept, so any hit is a fault."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any


def secrets_of(data: Path) -> dict[str, str]:
    """Return every secret of a data folder, by its name."""
    return dict(_named("", json.loads((data / "secrets.json").read_text())))


def _named(name: str, value: Any) -> Iterable[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield from _named(f"{name}.{key}".lstrip("."), one)
    else:
        yield name, value


def hits(secrets: Mapping[str, str], places: Mapping[str, str]) -> list[str]:
    """Return "place shows name" for each secret found; never the secret."""
    return [f"{place} shows {name}" for place, text in places.items() for name, one in secrets.items() if one in text]


def logs_of(data: Path, output: Path) -> dict[str, str]:
    """Return what a stack's programs wrote so far, and what it said to its user."""
    files = [output, *(data / "logs").rglob("*"), data / "run" / "status.json"]
    return {path.name: path.read_text(errors="replace") for path in files if path.is_file()}
