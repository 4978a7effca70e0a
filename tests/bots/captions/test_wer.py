# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.captions.wer import word_error_rate, words

TEXTS = st.lists(st.sampled_from(["un", "deux", "trois", "quatre"]), min_size=1, max_size=8).map(" ".join)


@given(TEXTS, st.one_of(st.just(""), TEXTS))
def test_it_is_the_published_measure(said, written):
    assert word_error_rate(said, written) == pytest.approx(jiwer.wer(said, written))


def test_case_and_punctuation_are_no_errors():
    assert words("C’est l'été, Monsieur X.!") == ["c'est", "l'été", "monsieur", "x"]
    assert word_error_rate("And Mr. John?", "and mr john") == 0.0


def test_a_rate_of_nothing_is_refused():
    with pytest.raises(ValueError, match="nothing was said"):
        word_error_rate(" … ", "words")
