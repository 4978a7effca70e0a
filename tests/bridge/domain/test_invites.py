# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import hashlib
import secrets
from datetime import UTC, datetime, timedelta

import pytest

from bridge.domain.errors import Refused
from bridge.domain.invites import (
    MAX_TTL_S,
    MAX_USES,
    MIN_TTL_S,
    TOKEN_BYTES,
    Invite,
    require_open,
    require_terms,
    require_unspent,
    require_use,
    token_hash,
)
from bridge.domain.names import InviteId, MeetingId, UserId

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def invite(
    *, used: int = 0, coming: int = 0, expires: datetime = NOW + timedelta(hours=1), revoked: datetime | None = None
) -> Invite:
    return Invite(InviteId("i"), MeetingId("m"), 2, used, expires, revoked, UserId("@marie:home"), coming=coming)


def errcode(judge, *args) -> str | None:
    try:
        judge(*args)
    except Refused as refused:
        return refused.errcode.removeprefix("PASSERELLE_INVITE_")
    return None


@pytest.mark.parametrize(
    ("link", "for_staff", "for_guests"),
    [
        (invite(), None, None),
        (invite(used=1), None, None),
        (invite(used=2), None, "USED_UP"),
        (invite(used=2, coming=1), None, "BUSY"),
        (invite(used=1, coming=1), None, None),
        (invite(used=3, coming=1), None, "USED_UP"),
        (invite(expires=NOW), "EXPIRED", "EXPIRED"),
        (invite(expires=NOW + timedelta(microseconds=1)), None, None),
        (invite(revoked=NOW), "REVOKED", "REVOKED"),
        (invite(revoked=NOW, expires=NOW, used=2), "REVOKED", "REVOKED"),
    ],
)
def test_a_link_opens_while_it_lives_and_admits_while_it_has_uses(link, for_staff, for_guests):
    assert errcode(require_open, link, NOW) == for_staff
    assert errcode(require_use, link, NOW) == for_guests


@pytest.mark.parametrize(
    ("link", "promised", "now_or_soon", "now"),
    [
        (invite(used=1), 1, None, "USED_UP"),
        (invite(used=1, coming=1), 1, None, "BUSY"),
        (invite(used=2, coming=1), 0, None, "BUSY"),
        (invite(used=2), 0, "USED_UP", "USED_UP"),
    ],
)
def test_whoever_waits_for_a_use_that_may_come_back_does_not_wait_in_vain(link, promised, now_or_soon, now):
    assert errcode(require_unspent, link, NOW) == now_or_soon
    assert errcode(lambda: require_use(link, NOW, promised=promised)) == now


def test_only_the_hash_of_a_token_is_kept_and_a_token_has_256_bits():
    token = secrets.token_urlsafe(TOKEN_BYTES)
    assert token_hash(token) == hashlib.sha256(token.encode()).digest()
    assert TOKEN_BYTES * 8 >= 128


@pytest.mark.parametrize(
    "token", ["", "x", "a" * 42, "a" * 44, "a" * 42 + "é", "a" * 42 + "\n", "../" + "a" * 40, "a" * 9999]
)
def test_what_cannot_be_a_token_has_no_hash(token: str):
    assert token_hash(token) is None


@pytest.mark.parametrize(
    ("uses", "ttl_s", "fine"),
    [
        (1, MIN_TTL_S, True),
        (MAX_USES, MAX_TTL_S, True),
        (0, 3600, False),
        (-1, 3600, False),
        (MAX_USES + 1, 3600, False),
        (1, MIN_TTL_S - 1, False),
        (1, MAX_TTL_S + 1, False),
    ],
)
def test_the_terms_of_a_link_have_bounds(uses: int, ttl_s: int, fine: bool):
    assert (errcode(require_terms, uses, ttl_s) is None) is fine
