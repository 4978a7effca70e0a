# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""People learn how good connections are, and which tracks do not fit theirs."""

import pytest

from sfu.core import requests
from sfu.core.media import Kind
from sfu.core.messages import MediaFlows, QualityChanged, Reconnected, StreamPaused, SubscribedQualities
from sfu.core.publishing import backup_sid
from sfu.core.quality import ConnectionQuality
from sfu.core.transports import FIRST_QUALITY_S


def qualities(person):
    return [(one.participant, one.quality) for told in person.all(QualityChanged) for one in told.qualities]


def test_a_change_is_told_to_oneself_and_to_those_who_have_ones_tracks(meeting):
    alice, bob, carol = (meeting.enter(name) for name in ("alice", "bob", "carol"))
    alice.publish(Kind.VIDEO)
    bob.publish()
    meeting.room.conditions.scored([(alice.peer, 60.0)])
    meeting.settle()
    expected = [(alice.peer, ConnectionQuality.GOOD)]
    assert qualities(alice) == qualities(bob) == qualities(carol) == expected
    meeting.room.conditions.scored([(alice.peer, 55.0), (carol.peer, 30.0)])
    meeting.settle()
    assert qualities(bob) == expected  # alice's did not change its name, and nobody has tracks of carol
    assert qualities(carol)[1:] == [(carol.peer, ConnectionQuality.POOR)]


def test_others_learn_that_nothing_comes_from_somebody_and_that_something_comes_again(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    alice.publish()
    meeting.room.transports.silent(alice.peer, meeting.now)
    meeting.settle()
    meeting.room.transports.heard(alice.peer, meeting.now)
    meeting.settle()
    assert qualities(bob) == [
        (alice.peer, ConnectionQuality.LOST),
        (alice.peer, ConnectionQuality.EXCELLENT),
    ]


def test_a_receiver_hears_which_track_does_not_fit(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    track = alice.publish(Kind.VIDEO)
    meeting.room.conditions.stream_state(bob.peer, track, paused=True)
    meeting.settle()
    assert bob.last(StreamPaused) == StreamPaused(alice.peer, track, paused=True)
    assert alice.all(StreamPaused) == []


def test_what_is_sent_in_a_second_codec_is_called_by_the_name_of_its_track(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    track = alice.publish(Kind.VIDEO)
    meeting.room.conditions.stream_state(bob.peer, backup_sid(track), paused=True)
    meeting.settle()
    assert bob.last(StreamPaused) == StreamPaused(alice.peer, track, paused=True)


@pytest.mark.parametrize("two", [False, True])
def test_who_resumes_learns_how_good_connections_are_what_does_not_fit_and_what_is_wanted(meeting, two):
    alice, bob = meeting.enter("alice"), meeting.enter("bob", two=two)
    tracks = [alice.publish(Kind.VIDEO) for _ in range(3)]
    if two:
        bob.answer()
    own = bob.publish(Kind.VIDEO)
    wanted = requests.TrackSettings((own,), disabled=True, quality=0, width=0, height=0)
    receiving = meeting.room._roster.get(bob.peer).downlink_peer
    meeting.room.conditions.stream_state(receiving, tracks[0], paused=True)
    bob.detach()
    meeting.room.conditions.stream_state(receiving, tracks[1], paused=True)
    meeting.room.conditions.stream_state(receiving, tracks[1], paused=False)
    meeting.room.conditions.scored([(alice.peer, 30.0), (bob.peer, 60.0)])
    alice.says(wanted)
    meeting.wait(6)
    meeting.forget()
    assert bob.resume()
    flows = next(index for index, message in enumerate(bob.inbox) if isinstance(message, MediaFlows))
    assert isinstance(next(message for message in bob.inbox if not hasattr(message, "sections")), Reconnected)
    told = next(index for index, message in enumerate(bob.inbox) if isinstance(message, QualityChanged))
    assert told > flows  # which calls everybody's connection excellent
    assert set(qualities(bob)) == {(alice.peer, ConnectionQuality.POOR), (bob.peer, ConnectionQuality.GOOD)}
    states = {(state.track, state.paused) for state in bob.all(StreamPaused)}
    assert states == {(tracks[0], True), (tracks[1], False)}
    assert bob.last(SubscribedQualities).track == own
    assert {highest for _, highest in bob.last(SubscribedQualities).codecs} == {-1}


def test_who_comes_later_learns_that_nothing_comes_from_somebody(meeting):
    alice = meeting.enter("alice")
    alice.publish()
    meeting.room.transports.silent(alice.peer, meeting.now)
    bob = meeting.enter("bob")
    meeting.wait(FIRST_QUALITY_S)
    assert qualities(bob) == [(alice.peer, ConnectionQuality.LOST)]


def test_what_is_gone_already_is_told_nobody(meeting):
    alice = meeting.enter("alice")
    meeting.room.conditions.scored([("PA_gone", 10.0)])
    meeting.room.conditions.stream_state(alice.peer, "TR_gone", paused=True)
    meeting.room.conditions.silent("PA_gone")
    meeting.settle()
    assert qualities(alice) == []
