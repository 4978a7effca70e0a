# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What is written down about who changed what.

Rows hold identifiers, never names, captions or tokens. Each is written in the transaction of the change itself.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field


class Action(enum.StrEnum):
    """Every change that leaves a row."""

    MEETING_CREATED = "meeting_created"
    MEETING_STATE = "meeting_state"
    """`data` says what happened, and from which state to which."""
    MEETING_CHANGED = "meeting_changed"
    """`data` names what: the title, the agenda, the times."""
    MEETING_LOCKED = "meeting_locked"
    MEETING_UNLOCKED = "meeting_unlocked"
    MEETING_FORGOTTEN = "meeting_forgotten"
    HOST_CHANGED = "host_changed"
    ROLE_CHANGED = "role_changed"
    """`data` says whose, and what they are now: member or speaker."""
    RULES_CHANGED = "rules_changed"
    """`data` says what is forbidden now and to whom, or that the meeting has an audience."""
    MUTED = "muted"
    REMOVED = "removed"
    BARRED = "barred"
    UNBARRED = "unbarred"
    TOKEN_CREATED = "token_created"  # noqa: S105
    TOKEN_REVOKED = "token_revoked"  # noqa: S105
    INVITE_CREATED = "invite_created"
    INVITE_REVOKED = "invite_revoked"
    INVITEE_ADDED = "invitee_added"
    INVITEE_WITHDRAWN = "invitee_withdrawn"
    MAIL_GIVEN_UP = "mail_given_up"
    """A letter that the mail server did not take, for good or for days."""
    CALENDAR_CREATED = "calendar_created"
    CALENDAR_REVOKED = "calendar_revoked"
    GUEST_ADMITTED = "guest_admitted"
    GUEST_FAILED = "guest_failed"
    GUEST_ENDED = "guest_ended"
    GUEST_REVOKED = "guest_revoked"
    CONTRACTOR_CREATED = "contractor_created"
    CONTRACTOR_MEETINGS = "contractor_meetings"
    CONTRACTOR_RENEWED = "contractor_renewed"
    CONTRACTOR_MOVED = "contractor_moved"
    PARTNER_INVITED = "partner_invited"
    PARTNER_FAILED = "partner_failed"
    LOBBY_PLACE = "lobby_place"
    """Somebody at a meeting's door: `data` says what happened to which place, and by which door they came."""
    STAFF_SIGNED_IN = "staff_signed_in"
    STAFF_SIGNED_OUT = "staff_signed_out"
    STAFF_LINKED = "staff_linked"
    STAFF_JOINED = "staff_joined"
    STAFF_LET_IN = "staff_let_in"
    REVOKED = "revoked"
    """`data` says what kind of thing, and which act it is."""
    REVOCATION_DONE = "revocation_done"
    """Nothing of it is left; `data` says how long that took, and how many people it ended."""
    LET_IN_AGAIN = "let_in_again"
    CALL_ADMITTED = "call_admitted"
    CALL_REMOVED = "call_removed"
    MEMBER_CHANGED = "member_changed"
    CAPTION_CORRECTED = "caption_corrected"
    TRANSCRIPT_EXPORTED = "transcript_exported"


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One row: `actor` did `action` to `subject` (a meeting, an invite, a user)."""

    actor: str
    action: Action
    subject: str
    data: Mapping[str, str | int] = field(default_factory=dict)


SYSTEM = "system"
"""The actor of what happens by itself: time that ends, members that leave."""
