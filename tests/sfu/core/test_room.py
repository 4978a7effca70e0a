# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A room as its people see it."""

from sfu.core import requests
from sfu.core.departures import DETACHED_GRACE_S, JOIN_TIMEOUT_S
from sfu.core.grants import Source
from sfu.core.media import Kind
from sfu.core.messages import (
    Answer,
    DisconnectReason,
    Joined,
    LeaveAction,
    LeaveOrdered,
    MediaFlows,
    Outcome,
    ParticipantsChanged,
    ParticipantState,
    RequestAnswered,
    RoomChanged,
    SectionsRequired,
    TrackPublished,
)
from sfu.core.orders import MuteTrack
from sfu.core.outputs import ClosePeer, Forward, HangUp, OpenPeer, Receive, RestartIce, StopReceiving
from sfu.core.room import RoomSettings
from sfu.core.transports import FIRST_QUALITY_S
from sfu.core.updates import UPDATES_EVERY_S


def test_the_first_message_is_the_room_with_everybody_in_it(meeting):
    alice = meeting.enter("alice")
    track = alice.publish()
    bob = meeting.enter("bob", called={"name": "Bob"})
    first = bob.inbox[0]
    assert isinstance(first, Joined)
    assert first.participant.name == "Bob"
    assert [(other.identity, other.tracks[0].sid) for other in first.others] == [("alice", track)]


def test_the_offer_in_the_join_is_answered_with_the_tracks_that_are_there(meeting):
    alice = meeting.enter("alice")
    mic, cam = alice.publish(), alice.publish(Kind.VIDEO)
    bob = meeting.enter("bob")
    assert bob.last(Answer).id == 1
    assert set(bob.forwarded().values()) == {mic, cam}
    opened = meeting.outputs(OpenPeer)
    assert opened[-1].peer == bob.peer
    downlinks = [output.downlink for output in meeting.outputs(Forward)]
    assert {(link.peer, link.track) for link in downlinks} == {(bob.peer, mic), (bob.peer, cam)}


def test_the_others_hear_of_a_newcomer_and_then_that_its_media_is_up(meeting):
    alice = meeting.enter("alice")
    meeting.wait(2 * UPDATES_EVERY_S)
    meeting.forget()
    bob = meeting.enter("bob", connected=False)
    assert alice.knows("bob").state is ParticipantState.JOINED
    meeting.connect(bob)
    meeting.wait(UPDATES_EVERY_S)
    assert alice.knows("bob").state is ParticipantState.ACTIVE
    assert not alice.all(MediaFlows)
    meeting.wait(FIRST_QUALITY_S)
    assert alice.last(MediaFlows).participants == (bob.peer,)
    assert set(bob.last(MediaFlows).participants) == {alice.peer, bob.peer}


def test_versions_of_a_participant_only_rise(meeting):
    alice = meeting.enter("alice")
    bob = meeting.enter("bob")
    meeting.wait(UPDATES_EVERY_S)
    for number in range(3):
        bob.publish(cid=f"c{number}")
    seen = [info for message in alice.all(ParticipantsChanged) for info in message.participants]
    versions = [info.version for info in seen if info.sid == bob.peer]
    assert versions == sorted(set(versions))
    assert len(versions) == 4


