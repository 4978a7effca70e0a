# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A shared microphone, heard again after the call."""

import numpy as np
import pytest

from bots.captions.turns import Turn
from bots.final.voices import labelled_turns

START_MS = 1_700_000_000_000


class Diarizer:
    """Names the voice of each second by its loudness, anew in each chunk."""

    def __init__(self) -> None:
        self.chunks: list[int] = []

    def load(self) -> None:
        pass

    def turns(self, samples):
        self.chunks.append(len(samples))
        seconds = samples.reshape(-1, 16_000).mean(axis=1)
        names = {level: f"SPEAKER_{number}" for number, level in enumerate(dict.fromkeys(seconds))}
        return [Turn(1000 * at, 1000 * at + 1000, names[level]) for at, level in enumerate(seconds)]


def said(*levels: float) -> list[np.ndarray]:
    return [np.full(16_000, level, np.float32) for level in levels]


@pytest.mark.parametrize("chunk_s", [2, 3, 100])
def test_voices_keep_their_live_labels_in_every_chunk(chunk_s):
    diarizer = Diarizer()
    live = [Turn(START_MS + 1000 * at, START_MS + 1000 * at + 900, f"voice-{1 + at % 2}") for at in range(6)]
    turns = labelled_turns(diarizer, START_MS, said(0.5, 0.25) * 3, live, chunk_s)
    assert [turn.voice for turn in turns] == ["voice-1", "voice-2"] * 3
    assert [turn.start_ms for turn in turns] == [START_MS + 1000 * at for at in range(6)]
    assert max(diarizer.chunks) <= (chunk_s + 1) * 16_000


def test_a_voice_that_was_never_labelled_live_has_no_label():
    live = [Turn(START_MS, START_MS + 1000, "voice-1")]
    turns = labelled_turns(Diarizer(), START_MS, said(0.5, 0.25), live)
    assert [turn.voice for turn in turns] == ["voice-1", ""]


def test_silence_has_no_turns():
    assert labelled_turns(Diarizer(), START_MS, [], []) == []
