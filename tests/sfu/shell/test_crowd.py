# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What does a crowd cost? Counted in messages and in what is written and read, never in seconds."""

import pytest

from sfu.core import downlinks
from sfu.core.downlinks import SPACING_MAX_S, UNSPACED_TRACKS, spacing
from sfu.load.plan import Plan
from sfu.wire import sdp, sdp_writer
from tests.sfu.shell.crowd import Crowd

PEOPLE, PUBLISHERS, WITHIN_S = 60, 20, 2.0


@pytest.fixture(scope="module")
def crowd():
    """Sixty people within two seconds, every third with camera and microphone."""
    sdp._formats.cache_clear()
    sdp_writer._formats.cache_clear()
    made = Crowd(Plan(PEOPLE, PUBLISHERS, PUBLISHERS, 1, 16, WITHIN_S, 1.0))
    made.run()
    return made


def test_everybody_has_everybodys_tracks_in_the_end(crowd):
    others = {2 * PUBLISHERS, 2 * (PUBLISHERS - 1)}  # who publishes has not its own
    assert set(crowd.subscribed.values()) == others
    assert len(crowd.subscribed) == PEOPLE


def test_each_is_told_once_of_who_is_there_and_then_of_changes_in_one_serialisation_for_all(crowd):
    assert crowd.counts["Joined"] == PEOPLE
    # A publisher: two tracks, its media up; who watches: waits for the others' half second. Never once for each pair.
    told = crowd.counts["ParticipantsChanged"]
    assert told <= PEOPLE + 4 * PUBLISHERS + (WITHIN_S + 5.0) / 0.5
    assert told < PEOPLE * PUBLISHERS / 6


def test_a_crowd_with_cameras_comes_in_few_exchanges_of_descriptions(monkeypatch):
    def exchanges():
        made = Crowd(Plan(24, 24, 24, 1, 16, 0.6, 1.0))
        made.run()
        assert set(made.subscribed.values()) == {2 * 23}
        return made.counts["ServerOffer"] / 24

    spaced = exchanges()
    monkeypatch.setattr(downlinks, "SPACING_S", 0.0)
    assert spaced < 0.7 * exchanges()


def test_payload_types_of_a_crowd_of_equal_clients_are_written_and_read_once(crowd):
    sections = crowd.counts["offered sections"]
    assert sections > 100 * sdp_writer._formats.cache_info().misses
    assert sections > 100 * sdp._formats.cache_info().misses


def test_formats_that_a_stranger_makes_huge_are_not_kept():
    sdp._formats.cache_clear()
    attributes = sdp._Attributes({"rtpmap": ["96 VP8/90000"], "fmtp": ["96 " + "x" * sdp._FORMATS_TEXT_MAX]})
    [codec] = sdp._codecs("video", ["96"], attributes)
    assert codec.mime == "video/VP8"
    assert sdp._formats.cache_info().currsize == 0


def test_small_rooms_do_not_wait_and_large_ones_never_longer_than_a_second():
    assert spacing(UNSPACED_TRACKS) == 0.0
    assert spacing(UNSPACED_TRACKS + 1) > 0
    assert spacing(50) == pytest.approx(0.2)
    assert spacing(600) == SPACING_MAX_S
