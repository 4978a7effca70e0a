# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""When an invite link opens its door.

A link holds 256 random bits and nothing else; only their SHA-256 is stored, so a copy of the database opens nothing.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime

from bridge.domain.errors import Refused
from bridge.domain.names import InviteId, MeetingId, UserId

TOKEN_BYTES = 32
MAX_USES = 500
"""Stops: one leaked link filling the homeserver with accounts."""
DEFAULT_USES = 10
MIN_TTL_S = 60
MAX_TTL_S = 31 * 24 * 3600
"""Stops: links, and the accounts behind them, that nobody remembers."""
DEFAULT_TTL_S = 8 * 3600

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}\Z")


@dataclass(frozen=True, slots=True)
class Invite:
    """One link, without the secret that it holds."""

    id: InviteId
    meeting_id: MeetingId
    uses: int
    used: int
    expires_at: datetime
    revoked_at: datetime | None
    sponsor: UserId
    """The member of staff who answers for those who come by it."""
    organisation: str = ""
    """Where they come from, where the link says so; else each may say."""
    wants_email: bool = False
    """Whether its guests have to show a mail address of theirs (`bridge.domain.mail_check`)."""
    coming: int = 0
    """How many of the uses guests have taken who are not in yet; each comes back where its entry fails."""


def token_hash(token: str) -> bytes | None:
    """Return what is stored of a link's token, or None when this cannot be a token of ours."""
    return hashlib.sha256(token.encode("ascii")).digest() if _TOKEN.match(token) else None


def unknown() -> Refused:
    """Return the one answer for every token that leads nowhere, however it is wrong."""
    return Refused(
        404, "PASSERELLE_INVITE_UNKNOWN", "This link leads to no meeting. Please check it for missing letters."
    )


def require_open(invite: Invite, now: datetime) -> None:
    """Refuse an invite that was revoked or has ended; for every door of the link."""
    if invite.revoked_at is not None:
        raise Refused(
            410, "PASSERELLE_INVITE_REVOKED", "This link was withdrawn. Please ask the organiser for a new one."
        )
    if now >= invite.expires_at:
        raise Refused(410, "PASSERELLE_INVITE_EXPIRED", "This link has ended. Please ask the organiser for a new one.")


def require_unspent(invite: Invite, now: datetime) -> None:
    """Refuse an invite that will admit nobody more; for whoever comes to a door that takes a use (guest, partner)."""
    require_open(invite, now)
    if invite.used - invite.coming >= invite.uses:
        raise _used_up()


def require_use(invite: Invite, now: datetime, *, promised: int = 0) -> None:
    """Refuse an invite that has no use left now; whoever may get one in a moment is told so (409).

    `promised` uses are not taken yet, but somebody was let in for them who is on the way.
    """
    require_unspent(invite, now)
    if invite.used + promised < invite.uses:
        return
    if not invite.coming:
        raise _used_up()
    raise Refused(
        409,
        "PASSERELLE_INVITE_BUSY",
        "The last person that this link is for is just coming in. Please try again in a few seconds.",
        retry_after_s=5,
    )


def _used_up() -> Refused:
    return Refused(
        410,
        "PASSERELLE_INVITE_USED_UP",
        "This link was used by as many people as it is for. Please ask the organiser for a new one.",
    )


def require_terms(uses: int, ttl_s: int) -> None:
    """Refuse the terms of a new invite that go past the limits."""
    if not 1 <= uses <= MAX_USES:
        raise Refused(400, "M_BAD_JSON", f"uses must be between 1 and {MAX_USES}.")
    if not MIN_TTL_S <= ttl_s <= MAX_TTL_S:
        raise Refused(400, "M_BAD_JSON", f"ttl_s must be between {MIN_TTL_S} and {MAX_TTL_S} seconds.")
