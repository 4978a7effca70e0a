# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How the tables came to be: numbered steps, only ever appended to, never edited.

One process migrates at a time, whoever starts first; the others wait for it at an advisory lock and then find nothing
to do.
"""

from __future__ import annotations

import asyncpg

from bridge.store.database import outages
from bridge.store.upgrade_access import ACCESS, WAITING_CHECKS
from bridge.store.upgrade_errands import ERRANDS
from bridge.store.upgrade_lobby import LOBBY
from bridge.store.upgrade_mail_checks import MAIL_CHECKS
from bridge.store.upgrade_moderation import MODERATION
from bridge.store.upgrade_revocations import REVOCATIONS

_LOCK = 0x7061_7373_6572  # "passer": one number for all bridges of one database
LOCK_TIMEOUT_S = 60.0


class NewerDatabase(Exception):  # noqa: N818  # reads as what it is
    """The database was written by a newer bridge; this one must not touch it."""


_1_FIRST_TABLES = """
CREATE TABLE audit (
    seq     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL DEFAULT now(),
    actor   text NOT NULL,
    action  text NOT NULL,
    subject text NOT NULL,
    data    jsonb NOT NULL
);
CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'the audit table is append-only'; END $$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

CREATE TABLE meetings (
    id         text PRIMARY KEY,
    title      text NOT NULL,
    room_id    text NOT NULL UNIQUE,
    organizer  text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX meetings_by_organizer ON meetings (organizer);

-- Staff who opened somebody else's meeting by its link.
CREATE TABLE meeting_staff (
    meeting_id text NOT NULL REFERENCES meetings (id),
    user_id    text NOT NULL,
    PRIMARY KEY (meeting_id, user_id)
);
CREATE INDEX meeting_staff_by_user ON meeting_staff (user_id);

CREATE TABLE invites (
    id         text PRIMARY KEY,
    meeting_id text NOT NULL REFERENCES meetings (id),
    token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    uses       integer NOT NULL CHECK (uses > 0),
    used       integer NOT NULL DEFAULT 0 CHECK (used BETWEEN 0 AND uses),
    created_by text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);

-- People of other homeservers whom a link or an organiser brought in.
CREATE TABLE partners (
    meeting_id text NOT NULL REFERENCES meetings (id),
    user_id    text NOT NULL,
    invite_id  text REFERENCES invites (id),
    PRIMARY KEY (meeting_id, user_id)
);

CREATE TABLE guests (
    user_id    text PRIMARY KEY,
    meeting_id text NOT NULL REFERENCES meetings (id),
    invite_id  text NOT NULL REFERENCES invites (id),
    state      text NOT NULL CHECK (state IN ('pending', 'active', 'ending', 'ended')),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX guests_alive ON guests (state, expires_at) WHERE state <> 'ended';
CREATE INDEX guests_by_invite ON guests (invite_id);

CREATE TABLE identities (
    issuer    text NOT NULL,
    subject   text NOT NULL,
    localpart text NOT NULL UNIQUE,
    PRIMARY KEY (issuer, subject)
);

-- Between the provider's answer and the page that fetches its session: one use, one minute.
CREATE TABLE login_codes (
    code_hash    bytea PRIMARY KEY CHECK (length(code_hash) = 32),
    localpart    text NOT NULL,
    display_name text NOT NULL,
    expires_at   timestamptz NOT NULL
);

CREATE TABLE sessions (
    token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
    user_id    text NOT NULL,
    door       text NOT NULL CHECK (door IN ('staff', 'guest')),
    meeting_id text REFERENCES meetings (id),
    expires_at timestamptz NOT NULL
);
CREATE INDEX sessions_by_user ON sessions (user_id);
CREATE INDEX sessions_by_end ON sessions (expires_at);

-- Who was let into which call under which identity: identities hold colons and are never split.
CREATE TABLE call_grants (
    livekit_room text NOT NULL,
    identity     text NOT NULL,
    room_id      text NOT NULL,
    user_id      text NOT NULL,
    granted_at   timestamptz NOT NULL DEFAULT now(),
    revoked_at   timestamptz,
    PRIMARY KEY (livekit_room, identity)
);
CREATE INDEX call_grants_by_user ON call_grants (user_id, room_id);
CREATE INDEX call_grants_revoked ON call_grants (revoked_at) WHERE revoked_at IS NOT NULL;

-- What the homeserver pushed. The body goes once it was handled, the id stays so that a replay does nothing.
CREATE TABLE transactions (
    seq         bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    txn_id      text PRIMARY KEY,
    body        bytea,
    received_at timestamptz NOT NULL DEFAULT now(),
    done_at     timestamptz
);
CREATE INDEX transactions_waiting ON transactions (seq) WHERE done_at IS NULL;

CREATE TABLE segments (
    id           text PRIMARY KEY,
    room_id      text NOT NULL,
    call_id      text NOT NULL,
    user_id      text NOT NULL,
    display_name text NOT NULL,
    track_sid    text NOT NULL,
    start_ms     bigint NOT NULL,
    end_ms       bigint NOT NULL,
    text         text NOT NULL,
    stable_chars integer NOT NULL,
    lang         text NOT NULL,
    final        boolean NOT NULL,
    rev          integer NOT NULL,
    updated_at   timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX segments_by_room ON segments (room_id, start_ms DESC);
"""

_2_VOICES = """
-- Empty where the track's owner speaks; otherwise who of those at one microphone.
ALTER TABLE segments ADD COLUMN voice text NOT NULL DEFAULT '';
"""

_3_TRANSCRIPTS = """
-- How far the final pass of a call is; with a model, its transcript is there.
CREATE TABLE transcripts (
    room_id    text NOT NULL REFERENCES meetings (room_id) ON DELETE CASCADE,
    call_id    text NOT NULL,
    state      text NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed')),
    done       double precision NOT NULL CHECK (done BETWEEN 0 AND 1),
    started_ms bigint,
    ended_ms   bigint,
    model      jsonb,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (room_id, call_id)
);

CREATE TABLE paragraphs (
    room_id      text NOT NULL,
    call_id      text NOT NULL,
    id           text NOT NULL,
    start_ms     bigint NOT NULL,
    end_ms       bigint NOT NULL,
    user_id      text NOT NULL,
    display_name text NOT NULL,
    voice        text NOT NULL,
    lang         text NOT NULL,
    text         text NOT NULL,
    words        jsonb NOT NULL,
    PRIMARY KEY (room_id, call_id, id),
    FOREIGN KEY (room_id, call_id) REFERENCES transcripts (room_id, call_id) ON DELETE CASCADE
);
"""

_4_CORRECTIONS = """
-- Corrections raise what pages see as `rev`, which stays the bot's own here.
ALTER TABLE segments ADD COLUMN corrections integer NOT NULL DEFAULT 0;
ALTER TABLE segments ADD COLUMN corrected_by text NOT NULL DEFAULT '';
ALTER TABLE segments ADD COLUMN corrected_name text NOT NULL DEFAULT '';
ALTER TABLE segments ADD COLUMN corrected_at bigint NOT NULL DEFAULT 0;
CREATE INDEX segments_by_call ON segments (room_id, call_id, start_ms);
CREATE INDEX segments_corrected ON segments (room_id, corrected_at) WHERE corrected_by <> '';
ALTER TABLE paragraphs ADD COLUMN corrected_by text NOT NULL DEFAULT '';
ALTER TABLE paragraphs ADD COLUMN corrected_name text NOT NULL DEFAULT '';
ALTER TABLE paragraphs ADD COLUMN corrected_at bigint NOT NULL DEFAULT 0;

CREATE TABLE corrections (
    seq          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    room_id      text NOT NULL REFERENCES meetings (room_id) ON DELETE CASCADE,
    call_id      text NOT NULL,
    kind         text NOT NULL CHECK (kind IN ('segment', 'paragraph')),
    target       text NOT NULL,
    user_id      text NOT NULL,
    display_name text NOT NULL,
    voice        text NOT NULL,
    lang         text NOT NULL,
    start_ms     bigint NOT NULL,
    end_ms       bigint NOT NULL,
    before       text NOT NULL,
    text         text NOT NULL,
    by           text NOT NULL,
    by_name      text NOT NULL,
    at           bigint NOT NULL
);
CREATE INDEX corrections_by_call ON corrections (room_id, call_id);
CREATE INDEX corrections_by_target ON corrections (target);
"""

_5_GLOSSARIES = """
CREATE TABLE glossaries (
    room_id text PRIMARY KEY REFERENCES meetings (room_id) ON DELETE CASCADE,
    terms   text[] NOT NULL
);
"""

_6_TRANSLATIONS = """
CREATE TABLE translations (
    segment_id text NOT NULL REFERENCES segments (id) ON DELETE CASCADE,
    lang       text NOT NULL,
    rev        integer NOT NULL,
    text       text NOT NULL,
    PRIMARY KEY (segment_id, lang)
);
"""

_7_SEARCH = r"""
-- What bridge.domain.search does to one sign: lower case, no accents, typography as spaces, none of our marks.
-- A database of locale C takes every sign beyond ASCII for a letter and knows no other capitals, hence all this.
CREATE FUNCTION search_plain(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT lower(replace(replace(replace(replace(regexp_replace(regexp_replace(normalize($1, NFD),
        '[\u0300-\u036f\ue000\ue001]', '', 'g'), '[\u00a0-\u00bf\u2000-\u206f\u3000-\u303f]', ' ', 'g'),
        'œ', 'oe'), 'Œ', 'oe'), 'æ', 'ae'), 'Æ', 'ae'))
$$;
CREATE FUNCTION search_dictionary(text) RETURNS regconfig LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT CASE left($1, 2) WHEN 'fr' THEN 'pg_catalog.french'::regconfig WHEN 'en' THEN 'pg_catalog.english'::regconfig
        ELSE 'pg_catalog.simple'::regconfig END
$$;
ALTER TABLE segments ADD COLUMN search tsvector
    GENERATED ALWAYS AS (CASE WHEN final THEN to_tsvector(search_dictionary(lang), search_plain(text)) END) STORED;
ALTER TABLE paragraphs ADD COLUMN search tsvector
    GENERATED ALWAYS AS (to_tsvector(search_dictionary(lang), search_plain(text))) STORED;
CREATE INDEX segments_search ON segments USING gin (search) WHERE final;
CREATE INDEX paragraphs_search ON paragraphs USING gin (search);
-- For words that nearly everybody says: the newest lines hold some.
CREATE INDEX segments_by_time ON segments (start_ms DESC, id DESC) WHERE final;
CREATE INDEX paragraphs_by_time ON paragraphs (start_ms DESC, id DESC);
"""

_8_RETENTION = """
-- What was said goes with its meeting; nothing was ever stored for a room that is none.
DELETE FROM segments WHERE room_id NOT IN (SELECT room_id FROM meetings);
CREATE FUNCTION forget_what_was_said() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN DELETE FROM segments WHERE room_id = OLD.room_id; RETURN OLD; END $$;
CREATE TRIGGER meetings_forgotten AFTER DELETE ON meetings FOR EACH ROW EXECUTE FUNCTION forget_what_was_said();
"""

_9_LIFE = """
-- Where a meeting stands, and when somebody has to look at it again; NULL: when something happens to it.
ALTER TABLE meetings
    ADD COLUMN state text NOT NULL DEFAULT 'lobby'
        CHECK (state IN ('scheduled', 'lobby', 'live', 'ended', 'archived', 'deleted')),
    ADD COLUMN state_since timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN ended_by text,
    ADD COLUMN occupied_at timestamptz,
    ADD COLUMN starts_at timestamptz,
    ADD COLUMN ends_at timestamptz,
    ADD COLUMN more boolean NOT NULL DEFAULT false,
    ADD COLUMN wake_at timestamptz DEFAULT now(),
    ADD COLUMN agenda text NOT NULL DEFAULT '',
    ADD COLUMN locked boolean NOT NULL DEFAULT false,
    ADD COLUMN room_closed boolean NOT NULL DEFAULT false;
CREATE INDEX meetings_to_look_at ON meetings (wake_at) WHERE wake_at IS NOT NULL;
CREATE INDEX meetings_to_tidy ON meetings (state) WHERE state = 'deleted' OR (state = 'archived') <> room_closed;
CREATE INDEX guests_by_meeting ON guests (meeting_id) WHERE state <> 'ended';
-- Whatever belongs to a meeting goes with it.
ALTER TABLE meeting_staff DROP CONSTRAINT meeting_staff_meeting_id_fkey,
    ADD FOREIGN KEY (meeting_id) REFERENCES meetings (id) ON DELETE CASCADE;
ALTER TABLE invites DROP CONSTRAINT invites_meeting_id_fkey,
    ADD FOREIGN KEY (meeting_id) REFERENCES meetings (id) ON DELETE CASCADE;
ALTER TABLE partners DROP CONSTRAINT partners_meeting_id_fkey, DROP CONSTRAINT partners_invite_id_fkey,
    ADD FOREIGN KEY (meeting_id) REFERENCES meetings (id) ON DELETE CASCADE,
    ADD FOREIGN KEY (invite_id) REFERENCES invites (id) ON DELETE CASCADE;
ALTER TABLE guests DROP CONSTRAINT guests_meeting_id_fkey, DROP CONSTRAINT guests_invite_id_fkey,
    ADD FOREIGN KEY (meeting_id) REFERENCES meetings (id) ON DELETE CASCADE,
    ADD FOREIGN KEY (invite_id) REFERENCES invites (id) ON DELETE CASCADE;
ALTER TABLE sessions DROP CONSTRAINT sessions_meeting_id_fkey,
    ADD FOREIGN KEY (meeting_id) REFERENCES meetings (id) ON DELETE CASCADE;
"""

_10_SIGN_INS = """
-- What the provider says of a person, and what ends with a session: sealed, the key is in the configuration.
ALTER TABLE identities ADD COLUMN claims jsonb NOT NULL DEFAULT '{}';
ALTER TABLE identities ADD COLUMN organization text NOT NULL DEFAULT '';
ALTER TABLE identities ADD COLUMN signed_in_at timestamptz;
ALTER TABLE login_codes ADD COLUMN organization text NOT NULL DEFAULT '';
ALTER TABLE login_codes ADD COLUMN kept text NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN created_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE sessions ADD COLUMN seen_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE sessions ADD COLUMN idle_s integer NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN ended boolean NOT NULL DEFAULT false;
ALTER TABLE sessions ADD COLUMN kept text NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN agent text NOT NULL DEFAULT '';
CREATE FUNCTION session_lives(one sessions, at timestamptz) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT NOT one.ended AND one.expires_at > at
        AND (one.idle_s = 0 OR one.seen_at > at - make_interval(secs => one.idle_s))
$$;
"""

_11_SPONSORS = """
-- Who answers for the guests of a link, and for whom they come. What a guest is called is forgotten with the guest.
ALTER TABLE invites ADD COLUMN sponsor text NOT NULL DEFAULT '', ADD COLUMN organisation text NOT NULL DEFAULT '';
UPDATE invites SET sponsor = CASE WHEN created_by LIKE '@%' THEN created_by ELSE
    (SELECT organizer FROM meetings WHERE id = meeting_id) END;
ALTER TABLE guests ADD COLUMN display_name text NOT NULL DEFAULT '', ADD COLUMN organisation text NOT NULL DEFAULT '';
"""

_12_SCHEDULES = """
ALTER TABLE meetings ADD COLUMN called_off boolean NOT NULL DEFAULT false, ADD COLUMN done_until timestamptz;
-- Times are wall times of `zone`; `moves` are [recurrence id, start, duration in seconds] of each.
CREATE TABLE schedules (
    meeting_id text PRIMARY KEY REFERENCES meetings (id) ON DELETE CASCADE,
    uid        text NOT NULL UNIQUE,
    start      timestamp NOT NULL,
    zone       text NOT NULL,
    duration_s integer NOT NULL CHECK (duration_s > 0),
    rrule      text,
    exdates    timestamp[] NOT NULL,
    moves      jsonb NOT NULL,
    sequence   integer NOT NULL,
    cancelled  boolean NOT NULL
);
"""

_13_API_TOKENS = """
CREATE TABLE api_tokens (
    id         text PRIMARY KEY,
    user_id    text NOT NULL,
    name       text NOT NULL,
    scopes     text[] NOT NULL,
    token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX api_tokens_by_user ON api_tokens (user_id);
CREATE INDEX api_tokens_by_end ON api_tokens (expires_at);
"""

_14_CONTRACTORS = """
CREATE TABLE contractors (
    id           text PRIMARY KEY,
    sponsor      text NOT NULL,
    display_name text NOT NULL,
    organisation text NOT NULL,
    token_hash   bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    state        text NOT NULL CHECK (state IN ('valid', 'reminded', 'expired', 'ended')),
    created_at   timestamptz NOT NULL,
    ends_at      timestamptz NOT NULL
);
CREATE INDEX contractors_by_sponsor ON contractors (sponsor) WHERE state <> 'ended';
CREATE INDEX contractors_by_end ON contractors (ends_at) WHERE state <> 'ended';
CREATE TABLE contractor_meetings (
    contractor_id text NOT NULL REFERENCES contractors (id) ON DELETE CASCADE,
    meeting_id    text NOT NULL REFERENCES meetings (id) ON DELETE CASCADE,
    PRIMARY KEY (contractor_id, meeting_id)
);
CREATE INDEX contractor_meetings_by_meeting ON contractor_meetings (meeting_id);
-- A guest came by a link, or as the visit of a contractor.
ALTER TABLE guests ALTER COLUMN invite_id DROP NOT NULL, ADD COLUMN contractor_id text REFERENCES contractors (id),
    ADD CHECK (num_nonnulls(invite_id, contractor_id) = 1);
CREATE INDEX guests_by_contractor ON guests (contractor_id) WHERE contractor_id IS NOT NULL;
-- Where we tell staff what they have to decide.
CREATE TABLE notice_rooms (user_id text PRIMARY KEY, room_id text NOT NULL);
"""

_15_MAIL = """
-- Who is invited by mail, and what they were last told; `due_at` is when somebody has to look whether that is still so.
CREATE TABLE invitees (
    invite_id  text PRIMARY KEY REFERENCES invites (id) ON DELETE CASCADE,
    meeting_id text NOT NULL REFERENCES meetings (id) ON DELETE CASCADE,
    address    text NOT NULL,
    name       text NOT NULL,
    language   text NOT NULL,
    told       integer NOT NULL DEFAULT -1,
    told_at    timestamptz,
    withdrawn  boolean NOT NULL DEFAULT false,
    failures   integer NOT NULL DEFAULT 0,
    given_up   boolean NOT NULL DEFAULT false,
    due_at     timestamptz DEFAULT now()
);
CREATE UNIQUE INDEX invitees_by_address ON invitees (meeting_id, lower(address));
CREATE INDEX invitees_due ON invitees (due_at) WHERE due_at IS NOT NULL;
-- Whatever changes a meeting's times, or puts it away, and by whichever way: its invitees may be owed a letter.
CREATE FUNCTION invitees_are_due() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE invitees SET due_at = now(), failures = 0
        WHERE meeting_id = coalesce(to_jsonb(NEW)->>'meeting_id', to_jsonb(NEW)->>'id');
    RETURN NEW;
END $$;
CREATE TRIGGER schedules_told AFTER INSERT OR UPDATE ON schedules FOR EACH ROW EXECUTE FUNCTION invitees_are_due();
CREATE TRIGGER meetings_told AFTER UPDATE OF state, called_off ON meetings FOR EACH ROW
    WHEN (NEW.called_off OR NEW.state = 'deleted') EXECUTE FUNCTION invitees_are_due();

-- A calendar to subscribe to: the hash of each person's secret address.
CREATE TABLE calendars (
    user_id    text PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    created_at timestamptz NOT NULL
);
"""

UPGRADES: tuple[str, ...] = (
    _1_FIRST_TABLES,
    _2_VOICES,
    _3_TRANSCRIPTS,
    _4_CORRECTIONS,
    _5_GLOSSARIES,
    _6_TRANSLATIONS,
    _7_SEARCH,
    _8_RETENTION,
    _9_LIFE,
    _10_SIGN_INS,
    _11_SPONSORS,
    _12_SCHEDULES,
    _13_API_TOKENS,
    _14_CONTRACTORS,
    _15_MAIL,
    ERRANDS,
    MODERATION,
    LOBBY,
    REVOCATIONS,
    MAIL_CHECKS,
    ACCESS,
    WAITING_CHECKS,
)


async def upgrade(url: str) -> int:
    """Bring the database to this bridge's version; return how many steps that took here."""
    with outages():
        connection = await asyncpg.connect(url, timeout=LOCK_TIMEOUT_S, command_timeout=LOCK_TIMEOUT_S)
        try:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
                await connection.execute("CREATE TABLE IF NOT EXISTS version (version integer NOT NULL)")
                version = await connection.fetchval("SELECT version FROM version")
                if version is None:
                    version = 0
                    await connection.execute("INSERT INTO version (version) VALUES (0)")
                if version > len(UPGRADES):
                    msg = f"the database has version {version}, this bridge knows {len(UPGRADES)}: update the bridge"
                    raise NewerDatabase(msg)
                for step in UPGRADES[version:]:
                    await connection.execute(step)
                await connection.execute("UPDATE version SET version = $1", len(UPGRADES))
                return len(UPGRADES) - int(version)
        finally:
            await connection.close()
