# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The sound on disk: only of those who agree, whole after a crash, gone when it should be."""

import math
import os
import stat
from pathlib import Path

import numpy as np
import pytest

from bots.captions.track import Speaker
from bots.final.spool import FILE_S, KEEP_S, CallSpool, EndedCall, Spool
from bots.keepsound import SoundKeeper

RATE = 16_000
START_MS = 1_700_000_000_000


def speaker(user: str = "@marie:hs", track: str = "TR_1") -> Speaker:
    return Speaker("!room", "$call", user, track)


def tone(seconds: float, begin: int = 0) -> np.ndarray:
    return (np.sin(np.arange(begin, begin + round(seconds * RATE)) / 20) * 0.4).astype(np.float32)


def play(call: CallSpool, seconds: float, *, at_s: float = 0.0, **who: str) -> None:
    writer = call.writer(speaker(**who))
    samples = tone(seconds)
    for begin in range(0, len(samples), 512):
        block = samples[begin : begin + 512]
        assert writer.write(block, START_MS + at_s * 1000 + (begin + len(block)) / 16)
    writer.flush()


@pytest.fixture
def call(tmp_path: Path) -> CallSpool:
    return Spool(tmp_path / "spool").call("$call")


def test_what_was_heard_is_read_back_sample_by_sample(call: CallSpool):
    play(call, 12.3)
    (track,) = call.tracks()
    (stretch,) = track.stretches
    assert (track.user_id, track.sid, stretch.start_ms) == ("@marie:hs", "TR_1", START_MS)
    assert len(stretch.files) == math.ceil(12.3 / FILE_S)
    whole = np.concatenate(list(stretch.blocks()))
    assert np.abs(whole - tone(12.3)).max() < 1e-4
    assert stretch.samples() == len(whole)
    for begin in (1, FILE_S * RATE, FILE_S * RATE + 7, len(whole)):
        rest = list(stretch.blocks(begin))
        assert np.array_equal(np.concatenate(rest) if rest else whole[:0], whole[begin:])


def test_a_pause_of_the_track_begins_a_stretch_with_its_own_time(call: CallSpool):
    writer = call.writer(speaker())
    for at_s in (0.0, 3.0):
        for begin in range(0, RATE, 512):
            writer.write(tone(512 / RATE, begin), START_MS + at_s * 1000 + (begin + 512) / 16)
    writer.flush()
    assert [stretch.start_ms for stretch in call.tracks()[0].stretches] == [START_MS, START_MS + 3000]


def test_sound_that_was_held_up_and_comes_at_once_loses_nothing(call: CallSpool):
    writer = call.writer(speaker())
    for begin in range(0, 7 * RATE, 512):
        writer.write(tone(512 / RATE, begin), START_MS + 32)
    writer.flush()
    assert sum(stretch.samples() for stretch in call.tracks()[0].stretches) >= 7 * RATE


def test_a_crash_costs_the_last_seconds_and_nothing_before(call: CallSpool):
    writer = call.writer(speaker())
    samples = tone(11)
    writer.write(samples[: 6 * RATE], START_MS + 6000)
    writer.write(samples[6 * RATE :], START_MS + 11_000)
    (call.tracks()[0].stretches[0].files[0].parent / ".part").write_bytes(b"half a file")
    assert call.tracks()[0].stretches[0].samples() >= (11 - FILE_S) * RATE


def test_nobody_else_may_read_it(call: CallSpool, tmp_path: Path):
    play(call, 1)
    call.end(EndedCall("!room", "$call", 0, 1, {}))
    for path in (tmp_path / "spool").rglob("*"):
        expected = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) == expected, path
    assert "marie" not in " ".join(map(str, tmp_path.rglob("*"))), "names of files say nothing"


def test_who_withdraws_is_gone_at_once_and_the_others_stay(call: CallSpool):
    play(call, 6)
    play(call, 6, user="@pavel:hs", track="TR_2")
    assert call.people() == {"@marie:hs", "@pavel:hs"}
    call.keep_only(lambda user: user != "@marie:hs")
    assert [track.user_id for track in call.tracks()] == ["@pavel:hs"]
    assert call.people() == {"@pavel:hs"}


def test_after_a_withdrawal_nothing_that_was_held_is_written(call: CallSpool):
    keeper = SoundKeeper(call, speaker())
    keeper.write(tone(7), START_MS + 7000)
    call.forget("@marie:hs")
    keeper.discard()
    keeper.write(tone(7), START_MS + 14_000)
    keeper.close()
    assert call.tracks() == []


def test_a_call_has_a_limit_and_what_was_kept_before_stays(tmp_path: Path):
    call = CallSpool(tmp_path / "call", max_bytes=80_000)
    writer = call.writer(speaker())
    noise = np.random.default_rng(3).normal(0, 0.2, FILE_S * RATE).astype(np.float32)
    taken = [writer.write(noise, START_MS + (number + 1) * FILE_S * 1000) for number in range(4)]
    assert taken == [True, False, False, False]
    assert call.tracks()[0].stretches[0].samples() == FILE_S * RATE
    assert not CallSpool(tmp_path / "call", max_bytes=80_000).admit(60_000), "counted anew after a restart"


def test_a_full_or_missing_disk_costs_the_sound_and_nothing_else(tmp_path: Path):
    (tmp_path / "file").touch()
    keeper = SoundKeeper(CallSpool(tmp_path / "file" / "call"), speaker())
    keeper.write(tone(7), START_MS)
    keeper.write(tone(7), START_MS)
    keeper.close()
    nothing = SoundKeeper(None, speaker())
    nothing.write(tone(7), START_MS)
    nothing.close()


def test_only_calls_that_ended_are_handed_over(tmp_path: Path):
    spool = Spool(tmp_path)
    assert list(spool.ended()) == []
    play(spool.call("$running"), 1)
    play(spool.call("$over"), 1)
    over = EndedCall("!room", "$over", 5, 9, {"@marie:hs": "Marie"})
    spool.call("$over").end(over)
    spool.call("$silent").end(EndedCall("!room", "$silent", 5, 9, {}))
    assert list(spool.ended()) == [over]
    spool.call("$over").delete()
    assert list(spool.ended()) == []


def test_sound_that_nobody_came_for_is_deleted(tmp_path: Path):
    spool = Spool(tmp_path)
    play(spool.call("$old"), 1)
    play(spool.call("$new"), 1)
    old = spool.call("$old").tracks()[0].stretches[0].files[0].parents[1]
    for path in (old, *old.iterdir()):
        os.utime(path, (1000, 1000))
    now = max(path.stat().st_mtime for path in tmp_path.iterdir())
    assert spool.sweep(1000 + KEEP_S - 1) == 0
    assert spool.sweep(max(now, 1000 + KEEP_S + 1)) == 1
    assert spool.call("$old").tracks() == []
    assert len(spool.call("$new").tracks()) == 1


def test_a_part_of_what_was_heard_is_given_by_its_times_as_far_as_it_is_there(call: CallSpool):
    play(call, 12)
    play(call, 2, at_s=20)
    (track,) = call.tracks()
    assert np.abs(track.between(START_MS + 4_000, START_MS + 11_000) - tone(7, 4 * RATE)).max() < 1e-4
    assert len(track.between(START_MS + 11_000, START_MS + 21_000)) == 2 * RATE
    assert len(track.between(START_MS - 5_000, START_MS + 1_000)) == RATE
    assert len(track.between(START_MS + 13_000, START_MS + 14_000)) == 0
