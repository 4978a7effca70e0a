# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does the database know of access, beyond who has it: since when, whom an act ended, who waits?"""

from __future__ import annotations

ACCESS = """
-- For partners of before: since this upgrade.
ALTER TABLE partners ADD COLUMN since timestamptz NOT NULL DEFAULT now();
-- Stays when `users` is forgotten.
ALTER TABLE revocations ADD COLUMN people integer NOT NULL DEFAULT 0;
"""

WAITING_CHECKS = """
-- The mail address that somebody in the queue has shown to be theirs.
ALTER TABLE lobby_places ADD COLUMN check_hash bytea REFERENCES mail_checks (check_hash) ON DELETE SET NULL;
CREATE INDEX lobby_places_by_check ON lobby_places (check_hash) WHERE check_hash IS NOT NULL;
"""
