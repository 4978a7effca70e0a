# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The state table is walked: every state with every event, against a real room."""

import pytest

from sfu.core import requests, signalling
from sfu.core.departures import DARK_GRACE_S, DETACHED_GRACE_S, JOIN_TIMEOUT_S, LOST_GRACE_S
from sfu.core.grants import Grants, Source
from sfu.core.media import Kind
from sfu.core.messages import DisconnectReason, RequestAnswered
from sfu.core.orders import Remove
from sfu.core.relay import Envelope
from sfu.core.signalling import Event, State, Verdict

REQUESTS = {
    Event.ADD_TRACK: requests.AddTrack("cid", Kind.AUDIO, Source.MICROPHONE),
    Event.MUTE: requests.Mute("TR_x", True),
    Event.SUBSCRIBE: requests.Subscribe((), wanted=True),
    Event.TRACK_SETTINGS: requests.TrackSettings((), False, 2, 0, 0),
    Event.SUBSCRIPTION_PERMISSION: requests.SubscriptionPermission(True, ()),
    Event.UPDATE_METADATA: requests.UpdateMetadata(1, "name", "", {}),
    Event.UPDATE_TRACK: requests.UpdateTrack("TR_x", width=1, height=1),
    Event.SYNC_STATE: requests.SyncState((), requests.Subscribe((), wanted=False)),
    Event.SIMULATE: requests.Simulate(requests.Scenario.SWITCH_CANDIDATE_PROTOCOL, 1),
    Event.LEAVE: requests.Leave(),
    Event.NOTHING: requests.Nothing(),
    Event.UNSUPPORTED: requests.Unsupported("data tracks"),
}

# What no client or clock can cause in these states, because nothing is armed or no socket is there.
UNREACHABLE = {
    (State.JOINED, Event.GRACE_OVER),
    (State.JOINED, Event.SILENT),
    (State.JOINED, Event.MEDIA_TIMEOUT),
    (State.ACTIVE, Event.JOIN_TIMEOUT),
    (State.ACTIVE, Event.GRACE_OVER),
    (State.ACTIVE, Event.MEDIA_TIMEOUT),
    (State.LOST, Event.JOIN_TIMEOUT),
    (State.LOST, Event.OFFER_TIMEOUT),
    (State.LOST, Event.GRACE_OVER),
    (State.DETACHED, Event.JOIN_TIMEOUT),
    (State.DETACHED, Event.OFFER_TIMEOUT),
    (State.DETACHED, Event.MEDIA_TIMEOUT),
    (State.DETACHED, Event.MISMATCH),
    (State.DARK, Event.JOIN_TIMEOUT),
    (State.DARK, Event.OFFER_TIMEOUT),
    (State.DARK, Event.MEDIA_TIMEOUT),
    (State.DARK, Event.MISMATCH),
    (State.LOST, Event.MISMATCH),
    *((State.LEFT, event) for event in (Event.JOIN_TIMEOUT, Event.OFFER_TIMEOUT)),
    *((State.LEFT, event) for event in (Event.GRACE_OVER, Event.MEDIA_TIMEOUT)),
}


WITHOUT_SOCKET = {State.DETACHED, State.DARK}


def in_state(meeting, state):
    other = meeting.enter("bob")
    person = meeting.enter("alice", connected=state is not State.JOINED)
    if state is State.LOST:
        meeting.room.lost(person.peer, meeting.now)
    elif state is State.DETACHED:
        meeting.room.socket_closed(person.peer, meeting.now)
    elif state is State.DARK:
        meeting.room.transports.silent(person.peer, meeting.now)
    elif state is State.LEFT:
        person.says(requests.Leave())
    meeting.settle()
    return person, other


def cause(meeting, person, other, event):
    room, peer = meeting.room, person.peer
    member = room._roster.get(peer)
    if event in REQUESTS:
        person.says(REQUESTS[event])
    elif event is Event.OFFER:
        person.says(person.next_offer())
    elif event is Event.CONNECTED:
        room.transports.connected(peer, meeting.now)
    elif event is Event.SILENT:
        room.transports.silent(peer, meeting.now)
    elif event is Event.HEARD:
        room.transports.heard(peer, meeting.now)
    elif event is Event.RESUMED:
        room.resume(Grants(identity="alice", room="room"), peer, meeting.now)
    elif event is Event.MISMATCH:
        person.says(requests.SyncState(("TR_unknown",), requests.Subscribe((), wanted=False)))
    elif event is Event.PEER_LOST:
        room.lost(peer, meeting.now)
    elif event is Event.DATA:
        room.data.relay(peer, "_lossy", Envelope((), (), 0))
    elif event is Event.SOCKET_CLOSED:
        room.socket_closed(peer, meeting.now)
    elif event is Event.EXPELLED:
        room.obey(Remove("alice"), meeting.now)
    elif event is Event.JOIN_TIMEOUT:
        meeting.wait(JOIN_TIMEOUT_S)
    elif event is Event.OFFER_TIMEOUT:
        for _ in range(4):  # more tracks than the first offer has sections for
            other.publish(Kind.AUDIO)
        meeting.wait(16)
    elif event is Event.GRACE_OVER:
        meeting.wait(DETACHED_GRACE_S if member.state is State.DETACHED else DARK_GRACE_S)
    elif event is Event.MEDIA_TIMEOUT:
        meeting.wait(LOST_GRACE_S)
    meeting.settle()


@pytest.mark.parametrize("event", Event, ids=lambda event: event.name)
@pytest.mark.parametrize("state", State, ids=lambda state: state.name)
def test_every_event_in_every_state_does_what_the_table_says(meeting, state, event):
    step = signalling.step(state, event)
    if (state, event) in UNREACHABLE:
        assert step == signalling.Step(Verdict.IGNORE, state)
        return
    person, other = in_state(meeting, state)
    member = meeting.room._roster.get(person.peer)
    meeting.forget()

    cause(meeting, person, other, event)

    if state is State.LEFT:
        assert member is None
        assert meeting.done == []
        return
    assert member.state is step.next
    assert (person.peer in meeting.room) is (step.next is not State.LEFT)
    refusals = [answer for answer in person.all(RequestAnswered) if "does not take" in answer.message]
    if step.verdict is Verdict.REFUSE and event in REQUESTS and state not in WITHOUT_SOCKET:
        assert len(refusals) == 1
    else:
        assert refusals == []
    if step.verdict is Verdict.IGNORE:
        assert meeting.done == []


def test_nothing_brings_back_a_session_that_left():
    for event in Event:
        assert signalling.step(State.LEFT, event).next is State.LEFT


def test_every_request_of_the_protocol_is_an_event_of_the_table():
    assert set(signalling.EVENT_OF_REQUEST) == set(requests.Request.__args__)


def test_a_removed_client_is_told_why_before_its_socket_closes(meeting):
    person, _ = in_state(meeting, State.ACTIVE)
    meeting.forget()
    meeting.room.obey(Remove("alice"), meeting.now)
    meeting.settle()
    kinds = [type(output).__name__ for output in meeting.done]
    assert kinds.index("Tell") < kinds.index("HangUp")
    assert person.inbox[-1].reason is DisconnectReason.PARTICIPANT_REMOVED
