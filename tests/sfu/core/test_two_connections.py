# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A room as those see it who have two peer connections, beside those who have one."""

from sfu.core import requests
from sfu.core.downlinks import OFFER_TIMEOUT_S
from sfu.core.formats import VP8
from sfu.core.media import Kind, Wish, subscriber_transport
from sfu.core.messages import (
    Answer,
    DisconnectReason,
    Joined,
    LeaveAction,
    LeaveOrdered,
    ParticipantsChanged,
    ParticipantState,
    SectionsRequired,
    ServerOffer,
    SubscriptionError,
    SubscriptionFailed,
)
from sfu.core.outputs import ApplyWish, ClosePeer, Forward, OpenPeer, Receive, RestartIce, StopForwarding
from sfu.core.relay import LOSSY, RELIABLE, SERVER_CHANNELS, Envelope

TO_ALL = Envelope((), (), 0)


def test_the_room_is_told_first_and_then_an_offer_even_without_a_track(meeting):
    ann = meeting.enter("ann", two=True, connected=False)
    joined, offer, *_ = ann.inbox
    assert isinstance(joined, Joined)
    assert joined.subscriber_primary
    assert isinstance(offer, ServerOffer)
    assert (offer.id, len(offer.sections)) == (1, 1)
    assert meeting.outputs(OpenPeer) == []


def test_the_first_offer_has_the_tracks_that_are_there(meeting):
    bob = meeting.enter("bob")
    tracks = {bob.publish(), bob.publish(Kind.VIDEO)}
    ann = meeting.enter("ann", two=True, connected=False)
    assert set(ann.offered().values()) == tracks
    assert len(ann.all(ServerOffer)) == 1


def test_its_answer_opens_the_second_transport_with_channels_of_ours(meeting):
    ann = meeting.enter("ann", two=True, connected=False)
    ann.answer()
    (opened,) = meeting.outputs(OpenPeer)
    assert opened.peer == subscriber_transport(ann.peer)
    assert opened.local == ann.last(ServerOffer).ice
    assert opened.channels == SERVER_CHANNELS


def test_it_is_active_when_the_second_transport_is_connected(meeting):
    ann = meeting.enter("ann", two=True, connected=False)
    ann.answer()
    meeting.room.transports.connected(ann.peer, meeting.now)
    meeting.settle()
    assert ann.all(ParticipantsChanged) == []
    meeting.connect(ann)
    assert ann.knows("ann").state is ParticipantState.ACTIVE


def test_what_it_publishes_comes_over_the_first_transport_and_goes_to_the_second_of_another(meeting):
    ann, ben = meeting.enter("ann", two=True), meeting.enter("ben", two=True)
    meeting.forget()
    track = ann.publish()
    assert meeting.outputs(Receive)[0].uplink.peer == ann.peer
    meeting.wait(0.02)
    assert meeting.outputs(Forward) == []
    ben.answer()
    (forward,) = meeting.outputs(Forward)
    assert (forward.downlink.peer, forward.downlink.track) == (subscriber_transport(ben.peer), track)
    assert ben.all(SectionsRequired) == []


def test_sections_in_which_it_only_receives_are_answered_inactive(meeting, make_section):
    meeting.enter("bob").publish()
    ann = meeting.enter("ann", two=True)
    ann.sections = [make_section(7, Kind.AUDIO), make_section(8, Kind.VIDEO)]
    answer = ann.offer()
    assert answer.tracks == ()
    assert {section.direction.value for section in answer.sections} == {"inactive"}


def test_people_with_one_connection_and_with_two_get_each_other_s_tracks(meeting):
    ann, bob = meeting.enter("ann", two=True), meeting.enter("bob")
    from_ann, from_bob = ann.publish(), bob.publish(Kind.VIDEO)
    meeting.wait(0.02)
    bob.offer()
    assert set(bob.forwarded().values()) == {from_ann}
    assert set(ann.offered().values()) == {from_bob}


def test_wishes_and_the_end_of_subscriptions_go_to_the_second_transport(meeting):
    bob = meeting.enter("bob")
    track = bob.publish(Kind.VIDEO)
    ann = meeting.enter("ann", two=True)
    ann.says(requests.TrackSettings((track,), disabled=True, quality=0, width=0, height=0))
    assert meeting.outputs(ApplyWish) == [ApplyWish(subscriber_transport(ann.peer), track, Wish(paused=True))]
    ann.says(requests.Subscribe((track,), wanted=False))
    assert meeting.outputs(StopForwarding) == [StopForwarding(subscriber_transport(ann.peer), track)]
    meeting.wait(0.02)
    assert ann.offered() == {}
    ann.answer()
    ann.says(requests.Subscribe((track,), wanted=True))
    meeting.wait(0.02)
    assert ann.offered() == {"1": track}


