# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What was sent is matched with what a receiver says of it."""

import pytest

from sfu.core.limits_media import SEND_LOG
from sfu.core.send_log import OVERHEAD, SendLog
from sfu.core.twcc import TransportFeedback


def sent(count, size=1000):
    log = SendLog()
    return log, [log.note(number / 100, size) for number in range(count)]


def said(base, count, *received):
    return TransportFeedback(base & 0xFFFF, count, tuple((offset, 10 * offset) for offset in received), 0)


def test_what_came_is_found_with_its_sending_time_and_size():
    log, numbers = sent(10)
    came, missing = log.resolve(said(numbers[2], 4, 0, 3))
    assert came == [(pytest.approx(0.02), 0, 1000 + OVERHEAD), (pytest.approx(0.05), 30, 1000 + OVERHEAD)]
    assert missing == 2


def test_nothing_counts_twice_and_late_packets_are_missing_no_more():
    log, numbers = sent(10)
    assert log.resolve(said(numbers[0], 4, 0, 3))[1] == 2
    came, missing = log.resolve(said(numbers[1], 4, 0, 2, 3))
    assert [at for at, _, _ in came] == [pytest.approx(0.01), pytest.approx(0.04)]
    assert missing == -1  # one came late, one is new and came; the third is still missing
    assert log.resolve(said(numbers[0], 10, *range(10)))[1] == -1


def test_what_was_never_sent_or_long_forgotten_is_not_counted():
    log, numbers = sent(3)
    assert log.resolve(said(numbers[0] + 3, 100, 5, 6)) == ([], 0)
    assert log.resolve(said(numbers[0] - 100, 50, 1)) == ([], 0)
    log, numbers = sent(SEND_LOG + 100)
    came, _ = log.resolve(said(numbers[0], 101, 0, 99, 100))
    assert [at for at, _, _ in came] == [pytest.approx(1.0)]


def test_numbers_wrap():
    log, numbers = sent(70_000)
    came, _ = log.resolve(said(numbers[-1], 1, 0))
    assert len(came) == 1
