# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Retransmission: bounded in memory, in number and in time."""

import itertools

from sfu.core.history import History
from sfu.core.limits_media import MAX_RESENDS


def filled(size: int, packets: int) -> History[str]:
    history: History[str] = History(size)
    for index in range(packets):
        history.ring[index & history.mask] = (index, f"packet {index}", index * 10, 0, 0, 0, 0.0)
    return history


def test_a_kept_packet_is_found_across_the_wrap() -> None:
    history = filled(256, 65536 + 10)
    assert history.take(5, 0.0, 0.1) == (65541, "packet 65541", 655410, 0, 0)
    assert history.take(65535, 0.0, 0.1) == (65535, "packet 65535", 655350, 0, 0)


def test_what_was_overwritten_or_never_sent_is_not_found() -> None:
    history = filled(256, 1000)
    assert history.take(1000 - 257, 0.0, 0.1) is None
    assert history.take(1000, 0.0, 0.1) is None
    assert len(history.ring) == 256


def test_a_packet_is_not_resent_too_often_or_too_soon() -> None:
    history = filled(256, 10)
    times = [now / 100 for now in range(200) if history.take(5, now / 100, 0.1) is not None]
    assert len(times) == MAX_RESENDS
    assert all(after - before >= 0.1 for before, after in itertools.pairwise(times))


def test_nothing_is_left_after_clearing() -> None:
    history = filled(256, 10)
    history.clear()
    assert history.take(5, 0.0, 0.1) is None
