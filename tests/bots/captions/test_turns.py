# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Voices of two lists of turns, matched by time."""

from bots.captions.turns import Turn, same_voices


def test_voices_are_the_same_that_speak_at_the_same_time():
    live = [Turn(0, 1000, "voice-1"), Turn(1000, 3000, "voice-2"), Turn(3500, 4000, "voice-1")]
    final = [Turn(0, 1100, "B"), Turn(1100, 3000, "A"), Turn(3400, 4000, "B")]
    assert same_voices(final, live) == {"A": "voice-2", "B": "voice-1"}


def test_a_voice_has_one_partner_and_the_longest_common_time_decides():
    live = [Turn(0, 3000, "voice-1")]
    final = [Turn(0, 1000, "A"), Turn(1000, 3000, "B")]
    assert same_voices(final, live) == {"B": "voice-1"}


def test_voices_that_only_one_side_heard_have_no_partner():
    assert same_voices([Turn(0, 10, "A")], [Turn(10, 20, "voice-1")]) == {}
