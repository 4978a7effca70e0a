# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Names, metadata and attributes that participants change themselves."""

from sfu.core import limits, requests
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
    assert answer.update_metadata == b"as it came"
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
