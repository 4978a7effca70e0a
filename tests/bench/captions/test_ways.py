# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Every way of captioning, on a real recording with the real weights."""

import pytest

from tests.bench.captions.corpus import talks
from tests.bench.captions.measure import LOCAL_AGREEMENT, OFFLINE, OURS, SHOW_ALL, Bench
from tests.bench.captions.report import document, table
from tests.bench.captions.wer import rate


@pytest.fixture(scope="module")
def rows():
    """Eleven seconds, captioned in each way."""
    return list(Bench().run(talks("tuning", "fr")[1].beginning(2), "clean"))


@pytest.fixture
def by_way(rows):
    return {row.way: row for row in rows}


def test_each_way_writes_nearly_all_of_what_was_said(by_way):
    assert set(by_way) == {OURS, LOCAL_AGREEMENT, SHOW_ALL, OFFLINE}
    for row in by_way.values():
        assert rate(row.errors) <= 0.3, (row.way, row.text)


def test_words_are_shown_soon_and_most_of_them(by_way):
    for way in (OURS, LOCAL_AGREEMENT, SHOW_ALL):
        screened = by_way[way].screened
        assert len(screened.first_word_s) >= 0.7 * screened.words
        assert min(screened.first_word_s) > -0.5
        assert max(screened.first_word_s) < 15


def test_local_agreement_takes_nothing_back_and_shows_words_later_than_showing_all(by_way):
    assert by_way[LOCAL_AGREEMENT].screened.revised == 0
    usual, soon = (sorted(by_way[way].screened.first_word_s) for way in (LOCAL_AGREEMENT, SHOW_ALL))
    assert usual[len(usual) // 2] > soon[len(soon) // 2]


def test_every_utterance_ends_with_one_final_text(by_way):
    for way in (OURS, LOCAL_AGREEMENT, SHOW_ALL):
        shown = by_way[way].shown
        finals = [each.utterance for each in shown if each.final]
        assert sorted(finals) == sorted({each.utterance for each in shown})
        for each in shown:
            assert each.text.startswith(each.stable)
            assert each.at_s > each.start_s


def test_the_document_has_the_names_that_others_read(rows):
    found = document(rows, talkers=8, der={"sample": 0.1}, der_reported={"like": 0.3})
    (lang,) = found["wer"]
    for each in (found, found["baseline"]["local_agreement"], found["baseline"]["show_all"]):
        assert 0 <= each["wer"][lang]["clean"] <= 0.3
        assert 0 <= each["offline_wer"][lang]["clean"] <= 0.3
        assert each["first_word_s"]["p50"] <= each["first_word_s"]["p90"]
        assert 0 < each["final_s"]["p95"] < 15
        assert 0 <= each["stable_revised_per_word"] <= each["revised_per_word"] or each is not found
        assert each["cpu_per_audio_s"] > 0
        assert each["talkers"] > 0
        assert each["der"] == {"sample": 0.1}
        assert each["der_reported"] == {"like": 0.3}
    assert f"WER {lang} clean" in table(found)
