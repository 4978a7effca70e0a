# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Data packets: who gets them, which are repeated, who may send."""

from sfu.core import limits
from sfu.core.relay import LOSSY, RELIABLE, Envelope, Nonces


def everybody(sequence=0):
    return Envelope((), (), sequence)


def test_a_packet_without_receivers_goes_to_all_others(meeting):
    alice, bob, carol = (meeting.enter(name) for name in ("alice", "bob", "carol"))
    assert set(meeting.room.data.relay(alice.peer, LOSSY, everybody())) == {bob.peer, carol.peer}


def test_a_packet_goes_only_to_the_identities_and_sids_it_names(meeting):
    alice, bob, carol, dave = (meeting.enter(name) for name in ("alice", "bob", "carol", "dave"))
    to_two = Envelope(("bob", "nobody", "alice"), (carol.peer,), 0)
    assert set(meeting.room.data.relay(alice.peer, LOSSY, to_two)) == {bob.peer, carol.peer}
    assert dave.peer in meeting.room


def test_a_reliable_packet_is_relayed_once(meeting):
    alice, bob = meeting.enter("alice"), meeting.enter("bob")
    relayed = [bool(meeting.room.data.relay(alice.peer, RELIABLE, everybody(number))) for number in (1, 2, 2, 1, 3)]
    assert relayed == [True, True, False, False, True]
    assert meeting.room.data.relay(alice.peer, LOSSY, everybody(1)) == (bob.peer,)


def test_nobody_sends_data_without_the_right_to(meeting):
    meeting.enter("alice")
    for rights in ({"can_publish_data": False}, {"can_publish": False, "can_publish_data": True}):
        mute = meeting.enter(f"mute{rights}", **rights)
        allowed = bool(meeting.room.data.relay(mute.peer, LOSSY, everybody()))
        assert allowed is rights["can_publish_data"]


def test_too_long_a_list_of_receivers_reaches_nobody(meeting):
    alice = meeting.enter("alice")
    meeting.enter("bob")
    names = ("bob", *(f"x{number}" for number in range(limits.DESTINATIONS_MAX)))
    assert meeting.room.data.relay(alice.peer, LOSSY, Envelope(names, (), 0)) == ()


def test_hidden_senders_have_no_name(meeting):
    alice, ghost = meeting.enter("alice"), meeting.enter("ghost", hidden=True)
    assert meeting.room.data.signature(alice.peer) == (alice.peer, "alice")
    assert meeting.room.data.signature(ghost.peer) == ("", "")


def test_reliable_data_waits_for_a_newcomer_s_channel_and_comes_in_order(meeting):
    bob = meeting.enter("bob")
    assert meeting.room.data.hold(bob.peer, RELIABLE, b"1")
    assert not meeting.room.data.hold(bob.peer, LOSSY, b"lossy")
    assert meeting.room.data.hold(bob.peer, RELIABLE, b"2")
    assert meeting.room.data.channel_opened(bob.peer, LOSSY) == []
    assert meeting.room.data.channel_opened(bob.peer, RELIABLE) == [b"1", b"2"]
    # From now on a failed write means a full buffer, and later packets must not overtake.
    assert not meeting.room.data.hold(bob.peer, RELIABLE, b"3")
    assert meeting.room.data.channel_opened(bob.peer, RELIABLE) == []


def test_data_that_waits_is_limited(meeting):
    bob = meeting.enter("bob")
    assert meeting.room.data.hold(bob.peer, RELIABLE, b"x" * limits.DATA_HELD_MAX)
    assert not meeting.room.data.hold(bob.peer, RELIABLE, b"x")
    assert not meeting.room.data.hold("PA_nobody", RELIABLE, b"x")


def test_a_packet_that_comes_twice_by_nonce_is_relayed_once_whoever_sent_it(meeting):
    alice, bob, carol = (meeting.enter(name) for name in ("alice", "bob", "carol"))
    packet = Envelope((), (), 0, b"n" * 16)
    assert meeting.room.data.relay(alice.peer, LOSSY, packet) == (bob.peer, carol.peer)
    assert meeting.room.data.relay(bob.peer, LOSSY, packet) == ()
    assert meeting.room.data.announce(packet) == ()
    assert len(meeting.room.data.announce(Envelope((), (), 0, b"m" * 16))) == 3


def test_remembered_nonces_are_limited():
    nonces = Nonces()
    for number in range(limits.DATA_NONCES_MAX + 1):
        assert nonces.is_new(number.to_bytes(16, "big"))
    assert not nonces.is_new((1).to_bytes(16, "big"))
    assert nonces.is_new((0).to_bytes(16, "big"))
