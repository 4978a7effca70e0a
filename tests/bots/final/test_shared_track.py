# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Labels of a shared microphone after the call; pyannote itself is tested with the engine."""

from pathlib import Path

import numpy as np
import pytest

from bots.captions.paragraphs import Voice
from bots.captions.parts import Part, Speakers
from bots.captions.track import Speaker
from bots.captions.turns import Turn
from bots.final.hearing import LongHearing
from bots.final.shared_track import voices_of
from bots.final.spool import EndedCall, LiveTurn, Spool, SpooledTrack

START_MS = 1_700_000_000_000
OWNER = Voice("@room:hs", "Room 3")
LIVE = (
    LiveTurn("TR_1", START_MS, START_MS + 2_000, "voice-1", "Ann"),
    LiveTurn("TR_1", START_MS + 60_000, START_MS + 63_000, "voice-2", "Voice 2 (Room 3)"),
)


class Hearing:
    """A diarizer that hears three turns, whatever it is given; it keeps how much that was."""

    def __init__(self) -> None:
        self.heard_ms = 0

    def load(self) -> None:
        pass

    def hear(self, samples: np.ndarray, speakers: Speakers) -> Part:
        self.heard_ms = len(samples) // 16
        return Part((Turn(0, 2_000, "B"), Turn(4_000, 7_000, "A"), Turn(7_500, 9_000, "C")), {})


@pytest.fixture
def track(tmp_path: Path) -> SpooledTrack:
    """Four seconds, a minute of nothing, and five seconds more."""
    call = Spool(tmp_path).call("$call")
    writer = call.writer(Speaker("!r", "$call", "@room:hs", "TR_1"))
    for at_ms, seconds in ((0, 4), (60_000, 5)):
        writer.write(np.zeros(seconds * 16_000, np.float32), START_MS + at_ms + seconds * 1000)
    writer.flush()
    return call.tracks()[0]


def test_voices_keep_the_labels_and_names_of_the_meeting_and_new_ones_get_the_next(track):
    hearing = Hearing()
    found = voices_of(track, OWNER, LIVE, LongHearing(hearing, 0.5), "en")
    assert hearing.heard_ms == 9_000, "all stretches in one go, so that a voice is one throughout"
    assert found.turns == (
        Turn(START_MS, START_MS + 2_000, "voice-1"),
        Turn(START_MS + 60_000, START_MS + 63_000, "voice-2"),
        Turn(START_MS + 63_500, START_MS + 65_000, "voice-3"),
    )
    names = {label: voice.display_name for label, voice in found.known.items()}
    assert names == {"voice-1": "Ann", "voice-2": "Voice 2 (Room 3)", "voice-3": "Voice 3 (Room 3)"}


def test_a_new_voice_is_named_in_the_language_of_the_meeting(track):
    found = voices_of(track, OWNER, LIVE, LongHearing(Hearing(), 0.5), "fr")
    assert found.known["voice-3"].display_name == "Voix 3 (Room 3)"


def test_without_a_diarizer_the_live_labels_stand(track):
    alone = voices_of(track, OWNER, LIVE, None, "en")
    assert [turn.voice for turn in alone.turns] == ["voice-1", "voice-2"]


def test_the_turns_of_the_meeting_reach_the_workers(tmp_path: Path, track):
    call = EndedCall("!r", "$call", 0, 1, {"@room:hs": "Room 3"}, LIVE)
    Spool(tmp_path).call("$call").end(call)
    assert list(Spool(tmp_path).ended()) == [call]
