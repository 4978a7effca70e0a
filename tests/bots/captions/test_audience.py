# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who in the call gets which version of a line."""

import pytest

from bots.captions import audience as module
from bots.captions.audience import Audience

ANA, JEAN, LATE = "@ana:hs:D", "@jean:hs:D", "@late:hs:D"
EVERYBODY = None


@pytest.fixture
def audience():
    return Audience()


def test_what_is_being_said_is_for_everybody_and_what_was_said_for_those_who_were_there(audience, segment):
    assert audience.of(segment(1, rev=1, final=False), {ANA}) is EVERYBODY
    assert audience.of(segment(1, rev=2), {ANA, JEAN}) is EVERYBODY
    assert audience.of(segment(1, rev=3, text="corrected"), {ANA, JEAN, LATE}) == {ANA, JEAN}
    assert audience.of(segment(1, rev=4, text="again"), {JEAN, LATE}) == {JEAN}
    assert audience.of(segment(1, rev=5, text=""), {JEAN, LATE}) is EVERYBODY


def test_a_version_that_is_not_newer_reaches_nobody(audience, segment):
    audience.of(segment(1, rev=2), {ANA})
    assert audience.of(segment(1, rev=2), {ANA}) == set()
    assert audience.of(segment(1, rev=1, final=False), {ANA}) == set()


def test_of_a_long_call_only_the_last_lines_are_remembered_and_forgotten_ones_never_come_as_new(
    audience, segment, monkeypatch
):
    monkeypatch.setattr(module, "MAX_LINES", 3)
    for number in range(5):
        assert audience.of(segment(number), {ANA}) is EVERYBODY
    assert audience.of(segment(4, rev=2), {ANA}) == {ANA}
    assert audience.of(segment(0, rev=2), {ANA}) == set()
    assert len(audience._lines) == 3
