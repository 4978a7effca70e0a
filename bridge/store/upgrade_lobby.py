# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does the database know of those who wait at a meeting's door?"""

LOBBY = """
ALTER TABLE meetings ADD COLUMN lobby text NOT NULL DEFAULT 'off';
CREATE TABLE lobby_places (
    id            text PRIMARY KEY,
    meeting_id    text NOT NULL REFERENCES meetings (id) ON DELETE CASCADE,
    secret_hash   bytea NOT NULL UNIQUE,
    door          text NOT NULL,
    invite_id     text REFERENCES invites (id) ON DELETE CASCADE,
    contractor_id text REFERENCES contractors (id) ON DELETE CASCADE,
    user_id       text,
    name          text NOT NULL,
    organisation  text NOT NULL,
    address_hash  bytea NOT NULL,
    state         text NOT NULL,
    since         timestamptz NOT NULL,
    seen_at       timestamptz NOT NULL,
    number        integer NOT NULL DEFAULT 0,
    decided_by    text,
    announced_at  timestamptz,
    round         integer NOT NULL DEFAULT 0
);
CREATE INDEX lobby_places_by_meeting ON lobby_places (meeting_id, number);
CREATE INDEX lobby_places_by_state ON lobby_places (state, seen_at);
CREATE TABLE lobby_cards (
    meeting_id text PRIMARY KEY REFERENCES meetings (id) ON DELETE CASCADE,
    event_id   text,
    sent_at    timestamptz,
    round      integer NOT NULL DEFAULT 0,
    stale      boolean NOT NULL DEFAULT true
);
CREATE INDEX lobby_cards_by_event ON lobby_cards (event_id);
ALTER TABLE errands DROP CONSTRAINT errands_kind_check;
ALTER TABLE errands ADD CHECK (kind IN ('said', 'invited', 'left', 'reacted'));
"""
