# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A receiver never sees that the source changed."""

import itertools
import random

from sfu.core.limits_media import MAX_SKIPS
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


def test_a_thousand_switches_with_packets_left_out_lost_and_late_leave_no_gap_and_no_double() -> None:
    chance = random.Random(11)
    down = Continuity(65_000)
    expected = 65_000
    pictures: list[int] = []
    for _ in range(1000):
        start, picture = chance.randrange(65536), chance.randrange(2**15)
        down.begin(start, 0, 1.0, 90000, picture=picture)
        numbers: dict[int, int] = {}
        late: list[int] = []
        index = start
        for _ in range(chance.randrange(1, 30)):
            wanted = index == start or chance.random() < 0.6
            for part in range(chance.randrange(1, 4)):  # packets of a picture
                if part and chance.random() < 0.2:
                    late.append(index)
                elif wanted:
                    numbers[index] = index + down.seq_offset
                    down.last_index = max(down.last_index, numbers[index])
                    pictures.append((picture + down.picture_offset) & 0x7FFF)
                    down.last_picture = picture + down.picture_offset
                else:
                    down.skip(index, picture)
                index += 1
            picture += 1
        for index in late:
            offsets = down.offsets(index)
            assert offsets is not None
            numbers[index] = index + offsets[0]
        down.last_index = max(down.last_index, *numbers.values())
        assert sorted(numbers.values()) == list(range(expected, expected + len(numbers)))
        assert [numbers[index] for index in sorted(numbers)] == sorted(numbers.values())
        expected += len(numbers)
    assert all((after - before) & 0x7FFF <= 1 for before, after in itertools.pairwise(pictures))


def test_a_picture_that_is_left_out_leaves_no_gap_in_the_picture_ids() -> None:
    down = Continuity(0)
    down.begin(100, 0, 1.0, 90000, picture=40)
    sent = []
    for place, index in enumerate(range(100, 120)):
        picture = 40 + place // 2
        if (picture % 2) == 1:
            down.skip(index, picture)
        else:
            sent.append((index + down.seq_offset, picture + down.picture_offset))
    assert sent == [(number, 40 + number // 2) for number in range(10)]


def test_what_was_left_out_is_remembered_within_a_bound() -> None:
    down = Continuity(0)
    down.begin(1000, 0, 1.0, 90000)
    for index in range(1001, 1001 + 4 * MAX_SKIPS, 2):
        down.skip(index)
    assert len(down._skips) == MAX_SKIPS
    assert down.offsets(1002) is None
    newest = 1000 + 4 * MAX_SKIPS
    assert down.offsets(newest) == (down.seq_offset, down.picture_offset)
    assert down.offsets(newest - 2) == (down.seq_offset + 1, 0)
