# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Shared microphones of a meeting: marks, labels, names, and what is published anew."""

import pytest

from bots.captions.microphones import CLEAR_MS, LOOK_MS, MAX_NAME_CHARS, MAX_UTTERANCES, Heard, Microphones
from bots.captions.turns import Turn
from bots.sharing import voice_words
from tests.bots.captions.test_voices import LIKENESS, sounding

ROOM = "@salle:hs"
ANNE, BEN = sounding(0), sounding(90)


@pytest.fixture
def microphones() -> Microphones:
    return Microphones(LIKENESS, voice_words("fr"), look=True)


@pytest.fixture
def said(segment):
    """An utterance of five seconds at the room's microphone."""

    def make(number: int, text: str = "bonjour", **changes):
        start_ms = 1_700_000_000_000 + 10_000 * number
        room = {"user_id": ROOM, "display_name": "Salle", "start_ms": start_ms, "end_ms": start_ms + 5000, "rev": 3}
        room |= {"stable_chars": len(text)}
        return segment(number, text=text, **room | changes)

    return make


def by(*voices, ms: int = 5000) -> Heard:
    """How an utterance sounds in which these voices share the time."""
    each = ms // len(voices)
    turns = tuple(Turn(number * each, (number + 1) * each, f"S{number}") for number in range(len(voices)))
    return Heard(turns, {f"S{number}": voice for number, voice in enumerate(voices)})


def hear(microphones, segment, *voices):
    return microphones.heard(segment.id, ROOM, segment.start_ms, by(*voices))[0]


def shown(segments) -> list[tuple[str, str, str]]:
    return [(segment.voice, segment.display_name, segment.text) for segment in segments]


def test_whoever_has_a_microphone_of_their_own_keeps_their_name(microphones, said):
    assert microphones.said(said(1)) == [said(1)]
    assert hear(microphones, said(1), ANNE) == []


def test_a_label_comes_as_a_later_revision_of_what_was_read_already(microphones, said):
    microphones.mark(ROOM, shared=True)
    assert microphones.said(said(1)) == [said(1)]
    (labelled,) = hear(microphones, said(1), ANNE)
    assert (labelled.id, labelled.rev) == (said(1).id, said(1).rev + 1)
    assert shown([labelled]) == [("voice-1", "Voix 1 (Salle)", "bonjour")]


def test_a_label_that_is_known_first_costs_no_revision(microphones, said):
    microphones.mark(ROOM, shared=True)
    assert hear(microphones, said(1), ANNE) == []
    (labelled,) = microphones.said(said(1))
    assert (labelled.rev, labelled.voice) == (said(1).rev, "voice-1")


def test_labels_stay_the_same_through_the_meeting(microphones, said):
    microphones.mark(ROOM, shared=True)
    voices = [ANNE, BEN, ANNE, sounding(10), sounding(85), BEN]
    found = []
    for number, voice in enumerate(voices):
        microphones.said(said(number))
        found += [segment.voice for segment in hear(microphones, said(number), voice)]
    assert found == ["voice-1", "voice-2", "voice-1", "voice-1", "voice-2", "voice-2"]


def test_an_utterance_of_two_people_is_parted_where_the_second_takes_over(microphones, said):
    microphones.mark(ROOM, shared=True)
    whole = said(1, "Vous venez demain ? Oui, bien sûr.")
    microphones.said(whole)
    first, second = hear(microphones, whole, ANNE, BEN)
    assert shown([first, second]) == [
        ("voice-1", "Voix 1 (Salle)", "Vous venez demain ?"),
        ("voice-2", "Voix 2 (Salle)", "Oui, bien sûr."),
    ]
    assert (first.id, first.rev, second.rev) == (whole.id, whole.rev + 1, 1)
    assert second.start_ms == whole.start_ms + 2500


def test_who_cannot_be_told_keeps_the_owners_name(microphones, said):
    microphones.mark(ROOM, shared=True)
    microphones.said(said(1))
    assert hear(microphones, said(1), None) == []


def test_marking_a_microphone_names_what_was_said_before_and_unmarking_takes_that_back(microphones, said):
    whole = said(1, "Vous venez demain ? Oui, bien sûr.")
    microphones.said(whole)
    hear(microphones, whole, ANNE, BEN)
    assert [part.voice for part in microphones.mark(ROOM, shared=True)] == ["voice-1", "voice-2"]
    back = microphones.mark(ROOM, shared=False)
    assert [(part.text, part.display_name, part.rev) for part in back] == [
        (whole.text, "Salle", whole.rev + 2),
        ("", "Voix 2 (Salle)", 2),
    ]
    assert not microphones.wants(ROOM)


def test_two_clearly_different_voices_mark_the_microphone_once(microphones, said):
    found = []
    for number in range(6):
        microphones.said(said(number))
        heard = by(ANNE if number % 2 else BEN)
        found.append(microphones.heard(said(number).id, ROOM, said(number).start_ms, heard))
    marks = [marked for _, marked in found]
    assert marks == [False, True, False, False, False, False]
    assert [segment.voice for segment in found[1][0]] == ["voice-1", "voice-2"]
    assert CLEAR_MS <= 5000


def test_one_person_is_looked_at_for_a_while_and_then_forgotten(microphones, said):
    number = 0
    while microphones.wants("@salle:hs"):
        microphones.said(said(number))
        assert hear(microphones, said(number), ANNE) == []
        number += 1
    assert number == LOOK_MS // 5000
    assert len(microphones._microphones[ROOM].book) == 0


