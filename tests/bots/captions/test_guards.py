# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What models write although nobody said it."""

import pytest

from bots.captions.guards import MAX_REPEATS, clean


def cleaned(text: str, voiced_ms: int = 5000, score: float = -0.2, no_speech: float = 0.1) -> str:
    return clean(text, voiced_ms=voiced_ms, score=score, no_speech=no_speech)


@pytest.mark.parametrize(
    "text",
    [
        "Bonjour à tous.",
        "Oui, oui, oui.",
        "L'adresse est www.example.org, merci.",
        "No. No. No!",
        "Où ça ?",
        "5 à 10 %",
    ],
)
def test_words_pass_as_they_are(text):
    assert cleaned(text) == text


@pytest.mark.parametrize(
    "text",
    ["", "...", " ♪ ", "♪ la la ♪", "[Musique]", "(applaudissements)", "* bruit *", "Sous-titrage ST' 501",
     "Sous-titres réalisés par la communauté d'Amara.org", "Subtitles by the Amara.org community"],
)  # fmt: skip
def test_music_noises_and_credits_give_nothing(text):
    assert cleaned(text) == ""


def test_a_reading_that_the_model_itself_doubts_gives_nothing():
    assert cleaned("Merci.", voiced_ms=1000, no_speech=0.9, score=-1.0) == ""
    assert cleaned("Merci.", no_speech=0.9, score=-1.25) == ""
    assert cleaned("Merci.", score=-2.0) == ""
    assert cleaned("Merci.", no_speech=0.9, score=-0.1) == "Merci."


def test_a_doubt_counts_for_less_where_a_voice_was_clearly_heard():
    """Whisper base read the one so, and rightly, in a telephone prompt."""
    assert cleaned("You have also installed a", voiced_ms=2500, no_speech=0.62, score=-1.11) != ""
    assert cleaned("You have also installed a", voiced_ms=800, no_speech=0.62, score=-1.11) == ""


def test_words_over_hardly_any_voice_give_nothing():
    assert cleaned("Merci d'être venus.", voiced_ms=96) == ""


def test_a_decoder_in_a_loop_is_cut_to_a_few_repeats():
    text = "I don't know. " * 20
    assert cleaned(text, voiced_ms=20_000) == " ".join(["I don't know."] * MAX_REPEATS)


def test_a_loop_through_several_sentences_that_nobody_has_time_to_say_is_said_once():
    said = "The minutes of the last meeting are approved. We go on with the budget of next year, as was agreed."
    assert cleaned(f"{said} {said} {said} The minutes of the", voiced_ms=6_000) == said


def test_a_phrase_doubled_faster_than_anybody_speaks_is_kept_once():
    text = "Press 1 to call this number. Press 1 to call this number. Press 1 to call"
    assert cleaned(text, voiced_ms=2000) == "Press 1 to call this number."


def test_a_phrase_that_was_really_said_twice_stays():
    text = "Je suis contre. Je suis contre."
    assert cleaned(text, voiced_ms=3000) == text


def test_one_letter_repeated_without_end_is_cut():
    assert cleaned("re" + "c" * 50) == "rec"


def test_its_cost_is_bounded_for_long_texts():
    assert cleaned(" ".join(f"mot{number}" for number in range(400)), voiced_ms=60_000).endswith("mot399")


@pytest.mark.parametrize("text", ["ah " * 20, "a little bit of " * 12])
def test_a_loop_over_what_is_hardly_speech_leaves_nothing(text):
    assert cleaned(text, no_speech=0.55, score=-0.1) == ""
    assert cleaned(text, no_speech=0.3, score=-0.1) != ""


@pytest.mark.parametrize("text", ["A" + "a" * 200, "ah " * 100])
def test_what_is_nothing_but_a_loop_leaves_nothing(text):
    assert cleaned(text, no_speech=0.0, score=-0.1) == ""
