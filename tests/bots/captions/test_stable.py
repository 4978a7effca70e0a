# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What of a growing text is settled."""

import pytest

from bots.captions.stable import AGREE_MS, SettledText

STEP_MS = AGREE_MS // 3


def read_all(*readings: str) -> list[tuple[str, str]]:
    """Return what is settled after each reading, and the rest."""
    text, found = SettledText(), []
    for number, reading in enumerate(readings):
        shown, settled = text.read(reading, number * STEP_MS)
        found.append((shown[:settled], shown[settled:].strip()))
    return found


def test_words_are_settled_once_all_readings_of_three_seconds_agree_on_them():
    found = read_all("je crois que", "je crois que oui", "Je crois, que oui mais", "je crois que oui mais non")
    assert found == [
        ("", "je crois que"),
        ("", "je crois que oui"),
        ("", "Je crois, que oui mais"),
        ("je crois", "que oui mais non"),
    ]


@pytest.mark.parametrize("dissent", range(4))
def test_one_reading_that_says_otherwise_settles_nothing(dissent):
    readings = ["tous nos amis sont là"] * 4
    readings[dissent] = "tout nos amis sont là"
    assert read_all(*readings)[-1][0] == ""


def test_slower_readings_need_not_be_as_many():
    text = SettledText()
    text.read("je crois que oui", 0)
    shown, settled = text.read("je crois que oui", AGREE_MS)
    assert shown[:settled] == "je crois que"


def test_what_is_settled_stays_as_it_stands_and_the_new_words_follow_it():
    *_, (settled, rest), after = read_all(*["tous nos amis sont là"] * 4, "Tout non amie sont là pour toi.")
    assert settled == "tous nos amis sont"
    assert rest == "là"
    assert after == ("tous nos amis sont", "là pour toi.")


def test_a_reading_that_lost_a_settled_word_is_not_shifted():
    *_, after = read_all(*["un deux trois quatre cinq"] * 4, "un deux quatre cinq six")
    assert after == ("un deux trois quatre", "cinq six")


def test_a_reading_that_has_nothing_in_common_keeps_what_is_settled():
    *_, after = read_all(*["un deux trois quatre"] * 4, "euh")
    assert after == ("un deux trois", "")


def test_words_said_twice_are_not_taken_for_one_another():
    *_, after = read_all(*["non non non oui"] * 4, "non non non oui non non")
    assert after == ("non non non", "oui non non")


def test_an_empty_reading_is_no_trouble():
    assert read_all("", "", "", "") == [("", "")] * 4
