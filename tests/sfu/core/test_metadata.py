# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Names, metadata and attributes that participants change themselves."""

from sfu.core import limits, requests
from sfu.core.media import Kind
from sfu.core.messages import Outcome, ParticipantsChanged, RequestAnswered


def change(name="", metadata="", attributes=None):
    return requests.UpdateMetadata(9, name, metadata, attributes or {}, b"as it came")


def test_a_change_is_told_to_everybody_and_to_its_author(meeting):
    alice = meeting.enter("alice", can_update_own_metadata=True, called={"attributes": {"old": "1", "gone": "x"}})
    bob = meeting.enter("bob")
    alice.says(change("Alice", "meta", {"new": "2", "gone": ""}))
    meeting.wait(1)
    for person in (alice, bob):
        info = person.knows("alice")
        assert (info.name, info.metadata, dict(info.attributes)) == ("Alice", "meta", {"old": "1", "new": "2"})
    assert alice.last(RequestAnswered) == RequestAnswered(Outcome.OK, request_id=9)


def test_without_the_right_nothing_changes(meeting):
    alice = meeting.enter("alice")
    meeting.forget()
    alice.says(change("Alice"))
    answer = alice.last(RequestAnswered)
    assert (answer.outcome, answer.request_id) == (Outcome.NOT_ALLOWED, 9)
    assert answer.echo == b"as it came"
    assert alice.all(ParticipantsChanged) == []


def test_texts_beyond_their_limits_are_refused(meeting):
    alice = meeting.enter("alice", can_update_own_metadata=True)
    for too_large in (
        change(name="n" * (limits.NAME_MAX_CHARS + 1)),
        change(metadata="m" * (limits.METADATA_MAX + 1)),
        change(attributes={"key": "v" * limits.ATTRIBUTES_MAX}),
    ):
        alice.says(too_large)
        assert alice.last(RequestAnswered).outcome is Outcome.LIMIT_EXCEEDED
    assert meeting.room.participant("alice").metadata == ""


def test_a_refreshed_token_keeps_the_rights_and_has_the_new_name(meeting):
    alice = meeting.enter("alice", can_update_own_metadata=True, can_publish=False)
    alice.says(change("Alice"))
    grants = meeting.room.refreshed_grants(alice.peer)
    assert (grants.name, grants.rights.can_publish, grants.identity) == ("Alice", False, "alice")
    assert meeting.room.refreshed_grants("PA_nobody") is None


def test_a_publisher_changes_a_track_s_features_and_size(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    microphone, camera = alice.publish(), alice.publish(Kind.VIDEO, width=640, height=360)
    alice.says(requests.UpdateTrack(microphone, audio_features=(3, 4)))
    alice.says(requests.UpdateTrack(camera, width=1280, height=720))
    seen = {track.sid: track for track in bob.last(ParticipantsChanged).participants[0].tracks}
    assert seen[microphone].audio_features == (3, 4)
    assert (seen[camera].width, seen[camera].height) == (1280, 720)


def test_a_track_of_somebody_else_is_not_changed(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    track = alice.publish()
    for request in (
        requests.UpdateTrack(track, audio_features=(1,), echo=b"as it came"),
        requests.Mute(track, muted=True, echo=b"as it came"),
    ):
        bob.says(request)
        answer = bob.last(RequestAnswered)
        assert (answer.outcome, answer.echo) == (Outcome.NOT_FOUND, b"as it came")
    (info,) = meeting.room.participant("alice").tracks
    assert (info.audio_features, info.muted) == ((), False)
