# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Bound addresses, advertised addresses, and what can't be."""

import pytest

from sfu.core.reach import reach


@pytest.mark.parametrize(
    ("hosts", "advertise", "told"),
    [
        (["127.0.0.1"], [], ["127.0.0.1"]),
        (["::1", "127.0.0.1"], [], ["::1", "127.0.0.1"]),
        (["0.0.0.0"], ["203.0.113.5"], ["203.0.113.5"]),
        (["10.0.0.5", "2001:db8::5"], ["203.0.113.5"], ["203.0.113.5", "2001:db8::5"]),
        (["::", "0.0.0.0"], ["203.0.113.5", "2001:db8::5"], ["2001:db8::5", "203.0.113.5"]),
        (["10.0.0.5"], ["203.0.113.5", "10.0.0.5"], ["203.0.113.5", "10.0.0.5"]),
        (["fe80::1%eth0"], [], ["fe80::1"]),
    ],
)
def test_what_is_advertised_replaces_what_is_bound_of_its_family(
    hosts: list[str], advertise: list[str], told: list[str]
) -> None:
    assert list(reach(hosts, advertise).advertised) == told


@pytest.mark.parametrize(
    ("hosts", "advertise", "why"),
    [
        ([], [], "media_host is empty"),
        (["localhost"], [], "'localhost' is no IP address"),
        (["127.0.0.1", "127.0.0.1"], [], "twice"),
        (["0.0.0.0"], [], "name one to advertise"),
        (["0.0.0.0", "::"], ["203.0.113.5"], ":: is no address that clients can reach; name one to advertise"),
        (["fe80::1"], [], "fe80::1%eth0"),
        (["::"], ["fe80::1%eth0"], "zone"),
        (["0.0.0.0"], ["0.0.0.0"], "no address that clients can reach"),
        (["0.0.0.0"], ["224.0.0.1"], "no address that clients can reach"),
        (["0.0.0.0"], ["sfu.example"], "no IP address"),
        (["127.0.0.1"], ["2001:db8::1"], "IPv6, and no address of media_host is"),
    ],
)
def test_addresses_that_cannot_be_say_what_to_change(hosts: list[str], advertise: list[str], why: str) -> None:
    with pytest.raises(ValueError, match=why.replace(".", r"\.").replace("%", "%")):
        reach(hosts, advertise)


def test_every_address_is_told_by_udp_before_any_by_tcp() -> None:
    both = reach(["127.0.0.1", "::1"])
    told = [(one.protocol, one.host, one.port) for one in both.candidates(7882, tcp=True)]
    assert told == [
        ("udp", "127.0.0.1", 7882),
        ("udp", "::1", 7882),
        ("tcp", "127.0.0.1", 7882),
        ("tcp", "::1", 7882),
    ]
    assert {one.protocol for one in both.candidates(7882, tcp=False)} == {"udp"}
