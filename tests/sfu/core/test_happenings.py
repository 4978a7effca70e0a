# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What operators' programs are told happens in a room, and in which order."""

from sfu.core import requests
from sfu.core.grants import Rights
from sfu.core.media import Kind
from sfu.core.messages import DisconnectReason
from sfu.core.orders import Change
from sfu.core.outputs import Happened, Occasion


def happened(meeting):
    return [output.occasion for output in meeting.outputs(Happened)]


def test_a_whole_meeting_is_told_in_order(meeting):
    alice = meeting.enter("alice", connected=False)
    assert happened(meeting) == [Occasion.ROOM_STARTED]
    meeting.connect(alice)
    track = alice.publish(Kind.VIDEO)
    alice.says(requests.Leave())
    meeting.wait(60)
    assert happened(meeting) == [
        Occasion.ROOM_STARTED,
        Occasion.PARTICIPANT_JOINED,
        Occasion.TRACK_PUBLISHED,
        Occasion.TRACK_UNPUBLISHED,
        Occasion.PARTICIPANT_LEFT,
        Occasion.ROOM_FINISHED,
    ]
    told = meeting.outputs(Happened)
    assert [output.participant.identity for output in told[1:5]] == ["alice"] * 4
    assert [output.track.sid for output in told[2:4]] == [track, track]
    assert told[4].participant.reason is DisconnectReason.CLIENT_INITIATED


def test_who_never_had_media_did_not_join_but_gave_up(meeting):
    alice = meeting.enter("alice", connected=False)
    alice.says(requests.Leave())
    assert happened(meeting) == [Occasion.ROOM_STARTED, Occasion.PARTICIPANT_CONNECTION_ABORTED]


def test_a_replaced_session_is_told_to_have_left_though_the_others_are_not_told(meeting):
    meeting.enter("alice")
    meeting.enter("alice")
    left = meeting.outputs(Happened)[2]
    assert (left.occasion, left.participant.reason) == (Occasion.PARTICIPANT_LEFT, DisconnectReason.DUPLICATE_IDENTITY)


def test_tracks_that_are_revoked_are_told(meeting):
    alice = meeting.enter("alice")
    alice.publish()
    meeting.orders(Change("alice", "", "", {}, Rights(can_publish=False)))
    assert happened(meeting)[-1] is Occasion.TRACK_UNPUBLISHED


def test_a_room_ends_once(meeting):
    meeting.enter("alice")
    for _ in range(2):
        meeting.room.close(DisconnectReason.ROOM_DELETED, meeting.now)
        meeting.settle()
    assert happened(meeting).count(Occasion.ROOM_FINISHED) == 1
    assert happened(meeting)[-1] is Occasion.ROOM_FINISHED
