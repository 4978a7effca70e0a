# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which tables remember what was revoked, and what is still to end for it?"""

from __future__ import annotations

REVOCATIONS = """
-- Homeservers and people who are let in nowhere.
CREATE TABLE barred (
    name      text PRIMARY KEY,
    barred_by text NOT NULL,
    barred_at timestamptz NOT NULL
);
-- Each act; whom it ended is forgotten when it is done.
CREATE TABLE revocations (
    id       text PRIMARY KEY,
    kind     text NOT NULL,
    subject  text NOT NULL,
    actor    text NOT NULL,
    asked_at timestamptz NOT NULL,
    users    text[] NOT NULL,
    done_at  timestamptz
);
CREATE INDEX revocations_open ON revocations (asked_at) WHERE done_at IS NULL;
-- How often somebody was barred or let in again since the room was brought in line; 0: it is.
ALTER TABLE meetings ADD COLUMN bars_due integer NOT NULL DEFAULT 0;
CREATE INDEX meetings_to_bar ON meetings (state) WHERE bars_due > 0;
-- A partner who has to leave the room, because the link is gone by which they came.
ALTER TABLE partners ADD COLUMN revoked_at timestamptz;
CREATE INDEX partners_revoked ON partners (revoked_at) WHERE revoked_at IS NOT NULL;
-- Staff whose Matrix sessions have to end, all of them.
CREATE TABLE sign_outs (user_id text PRIMARY KEY, asked_at timestamptz NOT NULL);
-- On which Matrix device somebody is signed in, or was let into a call; '': before we wrote that down.
ALTER TABLE sessions ADD COLUMN device_id text NOT NULL DEFAULT '';
ALTER TABLE call_grants ADD COLUMN device_id text NOT NULL DEFAULT '';
-- Devices that were signed out: no call for them while an OpenID token of theirs may live.
CREATE TABLE ended_devices (
    user_id   text NOT NULL,
    device_id text NOT NULL,
    ended_at  timestamptz NOT NULL,
    PRIMARY KEY (user_id, device_id)
);
-- Who was taken out of a call: an SFU that was restarted has forgotten it, their tokens have not.
CREATE TABLE call_removals (
    livekit_room text NOT NULL,
    identity     text NOT NULL,
    removed_at   timestamptz NOT NULL,
    PRIMARY KEY (livekit_room, identity)
);
-- When its person last signed in: a token of somebody who does not come any more rests.
ALTER TABLE api_tokens ADD COLUMN person_seen_at timestamptz;
UPDATE api_tokens SET person_seen_at = now();
ALTER TABLE api_tokens ALTER COLUMN person_seen_at SET NOT NULL;
"""
