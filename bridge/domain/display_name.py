# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What a person's chosen name, and a meeting's title, may contain: they stand in other people's clients."""

from __future__ import annotations

import unicodedata

from bridge.domain.errors import Refused
from bridge.domain.plain import one_line

MAX_DISPLAY_NAME = 80
"""Characters, after cleaning. Stops: names that push the rest of a page away."""
MAX_ORGANISATION = 60
"""Characters. Stops: the same with where a guest comes from."""
MAX_SHOWN_NAME = 160
"""Characters of a name in a room that we show on: a guest's name, "Guest" and the organisation. Stops: the same."""
MAX_TITLE = 120
"""Characters. Stops: the same with a meeting's title."""

_BRACKETS = dict.fromkeys(map(ord, "()[]{}（）［］｛｝"))  # nobody closes ours and goes on


def clean_display_name(raw: str) -> str:
    """Return the name as others will see it, or refuse it with a sentence for the person."""
    return _clean(raw, MAX_DISPLAY_NAME, "PASSERELLE_BAD_NAME", "name")


def clean_organisation(raw: str) -> str:
    """Return where a guest comes from, as others will see it in brackets after the name; "" where nobody said."""
    unbracketed = raw[: 4 * MAX_ORGANISATION + 1].translate(_BRACKETS)
    return (
        _clean(unbracketed, MAX_ORGANISATION, "PASSERELLE_BAD_ORGANISATION", "organisation")
        if unbracketed.strip()
        else ""
    )


def clean_title(raw: str) -> str:
    """Return a meeting's title as it will be shown, or refuse it."""
    return _clean(raw, MAX_TITLE, "PASSERELLE_BAD_TITLE", "title")


def _clean(raw: str, limit: int, errcode: str, what: str) -> str:
    if len(raw) > 4 * limit:  # before any work on it
        raise Refused(400, errcode, f"This {what} is too long: at most {limit} characters, please.")
    name = one_line(raw)
    if not any(unicodedata.category(sign)[0] in "LNPS" for sign in name):
        raise Refused(400, errcode, f"Please write a {what}.")
    if len(name) > limit:
        raise Refused(400, errcode, f"This {what} is too long: at most {limit} characters, please.")
    return name
