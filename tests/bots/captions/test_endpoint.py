# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Where utterances begin and end."""

import pytest

from bots.captions.endpoint import MAX_MS, WINDOW_MS, Closed, Endpointer, Opened

VOICE, SILENCE, MURMUR = 0.9, 0.1, 0.4


def push_all(endpointer: Endpointer, probabilities: list[float]) -> list:
    return [change for probability in probabilities for change in endpointer.push(probability)]


def test_speech_opens_an_utterance_and_half_a_second_of_silence_closes_it():
    changes = push_all(Endpointer(), [SILENCE] * 10 + [VOICE] * 20 + [SILENCE] * 30)
    assert changes == [Opened(10), Closed(29, cut=False)]


def test_a_pause_shorter_than_half_a_second_does_not_close():
    assert push_all(Endpointer(), [VOICE] * 20 + [SILENCE] * 15 + [VOICE] * 5) == [Opened(0)]


@pytest.mark.parametrize(("voiced_s", "pause_ms"), [(2, 500), (4, 288), (6, 160)])
def test_the_longer_somebody_talks_the_shorter_a_pause_ends_the_utterance(voiced_s, pause_ms):
    voiced, endpointer = voiced_s * 1000 // WINDOW_MS, Endpointer()
    assert push_all(endpointer, [VOICE] * voiced + [SILENCE] * ((pause_ms - 1) // WINDOW_MS)) == [Opened(0)]
    assert endpointer.push(SILENCE) == [Closed(voiced - 1, cut=False)]


def test_a_murmur_keeps_an_utterance_open_but_does_not_open_one():
    assert push_all(Endpointer(), [MURMUR] * 50) == []
    assert push_all(Endpointer(), [VOICE] + [MURMUR] * 50) == [Opened(0)]


def test_speech_without_a_pause_is_cut_where_it_is_quietest_in_its_last_quarter():
    windows = MAX_MS // WINDOW_MS
    speech = [VOICE] * windows
    speech[200:206] = [MURMUR] * 6  # quiet, but too early
    speech[300:306] = [0.36] * 6
    changes = push_all(Endpointer(), speech)
    assert changes[0] == Opened(0)
    assert isinstance(changes[1], Closed)
    assert changes[1].cut
    assert 300 <= changes[1].last <= 305
    assert changes[2] == Opened(changes[1].last + 1)


@pytest.mark.parametrize("probability", [0.51, 0.9, 1.0])
def test_no_utterance_is_ever_longer_than_its_limit(probability):
    endpointer, begin, longest = Endpointer(), 0, 0
    for window in range(5000):
        for change in endpointer.push(probability):
            if isinstance(change, Opened):
                begin = change.window
        longest = max(longest, window - begin)
    assert longest * WINDOW_MS <= MAX_MS


def test_a_flush_closes_what_is_open_and_nothing_else():
    endpointer = Endpointer()
    assert endpointer.flush() == []
    push_all(endpointer, [VOICE] * 5 + [SILENCE] * 3)
    assert endpointer.flush() == [Closed(4, cut=False)]
    assert endpointer.flush() == []
    assert push_all(endpointer, [VOICE]) == [Opened(8)]