def test_nobody_is_looked_at_where_that_is_not_wanted():
    assert not Microphones(LIKENESS, voice_words("fr"), look=False).wants(ROOM)


def test_renaming_reaches_back_and_forward(microphones, said):
    microphones.mark(ROOM, shared=True)
    for number, voice in enumerate((ANNE, BEN, ANNE)):
        microphones.said(said(number))
        hear(microphones, said(number), voice)
    renamed = microphones.claim("voice-1", "@anne:hs", "Anne")
    assert [(segment.id, segment.display_name, segment.rev) for segment in renamed] == [
        (said(0).id, "Anne", said(0).rev + 2),
        (said(2).id, "Anne", said(2).rev + 2),
    ]
    microphones.said(said(3))
    assert shown(hear(microphones, said(3), ANNE)) == [("voice-1", "Anne", "bonjour")]


def test_a_voice_is_claimed_once_and_a_host_has_the_last_word(microphones, said):
    microphones.mark(ROOM, shared=True)
    microphones.said(said(1))
    hear(microphones, said(1), ANNE)
    assert microphones.claim("voice-1", "@anne:hs", "Anne")
    assert microphones.claim("voice-1", "@mallory:hs", "Mallory") is None
    assert shown(microphones.name("voice-1", "Dr.  Martin")) == [("voice-1", "Dr. Martin", "bonjour")]
    assert microphones.claim("voice-1", "@anne:hs", "Anne")
    assert len(microphones.name("voice-1", "x" * 500)[0].display_name) == MAX_NAME_CHARS


def test_a_voice_is_meant_by_its_number_in_either_language_or_by_its_name(microphones, said):
    microphones.mark(ROOM, shared=True)
    microphones.said(said(1))
    hear(microphones, said(1), ANNE)
    microphones.name("voice-1", "Anne Roux")
    for words in ("Voice 1", "voix 1", "1", "VOICE-1", " anne  roux "):
        assert microphones.voice_called(words) == "voice-1"
    for words in ("Voice 2", "Ben", "", "voice", "1 2"):
        assert microphones.voice_called(words) == ""


def test_a_line_names_a_voice_only_if_one_voice_stands_there(microphones, segment):
    one, two, none = segment(1, voice="voice-1"), segment(2, voice="voice-2"), segment(3)
    assert microphones.one_voice([one, none]) == "voice-1"
    assert microphones.one_voice([one, two]) == microphones.one_voice([none]) == ""


def test_after_a_restart_old_numbers_are_not_given_to_others(microphones, said, segment):
    microphones.recall([segment(1, voice="voice-3"), segment(2, voice="voice-x"), segment(3)])
    microphones.mark(ROOM, shared=True)
    microphones.said(said(1))
    assert [part.voice for part in hear(microphones, said(1), ANNE)] == ["voice-4"]


def test_after_a_restart_voices_that_are_heard_again_keep_their_numbers_and_names(microphones, said):
    lines = [("voice-1", "Voix 1 (Salle)"), ("voice-2", "Voix 2 (Salle)"), ("voice-1", "Anne")]
    microphones.recall(said(number, voice=voice, display_name=name) for number, (voice, name) in enumerate(lines))
    microphones.know(ROOM, "voice-1", by(ANNE))
    microphones.know(ROOM, "voice-2", by(BEN))
    found = []
    for number, voice in enumerate((sounding(80), sounding(5), sounding(180)), 10):
        assert microphones.said(said(number)) == [said(number)], "the microphone is known to be shared"
        found += hear(microphones, said(number), voice)
    assert [(segment.voice, segment.display_name) for segment in found] == [
        ("voice-2", "Voix 2 (Salle)"),
        ("voice-1", "Anne"),
        ("voice-3", "Voix 3 (Salle)"),
    ]
    assert microphones.voice_called("Voix 1") == microphones.voice_called("anne") == "voice-1"


def test_too_little_of_a_voice_from_before_a_restart_is_no_voice(microphones, said):
    microphones.recall([said(1, voice="voice-1")])
    microphones.know(ROOM, "voice-1", by(ANNE, ms=500))
    microphones.know(ROOM, "voice-1", Heard((), {}))
    microphones.know(ROOM, "voice-1", Heard((Turn(0, 5000, "A"),), {"A": None}))
    microphones.said(said(2))
    assert [part.voice for part in hear(microphones, said(2), ANNE)] == ["voice-2"]


def test_what_was_taken_back_stays_so(microphones, said):
    microphones.mark(ROOM, shared=True)
    assert microphones.said(said(1, "")) == [said(1, "")]
    assert hear(microphones, said(1), ANNE) == []


def test_a_long_meeting_does_not_fill_the_memory(microphones, said):
    microphones.mark(ROOM, shared=True)
    for number in range(MAX_UTTERANCES + 5):
        microphones.said(said(number))
        hear(microphones, said(number), ANNE)
    assert len(microphones.claim("voice-1", "@anne:hs", "Anne")) == MAX_UTTERANCES


def test_at_the_end_and_when_consent_ends_nothing_of_a_voice_is_left(microphones, said):
    microphones.mark(ROOM, shared=True)
    microphones.said(said(1))
    hear(microphones, said(1), ANNE)
    book = microphones._microphones[ROOM].book
    print_ = book._voices[0].total
    microphones.forget(ROOM)
    assert not print_.any()
    assert ROOM not in microphones.owners
    microphones.mark(ROOM, shared=True)
    microphones.forget_all()
    assert not microphones.owners
    assert not microphones._utterances
