# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Words of the final pass, given to the voices of a shared microphone."""

import pytest

from bots.captions.paragraphs import Utterance, Voice, Word, joined
from bots.captions.turns import Turn
from bots.captions.wordvoices import by_voice, named_as_live

SALLE = Voice("@salle:hs", "Salle")
NAMES = {"voice-1": "Anne", "voice-2": "Voix 2 (Salle)"}


def utterance(*words: tuple[int, int, str]) -> Utterance:
    return Utterance(SALLE, "fr", tuple(Word(*word) for word in words))


def parted(said: Utterance, turns: list[Turn]) -> list[tuple[str, str, str]]:
    return [(part.voice.voice, part.voice.display_name, joined(part.words)) for part in by_voice(said, turns, NAMES)]


def test_an_utterance_is_parted_between_the_words_of_two_voices():
    said = utterance((0, 400, "Vous"), (400, 900, " venez ?"), (1100, 1500, " Oui"), (1500, 1900, " bien."))
    assert parted(said, [Turn(0, 950, "voice-1"), Turn(1050, 1900, "voice-2")]) == [
        ("voice-1", "Anne", "Vous venez ?"),
        ("voice-2", "Voix 2 (Salle)", "Oui bien."),
    ]


@pytest.mark.parametrize("turns", [[], [Turn(5000, 6000, "voice-1")], [Turn(0, 2000, "")]])
def test_words_of_nobody_stay_the_owners(turns):
    said = utterance((0, 400, "Vous"), (400, 900, " venez ?"))
    assert by_voice(said, turns, NAMES) == [said]


def test_a_word_just_past_the_end_of_a_turn_belongs_to_it():
    said = utterance((1000, 1200, "Oui"))
    assert parted(said, [Turn(0, 900, "voice-1")]) == [("voice-1", "Anne", "Oui")]


def test_names_given_live_stay():
    live = [Turn(0, 1000, "voice-2"), Turn(1000, 2000, "voice-1")]
    found = [Turn(0, 900, "A"), Turn(1000, 2000, "B"), Turn(5000, 5500, "C")]
    assert [turn.voice for turn in named_as_live(found, live)] == ["voice-2", "voice-1", ""]
