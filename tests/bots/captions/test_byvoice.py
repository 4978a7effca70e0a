# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
from bots.captions.byvoice import by_voice
from bots.captions.paragraphs import Utterance, Voice, Word, joined
from bots.captions.turns import Turn

OWNER = Voice("@room:hs", "Room 3")
ANN, BOB = Voice("@room:hs", "Ann", "voice-1"), Voice("@room:hs", "Bob", "voice-2")
VOICES = {"voice-1": ANN, "voice-2": BOB}


def said(text: str, start_ms: int = 0) -> Utterance:
    words = (Word(start_ms + n * 400, start_ms + n * 400 + 300, f" {word}") for n, word in enumerate(text.split()))
    return Utterance(OWNER, "en", tuple(words))


def parts(utterance: Utterance, *turns: Turn) -> list[tuple[str, str]]:
    return [(part.voice.display_name, joined(part.words)) for part in by_voice(utterance, turns, VOICES)]


def test_each_word_goes_to_the_voice_that_speaks_in_its_middle():
    turns = Turn(0, 1_100, "voice-1"), Turn(1_150, 2_600, "voice-2")
    assert parts(said("how are you fine thank you"), *turns) == [("Ann", "how are you"), ("Bob", "fine thank you")]


def test_words_between_turns_go_with_the_nearest_and_farther_ones_with_the_word_before():
    assert parts(said("one two three"), Turn(0, 100, "voice-1")) == [("Ann", "one two three")]
    assert parts(said("one two", 60_000), Turn(0, 100, "voice-1")) == [("Room 3", "one two")]
    assert parts(said("a b c d e f g h"), Turn(0, 300, "voice-1")) == [("Ann", "a b c d e f g h")]


def test_a_beginning_that_no_turn_covers_goes_with_what_follows():
    assert parts(said("a b c d e f g h"), Turn(2_800, 3_100, "voice-2")) == [("Bob", "a b c d e f g h")]


def test_a_voice_that_is_the_owners_and_a_track_without_turns_are_the_owners():
    assert parts(said("one two"), Turn(0, 900, "")) == [("Room 3", "one two")]
    assert parts(said("one two")) == [("Room 3", "one two")]
