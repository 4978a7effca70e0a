# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A bot that was restarted in the middle of a meeting: what it listens to again."""

from pathlib import Path

import numpy as np
import pytest

from bots.captions.track import Speaker
from bots.final.spool import CallSpool, Spool
from bots.rehearing import ENOUGH_S, said_before

START_MS = 1_700_000_000_000
ROOM = "@salle:hs"


@pytest.fixture
def spool(tmp_path: Path) -> CallSpool:
    """Forty seconds at one microphone; the sample says which second it is of."""
    call = Spool(tmp_path).call("$call")
    writer = call.writer(Speaker("!room", "$call", ROOM, "TR_1"))
    for second in range(40):
        writer.write(np.full(16_000, second / 100, np.float32), START_MS + (second + 1) * 1000)
    writer.flush()
    return call


def heard(samples: np.ndarray) -> list[int]:
    """The seconds that were heard."""
    return [round(float(sample) * 100) for sample in samples[8000::16_000]]


def test_the_longest_lines_of_each_voice_are_heard_again_and_not_more_than_enough(spool, segment):
    def line(number: int, begin: int, end: int, voice: str, **changes):
        times = {"start_ms": START_MS + begin * 1000, "end_ms": START_MS + end * 1000}
        return segment(number, user_id=ROOM, voice=voice, **times | changes)

    said = [
        line(1, 0, 2, "voice-1"),
        line(2, 3, 5, "voice-2"),
        line(3, 6, 20, "voice-1"),
        line(4, 21, 29, "voice-1"),
        line(5, 30, 33, ""),
        line(6, 34, 36, "voice-3", track_sid="TR_gone"),
    ]
    found = {before.voice: before for before in said_before(spool, said)}
    assert set(found) == {"voice-1", "voice-2"}
    assert heard(found["voice-2"].samples) == [3, 4]
    assert heard(found["voice-1"].samples) == [*range(6, 20), *range(21, 29)]
    assert len(found["voice-1"].samples) >= ENOUGH_S * 16_000
    assert found["voice-1"].owner == ROOM


def test_where_no_sound_is_kept_there_is_nothing_to_hear(tmp_path, segment):
    assert said_before(Spool(tmp_path).call("$call"), [segment(1, voice="voice-1")]) == []
