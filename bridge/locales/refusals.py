# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How is a refusal said in somebody's language?

Sentences are made where something is refused, in English, and are the keys here, as gettext has it. What was filled in
stands as `{placeholder}` and may be a key itself. A sentence that no catalogue knows stays English.
"""

from __future__ import annotations

import re
from functools import cache

from bridge.locales import catalogue

PLACEHOLDER = re.compile(r"\{(\w+)\}")
MAX_SENTENCE = 1000
"""Characters. Stops: long searches in what somebody else wrote."""


def in_language(sentence: str, language: str) -> str:
    """Return a refusal in a language, or as it is."""
    known = catalogue(language).refusal
    if sentence in known or len(sentence) > MAX_SENTENCE:
        return known.get(sentence, sentence)
    for pattern, said in _patterns(language):
        if found := pattern.fullmatch(sentence):
            return said.format(**{name: known.get(value, value) for name, value in found.groupdict().items()})
    return sentence


@cache
def _patterns(language: str) -> tuple[tuple[re.Pattern[str], str], ...]:
    known = catalogue(language).refusal
    return tuple((_pattern(english), said) for english, said in known.items() if PLACEHOLDER.search(english))


def _pattern(english: str) -> re.Pattern[str]:
    parts = PLACEHOLDER.split(english)  # text, name, text, name, … text
    return re.compile(
        "".join(re.escape(part) if at % 2 == 0 else f"(?P<{part}>[^\n]+?)" for at, part in enumerate(parts))
    )
