# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""An utterance in which several people spoke, dealt out to them."""

import pytest

from bots.captions.split import MAX_PARTS, in_one_breath, split
from bots.captions.turns import Turn


def test_turns_of_one_voice_that_follow_each_other_are_one():
    turns = [Turn(0, 1000, "a"), Turn(1200, 2000, "a"), Turn(2000, 4000, "b")]
    assert in_one_breath(turns) == [Turn(0, 2000, "a"), Turn(2000, 4000, "b")]


def test_a_crumb_belongs_to_its_longer_neighbour():
    turns = [Turn(0, 3000, "a"), Turn(3000, 3400, "c"), Turn(3400, 5000, "b")]
    assert in_one_breath(turns) == [Turn(0, 3400, "a"), Turn(3400, 5000, "b")]
    assert in_one_breath([Turn(0, 300, "a")]) == [Turn(0, 300, "a")]
    assert in_one_breath([]) == []


def test_an_utterance_never_becomes_more_than_a_few_parts():
    turns = [Turn(1000 * number, 1000 * number + 900, "ab"[number % 2]) for number in range(20)]
    assert len(in_one_breath(turns)) <= MAX_PARTS


@pytest.mark.parametrize(
    ("text", "turn_ms", "first", "second"),
    [
        ("un deux trois quatre", 500, "un deux", "trois quatre"),
        ("Vous venez demain ? Oui, bien sûr.", 480, "Vous venez demain ?", "Oui, bien sûr."),
        ("a b", 10, "", "a b"),
        ("a b", 990, "a b", ""),
    ],
)
def test_words_are_dealt_out_by_time_and_rather_at_the_end_of_a_sentence(segment, text, turn_ms, first, second):
    whole = segment(text=text, end_ms=segment().start_ms + 1000, rev=4)
    at = whole.start_ms + turn_ms
    parts = split(whole, [Turn(whole.start_ms, at, "voice-1"), Turn(at, whole.end_ms, "voice-2")])
    assert [part.text for part in parts] == [text for text in (first, second) if text]
    assert parts[0].id == whole.id
    assert parts[0].rev == 4
    assert parts[0].start_ms == whole.start_ms
    assert parts[-1].end_ms == whole.end_ms
    if first and second:
        assert [part.voice for part in parts] == ["voice-1", "voice-2"]
        assert parts[1].id != whole.id
        assert parts[1].start_ms == parts[0].end_ms == at


def test_one_voice_keeps_the_utterance_whole(segment):
    whole = segment(text="bonjour")
    (part,) = split(whole, [Turn(whole.start_ms, whole.end_ms, "voice-1")])
    assert (part.id, part.text, part.voice) == (whole.id, "bonjour", "voice-1")
