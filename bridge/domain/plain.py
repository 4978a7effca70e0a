# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How a stranger's text becomes one line that stays where it is put.

No line breaks, no control signs, nothing that turns the direction of the text around, nothing invisible.
"""

from __future__ import annotations

import unicodedata

_UNSEEN = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800\u00ad\u034f\u180e")
_JOINERS = frozenset("\u200c\u200d")  # part of spelling in Persian and Indic scripts, and of emoji


def one_line(text: str) -> str:
    """Return the text as one line, composed (NFC), with single spaces between its words."""
    kept = "".join(" " if sign.isspace() else sign for sign in text if sign.isspace() or _seen(sign))
    return " ".join(unicodedata.normalize("NFC", kept).split())


def _seen(sign: str) -> bool:
    if sign in _JOINERS:
        return True
    return sign not in _BLANK_LETTERS and unicodedata.category(sign) not in _UNSEEN
