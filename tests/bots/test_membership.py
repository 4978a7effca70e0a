# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Who is in a call, and who an SFU identity belongs to."""

import pytest

from bots import membership
from bots.membership import CALL_MEMBER, EXPIRES_MS, MAX_MEMBERS, Member

NOW = 1_700_000_000_000
ALICE, BOB = "@alice:hs:8431", "@bob:hs:8441"


def event(sender: str = ALICE, device: str = "DEV", *, at: int = NOW, key: str | None = None, **changes) -> dict:
    body = membership.content(sender, device, room_id="!r", service_url="https://rtc") | changes
    return {
        "type": CALL_MEMBER,
        "sender": sender,
        "state_key": key or membership.state_key(sender, device),
        "origin_server_ts": at,
        "content": body,
    }


def read(*events: dict, joined: tuple[str, ...] = (ALICE, BOB), now: int = NOW) -> list[Member]:
    return membership.members(events, joined, now)


def test_a_membership_is_written_as_element_call_writes_it():
    assert event()["state_key"] == "_@alice:hs:8431_DEV_m.call"
    assert event()["content"] == {
        "application": "m.call",
        "call_id": "",
        "scope": "m.room",
        "device_id": "DEV",
        "membershipID": "@alice:hs:8431:DEV",
        "expires": 14_400_000,
        "focus_active": {"type": "livekit", "focus_selection": "multi_sfu"},
        "foci_preferred": [{"type": "livekit", "livekit_service_url": "https://rtc", "livekit_alias": "!r"}],
    }


def test_a_renewal_says_since_when_and_an_intent_is_said_if_there_is_one():
    body = membership.content(
        ALICE, "D", room_id="!r", service_url="u", intent="audio", created_ms=5, expires_ms=2 * EXPIRES_MS
    )
    assert (body["created_ts"], body["expires"], body["m.call.intent"]) == (5, 28_800_000, "audio")


def test_members_are_read_back():
    assert read(event(), event(BOB, "X")) == [
        Member(ALICE, "DEV", "@alice:hs:8431:DEV"),
        Member(BOB, "X", "@bob:hs:8441:X"),
    ]


@pytest.mark.parametrize(
    "gone",
    [
        event() | {"content": {}},
        event() | {"content": None},
        event(device_id=7),
        event(focus_active=None),
        event(focus_active={"type": "other"}),
        event(application="m.other"),
        event(call_id="side room"),
        event(at=NOW - EXPIRES_MS),
        event(created_ts=NOW - EXPIRES_MS),
        event(expires="long"),
        event("@carol:hs"),
    ],
)
def test_whoever_left_expired_or_is_not_in_the_room_does_not_count(gone):
    assert read(gone) == []


def test_a_renewed_membership_lives_longer():
    assert read(event(at=NOW, created_ts=NOW - EXPIRES_MS, expires=2 * EXPIRES_MS)) != []


def test_the_sender_counts_and_not_the_key():
    forged = event(BOB, "DEV", key=membership.state_key(ALICE, "DEV"))
    assert membership.owners(read(forged)) == {"@bob:hs:8441:DEV": BOB}


def test_an_identity_two_people_lay_claim_to_belongs_to_nobody():
    """@alice:hs with device 8431:DEV has the identity of @alice:hs:8431 with device DEV."""
    other = "@alice:hs"
    found = read(event(), event(other, "8431:DEV"), event(BOB, "X"), joined=(ALICE, BOB, other))
    assert membership.owners(found) == {"@bob:hs:8441:X": BOB}


def test_the_same_person_may_have_several_devices():
    assert membership.owners(read(event(), event(device="SECOND"))) == {
        "@alice:hs:8431:DEV": ALICE,
        "@alice:hs:8431:SECOND": ALICE,
    }


def test_a_room_full_of_memberships_is_read_up_to_a_limit():
    assert len(read(*(event(device=f"D{number}") for number in range(MAX_MEMBERS + 10)))) == MAX_MEMBERS