def test_many_changes_are_one_offer_and_one_more_after_the_answer(meeting):
    bob, ann = meeting.enter("bob"), meeting.enter("ann", two=True)
    meeting.forget()
    for _ in range(3):
        bob.publish()
    meeting.wait(0.02)
    bob.publish()
    meeting.wait(0.02)
    assert [len(offer.tracks) for offer in ann.all(ServerOffer)] == [0, 3]
    ann.answer()
    assert len(ann.offered()) == 4


def test_who_does_not_answer_in_time_shall_join_anew(meeting):
    ann = meeting.enter("ann", two=True, connected=False)
    meeting.wait(OFFER_TIMEOUT_S - 1)
    assert ann.all(LeaveOrdered) == []
    meeting.wait(2)
    assert ann.last(LeaveOrdered) == LeaveOrdered(DisconnectReason.STATE_MISMATCH, LeaveAction.RECONNECT)


def test_an_offer_of_its_own_does_not_count_as_the_answer(meeting):
    ann = meeting.enter("ann", two=True, connected=False)
    ann.publish()
    meeting.wait(OFFER_TIMEOUT_S + 1)
    assert ann.all(LeaveOrdered)


def test_an_answer_that_nobody_waits_for_changes_nothing(meeting):
    ann, bob = meeting.enter("ann", two=True), meeting.enter("bob")
    meeting.forget()
    ann.answer()
    bob.says(requests.Answer(1, bob.next_offer().session))
    assert meeting.done == []


def test_a_codec_that_it_leaves_out_of_its_answer_is_told(meeting, make_answered):
    track = meeting.enter("bob").publish(Kind.VIDEO)
    ann = meeting.enter("ann", two=True, connected=False)
    own = ann.last(ServerOffer).sections[1]
    codecs = tuple(codec for codec in own.offered.codecs if codec.mime != VP8)
    ann.answer(mid1=make_answered(own, codecs=codecs))
    assert meeting.outputs(Forward) == []
    assert ann.last(SubscriptionFailed) == SubscriptionFailed(track, SubscriptionError.CODEC_UNSUPPORTED)


def test_data_goes_to_the_second_transport_and_comes_from_the_first(meeting):
    ann, bob = meeting.enter("ann", two=True), meeting.enter("bob")
    assert meeting.room.data.relay(bob.peer, LOSSY, TO_ALL) == (subscriber_transport(ann.peer),)
    assert meeting.room.data.relay(ann.peer, LOSSY, TO_ALL) == (bob.peer,)
    to_her = Envelope((), (ann.peer,), 0)
    assert meeting.room.data.relay(bob.peer, LOSSY, to_her) == (subscriber_transport(ann.peer),)


def test_what_waits_for_a_channel_waits_for_that_of_the_second_transport(meeting):
    ann = meeting.enter("ann", two=True)
    second = subscriber_transport(ann.peer)
    assert meeting.room.data.hold(second, RELIABLE, b"early")
    assert meeting.room.data.channel_opened(ann.peer, RELIABLE) == []
    assert meeting.room.data.channel_opened(second, RELIABLE) == [b"early"]


def test_who_may_not_subscribe_has_the_first_transport_alone(meeting):
    bob = meeting.enter("bob")
    bob.publish()
    ann = meeting.enter("ann", two=True, can_subscribe=False)
    assert not ann.all(Joined)[0].subscriber_primary
    assert ann.all(ServerOffer) == []
    assert ann.knows("ann").state is ParticipantState.ACTIVE
    assert meeting.room.data.relay(bob.peer, LOSSY, TO_ALL) == (ann.peer,)
    ann.publish()
    assert isinstance(ann.last(Answer), Answer)


def test_the_loss_of_either_transport_ends_the_session_and_both_are_closed(meeting):
    for lost in (lambda peer: peer, subscriber_transport):
        ann = meeting.enter("ann", two=True)
        ann.publish()
        meeting.room.lost(lost(ann.peer), meeting.now)
        meeting.settle()
        meeting.forget()
        meeting.wait(30)
        assert {output.peer for output in meeting.outputs(ClosePeer)} == {ann.peer, subscriber_transport(ann.peer)}
        assert ann.peer not in meeting.room
        assert subscriber_transport(ann.peer) not in meeting.room


def test_on_a_new_socket_the_second_transport_is_offered_with_other_credentials(meeting):
    track = meeting.enter("bob").publish()
    ann = meeting.enter("ann", two=True)
    before = ann.last(ServerOffer)
    meeting.room.socket_closed(ann.peer, meeting.now)
    meeting.settle()
    meeting.forget()
    assert ann.resume()
    after = ann.last(ServerOffer)
    assert after.id > before.id
    assert after.ice != before.ice
    assert dict(after.tracks) == {"1": track}
    assert meeting.outputs(RestartIce) == [RestartIce(subscriber_transport(ann.peer), after.ice)]
    meeting.forget()
    ann.answer()
    assert meeting.outputs(OpenPeer) == meeting.outputs(Forward) == []
