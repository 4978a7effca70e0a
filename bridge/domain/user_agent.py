# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which browser was that, in two words: enough to know one's own windows again, too little to know a person by."""

from __future__ import annotations

_BROWSERS = (("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def describe(header: str) -> str:
    """Return browser and system of a `User-Agent` header, as far as they are known: "Firefox, Linux"."""
    found = (next((name for sign, name in known if sign in header), "") for known in (_BROWSERS, _SYSTEMS))
    return ", ".join(name for name in found if name)
