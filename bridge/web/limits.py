# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""How often a stranger may try what, with the numbers in one place."""

from __future__ import annotations

import time
from collections.abc import Callable

from bridge.domain.errors import Refused
from bridge.domain.meter import Meter, Rate

INVITE_GUESSES = Rate("invite_guesses_per_address", burst=10, per_second=10 / 60)
"""Unknown links, per address; known links are never counted, so a class behind one address comes in. Stops: guesses."""
INVITE_GUESSES_GLOBAL = Rate("invite_guesses_everywhere", burst=1000, per_second=1000 / 60)
"""Unknown links, all addresses together; past it, an address is out after its first wrong guess. Stops: guessing from
many addresses, without shutting out those who hold a real link."""
INVITE_GUESSERS = Rate("invite_guessers", burst=1, per_second=1 / 600)
"""Who guessed wrongly in the last ten minutes: out while there are too many guesses everywhere. Stops: guessing slowly
from so many addresses that none of them is too fast."""
CALL_TOKENS = Rate("call_tokens_per_address", burst=200, per_second=5.0)
"""Requests to the authorisation service, per address; one join makes three. Stops: using us to flood homeservers."""
NETWORK_TESTS = Rate("network_tests_per_address", burst=30, per_second=0.5)
"""Tests of the way to the media server, per address; a class behind one address may all try theirs. Stops: one link
keeping the media server busy with tests."""
OPENID_FAILURES = Rate("openid_failures_per_address", burst=60, per_second=1.0)
"""Identities that were not confirmed, per address. Stops: guessing OpenID tokens, probing names through us."""
SIGN_INS = Rate("sign_ins_per_address", burst=300, per_second=5.0)
"""Steps of sign-ins, per address; one takes three, and a whole house behind one address begins its day at nine. Stops:
flooding the provider, guessing codes."""
NEW_MEETINGS = Rate("meetings_per_user", burst=30, per_second=30 / 3600)
"""Rooms per member of staff. Stops: filling the homeserver with rooms."""
MEETING_CHANGES = Rate("meeting_changes_per_user", burst=120, per_second=0.5)
"""What hosts do to their meetings, per person; each asks the homeserver. Stops: flooding rooms with changes."""
HANDS = Rate("hands_per_user", burst=20, per_second=0.5)
"""Hands raised and lowered, per person. Stops: a hand that goes up and down without pause."""
BOT_COMMANDS = Rate("bot_commands_per_user", burst=10, per_second=1 / 6)
"""Commands to the bot, per person. Stops: one person's flood in everybody's room."""
BOT_INVITES = Rate("bot_invites_per_user", burst=5, per_second=5 / 3600)
"""Rooms to which somebody invites the bot. Stops: the bot running from room to room."""
NEW_TOKENS = Rate("tokens_per_user", burst=10, per_second=10 / 3600)
"""API tokens per member of staff. Stops: a script making and revoking them for ever."""
NEW_INVITES = Rate("invites_per_user", burst=60, per_second=60 / 3600)
"""Links per member of staff. Stops: links without number."""
NEW_INVITEES = Rate("invitees_per_user", burst=300, per_second=300 / 86400)
"""People invited by mail, per host. Stops: our mail server made to write to strangers."""
LETTERS = Rate("letters_per_organizer", burst=1000, per_second=1000 / 86400)
"""Letters about one organiser's meetings; what is more waits. Stops: the same by changing a meeting over and over."""
CALENDAR_READS = Rate("calendar_reads_per_person", burst=30, per_second=1 / 10)
"""Readings of one subscribed calendar. Stops: a client that asks without pause."""
SEATS = Rate("seats_per_address", burst=200, per_second=2.0)
"""Pages of guests that start Element Call, per address; a class behind one has many. Stops: one page in a loop."""
SPENT_LINKS = Rate("spent_links_per_meeting", burst=100, per_second=100 / 60)
"""Tries of links that are over or used up, per meeting; those that open are not counted. Stops: hammering one link."""
MAIL_CODES = Rate("mail_codes_per_address", burst=20, per_second=20 / 600)
"""Codes for guests' mail addresses, per address that asks; a class behind one has many. Stops: writing to strangers."""
REVOCATIONS = Rate("revocations_per_user", burst=120, per_second=1.0)
"""Revocations per person. Stops: a script keeping the homeserver busy with what is over."""
PARTNER_INVITES = Rate("partner_invites_per_address", burst=20, per_second=20 / 600)
"""Invitations to other homeservers, per address or organiser. Stops: unwanted invitations sent in our name."""
PARTNER_LOOKS = Rate("partner_looks_per_address", burst=120, per_second=5.0)
"""How often pages of partners who wait ask, per address; one asks every two seconds. Stops: a page in a loop that keeps
the homeserver busy."""

