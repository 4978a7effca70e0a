# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How much of a growing text will hardly change (LocalAgreement-2)."""

import re

_WORD = re.compile(r"\S+")
_PLAIN = re.compile(r"[\W_]+")


def stable_chars(before: str, now: str) -> int:
    """Count the leading characters of ``now`` up to its last word that two readings in a row agree on.

    It marks the part to show as settled; holding the rest back would cost a whole interval of delay.
    """
    settled = 0
    for old, new in zip(_WORD.finditer(before), _WORD.finditer(now), strict=False):
        if _PLAIN.sub("", old[0]).casefold() != _PLAIN.sub("", new[0]).casefold():
            break
        settled = new.end()
    return settled