def test_a_published_track_reaches_everybody_after_one_merged_request(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    meeting.forget()
    mic, cam = alice.publish(), alice.publish(Kind.VIDEO)
    assert bob.all(SectionsRequired) == []
    meeting.wait(0.02)
    assert bob.all(SectionsRequired) == [SectionsRequired(0, 0)]
    bob.offer()
    assert set(bob.forwarded().values()) == {mic, cam}
    seen = bob.last(ParticipantsChanged).participants[0]
    assert [track.sid for track in seen.tracks] == [mic, cam]
    assert seen.tracks[0].mid == "6"


def test_an_uplink_carries_what_the_section_and_the_announcement_said(meeting):
    alice = meeting.enter("alice")
    sid = alice.publish(Kind.VIDEO, rids=("h", "q"), width=640, height=360)
    uplink = meeting.outputs(Receive)[-1].uplink
    assert (uplink.peer, uplink.track, uplink.mid) == (alice.peer, sid, "6")
    assert [(layer.rid, layer.quality) for layer in uplink.layers] == [("q", 0), ("h", 1)]
    assert uplink.extensions.mid == 4


def test_tracks_beyond_the_sections_of_the_first_offer_are_asked_for(meeting):
    for number in range(5):
        meeting.enter(f"speaker{number}").publish()
    late = meeting.enter("late")
    assert len(late.forwarded()) == 3
    meeting.wait(0.02)
    assert late.last(SectionsRequired) == SectionsRequired(2, 0)


def test_a_client_that_never_offers_as_asked_is_told_to_join_anew(meeting):
    for number in range(4):
        meeting.enter(f"speaker{number}").publish()
    late = meeting.enter("late")
    meeting.wait(16)
    assert late.last(LeaveOrdered).action is LeaveAction.RECONNECT
    assert late.peer not in meeting.room


def test_unpublishing_takes_the_track_from_everybody(meeting, make_section):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    sid = alice.publish()
    bob.offer()
    alice.sections[-1] = make_section(6, Kind.AUDIO)
    alice.offer()
    assert meeting.outputs(StopReceiving)[-1].track == sid
    assert bob.last(ParticipantsChanged).participants[0].tracks == ()
    bob.offer()
    assert bob.forwarded() == {}


def test_mute_is_seen_by_the_others_once(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    sid = alice.publish()
    meeting.forget()
    alice.says(requests.Mute(sid, muted=True))
    alice.says(requests.Mute(sid, muted=True))
    assert [message.participants[0].tracks[0].muted for message in bob.all(ParticipantsChanged)] == [True]
    alice.says(requests.Mute("TR_other", muted=True))
    assert alice.last(RequestAnswered).outcome is Outcome.NOT_FOUND


def test_an_administrator_mutes_and_never_somebody_else_s_track(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    sid = alice.publish()
    assert meeting.orders(MuteTrack("bob", sid, muted=True)).outcome is Outcome.NOT_FOUND
    assert meeting.orders(MuteTrack("alice", sid, muted=True)) is None
    meeting.settle()
    assert alice.inbox[-1].track == sid
    assert bob.last(ParticipantsChanged).participants[0].tracks[0].muted


def test_the_newest_session_of_an_identity_wins(meeting):
    bob, old = meeting.enter("bob"), meeting.enter("alice")
    old.publish()
    meeting.forget()
    new = meeting.enter("alice")
    assert old.last(LeaveOrdered) == LeaveOrdered(DisconnectReason.DUPLICATE_IDENTITY)
    assert ClosePeer(old.peer) in meeting.done
    assert HangUp(old.peer) in meeting.done
    # Others are told of the new session alone: clients replace the old one themselves.
    states = {message.participants[0].state for message in bob.all(ParticipantsChanged)}
    assert ParticipantState.DISCONNECTED not in states
    assert [info.sid for info in meeting.room.participants() if info.identity == "alice"] == [new.peer]


def test_leaving_is_seen_with_its_reason(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    alice.says(requests.Leave())
    meeting.wait(UPDATES_EVERY_S)
    gone = bob.knows("alice")
    assert (gone.state, gone.reason) == (ParticipantState.DISCONNECTED, DisconnectReason.CLIENT_INITIATED)


def test_a_goodbye_after_the_media_closed_is_still_a_goodbye(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    meeting.room.lost(alice.peer, meeting.now)
    meeting.wait(0.2)
    alice.says(requests.Leave())
    meeting.wait(UPDATES_EVERY_S)
    assert bob.knows("alice").reason is DisconnectReason.CLIENT_INITIATED
    assert alice.all(LeaveOrdered) == []


def test_a_client_whose_media_is_lost_is_told_to_join_anew(meeting):
    alice = meeting.enter("alice")
    meeting.room.lost(alice.peer, meeting.now)
    meeting.wait(2)
    assert alice.last(LeaveOrdered) == LeaveOrdered(DisconnectReason.MEDIA_FAILURE, LeaveAction.RECONNECT)


def test_a_socket_that_breaks_keeps_media_for_a_grace(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    meeting.room.socket_closed(alice.peer, meeting.now)
    meeting.wait(UPDATES_EVERY_S)
    meeting.now -= UPDATES_EVERY_S
    meeting.forget()
    meeting.wait(DETACHED_GRACE_S - 0.1)
    assert bob.all(ParticipantsChanged) == []
    assert ClosePeer(alice.peer) not in meeting.done
    meeting.wait(0.2)
    assert bob.knows("alice").reason is DisconnectReason.SIGNAL_CLOSE
    assert ClosePeer(alice.peer) in meeting.done


def test_a_join_without_media_ends_after_a_minute(meeting):
    alice = meeting.enter("alice", connected=False)
    meeting.wait(JOIN_TIMEOUT_S - 1)
    assert alice.peer in meeting.room
    meeting.wait(2)
    assert alice.last(LeaveOrdered).reason is DisconnectReason.JOIN_FAILURE
    assert alice.peer not in meeting.room


def test_hidden_people_see_and_are_not_seen(meeting):
    alice = meeting.enter("alice")
    sid = alice.publish()
    meeting.forget()
    ghost = meeting.enter("ghost", hidden=True)
    assert alice.all(ParticipantsChanged) == []
    assert alice.all(MediaFlows) == []
    assert set(ghost.forwarded().values()) == {sid}
    assert [info.identity for info in meeting.room.participants()] == ["alice"]
    late = meeting.enter("late")
    assert [other.identity for other in late.inbox[0].others] == ["alice"]


def test_a_new_ufrag_restarts_ice_with_new_credentials_of_ours(meeting):
    alice = meeting.enter("alice")
    before = alice.last(Answer).ice
    alice.offer()
    assert meeting.outputs(RestartIce) == []
    after = alice.offer(ufrag="other").ice
    assert after != before
    assert meeting.outputs(RestartIce)[-1].local == after
    assert len(meeting.outputs(OpenPeer)) == 1


def test_changed_counts_are_told_at_most_every_five_seconds(meeting):
    alice = meeting.enter("alice")
    meeting.enter("bob")
    meeting.enter("carol")
    assert alice.all(RoomChanged) == []
    meeting.wait(5.1)
    assert [message.room.participants for message in alice.all(RoomChanged)] == [3]
    meeting.wait(60)
    assert len(alice.all(RoomChanged)) == 1


def test_a_room_to_which_nobody_comes_closes_after_its_empty_timeout(new_meeting):
    meeting = new_meeting(settings=RoomSettings(empty_timeout=30))
    meeting.wait(29)
    assert not meeting.room.closed
    meeting.wait(2)
    assert meeting.room.closed


def test_a_room_that_everybody_left_closes_after_its_departure_timeout(new_meeting):
    meeting = new_meeting(settings=RoomSettings(departure_timeout=10))
    alice = meeting.enter("alice")
    meeting.wait(400)
    alice.says(requests.Leave())
    meeting.wait(9)
    assert not meeting.room.closed
    meeting.wait(2)
    assert meeting.room.closed


def test_a_deleted_room_is_over_for_everybody(meeting):
    people = [meeting.enter("alice"), meeting.enter("bob")]
    meeting.room.close(DisconnectReason.ROOM_DELETED, meeting.now)
    meeting.settle()
    assert meeting.room.closed
    for person in people:
        assert person.last(LeaveOrdered) == LeaveOrdered(DisconnectReason.ROOM_DELETED)


def test_tracks_announced_with_the_join_are_published_by_its_offer(meeting, make_section, make_session):
    from sfu.core.grants import Grants

    add = requests.AddTrack("cam", Kind.VIDEO, Source.CAMERA)
    offer = requests.Offer(7, make_session([make_section(0, Kind.VIDEO, cid="cam")]))
    join = requests.Join(add_tracks=(add,), offer=offer)
    peer = meeting.room.join(Grants(identity="a", room="room", room_join=True), join, meeting.now, 0)
    told = [output.message for output in meeting.room.drain() if getattr(output, "to", ()) == (peer,)]
    assert [type(message) for message in told] == [Joined, TrackPublished, Answer]
    assert meeting.room.participant("a").tracks[0].sid == told[1].track.sid


def test_simulated_scenarios_end_the_session_as_named(meeting):
    for scenario, action in (
        (requests.Scenario.SERVER_LEAVE, LeaveAction.DISCONNECT),
        (requests.Scenario.FULL_RECONNECT, LeaveAction.RECONNECT),
    ):
        person = meeting.enter(scenario.value)
        person.says(requests.Simulate(scenario))
        assert person.last(LeaveOrdered).action is action
        assert person.peer not in meeting.room
    for scenario in (requests.Scenario.NODE_FAILURE, requests.Scenario.MIGRATION):
        person = meeting.enter(scenario.value)
        person.says(requests.Simulate(scenario))
        assert person.all(LeaveOrdered) == []
        assert HangUp(person.peer) in meeting.done
        assert not person.resume()


def test_tracks_and_subscriptions_are_counted_by_kind(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob", auto_subscribe=False)
    alice.publish()
    camera = alice.publish(Kind.VIDEO)
    bob.says(requests.Subscribe((camera,), wanted=True))
    assert meeting.room.tracks_by_kind() == ({Kind.AUDIO: 1, Kind.VIDEO: 1}, {Kind.VIDEO: 1})
