# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What lets people in now, over one meeting or all: each kind is read from its tables as the same columns.

Whoever looks through all is an operator; their text is looked for in what stands there (`needle`), without accents and
case. A link itself is found by its hash.
"""

# ruff: noqa: S608  # only the sources of this module are pasted into statements

from __future__ import annotations

from datetime import datetime

from bridge.domain.access import PAGE, Access, Wanted
from bridge.domain.names import MeetingId
from bridge.domain.revocation import Kind
from bridge.store.database import Connection, Row

_NO_HASH = "NULL::bytea AS hash"
_SERVER = "substr(user_id, strpos(user_id, ':') + 1)"
_LINKS = """
    SELECT invites.id AS subject, coalesce(invitees.name, '') AS name, invites.organisation AS about,
        coalesce(invitees.address, '') AS email, created_by AS by, invites.created_at AS since, expires_at AS until,
        used, uses, (SELECT count(*) FROM guests WHERE invite_id = invites.id AND state = 'active')::integer AS people,
        1 AS meetings, invites.meeting_id, title, token_hash AS hash,
        concat_ws(' ', invites.id, invitees.name, invitees.address, organisation, created_by, sponsor, title) AS needle
    FROM invites JOIN meetings ON meetings.id = invites.meeting_id
    LEFT JOIN invitees ON invite_id = invites.id AND NOT withdrawn
    WHERE invites.revoked_at IS NULL AND expires_at > $1 AND meetings.state <> 'deleted'
"""
_GUESTS = f"""
    SELECT guests.user_id AS subject, guests.display_name AS name, guests.organisation AS about, guests.email,
        coalesce(invites.sponsor, contractors.sponsor) AS by, guests.created_at AS since, guests.expires_at AS until,
        0 AS used, 0 AS uses, 1 AS people, 1 AS meetings, guests.meeting_id, title, {_NO_HASH},
        concat_ws(' ', guests.user_id, guests.display_name, guests.organisation, guests.email, invites.sponsor,
            contractors.sponsor, title) AS needle
    FROM guests JOIN meetings ON meetings.id = guests.meeting_id
    LEFT JOIN invites ON invites.id = invite_id LEFT JOIN contractors ON contractors.id = contractor_id
    WHERE guests.state = 'active' AND guests.expires_at > $1
"""
_PARTNERS = f"""
    SELECT meeting_id || '/' || {_SERVER} AS subject, {_SERVER} AS name, '' AS about, '' AS email, '' AS by,
        min(since) AS since, NULL::timestamptz AS until, 0 AS used, 0 AS uses, count(*)::integer AS people,
        1 AS meetings, meeting_id, title, {_NO_HASH}, {_SERVER} || ' ' || title AS needle
    FROM partners JOIN meetings ON meetings.id = meeting_id
    WHERE partners.revoked_at IS NULL AND state <> 'deleted' AND $1::timestamptz IS NOT NULL
    GROUP BY meeting_id, title, {_SERVER}
"""
_SERVERS = f"""
    SELECT {_SERVER} AS subject, {_SERVER} AS name, '' AS about, '' AS email, '' AS by, min(since) AS since,
        NULL::timestamptz AS until, 0 AS used, 0 AS uses, count(DISTINCT user_id)::integer AS people,
        count(DISTINCT meeting_id)::integer AS meetings, NULL AS meeting_id, '' AS title, {_NO_HASH},
        concat_ws(' ', {_SERVER}, string_agg(DISTINCT title, ' ')) AS needle
    FROM partners JOIN meetings ON meetings.id = meeting_id
    WHERE partners.revoked_at IS NULL AND state <> 'deleted' AND $1::timestamptz IS NOT NULL
    GROUP BY {_SERVER}
"""
_DEVICES = f"""
    SELECT left(encode(token_hash, 'hex'), 16) AS subject, user_id AS name, agent AS about, '' AS email,
        '' AS by, created_at AS since, expires_at AS until, 0 AS used, 0 AS uses, 1 AS people, 0 AS meetings,
        NULL AS meeting_id, '' AS title, {_NO_HASH}, user_id || ' ' || agent AS needle
    FROM sessions WHERE door = 'staff' AND session_lives(sessions, $1)
"""
SOURCES: dict[Kind, str] = {
    Kind.LINK: _LINKS,
    Kind.GUEST: _GUESTS,
    Kind.PARTNERS: _PARTNERS,
    Kind.SERVER: _SERVERS,
    Kind.DEVICE: _DEVICES,
}


async def find(tx: Connection, kind: Kind, wanted: Wanted, now: datetime) -> tuple[list[Access], bool]:
    """Return what there is of a kind, the newest first, `PAGE` at most, and whether there is more."""
    before, last = wanted.after or (None, "")
    rows = await tx.rows(
        f"""SELECT found.* FROM ({SOURCES[kind]}) AS found
            WHERE ($2::text IS NULL OR meeting_id = $2)
            AND ($3 = '' OR strpos(search_plain(needle), search_plain($3)) > 0 OR hash = $4)
            AND ($5::timestamptz IS NULL OR (since, subject) < ($5, $6))
            ORDER BY since DESC, subject DESC LIMIT {PAGE + 1}""",
        now,
        wanted.meeting_id,
        wanted.text,
        wanted.link,
        before,
        last,
    )
    return [_access(kind, row) for row in rows[:PAGE]], len(rows) > PAGE


def _access(kind: Kind, row: Row) -> Access:
    meeting_id = row["meeting_id"]
    return Access(
        kind,
        row["subject"],
        row["name"],
        row["about"],
        row["email"],
        row["by"],
        row["since"],
        row["until"],
        row["used"],
        row["uses"],
        row["people"],
        row["meetings"],
        None if meeting_id is None else MeetingId(meeting_id),
        row["title"],
        row["name"] if kind is Kind.DEVICE else "",
    )
