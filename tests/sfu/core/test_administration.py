# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What administrators order about people, and what the people and the media plane see of it."""

import pytest

from sfu.core import limits, requests
from sfu.core.grants import Rights, Source
from sfu.core.media import Kind
from sfu.core.messages import (
    MuteOrdered,
    Outcome,
    ParticipantsChanged,
    ParticipantState,
    RequestAnswered,
    SubscriptionFailed,
    TrackPublished,
    TrackUnpublished,
)
from sfu.core.orders import Change, MuteTrack, Remove, SetSubscribed
from sfu.core.outputs import Forward, RenewToken, StopForwarding, StopReceiving


def change(identity="alice", name="", metadata="", attributes=None, rights=None):
    return Change(identity, name, metadata, attributes or {}, rights)


@pytest.mark.parametrize(
    "order",
    [Remove("bob"), MuteTrack("bob", "TR_x", muted=True), SetSubscribed("bob", (), wanted=True), change("bob")],
)
def test_orders_about_nobody_are_refused(meeting, order):
    meeting.enter("alice")
    assert meeting.orders(order).outcome is Outcome.NOT_FOUND


def test_names_metadata_and_attributes_are_changed_for_all_and_in_the_next_token(meeting):
    alice, bob = meeting.enter("alice", called={"attributes": {"old": "1", "kept": "2"}}), meeting.enter("bob")
    meeting.forget()
    assert meeting.orders(change(name="Alice", metadata="m", attributes={"old": "", "new": "3"})) is None
    meeting.wait(1)
    for person in (alice, bob):
        info = person.knows("alice")
        assert (info.name, info.metadata, dict(info.attributes)) == ("Alice", "m", {"kept": "2", "new": "3"})
    assert meeting.outputs(RenewToken) == [RenewToken(alice.peer)]
    assert meeting.room.refreshed_grants(alice.peer).name == "Alice"
    assert meeting.orders(change()) is None
    assert meeting.room.participant("alice").metadata == "m"


def test_what_is_too_large_changes_nothing(meeting):
    meeting.enter("alice")
    before = meeting.room.participant("alice")
    for order in (
        change(name="n" * (limits.NAME_MAX_CHARS + 1)),
        change(metadata="m" * (limits.METADATA_MAX + 1)),
        change(attributes={"a": "b" * limits.ATTRIBUTES_MAX}, rights=Rights(can_publish=False)),
    ):
        assert meeting.orders(order).outcome is Outcome.LIMIT_EXCEEDED
    assert meeting.room.participant("alice") == before


def test_revoking_the_right_to_publish_ends_the_tracks_and_announced_ones(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    microphone = alice.publish()
    camera = alice.publish(Kind.VIDEO)
    alice.says(requests.AddTrack("later", Kind.VIDEO, Source.SCREEN_SHARE))
    meeting.forget()
    meeting.orders(change(rights=Rights(can_publish_sources=(Source.MICROPHONE,))))
    assert meeting.outputs(StopReceiving) == [StopReceiving(camera)]
    assert [message.track for message in alice.all(TrackUnpublished)] == [camera]
    told = bob.last(ParticipantsChanged).participants[0]
    assert [track.sid for track in told.tracks] == [microphone]
    assert told.rights.can_publish_sources == (Source.MICROPHONE,)
    # A client that goes on sending, and then with other sources, is not taken in.
    answer = alice.offer()
    assert answer.sections[7].direction.value == "inactive"
    assert len(meeting.room.participant("alice").tracks) == 1
    alice.says(requests.AddTrack("again", Kind.VIDEO, Source.CAMERA))
    assert alice.last(RequestAnswered).outcome is Outcome.NOT_ALLOWED
    meeting.orders(change(rights=Rights()))
    alice.says(requests.AddTrack("again", Kind.VIDEO, Source.CAMERA))
    assert alice.last(TrackPublished).cid == "again"


def test_subscriptions_are_taken_and_given_back_with_the_right_to_them(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob", auto_subscribe=False)
    one, two = alice.publish(), alice.publish(Kind.VIDEO)
    bob.says(requests.Subscribe((one,), wanted=True))
    bob.offer()
    meeting.forget()
    meeting.orders(change("bob", rights=Rights(can_subscribe=False)))
    assert meeting.outputs(StopForwarding) == [StopForwarding(bob.peer, one)]
    bob.offer()  # the section goes inactive
    meeting.orders(change("bob", rights=Rights()))
    bob.offer()
    assert [output.downlink.track for output in meeting.outputs(Forward)] == [one]
    assert two not in bob.forwarded().values()


def test_somebody_hidden_at_run_time_is_gone_for_the_others_until_shown_again(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    track = alice.publish()
    bob.offer()
    meeting.forget()
    meeting.orders(change(rights=Rights(hidden=True)))
    (gone,) = bob.all(ParticipantsChanged)
    assert (gone.participants[0].identity, gone.participants[0].state) == ("alice", ParticipantState.DISCONNECTED)
    assert meeting.outputs(StopForwarding) == [StopForwarding(bob.peer, track)]
    assert alice.last(ParticipantsChanged).participants[0].rights.hidden
    assert meeting.room.participants() == (meeting.room.participant("bob"),)
    bob.says(requests.Subscribe((track,), wanted=True))
    assert bob.last(SubscriptionFailed).track == track
    bob.offer()
    meeting.forget()
    meeting.orders(change(rights=Rights()))
    back = bob.last(ParticipantsChanged).participants[0]
    assert (back.state, [entry.sid for entry in back.tracks]) == (ParticipantState.ACTIVE, [track])
    assert back.version > gone.participants[0].version
    bob.offer()
    assert track in bob.forwarded().values()


def test_tracks_of_the_hidden_go_to_nobody(meeting):
    ghost, bob = meeting.enter("ghost", hidden=True), meeting.enter("bob")
    ghost.publish()
    bob.offer()
    assert bob.forwarded() == {}
    assert meeting.outputs(Forward) == []


def test_an_administrator_subscribes_and_unsubscribes_somebody(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    track = alice.publish()
    bob.offer()
    assert meeting.orders(SetSubscribed("bob", (track,), wanted=False)) is None
    assert meeting.outputs(StopForwarding) == [StopForwarding(bob.peer, track)]
    bob.offer()
    assert meeting.orders(SetSubscribed("bob", (track,), wanted=True)) is None
    bob.offer()
    assert track in bob.forwarded().values()
    assert meeting.orders(SetSubscribed("bob", ("TR_none",), wanted=True)).outcome is Outcome.NOT_FOUND
    assert meeting.orders(SetSubscribed("bob", ("TR_none",), wanted=False)) is None


def test_choices_by_hand_are_remembered_for_real_tracks_alone(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    track = alice.publish()
    for number in range(50):
        bob.says(requests.Subscribe((f"TR_{number}", track), wanted=False))
    assert meeting.room._roster.get(bob.peer).chosen == {track: False}


def test_muting_and_unmuting_is_ordered_and_told_once(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    track = alice.publish()
    for muted in (True, True, False):
        assert meeting.orders(MuteTrack("alice", track, muted)) is None
        assert bob.last(ParticipantsChanged).participants[0].tracks[0].muted is muted
    assert alice.all(MuteOrdered) == [MuteOrdered(track, True), MuteOrdered(track, False)]
    assert meeting.orders(MuteTrack("bob", track, muted=True)).outcome is Outcome.NOT_FOUND
