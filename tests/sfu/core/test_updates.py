# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Changes of participants: told at once or together, once each, and cheap in a crowd."""

import time

from sfu.core import requests
from sfu.core.media import Kind
from sfu.core.messages import ParticipantsChanged, ParticipantState
from sfu.core.updates import UPDATES_EVERY_S


def test_the_first_change_after_a_quiet_moment_is_told_at_once(meeting):
    alice = meeting.enter("alice")
    meeting.wait(2 * UPDATES_EVERY_S)
    bob = meeting.enter("bob", connected=False)
    assert alice.knows("bob").sid == bob.peer


def test_changes_in_a_crowd_are_told_together(meeting):
    alice = meeting.enter("alice")
    meeting.wait(2 * UPDATES_EVERY_S)
    meeting.forget()
    for number in range(20):
        meeting.enter(f"guest {number}")
    meeting.wait(UPDATES_EVERY_S)
    updates = alice.all(ParticipantsChanged)
    assert [len(update.participants) for update in updates] == [1, 20]
    assert {info.state for info in updates[1].participants} == {ParticipantState.ACTIVE}


def test_several_changes_of_one_participant_are_told_as_one(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob", can_update_own_metadata=True)
    meeting.wait(2 * UPDATES_EVERY_S)
    meeting.enter("carol")
    meeting.forget()
    for name in ("B", "Bo", "Bob"):
        bob.says(requests.UpdateMetadata(1, name, "", {}))
    assert bob.last(ParticipantsChanged).participants[0].name == "Bob"
    meeting.wait(UPDATES_EVERY_S)
    names = [info.name for told in alice.all(ParticipantsChanged) for info in told.participants if info.name]
    assert names == ["Bob"]


def test_whoever_sends_data_is_known_before_it_comes(meeting):
    alice, _ = meeting.enter("alice"), meeting.enter("bob")
    meeting.forget()
    carol = meeting.enter("carol")
    assert not [told for told in alice.all(ParticipantsChanged) if told.participants[0].sid == carol.peer]
    assert meeting.room.data.introduce(carol.peer)
    meeting.settle()
    assert [told.participants[0].sid for told in alice.all(ParticipantsChanged)] == [carol.peer]
    assert not meeting.room.data.introduce(carol.peer)


def test_whoever_publishes_is_told_of_at_once_and_so_is_the_end_of_it(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    track = bob.publish(Kind.AUDIO)
    assert [info.sid for info in alice.knows("bob").tracks] == [track]
    bob.sections.pop()
    bob.offer()
    assert alice.knows("bob").tracks == ()
    bob.publish(Kind.AUDIO)
    bob.says(requests.Leave())
    assert alice.knows("bob").state is ParticipantState.DISCONNECTED


def test_nothing_is_told_of_a_session_once_a_newer_one_took_its_place(meeting):
    alice = meeting.enter("alice")
    first = meeting.enter("bob")
    second = meeting.enter("bob")
    meeting.forget()
    meeting.wait(1)
    told = [info.sid for update in alice.all(ParticipantsChanged) for info in update.participants]
    assert second.peer in told
    assert first.peer not in told


def test_a_crowd_of_three_hundred_costs_messages_in_proportion_to_itself(new_meeting):
    meeting = new_meeting()
    began = time.perf_counter()
    for number in range(300):
        meeting.enter(f"guest {number}", offers=False)
        meeting.wait(0.01)
    meeting.wait(1)
    print(f"300 joins within 3 s take the core {time.perf_counter() - began:.2f} s")
    updates = {id(output.message): output.message for output in meeting.done if is_update(output)}
    told = sum(len(update.participants) for update in updates.values())
    # Each at most as joined and as active, to the others, and once to itself.
    assert told <= 3 * 300
    assert len(updates) <= 300 + 4 / UPDATES_EVERY_S + 1


def is_update(output):
    return isinstance(getattr(output, "message", None), ParticipantsChanged)
