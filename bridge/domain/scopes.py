# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What an API token of somebody may do in their name, and what one must look like to be asked about."""

from __future__ import annotations

import enum
import re
from datetime import timedelta

from bridge.domain.errors import Refused
from bridge.domain.plain import one_line

PREFIX = "pslt_"
"""Begins every API token, so that a scanner finds one that was committed somewhere by mistake."""
TOKEN_BYTES = 32
MAX_NAME = 80
MAX_TOKENS = 20
"""Tokens of one person. Stops: a table of forgotten keys."""
MAX_DAYS = 366
"""Stops: keys that outlive the memory of what they were for."""
DEFAULT_DAYS = 90
SIGN_IN_WITHIN = timedelta(days=35)
"""A token rests when its person has not signed in for so long: whoever can't sign in any more can't act by a script
either, and nobody has to think of their tokens when they leave. Signing out of one window ends no script."""

_TOKEN = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}\Z")


class Scope(enum.StrEnum):
    """What a token may do at most; its person's own rights still decide."""

    MEETINGS_READ = "meetings:read"
    MEETINGS_WRITE = "meetings:write"
    INVITES_WRITE = "invites:write"
    TRANSCRIPTS_READ = "transcripts:read"
    TRANSCRIPTS_WRITE = "transcripts:write"
    ACCESS_REVOKE = "access:revoke"


def is_token(text: str) -> bool:
    """Tell whether this can be an API token of ours."""
    return bool(_TOKEN.match(text))


def clean_name(raw: str) -> str:
    """Return what a token is called, or refuse it."""
    name = one_line(raw[: 4 * MAX_NAME])
    if not 0 < len(name) <= MAX_NAME:
        raise Refused(400, "PASSERELLE_BAD_NAME", f"Please name the token, in at most {MAX_NAME} characters.")
    return name


def lifetime(days: int) -> timedelta:
    """Return how long a token lives, or refuse it."""
    if not 1 <= days <= MAX_DAYS:
        raise Refused(400, "M_BAD_JSON", f"expires_in_days must be between 1 and {MAX_DAYS}.")
    return timedelta(days=days)


def require_scope(scopes: frozenset[Scope] | None, needed: Scope | None) -> None:
    """Refuse a token where its scopes do not reach; sessions (None) reach everywhere."""
    if scopes is None:
        return
    if needed is None:
        raise Refused(403, "PASSERELLE_TOKEN_SCOPE", "This takes no API token. Please sign in on the page for it.")
    if needed not in scopes:
        raise Refused(403, "PASSERELLE_TOKEN_SCOPE", f"This API token lacks the scope {needed.value}.")
