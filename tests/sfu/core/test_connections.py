# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Strangers' connections are few and short; a peer's stay as long as something comes."""

from sfu.core import limits_media as limits
from sfu.core.connections import Connections, site
from sfu.core.ice_lite import Link


def full(hosts: list[str]) -> Connections:
    connections = Connections()
    for number, host in enumerate(hosts):
        assert connections.refusal(host) is None
        connections.opened(Link(number), host, 0.0)
    return connections


def test_a_host_gets_a_few_connections_until_it_proves_them() -> None:
    connections = full(["192.0.2.1"] * limits.MAX_TCP_STRANGERS_PER_HOST)
    assert connections.refusal("192.0.2.1") == "tcp_strangers_of_host"
    assert connections.refusal("192.0.2.2") is None
    connections.proven(Link(0))
    connections.proven(Link(0))
    assert connections.refusal("192.0.2.1") is None
    connections.closed(Link(1))
    connections.opened(Link(100), "192.0.2.1", 0.0)
    assert connections.refusal("192.0.2.1") is None
    connections.opened(Link(101), "192.0.2.1", 0.0)
    assert connections.refusal("192.0.2.1") == "tcp_strangers_of_host"


def test_many_hosts_together_get_a_limited_number_too() -> None:
    connections = full([f"198.51.100.{number}" for number in range(limits.MAX_TCP_STRANGERS)])
    assert connections.refusal("203.0.113.1") == "tcp_strangers"


def test_connections_of_peers_are_capped() -> None:
    connections = Connections()
    for number in range(limits.MAX_TCP_CONNECTIONS):
        connections.opened(Link(number), "192.0.2.1", 0.0)
        connections.proven(Link(number))
    assert connections.refusal("192.0.2.9") == "tcp_full"
    connections.closed(Link(0))
    assert connections.refusal("192.0.2.9") is None


def test_a_connection_without_a_valid_check_is_overdue_whatever_it_sends() -> None:
    connections = full(["192.0.2.1", "192.0.2.1"])
    connections.proven(Link(1))
    late = limits.TCP_FIRST_CHECK_S + 0.1
    for link in (Link(0), Link(1)):
        connections.heard(link, late)
    assert connections.overdue(late - 0.2) == []
    assert connections.overdue(late) == [(Link(0), "tcp_unproven")]


def test_a_silent_connection_of_a_peer_is_overdue() -> None:
    connections = full(["192.0.2.1"])
    connections.proven(Link(0))
    connections.heard(Link(0), 5.0)
    assert connections.overdue(5.0 + limits.TCP_IDLE_S) == []
    assert connections.overdue(5.1 + limits.TCP_IDLE_S) == [(Link(0), "tcp_idle")]


def test_nothing_is_kept_of_connections_that_are_gone() -> None:
    connections = full(["192.0.2.1", "2001:db8::1"])
    for link in (Link(0), Link(1), Link(2)):
        connections.closed(link)
        connections.proven(link)
        connections.heard(link, 1.0)
    assert len(connections) == 0
    assert connections.overdue(1000.0) == []
    assert not connections._strangers


def test_one_ipv6_site_counts_as_one_host() -> None:
    assert site("2001:db8:0:1::1") == site("2001:db8:0:1:ffff::2") != site("2001:db8:0:2::1")
    assert site("fe80::1%eth0") == site("fe80::2%eth1")
    assert site("192.0.2.1") != site("192.0.2.2")
