# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which names and terms the speech engines should know in a meeting."""

from __future__ import annotations

from collections.abc import Iterable

from bridge.domain.errors import Refused
from bridge.domain.plain import one_line

MAX_TERMS = 200
"""Terms of one meeting. Stops: a glossary that leaves an engine no room for what was said."""
MAX_TERM = 60
"""Characters of one term. Stops: sentences that an engine would then hear everywhere."""
MAX_NAMES = 200
"""Names of members that are added. Stops: a crowd drowning the terms."""
GUEST_SUFFIX = " (Guest)"
"""What stands behind a guest's name in the room, and is never said."""


def clean_terms(raw: Iterable[str]) -> list[str]:
    """Return the terms as lines of their own, each once whatever its case, or refuse them."""
    terms: dict[str, str] = {}
    for text in raw:
        term = one_line(text)
        if len(term) > MAX_TERM:
            raise Refused(400, "PASSERELLE_BAD_TERM", f"A term has at most {MAX_TERM} characters: “{term[:20]}…”.")
        if term:
            terms.setdefault(term.casefold(), term)
    if len(terms) > MAX_TERMS:
        raise Refused(400, "PASSERELLE_BAD_TERM", f"A glossary has at most {MAX_TERMS} terms.")
    return list(terms.values())


def with_names(terms: Iterable[str], names: Iterable[str]) -> list[str]:
    """Return the meeting's terms, then its members' names as they are said."""
    known = {term.casefold(): term for term in terms}
    spoken = [name.removesuffix(GUEST_SUFFIX)[:MAX_TERM].strip() for name in names]
    for name in spoken[:MAX_NAMES]:
        if name:
            known.setdefault(name.casefold(), name)
    return list(known.values())
