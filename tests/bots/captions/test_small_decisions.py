# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Ids, languages, endings."""

import pytest

from bots.captions.ending import EMPTY_S, RESUMED_EMPTY_S, UNUSED_S, EmptyCall, Ending
from bots.captions.language import LanguageChoice
from bots.captions.segment import segment_id


def test_the_same_utterance_always_has_the_same_id():
    assert segment_id("$c", "TR_1", 1_700_000_000_010) == segment_id("$c", "TR_1", 1_699_999_999_960)


@pytest.mark.parametrize(
    "other", [("$d", "TR_1", 1000), ("$c", "TR_2", 1000), ("$c", "TR_1", 1100), ("$cTR_", "1", 1000)]
)
def test_another_call_track_or_time_gives_another_id(other):
    assert segment_id("$c", "TR_1", 1000) != segment_id(*other)


def test_an_id_is_safe_in_addresses_and_does_not_change_between_versions():
    assert segment_id("$c", "TR_1", 1000) == "Fs56RwBQLKKe0MNFj2vMvEQ7"
    assert all(segment_id("$c", "TR_1", t * 100).replace("-", "a").replace("_", "a").isalnum() for t in range(200))


def test_a_sure_belief_over_three_seconds_pins_the_language():
    choice = LanguageChoice(("fr", "en"))
    assert choice.observe({"fr": 0.95, "en": 0.02}, 3.2, utterance="a", final=False) == "fr"
    assert choice.pinned == "fr"


def pinned_to_french() -> LanguageChoice:
    choice = LanguageChoice(("fr", "en"))
    choice.observe({"fr": 0.95}, 3.2, utterance="a", final=True)
    return choice


def test_a_speaker_who_clearly_changes_language_is_followed():
    choice = pinned_to_french()
    assert choice.observe({"en": 0.97, "fr": 0.01}, 3.5, utterance="a", final=False) == "en"
    assert choice.pinned == "en"
    assert choice.observe({"fr": 0.97, "en": 0.01}, 3.5, utterance="a", final=False) == "fr"


def test_a_short_phrase_in_another_language_is_read_in_it_and_changes_nothing_else():
    choice = pinned_to_french()
    assert choice.observe({"en": 0.97}, 2.0, utterance="a", final=True) == "en"
    assert choice.pinned == "fr"


@pytest.mark.parametrize(
    ("belief", "seconds"), [({"en": 0.8, "fr": 0.2}, 9), ({"en": 1.0}, 1.0), ({"de": 1.0}, 9), ({}, 9)]
)
def test_a_doubtful_a_short_and_a_foreign_belief_leave_the_pinned_language(belief, seconds):
    choice = pinned_to_french()
    assert choice.observe(belief, seconds, utterance="a", final=True) == "fr"
    assert choice.pinned == "fr"


def asks(choice: LanguageChoice, seconds: float, *, utterance: str = "a", final: bool = False) -> bool:
    return choice.asks(seconds, utterance=utterance, final=final)


def test_the_model_is_asked_only_where_its_answer_can_matter():
    assert asks(LanguageChoice(("fr", "en")), 0.6)
    assert not asks(LanguageChoice(("fr",)), 9.0)
    assert not asks(pinned_to_french(), 1.0)
    assert asks(pinned_to_french(), 2.0)


def test_an_utterance_whose_language_is_clear_is_asked_about_again_only_at_its_end():
    choice = pinned_to_french()
    choice.observe({"fr": 0.9, "en": 0.1}, 2.9, utterance="a", final=False)
    assert asks(choice, 3.5), "too short to be sure"
    choice.observe({"fr": 0.9, "en": 0.1}, 3.5, utterance="a", final=False)
    assert not asks(choice, 4.0)
    assert asks(choice, 4.0, final=True)
    assert asks(choice, 4.0, utterance="b")


def test_a_short_word_pins_nothing():
    choice = LanguageChoice(("fr", "en"))
    assert choice.observe({"en": 0.9, "fr": 0.1}, 0.8, utterance="a", final=True) == "en"
    assert choice.pinned is None


def test_a_thin_belief_in_other_languages_does_not_hide_the_candidates():
    choice = LanguageChoice(("fr", "en"))
    assert choice.observe({"cy": 0.4, "en": 0.35, "fr": 0.25}, 1.0, utterance="a", final=True) == "en"


def test_a_strong_belief_in_another_language_wins():
    choice = LanguageChoice(("fr", "en"))
    assert choice.observe({"de": 0.97, "en": 0.02}, 5.0, utterance="a", final=True) == "de"


def test_doubtful_utterances_add_up_and_pin_in_the_end():
    choice = LanguageChoice(("fr", "en"))
    for _ in range(5):
        choice.observe({"fr": 0.6, "en": 0.4}, 2.0, utterance="a", final=True)
    assert choice.pinned == "fr"


def test_a_single_language_is_never_asked_for():
    assert LanguageChoice(("fr",)).pinned == "fr"


def test_a_call_ends_only_after_somebody_was_there_and_stayed_away():
    watch = EmptyCall(started=0.0)
    assert watch.look(others=False, now=100) is None
    assert watch.look(others=True, now=200) is None
    assert watch.look(others=False, now=201) is None
    assert watch.look(others=False, now=201 + EMPTY_S - 0.1) is None
    assert watch.look(others=False, now=201 + EMPTY_S) is Ending.EMPTY


def test_somebody_who_reloads_does_not_end_the_call():
    watch = EmptyCall(started=0.0)
    watch.look(others=True, now=0)
    watch.look(others=False, now=1)
    watch.look(others=True, now=4)
    assert watch.look(others=False, now=5) is None
    assert watch.look(others=False, now=9) is None


def test_a_bot_nobody_ever_joins_gives_up():
    assert EmptyCall(started=0.0).look(others=False, now=UNUSED_S - 1) is None
    assert EmptyCall(started=0.0).look(others=False, now=UNUSED_S) is Ending.UNUSED


def test_after_a_restart_an_empty_call_gets_more_time():
    watch = EmptyCall(started=0.0, resumed=True)
    assert watch.look(others=False, now=0) is None
    assert watch.look(others=False, now=RESUMED_EMPTY_S - 1) is None
    assert watch.look(others=False, now=RESUMED_EMPTY_S) is Ending.EMPTY
