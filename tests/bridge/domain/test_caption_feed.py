# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bridge.domain import caption_feed
from bridge.domain.caption_feed import MAX_WAITING, Backlog, Sieve
from bridge.domain.segments import Segment
from bridge.domain.translations import Translation

BASE = Segment("s", "!r", "", "@u:s", "U", "TR", 0, 1, "hello", 0, "en", final=False, rev=1)


def segment(number: int, *, rev: int = 1, final: bool = False) -> Segment:
    return replace(BASE, id=f"s{number}", rev=rev, final=final)


def test_a_newer_revision_takes_the_place_of_the_older():
    backlog = Backlog()
    backlog.put(segment(1))
    backlog.put(segment(2))
    backlog.put(segment(1, rev=3))
    backlog.put(segment(1, rev=2))
    assert [(waiting.id, waiting.rev) for waiting in backlog.take()] == [("s1", 3), ("s2", 1)]
    assert backlog.take() == []


def test_a_page_that_reads_too_slowly_loses_unfinished_text_first():
    backlog = Backlog()
    backlog.put(segment(0, final=True))
    backlog.put(segment(1))
    for number in range(2, MAX_WAITING + 1):
        backlog.put(segment(number, final=True))
    ids = {waiting.id for waiting in backlog.take()}
    assert "s1" not in ids
    assert "s0" in ids
    assert len(ids) == MAX_WAITING


def test_a_page_gets_what_was_said_since_its_reader_came_and_what_becomes_of_that():
    early, late = replace(segment(1), end_ms=999), replace(segment(2), end_ms=1000)
    of_early, of_late = (Translation(name, "!r", "en", 1, "hello") for name in ("s1", "s2"))
    corrected = replace(early, rev=2)
    sieve = Sieve(1000)
    assert sieve.through([early, late, of_early, of_late]) == [late, of_late]
    assert sieve.through([corrected, of_early, replace(late, rev=2)]) == [replace(late, rev=2)]
    assert Sieve(0).through([early, of_early]) == [early, of_early]


def test_of_a_long_meeting_only_so_many_lines_are_remembered(monkeypatch):
    monkeypatch.setattr(caption_feed, "MAX_KNOWN", 2)
    sieve = Sieve(1)
    sieve.through([segment(number) for number in range(3)])
    assert sieve.through([Translation(f"s{number}", "!r", "en", 1, "x") for number in range(3)]) == [
        Translation(f"s{number}", "!r", "en", 1, "x") for number in (1, 2)
    ]


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(1, 5), st.booleans()), max_size=600))
def test_no_more_than_the_limit_waits(puts: list[tuple[int, int, bool]]):
    backlog = Backlog()
    for number, rev, final in puts:
        backlog.put(segment(number, rev=rev, final=final))
        assert len(backlog) <= MAX_WAITING
