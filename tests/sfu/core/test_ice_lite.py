# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""ICE-lite: silence for strangers, answers for participants, the address follows nomination."""

import pytest

from sfu.core import stun
from sfu.core.ice_lite import ADDRESS_HELD_S, Address, Answer, IceLite, Link, Refused
from sfu.core.limits_media import MAX_ADDRESSES_PER_PEER, MAX_CREDENTIALS_PER_PEER
from sfu.core.media import IceCredentials, PeerId

LOCAL = IceCredentials("server", "p" * 22)
OTHER = IceCredentials("other", "q" * 22)
A, B = PeerId("PA_a"), PeerId("PA_b")
UDP, TCP = Link(1), Link(2)
HOME: Address = (UDP, ("192.0.2.1", 5000))
AWAY: Address = (UDP, ("192.0.2.1", 5001))


def check(credentials: IceCredentials = LOCAL, *, use: bool = False) -> bytes:
    return stun.binding_request(bytes(12), f"{credentials.ufrag}:client", credentials.pwd, use_candidate=use)


def answered(ice: IceLite, data: bytes, source: Address, now: float = 0.0) -> Answer:
    verdict = ice.on_check(data, source, now)
    assert isinstance(verdict, Answer)
    return verdict


def test_an_authentic_check_is_answered_with_the_address_it_came_from() -> None:
    ice = IceLite()
    ice.open(A, LOCAL, 0.0)
    response = answered(ice, check(), HOME).response
    message = stun.parse(response)
    assert message is not None
    assert message.mapped == HOME[1]
    assert stun.verify(response, message, LOCAL.pwd)


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"\0" * 20, "stun_malformed"),
        (check(OTHER), "stun_unknown_ufrag"),
        (check(IceCredentials("server", "wrong")), "stun_integrity"),
        (stun.binding_success(bytes(12), ("192.0.2.9", 1), LOCAL.pwd), "stun_malformed"),
    ],
)
def test_everything_else_gets_silence_and_validates_nothing(data: bytes, cause: str) -> None:
    ice = IceLite()
    ice.open(A, LOCAL, 0.0)
    assert ice.on_check(data, HOME, 0.0) == Refused(cause)
    assert ice.owner(HOME) is None


def test_the_first_valid_address_is_used_until_one_is_nominated() -> None:
    ice = IceLite()
    state = ice.open(A, LOCAL, 0.0)
    assert answered(ice, check(), HOME).moved
    assert not answered(ice, check(), AWAY).moved
    assert state.selected == HOME
    assert answered(ice, check(use=True), AWAY).moved
    assert state.selected == AWAY
    assert not answered(ice, check(), HOME).moved
    assert state.selected == AWAY


def test_after_a_restart_old_credentials_answer_but_no_longer_nominate() -> None:
    ice = IceLite()
    state = ice.open(A, LOCAL, 0.0)
    answered(ice, check(use=True), HOME)
    ice.restart(A, OTHER, 0.0)
    answered(ice, check(OTHER, use=True), AWAY)
    assert state.selected == AWAY
    assert not answered(ice, check(LOCAL, use=True), HOME).moved
    ice.restart(A, IceCredentials("third", "r" * 22), 0.0)
    assert ice.on_check(check(LOCAL), HOME, 0.0) == Refused("stun_unknown_ufrag")


def test_a_participant_cannot_take_an_address_over_that_is_in_use() -> None:
    ice = IceLite()
    owner = ice.open(A, LOCAL, 0.0)
    ice.open(B, OTHER, 0.0)
    answered(ice, check(), HOME, now=1.0)
    assert ice.on_check(check(OTHER), HOME, 2.0) == Refused("address_taken")
    assert ice.owner(HOME) is owner
    taken = answered(ice, check(OTHER), HOME, now=1.0 + ADDRESS_HELD_S)
    assert ice.owner(HOME) is not owner
    assert (taken.displaced, owner.selected) == (A, None)


def test_validated_addresses_are_capped_and_the_selected_one_is_kept() -> None:
    ice = IceLite()
    state = ice.open(A, LOCAL, 0.0)
    answered(ice, check(use=True), HOME)
    for port in range(2000):
        answered(ice, check(), (UDP, ("192.0.2.7", port)))
    assert len(state.addresses) == MAX_ADDRESSES_PER_PEER
    assert answered(ice, check(), AWAY).given_up == (UDP, ("192.0.2.7", 2001 - MAX_ADDRESSES_PER_PEER))
    assert HOME in state.addresses
    assert ice.owner(HOME) is state


def test_the_same_host_and_port_over_tcp_is_another_address() -> None:
    ice = IceLite()
    state = ice.open(A, LOCAL, 0.0)
    over_tcp = (TCP, HOME[1])
    answered(ice, check(use=True), HOME)
    assert ice.owner(over_tcp) is None
    assert answered(ice, check(use=True), over_tcp).moved
    assert state.addresses == [HOME, over_tcp]


def test_the_next_check_is_followed_when_the_used_connection_is_gone() -> None:
    ice = IceLite()
    state = ice.open(A, LOCAL, 0.0)
    over_tcp = (TCP, HOME[1])
    answered(ice, check(), HOME)
    answered(ice, check(use=True), over_tcp)
    assert ice.gone(over_tcp) is state
    assert (state.selected, ice.owner(over_tcp)) == (None, None)
    assert answered(ice, check(), HOME).moved
    assert ice.gone(over_tcp) is None
    assert ice.gone(AWAY) is None


def test_losing_a_connection_that_is_not_used_changes_nothing() -> None:
    ice = IceLite()
    state = ice.open(A, LOCAL, 0.0)
    over_tcp = (TCP, HOME[1])
    answered(ice, check(use=True), HOME)
    answered(ice, check(), over_tcp)
    assert ice.gone(over_tcp) is None
    assert (state.selected, state.addresses) == (HOME, [HOME])


def test_a_closed_peer_leaves_nothing_behind() -> None:
    ice = IceLite()
    ice.open(A, LOCAL, 0.0)
    answered(ice, check(), HOME)
    ice.close(A)
    assert ice.owner(HOME) is None
    assert ice.on_check(check(), HOME, 0.0) == Refused("stun_unknown_ufrag")
    ice.close(A)


def test_restarts_without_end_keep_the_newest_credentials_alone() -> None:
    ice = IceLite()
    state = ice.open(A, LOCAL, 0.0)
    credentials = [IceCredentials(f"u{number}", "p" * 22) for number in range(2000)]
    for one in credentials:
        ice.restart(A, one, 0.0)
    assert state.credentials == credentials[-MAX_CREDENTIALS_PER_PEER:]
    assert len(ice._by_ufrag) == MAX_CREDENTIALS_PER_PEER
    assert ice.on_check(check(credentials[0]), HOME, 0.0) == Refused("stun_unknown_ufrag")
    assert answered(ice, check(credentials[-1]), HOME).moved
