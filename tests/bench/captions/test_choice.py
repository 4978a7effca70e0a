# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What is measured: every language under every condition, and what the command line chooses of that."""

import pytest

from tests.bench.captions.__main__ import heard, parsed, quick
from tests.bench.captions.conditions import CLEAN, CONDITIONS
from tests.bench.captions.corpus import LANGUAGES, talks
from tests.bench.captions.talkers import speeches


def test_every_language_is_heard_under_every_condition_and_all_of_it_clean():
    chosen = heard(parsed([]))
    assert {(talk.lang, condition) for talk, condition in chosen} == {(a, b) for a in LANGUAGES for b in CONDITIONS}
    for lang in LANGUAGES:
        clean = [talk for talk, condition in chosen if condition == CLEAN and talk.lang == lang]
        assert clean == talks("report", lang)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--lang", "fr", "--condition", "telephone"], {("fr", "telephone")}),
        (
            ["--condition", "clean", "--condition", "noise_5db"],
            {(a, b) for a in LANGUAGES for b in ("clean", "noise_5db")},
        ),
        (["--talk", "dickens", "--condition", "clean"], {("en", "clean")}),
    ],
)
def test_parts_can_be_chosen(arguments, wanted):
    assert {(talk.lang, condition) for talk, condition in heard(parsed(arguments))} == wanted


def test_the_quick_look_keeps_off_the_recordings_that_are_reported():
    reported = {talk.name for lang in LANGUAGES for talk in talks("report", lang)}
    assert {talk.lang for talk, _ in quick()} == set(LANGUAGES)
    assert not {talk.name for talk, _ in quick()} & reported


def test_eight_people_talk_without_a_stop_and_each_says_something_else():
    said = speeches(8, 20.0)
    assert [speech.lang for speech in said].count("fr") == 4
    assert len({speech.words[:5] for speech in said}) == 8
    for speech in said:
        assert len(speech.samples) == 20 * 16_000
        assert all(0 <= word.start_s <= word.end_s < 20 for word in speech.words)
        assert len(speech.words) > 20
