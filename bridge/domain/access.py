# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What lets people in now, as those see it who may end it: links, guests, partner organisations, sign-ins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bridge.domain.errors import Refused
from bridge.domain.names import MAX_ID, MeetingId
from bridge.domain.plain import one_line
from bridge.domain.revocation import Kind

PAGE = 50
"""What one answer lists; `next` leads on. Stops: pages that never end."""
MAX_TEXT = 400
"""Characters that are looked for; a link has about 90. Stops: a text that costs more than the search."""
OF_A_MEETING = (Kind.LINK, Kind.GUEST, Kind.PARTNERS)
"""What hosts see of their meeting."""
OF_ALL = (Kind.LINK, Kind.GUEST, Kind.SERVER, Kind.DEVICE)
"""What operators see of all of them."""


@dataclass(frozen=True, slots=True)
class Access:
    """Something that lets somebody in. `kind` and `subject` are what a revocation of it is asked with.

    `name`: a guest's, whom a link was mailed to ("" for one that was handed out), a homeserver's, of whoever signed in
    (`user_id`; "" for all others). `about`: an organisation, or the browser of a sign-in. `by` made the link, or
    answers for the guest. `people`: those of a homeserver, or the guests who came by a link and are in.
    """

    kind: Kind
    subject: str
    name: str
    about: str
    email: str
    by: str
    since: datetime
    until: datetime | None
    used: int
    uses: int
    people: int
    meetings: int
    meeting_id: MeetingId | None
    title: str
    user_id: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which: of one meeting or of all, with a text in it or the hash of a link, after one that was listed before."""

    meeting_id: MeetingId | None = None
    text: str = ""
    link: bytes | None = None
    after: tuple[datetime, str] | None = None


def clean_text(raw: str) -> str:
    """Return what is looked for, or refuse it."""
    if len(raw) > MAX_TEXT:
        raise Refused(400, "PASSERELLE_BAD_QUERY", f"Please look for at most {MAX_TEXT} characters.")
    return one_line(raw)


def token_in(text: str) -> str:
    """Return what may be the secret of a link, from the link itself or what was copied of it; "" where nothing may."""
    return text.partition("?")[0].partition("#")[0].rstrip("/").rpartition("/j/")[2]


def cursor(last: Access) -> str:
    """Return how the next page is asked for."""
    return f"{last.since.isoformat()} {last.subject}"


def read_cursor(text: str) -> tuple[datetime, str] | None:
    """Return what `cursor` made, or refuse what it did not."""
    if not text:
        return None
    since, _, subject = text.partition(" ")
    try:
        at = datetime.fromisoformat(since).astimezone(UTC)
    except (ValueError, OverflowError):
        at = None
    if at is None or len(subject) > 2 * MAX_ID or "\x00" in subject:
        raise Refused(400, "PASSERELLE_BAD_QUERY", "after is not what `next` was.")
    return at, subject


def as_json(found: Access) -> Mapping[str, Any]:
    """Return the Access of the API."""
    meeting = None if found.meeting_id is None else {"id": found.meeting_id, "title": found.title}
    return {
        "kind": found.kind.value,
        "subject": found.subject,
        "name": found.name,
        "user_id": found.user_id,
        "about": found.about,
        "email": found.email,
        "by": found.by,
        "since": found.since.isoformat(timespec="seconds"),
        "until": None if found.until is None else found.until.isoformat(timespec="seconds"),
        "used": found.used,
        "uses": found.uses,
        "people": found.people,
        "meetings": found.meetings,
        "meeting": meeting,
    }
