# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from bridge.domain.errors import Refused
from bridge.domain.mail_check import (
    LIFETIME,
    MAX_CODES,
    MAX_CODES_OF_MEETING,
    MAX_TRIES,
    Check,
    check_hash,
    code_of,
    require_code,
    require_live,
    typed,
)
from bridge.domain.names import InviteId, MeetingId

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)


def check(tries: int = 0) -> Check:
    return Check(
        b"h" * 32, InviteId("i"), MeetingId("m"), "a@x.example", "en", NOW + LIFETIME, tries, verified=False, failures=0
    )


def test_a_code_is_six_digits_of_its_own_for_each_check_and_key():
    codes = [code_of(b"k" * 32, check_hash("a" * 42 + sign)) for sign in "abcdefghijklmnopqrstuvwxyz"]
    assert all(len(code) == 6 and code.isdigit() for code in codes)
    assert Counter(codes).most_common(1)[0][1] <= 2
    assert codes[0] != code_of(b"l" * 32, check_hash("a" * 43))


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("123456", "123456"),
        (" 123 456 ", "123456"),
        ("123-456", "123456"),
        ("12345", ""),
        ("١٢٣٤٥٦", ""),
        ("x" * 99, ""),
    ],
)
def test_a_code_is_read_as_people_type_it(raw: str, code: str):
    assert typed(raw) == code


@pytest.mark.parametrize("raw", ["", "a" * 42, "a" * 44, "a" * 42 + "!", "é" * 43])
def test_what_is_no_check_is_refused(raw: str):
    with pytest.raises(Refused):
        check_hash(raw)


def test_a_check_lives_for_its_time_and_its_tries():
    require_live(check(MAX_TRIES - 1), NOW + LIFETIME - timedelta(seconds=1))
    for dead, now in ((None, NOW), (check(), NOW + LIFETIME), (check(MAX_TRIES), NOW)):
        with pytest.raises(Refused):
            require_live(dead, now)


def test_codes_are_few_for_an_address_and_a_meeting():
    require_code(MAX_CODES - 1, MAX_CODES_OF_MEETING - 1)
    for own, all_of_them in ((MAX_CODES, 0), (0, MAX_CODES_OF_MEETING)):
        with pytest.raises(Refused):
            require_code(own, all_of_them)
