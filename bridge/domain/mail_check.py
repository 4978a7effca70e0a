# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How does a guest show that a mail address is theirs? By a short code that was sent there.

A code is six digits, because people type it; what keeps it from being guessed are few tries, few codes, and a secret
(`check`) that only the page holds which asked for it. The code is derived from that secret and one of ours, so that a
copy of the database holds neither.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from bridge.domain.errors import Refused
from bridge.domain.names import InviteId, MeetingId

LIFETIME = timedelta(minutes=15)
"""How long a code can be typed: a mail takes a minute, sometimes five."""
FORGET_AFTER = timedelta(hours=1)
"""When an address is forgotten that nobody came in with; until then its codes count."""
MAX_TRIES = 5
"""Codes typed for one that was sent. With `MAX_CODES` a stranger guesses one address in 66,666 hours."""
MAX_CODES = 3
"""Codes for one address and meeting in `FORGET_AFTER`. Stops: a stranger's mailbox filled in our name."""
MAX_CODES_OF_MEETING = 100
"""Codes for one meeting in that time. Stops: the same by many addresses."""
RETRIES = (timedelta(seconds=5), timedelta(seconds=15), timedelta(minutes=1), timedelta(minutes=3))
"""Before a mail that the server did not take is tried again; a code that comes later than that helps nobody."""

_CHECK = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_CODE = re.compile(r"[0-9]{6}\Z")


@dataclass(frozen=True, slots=True)
class Check:
    """A code that was sent, or waits to be; `guest` came in with it."""

    check_hash: bytes
    invite_id: InviteId
    meeting_id: MeetingId
    address: str
    language: str
    expires_at: datetime
    tries: int
    verified: bool
    failures: int


def check_hash(check: str) -> bytes:
    """Return what is stored of a check's secret, or refuse what cannot be one."""
    if not _CHECK.match(check):
        raise unknown()
    return hashlib.sha256(check.encode("ascii")).digest()


def code_of(key: bytes, hashed: bytes) -> str:
    """Return the code of a check."""
    digest = hmac.digest(key, b"passerelle mail code " + hashed, hashlib.sha256)
    return f"{int.from_bytes(digest[:8], 'big') % 1_000_000:06d}"


def typed(raw: str) -> str:
    """Return what somebody typed as a code, without the spaces that mail programs put into it, or ""."""
    code = "".join(raw[:32].split()).replace("-", "")
    return code if _CODE.match(code) else ""


def require_code(of_address: int, of_meeting: int) -> None:
    """Refuse another code where there were too many."""
    if of_address >= MAX_CODES or of_meeting >= MAX_CODES_OF_MEETING:
        raise Refused(
            429,
            "PASSERELLE_CODE_TOO_MANY",
            "Codes were sent several times. Look into the spam folder, or ask for another in an hour.",
            retry_after_s=int(FORGET_AFTER.total_seconds()),
        )


def require_live(check: Check | None, now: datetime) -> None:
    """Refuse a check whose time or tries are over; a code that was right stays right while somebody waits."""
    if check is None:
        raise unknown()
    if now >= check.expires_at and not check.verified:
        raise Refused(410, "PASSERELLE_CODE_EXPIRED", "This code is too old. Ask for a new one.")
    if check.tries >= MAX_TRIES:
        raise Refused(410, "PASSERELLE_CODE_TRIES", "This code was typed wrongly too often. Ask for a new one.")


def wrong(tries: int) -> Refused:
    """Return the answer to a code that is not the one that was sent, after so many tries."""
    left = MAX_TRIES - tries
    return Refused(403, "PASSERELLE_CODE_WRONG", f"This is not the code that we sent. Tries left: {left}.")


def needed() -> Refused:
    """Return the answer to a guest without a code where the host asks for one."""
    return Refused(
        403,
        "PASSERELLE_EMAIL_NEEDED",
        "The host asks guests for a mail address. Give yours, and type the code we send.",
    )


def unknown() -> Refused:
    """Return the answer to what no code was sent for."""
    return Refused(404, "PASSERELLE_CODE_UNKNOWN", "No code was sent for this, or long ago. Ask for a new one.")
