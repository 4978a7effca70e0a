# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The baseline does what is published of whisper_streaming: its paper's policy, and what its program does beyond."""

from tests.bench.captions.agreement import Agreement, TimedWord, as_text


def reading(text: str, *, at: float = 0.0) -> list[TimedWord]:
    """Half a second a word."""
    return [TimedWord(at + i / 2, at + (i + 1) / 2, " " + word) for i, word in enumerate(text.split())]


def test_a_first_reading_commits_nothing_and_the_second_what_both_say():
    speech = Agreement(0.0)
    assert speech.insert(reading("this is a taste")) == []
    assert as_text(speech.insert(reading("this is a test of it"))) == "this is a"
    assert as_text(speech.committed) == "this is a"


def test_words_agree_as_written_with_their_punctuation():
    speech = Agreement(0.0)
    speech.insert(reading("press six. To"))
    assert as_text(speech.insert(reading("press six, to"))) == "press"


def test_committed_words_never_change_whatever_is_read_later():
    speech = Agreement(0.0)
    speech.insert(reading("we had nothing"))
    speech.insert(reading("we had nothing before"))
    speech.insert(reading("he has nothing before us"))
    assert as_text(speech.committed) == "we had nothing before"


def test_only_the_last_two_readings_count():
    speech = Agreement(0.0)
    speech.insert(reading("one two"))
    speech.insert(reading("none two"))
    assert as_text(speech.insert(reading("one two"))) == ""
    assert as_text(speech.insert(reading("one two"))) == "one two"


def test_words_read_again_a_little_later_are_not_doubled():
    """The model's times wander by a fraction of a second."""
    speech = Agreement(0.0)
    for _ in range(2):
        speech.insert(reading("good morning everybody"))
    speech.insert(reading("good morning everybody and welcome", at=0.45))
    speech.insert(reading("good morning everybody and welcome", at=0.45))
    assert as_text(speech.committed) == "good morning everybody and welcome"


def test_the_end_of_speech_commits_the_rest():
    speech = Agreement(0.0)
    speech.insert(reading("that is all"))
    assert as_text(speech.finish()) == "that is all"
    assert speech.waiting == []


def test_a_buffer_over_15_s_is_cut_after_its_last_committed_sentence_and_prompts_with_what_left_it():
    speech = Agreement(0.0)
    for _ in range(2):
        speech.insert(reading("It was late. We went home. Then"))
    assert speech.trim(15.0) is None
    assert speech.prompt() == ""
    at = speech.trim(15.1)
    assert at == 3.0
    speech.cut(at)
    assert speech.prompt() == "It was late. We went home."


def test_a_prompt_is_the_last_200_characters_in_whole_words():
    speech = Agreement(0.0)
    for _ in range(2):
        speech.insert(reading("abcdefghi " * 60))
    speech.cut(speech.committed[-1].end_s)
    assert 180 <= len(speech.prompt()) <= 200
    assert set(speech.prompt().split()) == {"abcdefghi"}


def test_a_long_buffer_without_a_committed_sentence_stays():
    speech = Agreement(0.0)
    for _ in range(2):
        speech.insert(reading("and so on and so on"))
    assert speech.trim(20.0) is None
