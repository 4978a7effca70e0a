# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What a person's chosen name, and a meeting's title, may contain.

Names stand beside captions and in other people's clients: no control signs, nothing that turns the direction of
the text around, nothing invisible.
"""

from __future__ import annotations

import unicodedata

from bridge.domain.errors import Refused

MAX_DISPLAY_NAME = 80
"""Characters, after cleaning. Stops: names that push the rest of a page away."""
MAX_TITLE = 120
"""Characters. Stops: the same with a meeting's title."""

_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800\u00ad\u034f\u180e")
_JOINERS = frozenset("\u200c\u200d")  # part of spelling in Persian and Indic scripts, and of emoji


def clean_display_name(raw: str) -> str:
    """Return the name as others will see it, or refuse it with a sentence for the person."""
    return _clean(raw, MAX_DISPLAY_NAME, "PASSERELLE_BAD_NAME", "name")


def clean_title(raw: str) -> str:
    """Return a meeting's title as it will be shown, or refuse it."""
    return _clean(raw, MAX_TITLE, "PASSERELLE_BAD_TITLE", "title")


def _clean(raw: str, limit: int, errcode: str, what: str) -> str:
    if len(raw) > 4 * limit:  # before any work on it
        raise Refused(400, errcode, f"This {what} is too long: at most {limit} characters, please.")
    kept = "".join(" " if sign.isspace() else sign for sign in raw if _seen(sign) or sign.isspace())
    name = " ".join(unicodedata.normalize("NFC", kept).split())
    if not any(unicodedata.category(sign)[0] in "LNPS" for sign in name):
        raise Refused(400, errcode, f"Please write a {what}.")
    if len(name) > limit:
        raise Refused(400, errcode, f"This {what} is too long: at most {limit} characters, please.")
    return name


def _seen(sign: str) -> bool:
    if sign in _JOINERS:
        return True
    return sign not in _BLANK_LETTERS and unicodedata.category(sign) not in _UNSEEN
