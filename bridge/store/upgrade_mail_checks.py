# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Which tables hold the codes by which guests show that a mail address is theirs?"""

from __future__ import annotations

MAIL_CHECKS = """
ALTER TABLE invites ADD COLUMN wants_email boolean NOT NULL DEFAULT false;
-- Shown to hosts alone, forgotten with the guest.
ALTER TABLE guests ADD COLUMN email text NOT NULL DEFAULT '';
-- A code is derived from the secret whose hash this is; neither is here. `due_at` is when it has (again) to be sent.
CREATE TABLE mail_checks (
    check_hash bytea PRIMARY KEY CHECK (length(check_hash) = 32),
    invite_id  text NOT NULL REFERENCES invites (id) ON DELETE CASCADE,
    meeting_id text NOT NULL REFERENCES meetings (id) ON DELETE CASCADE,
    address    text NOT NULL,
    language   text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    tries      integer NOT NULL DEFAULT 0,
    verified   boolean NOT NULL DEFAULT false,
    guest      text,
    failures   integer NOT NULL DEFAULT 0,
    due_at     timestamptz
);
CREATE INDEX mail_checks_by_meeting ON mail_checks (meeting_id, created_at);
CREATE INDEX mail_checks_due ON mail_checks (due_at) WHERE due_at IS NOT NULL;
"""
