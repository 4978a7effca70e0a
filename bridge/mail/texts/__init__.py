# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What letters say, one JSON catalogue a language; a test holds them to the same keys and placeholders."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

DEFAULT = "en"
LANGUAGES = ("en", "fr")


@cache
def texts(language: str) -> dict[str, str]:
    """Return the texts of a language, or of the default one."""
    known = language if language in LANGUAGES else DEFAULT
    found: dict[str, str] = json.loads((Path(__file__).parent / f"{known}.json").read_text(encoding="utf-8"))
    return found
