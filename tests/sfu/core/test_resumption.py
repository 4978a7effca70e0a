# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Sessions that lose their socket, their media or both, and go on: what they are told then."""

import pytest

from sfu.core import limits, orders, requests
from sfu.core.departures import DARK_GRACE_S, DEPARTED_KEPT_S, DETACHED_GRACE_S, RESUMED_TIMEOUT_S
from sfu.core.grants import Rights, Source
from sfu.core.media import Kind
from sfu.core.messages import (
    Answer,
    Joined,
    LeaveAction,
    LeaveOrdered,
    MuteOrdered,
    ParticipantsChanged,
    ParticipantState,
    Reconnected,
    RoomChanged,
    SectionsRequired,
    ServerOffer,
    SpeakersChanged,
    SubscriptionAllowed,
    TrackPublished,
)
from sfu.core.outputs import ApplyWish, CapBandwidth, HangUp, RestartIce, SendData, StopForwarding, Tell
from sfu.core.relay import Envelope
from sfu.core.signalling import State


def sync_state(published=(), declined=(), disabled=(), received=()):
    subscription = requests.Subscribe(tuple(declined), wanted=False)
    return requests.SyncState(tuple(published), subscription, tuple(disabled), tuple(received))


def people(person):
    """What the last picture says, by identity."""
    return {info.identity: info for info in person.last(ParticipantsChanged).participants}


def state(meeting, person):
    return meeting.room._roster.get(person.peer).state


