# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""People learn how good connections are, and which tracks do not fit theirs."""

from sfu.core.media import Kind
from sfu.core.messages import QualityChanged, StreamPaused
from sfu.core.quality import ConnectionQuality


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


def test_what_is_gone_already_is_told_nobody(meeting):
    alice = meeting.enter("alice")
    meeting.room.conditions.scored([("PA_gone", 10.0)])
    meeting.room.conditions.stream_state(alice.peer, "TR_gone", paused=True)
    meeting.room.conditions.silent("PA_gone")
    meeting.settle()
    assert qualities(alice) == []
