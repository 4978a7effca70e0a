# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A receiver never sees that the source changed."""

import itertools
import random

from sfu.core.munge import Continuity


def test_the_first_source_keeps_its_timestamps() -> None:
    down = Continuity(500)
    down.begin(9000, 123, 1.0, 90000)
    assert 9000 + down.seq_offset == 500
    assert down.timestamp_offset == 0


def test_a_thousand_switches_leave_no_gap_in_anything() -> None:
    chance = random.Random(7)
    down = Continuity(65_000)
    now, sent, frames = 10.0, [], []
    for _ in range(1000):
        index, timestamp = chance.randrange(65536), chance.randrange(2**32)
        picture, tl0 = chance.randrange(2**15), chance.randrange(256)
        down.begin(index, timestamp, now, 90000, picture=picture, tl0=tl0)
        for _ in range(chance.randrange(1, 40)):
            out = index + down.seq_offset
            out_timestamp = (timestamp + down.timestamp_offset) & 0xFFFFFFFF
            out_picture, out_tl0 = picture + down.picture_offset, tl0 + down.tl0_offset
            sent.append(out)
            frames.append((out_timestamp, out_picture & 0x7FFF, out_tl0 & 0xFF))
            down.last_index, down.last_timestamp, down.last_time = out, out_timestamp, now
            down.last_picture, down.last_tl0 = out_picture, out_tl0
            now += 1 / 30
            index, timestamp = index + 1, (timestamp + 3000) & 0xFFFFFFFF
            picture, tl0 = picture + 1, tl0 + 1
    assert sent == list(range(65_000, 65_000 + len(sent)))
    for before, after in itertools.pairwise(frames):
        assert 2900 <= (after[0] - before[0]) & 0xFFFFFFFF <= 3100
        assert (after[1] - before[1]) & 0x7FFF == 1
        assert (after[2] - before[2]) & 0xFF == 1


def followed(down: Continuity, timestamp: int, now: float) -> None:
    down.begin(0, timestamp, now, 90000)
    down.last_index, down.last_timestamp, down.last_time = 0, timestamp, now


def test_sender_reports_align_the_timestamps_when_they_are_plausible() -> None:
    down = Continuity(0)
    followed(down, 90_000, 1.0)
    down.begin(50, 777, 1.5, 90000, aligned=90_000 + 44_000)
    assert (777 + down.timestamp_offset) & 0xFFFFFFFF == 90_000 + 44_000


def test_a_lying_sender_report_cannot_throw_the_timestamps_off() -> None:
    for lie in (90_000 + 90_000 * 3600, 90_000 - 90_000 * 3600, 90_000 + 90_000 * 3):
        down = Continuity(0)
        followed(down, 90_000, 1.0)
        down.begin(50, 777, 1.5, 90000, aligned=lie & 0xFFFFFFFF)
        assert (777 + down.timestamp_offset) & 0xFFFFFFFF == 90_000 + 45_000


def test_a_switch_within_one_picture_still_moves_the_timestamp_on() -> None:
    down = Continuity(0)
    followed(down, 90_000, 1.0)
    down.begin(50, 777, 1.0, 90000, aligned=90_000)
    assert (777 + down.timestamp_offset) & 0xFFFFFFFF == 90_001
