# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does the database know of what the meetings' bot was told, and in which language it answers?"""

from __future__ import annotations

ERRANDS = """
-- What the meetings' bot has still to do.
CREATE TABLE errands (
    seq        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id   text NOT NULL UNIQUE,
    kind       text NOT NULL CHECK (kind IN ('said', 'invited', 'left')),
    room_id    text NOT NULL,
    sender     text NOT NULL,
    body       text NOT NULL,
    sent_at    timestamptz NOT NULL,
    claimed_at timestamptz,
    sign       text NOT NULL DEFAULT '',
    answer     text NOT NULL DEFAULT ''
);
CREATE INDEX errands_by_sender ON errands (sender);
-- Rooms that are no meetings, where the bot is because somebody invited it.
CREATE TABLE bot_rooms (
    room_id    text PRIMARY KEY,
    invited_by text NOT NULL
);
CREATE INDEX bot_rooms_by_inviter ON bot_rooms (invited_by);
CREATE TABLE languages (
    user_id  text PRIMARY KEY,
    language text NOT NULL
);
"""
