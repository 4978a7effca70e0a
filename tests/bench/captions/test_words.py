# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Two ways of writing the same words are the same; other words are not."""

import pytest

from tests.bench.captions.words import spelled, words


@pytest.mark.parametrize(
    ("lang", "written", "spoken"),
    [
        ("en", "I'm sorry, Mr. Smith: press 12!", "i am sorry mister smith press twelve"),
        ("en", "Don’t re-enter your voice mail's PIN.", "do not re enter your voicemail s pin"),
        ("en", "28,800 bits", "twenty eight thousand eight hundred bits"),
        ("fr", "L’appel n'est pas — hélas ! — terminé.", "l appel n est pas hélas terminé"),
        ("fr", "A la boite vocale, à midi", "a la boîte vocale a midi"),
        ("fr", "Appuyez sur 1 ou 71 #", "appuyez sur un ou soixante et onze dièse"),
    ],
)
def test_the_same_words_are_the_same(lang, written, spoken):
    assert " ".join(words(written, lang)) == spoken


@pytest.mark.parametrize(("lang", "left", "right"), [("fr", "là", "la"), ("en", "six", "sick"), ("fr", "un", "une")])
def test_other_words_stay_other(lang, left, right):
    assert words(left, lang) != words(right, lang)


@pytest.mark.parametrize(
    ("number", "en", "fr"),
    [
        (0, "zero", "zéro"),
        (17, "seventeen", "dix-sept"),
        (21, "twenty one", "vingt et un"),
        (80, "eighty", "quatre-vingts"),
        (81, "eighty one", "quatre-vingt un"),
        (99, "ninety nine", "quatre-vingt dix-neuf"),
        (1200, "one thousand two hundred", "mille deux cents"),
        (500_000, "five hundred thousand", "cinq cents mille"),
    ],
)
def test_numbers_are_spelled(number, en, fr):
    assert (spelled(number, "en"), spelled(number, "fr")) == (en, fr)
