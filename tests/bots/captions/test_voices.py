# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Voices at one microphone, as directions in a plane: the cosine of 20° is 0.94, of 45° 0.71, of 90° 0."""

from itertools import count

import numpy as np
import pytest

from bots.captions.voices import FOUND_MS, MAX_VOICES, MIN_MS, Likeness, VoiceBook

LIKENESS = Likeness(same=0.9, other=0.8, clear=0.3)


def sounding(degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    return np.array([np.cos(angle), np.sin(angle)], np.float32)


@pytest.fixture
def book() -> VoiceBook:
    return VoiceBook(LIKENESS, (f"voice-{number}" for number in count(1)))


def test_a_voice_is_recognised_however_often_others_speak_in_between(book):
    said = [book.recognise(sounding(degrees), 3000) for degrees in (0, 90, 10, 85, -10, 95, 5)]
    assert said == ["voice-1", "voice-2", "voice-1", "voice-2", "voice-1", "voice-2", "voice-1"]


def test_between_two_voices_nothing_is_guessed_and_nothing_is_learnt(book):
    book.recognise(sounding(0), 3000)
    assert [book.recognise(sounding(32), 3000) for _ in range(5)] == [""] * 5
    assert len(book) == 1


def test_short_speech_is_nobodys_and_short_new_voices_are_not_made_up(book):
    book.recognise(sounding(0), 3000)
    assert book.recognise(sounding(0), MIN_MS - 1) == ""
    assert book.recognise(None, 5000) == ""
    assert book.recognise(sounding(90), FOUND_MS - 1) == ""
    assert book.recognise(sounding(0), MIN_MS) == "voice-1"


def test_a_voice_that_changes_slowly_is_followed(book):
    for degrees in range(0, 90, 5):
        assert book.recognise(sounding(degrees), 60_000) == "voice-1"


def test_there_is_an_end_to_new_voices():
    axes = np.eye(MAX_VOICES + 1, dtype=np.float32)
    book = VoiceBook(LIKENESS, map(str, count()))
    assert all(book.recognise(axis, 3000) for axis in axes[:-1])
    assert book.recognise(axes[-1], 3000) == ""
    assert len(book) == MAX_VOICES


def test_several_people_are_clear_only_when_both_spoke_enough_and_differ_enough(book):
    book.recognise(sounding(0), 5000)
    book.recognise(sounding(60), 6000)
    assert not book.clearly_several(5000)
    book.recognise(sounding(120), 3000)
    assert not book.clearly_several(5000)
    book.recognise(sounding(120), 3000)
    assert book.clearly_several(5000)


def test_what_is_forgotten_is_overwritten(book):
    voiceprint = sounding(0)
    book.recognise(voiceprint, 3000)
    kept = book._voices[0].total
    book.forget()
    assert len(book) == 0
    assert not kept.any()
