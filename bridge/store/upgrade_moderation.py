# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does moderation keep? What the media server was told of people's rights, hands, and who was barred."""

MODERATION = """
-- `rights` is what the media server was told last; `rights_asked` counts the admission and the changes of the room's
-- power levels since, `rights_told` says up to which of them it was told.
ALTER TABLE call_grants
    ADD COLUMN rights       text    NOT NULL DEFAULT '',
    ADD COLUMN rights_asked integer NOT NULL DEFAULT 1,
    ADD COLUMN rights_told  integer NOT NULL DEFAULT 0;
CREATE INDEX call_grants_by_rights_due ON call_grants (room_id) WHERE rights_asked > rights_told;
-- Who says in the room that they are in its call: hands are reactions to these events.
CREATE TABLE call_members (
    room_id   text NOT NULL,
    state_key text NOT NULL,
    user_id   text NOT NULL,
    event_id  text NOT NULL,
    PRIMARY KEY (room_id, state_key)
);
CREATE INDEX call_members_by_event ON call_members (event_id);
CREATE INDEX call_members_by_user ON call_members (room_id, user_id);
-- Raised hands in order. `event_id` is the reaction that raised it, '' where a command or the page did.
CREATE TABLE hands (
    number     bigint GENERATED ALWAYS AS IDENTITY,
    meeting_id text NOT NULL REFERENCES meetings ON DELETE CASCADE,
    user_id    text NOT NULL,
    event_id   text NOT NULL DEFAULT '',
    about      text NOT NULL DEFAULT '',
    raised_at  timestamptz NOT NULL,
    PRIMARY KEY (meeting_id, user_id)
);
CREATE INDEX hands_by_event ON hands (event_id);
-- Bans in meetings' rooms, and by which link or pass each of these people came.
CREATE TABLE bars (
    meeting_id    text NOT NULL REFERENCES meetings ON DELETE CASCADE,
    user_id       text NOT NULL,
    invite_id     text,
    contractor_id text,
    display_name  text NOT NULL,
    barred_by     text NOT NULL,
    barred_at     timestamptz NOT NULL,
    PRIMARY KEY (meeting_id, user_id)
);
"""
