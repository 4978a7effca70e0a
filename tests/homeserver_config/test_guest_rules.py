# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The module's decisions; tests/integration/test_guest_limits.py asks Synapse itself."""

from datetime import UTC, datetime

import pytest
from passerelle_guests import rules

from bridge.domain.guests import guest_localpart

SERVER = "home.example:8448"
BOT = f"@passerelle:{SERVER}"
GUEST = f"@guest-6a000000-ab12:{SERVER}"
STAFF = f"@marie:{SERVER}"
RULES = rules.Rules(rules.parse({"guest_prefix": "guest-", "bot": BOT, "max_upload_bytes": 10}), SERVER)


def member(membership: str, name: str = "Gina (Guest)", avatar: str | None = None) -> rules.Member:
    return rules.Member(membership, name, avatar)


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (None, "mapping"),
        ([], "mapping"),
        ({}, "guest_prefix"),
        ({"guest_prefix": "guest-"}, "bot"),
        ({"guest_prefix": 5, "bot": BOT}, "guest_prefix"),
        ({"guest_prefix": "", "bot": BOT}, "guest_prefix"),
        ({"guest_prefix": "Guest ", "bot": BOT}, "guest_prefix"),
        ({"guest_prefix": "guest-", "bot": "passerelle"}, "bot"),
        ({"guest_prefix": "pass", "bot": BOT}, "bot"),
        ({"guest_prefix": "guest-", "bot": BOT, "max_upload_bytes": -1}, "max_upload_bytes"),
        ({"guest_prefix": "guest-", "bot": BOT, "max_upload_bytes": True}, "max_upload_bytes"),
        ({"guest_prefix": "guest-", "bot": BOT, "max_upload_bytes": rules.MAX_UPLOAD_BYTES + 1}, "max_upload_bytes"),
        ({"guest_prefix": "guest-", "bot": BOT, "guests": "x"}, "'guests'"),
    ],
)
def test_a_configuration_that_cannot_be_meant_says_which_key(raw, what):
    with pytest.raises(rules.BadConfigError, match=what):
        rules.parse(raw)


def test_a_guest_is_over_at_the_second_that_the_bridge_wrote_into_its_name():
    end = datetime(2026, 11, 22, 8, 20, tzinfo=UTC)
    user = f"@{guest_localpart('guest-', end, 'ab12')}:{SERVER}"
    assert RULES.is_guest(user)
    assert not RULES.is_over(user, end.timestamp() - 0.1)
    assert RULES.is_over(user, end.timestamp())


@pytest.mark.parametrize(
    "localpart", ["guest-", "guest-1", "guest-ab12", "guest-6a000000", "guest-6A000000-ab", "guest-x-y"]
)
def test_a_guest_whose_name_says_no_end_is_over(localpart):
    assert RULES.is_over(f"@{localpart}:{SERVER}", 0.0)


def test_people_of_other_servers_are_no_guests_of_ours_whatever_their_name():
    for user in (f"@guest-1:{SERVER}0", "@guest-1:other", f"@x:guest-:{SERVER}"):
        assert not RULES.is_guest(user)
    assert not RULES.is_guest(STAFF)
    assert RULES.is_guest(GUEST)


@pytest.mark.parametrize(
    ("inviter", "invitee", "may"),
    [
        (STAFF, "@p:other", True),
        (BOT, GUEST, True),
        (STAFF, GUEST, False),
        ("@p:other", GUEST, False),
        (GUEST, STAFF, False),
        (GUEST, GUEST, False),
    ],
)
def test_who_may_invite_whom(inviter, invitee, may):
    assert RULES.may_invite(inviter, invitee) is may


@pytest.mark.parametrize(
    ("now", "before", "may"),
    [
        (member("join"), member("invite"), True),
        (member("join"), member("join"), True),
        (member("leave"), member("join"), True),
        (member("leave"), member("invite"), True),
        (member("join", "Marie"), member("join"), False),
        (member("join", avatar="mxc://x/y"), member("join"), False),
        (member("join"), member("leave"), False),
        (member("join"), None, False),
        (member("knock"), None, False),
        (member("invite"), member("leave"), False),
        (member("ban"), member("join"), False),
    ],
)
def test_what_a_guest_may_make_of_its_own_membership(now, before, may):
    assert RULES.may_become(GUEST, GUEST, now, before) is may
    assert RULES.may_become(STAFF, STAFF, now, before), "others are judged by Synapse alone"
    assert not RULES.may_become(GUEST, STAFF, now, before)


@pytest.mark.parametrize(("size", "may"), [(0, False), (1, True), (10, True), (11, False), (-1, False)])
def test_files_have_a_size(size, may):
    assert RULES.may_upload(GUEST, size) is may
    assert RULES.may_upload(STAFF, size)
