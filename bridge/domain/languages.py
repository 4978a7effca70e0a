# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which languages do pages, letters and the bot speak, and which of them does a browser want?"""

from __future__ import annotations

from typing import Final, Literal, get_args

Language = Literal["en", "fr", "de"]

DEFAULT: Final = "en"
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)
OWN_NAMES: Final[dict[Language, str]] = {"en": "English", "fr": "Français", "de": "Deutsch"}
"""As whoever speaks it calls it."""
MAX_RANGES = 20
"""Stops: a header of thousands of languages from costing more than its bytes."""


def known(language: str | None) -> Language | None:
    """Return a language that we speak, None for any other text."""
    return next((ours for ours in LANGUAGES if ours == language), None)


def negotiate(accept_language: str, asked: str | None = None) -> Language:
    """Choose a language: the one that somebody asked for, else the best of `Accept-Language` (RFC 9110, 12.5.4)."""
    if (chosen := known(asked)) is not None:
        return chosen
    best: Language = DEFAULT
    best_quality = 0.0
    for part in accept_language.split(",")[:MAX_RANGES]:
        tag, _, parameter = part.strip().partition(";")
        language = known(tag.strip().lower().partition("-")[0])
        quality = _quality(parameter)
        if language is not None and quality > best_quality:
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