LOBBY_LOOKS = Rate("lobby_looks_per_address", burst=200, per_second=2.0)
"""Pages opened or reloaded by those who wait, per address. Stops: streams opened and dropped without end."""
RETENTION = Rate("sweeps_of_old_transcripts", burst=1, per_second=1 / 600)
"""How often the sweeper looks for transcripts that are too old. Stops: every sweep reading all that was ever said."""
API_CALLS = Rate("calls_per_api_token", burst=120, per_second=2.0)
"""Requests with one API token. Stops: a script in a loop keeping the database busy."""
SEARCHES = Rate("searches_per_user", burst=60, per_second=2.0)
"""Searches per person. Stops: one window keeping the database busy."""
CORRECTIONS = Rate("corrections_per_user", burst=120, per_second=1.0)
"""Corrected lines per person. Stops: a script rewriting a meeting faster than anybody can look."""


class Limits:
    """The meters of one bridge. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._meters: dict[str, Meter] = {}

    def _meter(self, rate: Rate) -> Meter:
        return self._meters.setdefault(rate.name, Meter(rate))

    def take(self, rate: Rate, key: str) -> None:
        """Count one, or refuse (429) when there were too many."""
        self.check(rate, key)
        self._meter(rate).take(key, self._clock())

    def check(self, rate: Rate, key: str) -> None:
        """Refuse (429) when there were too many; count nothing."""
        wait_s = self._meter(rate).wait_s(key, self._clock())
        if wait_s > 0:
            raise too_many(wait_s)

    def allows(self, rate: Rate, key: str) -> bool:
        """Count one unless there were too many; tell whether it may be."""
        allowed = self._meter(rate).wait_s(key, self._clock()) <= 0
        if allowed:
            self.count(rate, key)
        return allowed

    def is_due(self, rate: Rate) -> bool:
        """Tell whether something that we do ourselves now and then is due, and count it."""
        return self.allows(rate, "")

    def count(self, rate: Rate, key: str) -> None:
        """Count one without refusing."""
        self._meter(rate).take(key, self._clock())

    def check_invite_guess(self, address: str) -> None:
        """Refuse an address that guesses links, before its link is looked up."""
        self.check(INVITE_GUESSES, address)
        now = self._clock()
        wait_s = self._meter(INVITE_GUESSES_GLOBAL).wait_s("", now)
        if wait_s > 0 and self._meter(INVITE_GUESSERS).level(address, now) > 0:
            raise too_many(wait_s)

    def count_invite_guess(self, address: str) -> None:
        """Count a link that leads nowhere."""
        self.count(INVITE_GUESSES, address)
        self.count(INVITE_GUESSERS, address)
        self.count(INVITE_GUESSES_GLOBAL, "")


def too_many(wait_s: float) -> Refused:
    """Return the answer to somebody who is too fast."""
    seconds = max(1, round(wait_s + 0.5))
    return Refused(429, "M_LIMIT_EXCEEDED", f"Too many tries. Please wait {seconds} s.", retry_after_s=seconds)
