# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Active speakers, from nothing but levels."""

from sfu.core.media import TrackSid
from sfu.core.speakers import Speakers, Window

A, B = TrackSid("TR_a"), TrackSid("TR_b")
SILENT = Window(0.0, 127)


def test_speech_is_told_and_silence_once() -> None:
    speakers = Speakers()
    first = speakers.measure({A: Window(400, 10), B: SILENT})
    assert [(level.track, level.active) for level in first] == [(A, True)]
    history = [speakers.measure({A: SILENT, B: SILENT}) for _ in range(20)]
    told = [level for levels in history for level in levels]
    assert [level.active for level in told] == [True] * (len(told) - 1) + [False]
    assert told[-1].level == 0.0
    assert history[-1] == ()


def test_levels_come_in_eighths_and_only_when_they_change() -> None:
    speakers = Speakers()
    levels = [level for _ in range(10) for level in speakers.measure({A: Window(400, 6)})]
    assert all(level.level * 8 == int(level.level * 8) for level in levels)
    assert 0 < len(levels) < 5
    assert levels[-1].level == 5 / 8  # 10 ** (-6 / 20) rounded up


def test_a_click_is_not_speech() -> None:
    speakers = Speakers()
    assert speakers.measure({A: Window(0.39 * 400, 0)}) == ()
    assert speakers.measure({A: Window(0.41 * 400, 0)}) != ()


def test_a_louder_voice_has_a_higher_level() -> None:
    speakers = Speakers()
    loud, quiet = speakers.measure({A: Window(400, 3), B: Window(400, 25)})
    assert loud.level > quiet.level > 0


def test_a_forgotten_track_starts_anew() -> None:
    speakers = Speakers()
    speakers.measure({A: Window(400, 0)})
    speakers.forget(A)
    assert speakers.measure({A: SILENT}) == ()
