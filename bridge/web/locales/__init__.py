# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which language a page speaks, and its texts: one JSON catalogue a language, beside this file.

`page` texts are for the templates, `script` texts travel inside the page to its scripts; what the meetings' bot says
has a file of its own. A test holds the catalogues to the same keys and the same `{placeholders}`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DEFAULT = "en"
LANGUAGES = ("en", "fr")
MAX_RANGES = 20
"""Stops: a header of thousands of languages from costing more than its bytes."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The texts of one language."""

    page: dict[str, str]
    script: dict[str, str]
    bot: dict[str, str]

    def text(self, key: str, **values: str) -> str:
        """Return a text of the templates; an unknown key or a missing value is a fault of ours (`KeyError`)."""
        return self.page[key].format(**values)

    def in_language(self, language: str) -> Catalogue:
        """Return the same texts in another language."""
        return catalogue(language)


@cache
def catalogue(language: str) -> Catalogue:
    """Read a language's texts, once."""
    document, bot = (_read(name) for name in (f"{language}.json", f"bot_{language}.json"))
    return Catalogue(page=document["page"], script=document["script"], bot=bot)


def _read(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((Path(__file__).parent / name).read_text(encoding="utf-8"))
    return document


def negotiate(accept_language: str, asked: str | None = None) -> str:
    """Choose a language: the one asked for in the address, else the best of `Accept-Language` (RFC 9110, 12.5.4)."""
    if asked in LANGUAGES:
        return asked
    best, best_quality = DEFAULT, 0.0
    for part in accept_language.split(",")[:MAX_RANGES]:
        tag, _, parameter = part.strip().partition(";")
        language = tag.strip().lower().partition("-")[0]
        quality = _quality(parameter)
        if language in LANGUAGES and quality > best_quality:
            best, best_quality = language, quality
    return best


def _quality(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name != "q":
        return 1.0
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if 0.0 <= quality <= 1.0 else 0.0
