# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.display_name import MAX_DISPLAY_NAME, clean_display_name, clean_title
from bridge.domain.errors import Refused


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("Gina", "Gina"),
        ("  Jean   Moulin\t", "Jean Moulin"),
        ("Zoe\u0301", "Zoé"),
        ("Ada\u202elecalevoL", "AdalecalevoL"),
        ("a\u200bb\u2066c\ufeffd", "abcd"),
        ("a\x00b\x1b[31m", "ab[31m"),
        ("line\r\nbreak\u2028here", "line break here"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("x" * MAX_DISPLAY_NAME, "x" * MAX_DISPLAY_NAME),
    ],
)
def test_names_lose_what_cannot_be_seen(raw: str, clean: str):
    assert clean_display_name(raw) == clean


@pytest.mark.parametrize(
    "raw", ["", "   ", "\u202e", "\u200b\u200d", "\u3164", "\x00", "x" * 81, "x" * 10_000, "\u0301"]
)
def test_names_without_a_sign_or_without_end_are_refused(raw: str):
    with pytest.raises(Refused) as refused:
        clean_display_name(raw)
    assert (refused.value.status, refused.value.errcode) == (400, "PASSERELLE_BAD_NAME")


def test_titles_are_cleaned_the_same_way():
    assert clean_title(" Team\u202e meeting\n") == "Team meeting"
    with pytest.raises(Refused):
        clean_title("x" * 121)


@given(st.text(max_size=200))
def test_a_clean_name_is_short_visible_and_stays_as_it_is(raw: str):
    try:
        name = clean_display_name(raw)
    except Refused:
        return
    assert 0 < len(name) <= MAX_DISPLAY_NAME
    assert not any(unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} for sign in name)
    assert not set(name) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")
    assert clean_display_name(name) == name
