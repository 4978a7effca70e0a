# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The figures are what a reader sees, worked out by hand."""

import pytest

from tests.bench.captions.corpus import Phrase, Talk, Word
from tests.bench.captions.measure import WAYS, Row
from tests.bench.captions.report import document, targets
from tests.bench.captions.screen import Screened, Shown, final_text, judge
from tests.bench.captions.wer import Errors, errors, interval, rate

SAID = [Word("we", 0.0, 0.5), Word("had", 0.5, 1.0), Word("nothing", 1.0, 2.0), Word("yes", 4.0, 4.5)]


def shown(at_s, text, *, stable="", final=False, utterance="a", start_s=0.0, end_s=2.2):
    return Shown(at_s, utterance, start_s, end_s, text, text if final else stable, final)


def measured(*each):
    return judge(each, SAID, "en", audio_s=6.0, cpu_s=3.0)


def test_a_word_counts_from_its_end_to_the_first_time_it_stands_in_its_place():
    found = measured(shown(1.2, "We had"), shown(2.5, "We had nothing.", final=True))
    assert found.first_word_s == pytest.approx([0.7, 0.2, 0.5])


def test_a_word_that_was_not_yet_said_is_a_lucky_guess_and_not_counted():
    found = measured(shown(0.9, "We had nothing"))
    assert len(found.first_word_s) == 2


def test_a_final_text_counts_from_the_last_word_before_the_pause():
    found = measured(
        shown(2.9, "We had nothing.", final=True),
        shown(5.0, "Yes.", final=True, utterance="b", start_s=3.9, end_s=4.7),
    )
    assert found.final_s == pytest.approx([0.9, 0.5])


def test_a_text_that_is_cut_while_somebody_talks_on_has_no_final_delay():
    assert measured(shown(3.0, "We had", final=True, end_s=0.9)).final_s == []


def test_a_changed_word_takes_back_all_after_it_and_a_changed_comma_nothing():
    found = measured(shown(1.2, "We had no"), shown(1.8, "We add no thing"), shown(2.5, "we, add no thing", final=True))
    assert found.revised == 2


def test_of_the_stable_part_only_its_own_words_count():
    found = measured(shown(1.2, "We had no", stable="We had"), shown(1.8, "We had none"), shown(2.5, "Me", final=True))
    assert found.stable_revised == 0
    found = measured(shown(1.2, "We had no", stable="We had"), shown(2.5, "We add none", final=True))
    assert found.stable_revised == 1


def test_what_is_left_on_the_screen_is_each_utterance_once_in_the_order_of_speaking():
    late = shown(4.0, "first", final=True)
    early = shown(3.0, "second", final=True, utterance="b", start_s=3.0)
    assert final_text([early, shown(1.0, "fist"), late]) == "first second"


def talk(lang="en"):
    phrases = (Phrase(0, 2, "We had nothing", tuple(SAID[:3])), Phrase(4, 5, "Yes", tuple(SAID[3:])))
    return Talk("talk", lang, None, phrases)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("we had nothing yes", [0, 0]),
        ("we add nothing yes", [1, 0]),
        ("we had nothing", [0, 1]),
        ("we had nothing yes yes sir", [0, 2]),
        ("", [3, 1]),
    ],
)
def test_errors_are_counted_where_they_were_made(text, wrong):
    assert [each.wrong for each in errors(talk(), text)] == wrong


def test_an_interval_holds_the_rate_and_narrows_with_more_phrases():
    few, many = [Errors(n % 3 == 0, 5) for n in range(6)], [Errors(n % 3 == 0, 5) for n in range(300)]
    for found in (few, many):
        low, high = interval(found)
        assert low <= rate(found) <= high
    assert interval(many)[1] - interval(many)[0] < interval(few)[1] - interval(few)[0]


def rows(first_s, *, wrong=0, said=1200):
    found = []
    for way in WAYS:
        for lang in ("en", "fr"):
            for condition in ("clean", "noise_20db", "noise_10db", "noise_5db", "telephone"):
                of = [Errors(wrong if way == "ours" else 0, said)]
                slow = 3 if way == "local_agreement" else 1
                screen = Screened(said, 100, 20, [first_s * slow], [0.9], 60, 3)
                found.append(Row(way, lang, condition, "talk", of, "", None if way == "offline" else screen))
    return found


def verdicts(*args, **named):
    diarized = {"talkers": 8, "der": {"sample": 0.1}} | named.pop("beside", {})
    return {each.text: each.met for each in targets(document(rows(*args, **named), **diarized))}


def test_every_target_can_be_met():
    found = verdicts(0.7)
    assert len(found) >= 12
    assert all(found.values()), found


@pytest.mark.parametrize(
    ("named", "missed"),
    [
        ({"wrong": 25}, "wer.en.clean above offline 0.021, at most 0.02"),
        ({"said": 900}, "900 words of clean speech in fr, at least 1000"),
        ({"beside": {"talkers": 7}}, "talkers 7, at least 8"),
        ({"beside": {"der": {"sample": 0.2}}}, "der.sample 0.200, at most 0.15"),
    ],
)
def test_every_target_can_be_missed(named, missed):
    assert verdicts(0.7, **named)[missed] is False


def test_late_words_miss_their_targets():
    found = verdicts(1.7)
    assert found["first_word_s.p50 1.700, at most 1.0"] is False
    assert found["first_word_s.p90 1.700, at most 1.6"] is False
    assert found["first_word_s.p50 of LocalAgreement-2's 0.333, at most 0.5"] is True
