# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Live labels of a real conversation at one microphone: utterance by utterance, through the real models."""

import pytest

from bots.captions.microphones import Microphones
from bots.captions.segment import Segment
from bots.captions.turns import Turn, same_voices
from bots.engines.diarize import Diarizer
from bots.sharing import voice_words
from bots.voices import hear
from tests.voices import pipeline

pytestmark = pytest.mark.skipif(bool(pipeline.missing()), reason=pipeline.missing() or "all is installed")
CUT_MS = 500


def utterances(turns: list[Turn]) -> list[tuple[int, int]]:
    """Cut where nobody speaks for half a second, as the caption bot does."""
    found: list[tuple[int, int]] = []
    for turn in sorted(turns, key=lambda turn: turn.start_ms):
        if found and turn.start_ms - found[-1][1] < CUT_MS:
            found[-1] = (found[-1][0], max(found[-1][1], turn.end_ms))
        else:
            found.append((turn.start_ms, turn.end_ms))
    return found


def test_two_people_at_one_microphone_get_two_labels_that_stay_theirs(tmp_path):
    from tests.voices.mixes import mix

    diarizer = Diarizer(pipeline.make(tmp_path / "pipeline"))
    samples, reference = mix(("staff", "partner"), seed=12)
    microphones = Microphones(pipeline.LIKENESS, voice_words("en"), look=True)
    shown: dict[str, Segment] = {}
    marked = []
    for number, (start_ms, end_ms) in enumerate(utterances(reference)):
        name = f"S{number}"
        segment = Segment(name, "!r", "$c", "@s:hs", "Room", "T", start_ms, end_ms, "words " * 8, 48, "en", True, 1)
        published = microphones.said(segment)
        heard = hear(diarizer, samples[start_ms * 16 : end_ms * 16])
        changed, found = microphones.heard(name, "@s:hs", start_ms, heard)
        shown.update({part.id: part for part in [*published, *changed]})
        marked.append(found)
    assert sum(marked) == 1
    live = [Turn(part.start_ms, part.end_ms, part.voice) for part in shown.values() if part.voice and part.text]
    labels = same_voices(reference, live)
    assert sorted(labels) == ["partner", "staff"]
    right = sum(_common_ms(turn, reference, labels) for turn in live)
    assert right / sum(turn.end_ms - turn.start_ms for turn in live) > 0.85
    assert sum(turn.end_ms - turn.start_ms for turn in live) > 0.6 * sum(t.end_ms - t.start_ms for t in reference)


def _common_ms(turn: Turn, reference: list[Turn], labels: dict[str, str]) -> int:
    """How much of a labelled turn its person really spoke, pauses within it counted as spoken."""
    spoken = [t for t in reference if labels.get(t.voice) == turn.voice]
    wrong = [t for t in reference if labels.get(t.voice) != turn.voice]
    other = sum(max(0, min(turn.end_ms, t.end_ms) - max(turn.start_ms, t.start_ms)) for t in wrong)
    return turn.end_ms - turn.start_ms - other if spoken else 0