def test_a_session_without_a_socket_goes_on_where_it_was_and_nobody_notices(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    track = alice.publish()
    meeting.wait(1)
    alice.detach()
    meeting.forget()
    assert alice.resume()
    meeting.wait(1)
    assert type(alice.inbox[1]) is Reconnected
    assert people(alice).keys() == {"alice", "bob"}
    assert [info.sid for info in people(alice)["alice"].tracks] == [track]
    assert alice.last(RoomChanged).room.sid == meeting.room.sid
    assert bob.all(ParticipantsChanged) == []
    alice.says(sync_state([track]))
    alice.offer(ufrag="another")
    assert len(meeting.outputs(RestartIce)) == 1
    assert state(meeting, alice) is State.ACTIVE
    assert [info.sid for info in meeting.room.participant("alice").tracks] == [track]


def test_only_the_same_identity_goes_on_with_a_session(meeting):
    alice = meeting.enter("alice")
    meeting.enter("mallory")
    alice.detach()
    assert not alice.resume("mallory")
    assert state(meeting, alice) is State.DETACHED


def test_a_client_that_was_away_learns_what_it_missed(meeting):
    alice, bob, carol, dora = (meeting.enter(name) for name in ("alice", "bob", "carol", "dora"))
    track, camera = alice.publish(), bob.publish(Kind.VIDEO)
    microphone = bob.publish(Kind.AUDIO)
    meeting.hears((microphone, 0.5, True))
    meeting.wait(1)
    alice.detach()
    bob.says(requests.UpdateMetadata(1, "", "", {}))
    bob.says(requests.Mute(camera, muted=True))
    bob.says(requests.SubscriptionPermission(False, ()))
    meeting.hears((microphone, 0.0, False))
    meeting.room.obey(orders.MuteTrack("alice", track, muted=True), meeting.now)
    carol.says(requests.Leave())
    dora.says(requests.Leave())
    meeting.enter("dora")
    late = meeting.enter("late")
    assert alice.resume()
    seen = people(alice)
    assert seen.keys() == {"alice", "bob", "carol", "dora", "late"}
    assert seen["carol"].state is ParticipantState.DISCONNECTED
    assert seen["dora"].state is ParticipantState.ACTIVE
    assert seen["late"].sid == late.peer
    assert [info.muted for info in seen["bob"].tracks if info.sid == camera] == [True]
    assert alice.last(MuteOrdered) == MuteOrdered(track, muted=True)
    assert alice.last(SpeakersChanged).speakers[0].active is False
    assert {entry.allowed for entry in alice.all(SubscriptionAllowed)} == {False}


def test_departures_are_forgotten_after_a_while_and_their_number_is_limited(meeting, monkeypatch):
    alice = meeting.enter("alice")
    for number in range(3):
        meeting.enter(f"guest {number}").says(requests.Leave())
    meeting.wait(DEPARTED_KEPT_S + 1)
    assert alice.resume()
    assert people(alice).keys() == {"alice"}
    assert meeting.room._roster.departed.maxlen == limits.DEPARTED_MAX


def test_a_mute_by_the_server_is_not_repeated_once_its_owner_unmuted(meeting):
    alice = meeting.enter("alice")
    track = alice.publish()
    meeting.room.obey(orders.MuteTrack("alice", track, muted=True), meeting.now)
    alice.says(requests.Mute(track, muted=False))
    alice.detach()
    meeting.forget()
    assert alice.resume()
    assert alice.all(MuteOrdered) == []


def test_a_half_open_session_goes_on_with_its_newest_socket(meeting):
    alice = meeting.enter("alice")
    assert alice.resume()
    assert state(meeting, alice) is State.ACTIVE
    assert not any(isinstance(done, HangUp) for done in meeting.done)


def test_an_announced_track_whose_answer_was_lost_is_told_again(meeting):
    alice = meeting.enter("alice")
    alice.says(requests.AddTrack("cid", Kind.AUDIO, Source.MICROPHONE))
    told = alice.last(TrackPublished)
    alice.detach()
    meeting.forget()
    assert alice.resume()
    assert alice.last(TrackPublished) == told
    alice.says(sync_state([told.track.sid]))
    assert alice.all(LeaveOrdered) == []


@pytest.mark.parametrize("sid", ["TR_unknown", ""])
def test_a_client_with_tracks_that_nobody_knows_shall_join_anew(meeting, sid):
    alice = meeting.enter("alice")
    alice.detach()
    alice.resume()
    alice.says(sync_state([sid]))
    assert alice.last(LeaveOrdered).action is LeaveAction.RECONNECT
    assert alice.peer not in meeting.room


def test_what_the_client_shows_and_declined_is_applied(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    camera, microphone = bob.publish(Kind.VIDEO), bob.publish(Kind.AUDIO)
    meeting.wait(1)
    alice.offer()
    alice.detach()
    alice.resume()
    meeting.forget()
    alice.says(sync_state(declined=[microphone, "TR_gone"], disabled=[camera]))
    assert [wish.wish.paused for wish in meeting.outputs(ApplyWish)] == [True]
    assert StopForwarding(alice.peer, microphone) in meeting.done


def test_a_request_for_sections_that_was_lost_is_made_again_after_the_client_s_offer(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    for _ in range(5):
        bob.publish()
    alice.detach()
    meeting.wait(1)
    alice.resume()
    meeting.forget()
    alice.offer(ufrag="another")
    meeting.wait(1)
    assert alice.all(SectionsRequired) == [SectionsRequired(2, 0)]
    assert len(alice.last(Answer).tracks) == 3


def test_a_client_that_does_not_offer_after_its_return_is_asked(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    alice.detach()
    bob.publish()
    alice.resume()
    meeting.forget()
    meeting.wait(3)
    assert alice.all(SectionsRequired) == [SectionsRequired(0, 0)]


def test_silent_media_has_the_client_resume_before_anything_else(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    meeting.wait(1)
    meeting.forget()
    meeting.room.transports.silent(alice.peer, meeting.now)
    meeting.settle()
    assert alice.last(LeaveOrdered).action is LeaveAction.RESUME
    kinds = [type(output) for output in meeting.done]
    assert kinds.index(Tell) < kinds.index(HangUp)
    alice.detach()
    assert state(meeting, alice) is State.DARK
    assert alice.resume()
    meeting.room.transports.heard(alice.peer, meeting.now)
    meeting.wait(2 * DETACHED_GRACE_S)
    assert state(meeting, alice) is State.ACTIVE
    assert bob.all(ParticipantsChanged) == []


def test_a_dead_client_leaves_within_its_grace_and_an_outage_of_twenty_seconds_is_survived(meeting):
    alice = meeting.enter("alice")
    bob = meeting.enter("bob")
    meeting.room.transports.silent(alice.peer, meeting.now)
    meeting.wait(DARK_GRACE_S - 0.1)
    assert alice.peer in meeting.room
    meeting.wait(0.2)
    assert alice.peer not in meeting.room
    assert people(bob)["alice"].state is ParticipantState.DISCONNECTED
    assert limits_of_silence() >= 20 + 3


def limits_of_silence():
    from sfu.core.limits_media import SILENT_S

    assert SILENT_S + 1 <= 15
    assert DARK_GRACE_S <= 20
    return SILENT_S + DARK_GRACE_S


def test_a_client_that_resumed_without_its_media_shall_join_anew(meeting):
    alice = meeting.enter("alice")
    meeting.room.transports.silent(alice.peer, meeting.now)
    meeting.wait(1)
    assert alice.resume()
    meeting.wait(RESUMED_TIMEOUT_S + 1)
    assert alice.last(LeaveOrdered).action is LeaveAction.RECONNECT
    assert alice.peer not in meeting.room


def test_media_that_flows_keeps_a_session_without_a_socket_until_its_client_has_given_up(meeting):
    alice = meeting.enter("alice")
    alice.detach()
    meeting.wait(DETACHED_GRACE_S - 1)
    assert alice.peer in meeting.room
    meeting.wait(2)
    assert alice.peer not in meeting.room


def test_resuming_over_and_over_ends_in_a_new_join(meeting):
    alice = meeting.enter("alice")
    assert [alice.resume() for _ in range(int(limits.RESUMES_BURST) + 1)][-2:] == [True, False]


def says_reliably(meeting, person, sequence, payload, receivers):
    envelope = Envelope((), (), sequence)
    got = meeting.room.data.relay(person.peer, "_reliable", envelope)
    if got:
        meeting.room.data.keep(person.peer, "_reliable", envelope, got, payload, meeting.now)
    return got


def test_reliable_packets_that_a_client_missed_come_again_and_no_others(meeting):
    alice, bob, carol = meeting.enter("alice"), meeting.enter("bob"), meeting.enter("carol")
    for sequence in (1, 2, 3):
        assert says_reliably(meeting, bob, sequence, b"%d" % sequence, (alice, carol))
    only_carol = Envelope(("carol",), (), 4)
    got = meeting.room.data.relay(bob.peer, "_reliable", only_carol)
    meeting.room.data.keep(bob.peer, "_reliable", only_carol, got, b"4", meeting.now)
    alice.detach()
    assert alice.resume()
    alice.says(sync_state(received=[(bob.peer, 1)]))
    assert [output.payload for output in meeting.outputs(SendData)] == [b"2", b"3"]
    meeting.forget()
    meeting.wait(limits.DATA_KEPT_S + 0.1)
    alice.says(sync_state())
    assert meeting.outputs(SendData) == []


def test_kept_packets_are_limited_by_their_bytes(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    size = limits.DATA_KEPT_MAX // 4
    for sequence in range(1, 10):
        says_reliably(meeting, bob, sequence, bytes(size), (alice,))
    says_reliably(meeting, bob, 10, bytes(limits.DATA_KEPT_MAX + 1), (alice,))
    alice.says(sync_state())
    assert len(meeting.outputs(SendData)) == 4


def test_the_client_is_told_which_of_its_own_packets_came(meeting):
    alice = meeting.enter("alice")
    meeting.enter("bob")
    assert says_reliably(meeting, alice, 7, b"", ())
    alice.detach()
    alice.resume()
    assert alice.last(Reconnected).last_reliable == 7
    assert says_reliably(meeting, alice, 7, b"", ()) == ()


def test_a_resume_is_cut_off_once_for_whoever_asked_for_that(meeting):
    for scenario, heard in (
        (requests.Scenario.DROP_ON_RESUME, 1),
        (requests.Scenario.DROP_ON_RESUME_UNHEARD, 0),
    ):
        person = meeting.enter(scenario.value)
        person.says(requests.Simulate(scenario))
        person.detach()
        meeting.forget()
        assert person.resume()
        assert len(person.all(Reconnected)) == heard
        assert meeting.done[-1] == HangUp(person.peer, broken=True)
        person.detach()
        meeting.forget()
        assert person.resume()
        assert not any(isinstance(done, HangUp) for done in meeting.done)


def test_a_cut_that_was_asked_for_long_ago_is_not_made(meeting):
    alice = meeting.enter("alice")
    alice.says(requests.Simulate(requests.Scenario.DROP_ON_RESUME))
    meeting.wait(6)
    assert alice.resume()
    assert not any(isinstance(done, HangUp) for done in meeting.done)


def test_simulated_speech_ends_by_itself_and_is_limited(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    alice.says(requests.Simulate(requests.Scenario.SPEAKER_UPDATE, 10**9))
    assert bob.last(SpeakersChanged).speakers[0].active
    meeting.wait(limits.SIMULATED_SPEECH_MAX_S + 1)
    assert not bob.last(SpeakersChanged).speakers[0].active


def test_a_simulated_bandwidth_is_handed_to_the_media_plane(meeting):
    alice = meeting.enter("alice")
    for value in (300_000, 0):
        alice.says(requests.Simulate(requests.Scenario.SUBSCRIBER_BANDWIDTH, value))
    assert meeting.outputs(CapBandwidth) == [CapBandwidth(alice.peer, 300_000), CapBandwidth(alice.peer, 0)]


@pytest.mark.parametrize("two", [False, True])
def test_every_word_of_media_to_who_switched_to_tls_says_so(meeting, two):
    meeting.enter("alice").says(requests.Simulate(requests.Scenario.SWITCH_CANDIDATE_PROTOCOL, 2))
    alice = meeting.enter("alice", two=two)
    assert alice.last(Joined).candidates == "tls"
    assert alice.last(ServerOffer if two else Answer).candidates == "tls"
    alice.detach()
    assert alice.resume()
    assert alice.last(Reconnected).candidates == "tls"


def test_the_next_session_of_who_switched_to_tcp_gets_candidates_of_it_alone(meeting, monkeypatch):
    monkeypatch.setattr(limits, "PREFERENCES_MAX", 1)
    alice = meeting.enter("alice")
    alice.says(requests.Simulate(requests.Scenario.SWITCH_CANDIDATE_PROTOCOL, 1))
    assert meeting.enter("alice").last(Answer).candidates == "tcp"
    meeting.enter("bob").says(requests.Simulate(requests.Scenario.SWITCH_CANDIDATE_PROTOCOL, 1))
    assert meeting.enter("alice").last(Answer).candidates == ""
    bob = meeting.enter("bob")
    assert bob.last(Answer).candidates == "tcp"
    bob.says(requests.Simulate(requests.Scenario.SWITCH_CANDIDATE_PROTOCOL, 0))
    assert meeting.enter("bob").last(Answer).candidates == ""


def test_what_is_remembered_of_ended_tracks_does_not_grow(meeting):
    alice = meeting.enter("alice")
    meeting.enter("bob")
    member = meeting.room._roster.get(alice.peer)
    mute, speak = Rights(can_publish=False), Rights()
    ended = []
    for _ in range(limits.TRACKS_PER_PARTICIPANT_MAX + 5):
        ended.append(alice.publish())
        meeting.orders(orders.Change("alice", "", "", {}, mute))
        meeting.orders(orders.Change("alice", "", "", {}, speak))
    assert list(member.ended_by_server) == ended[5:]
    assert member.subscribed_once == set()
    assert alice.resume()
    alice.says(sync_state([ended[0]]))
    assert alice.last(LeaveOrdered).action is LeaveAction.RECONNECT


def test_resumes_come_back_at_their_rate(meeting):
    alice = meeting.enter("alice")
    for _ in range(int(limits.RESUMES_BURST)):
        assert alice.resume()
    meeting.now += 1 / limits.RESUMES_PER_SECOND
    assert [alice.resume(), alice.resume()] == [True, False]
