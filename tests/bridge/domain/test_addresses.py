# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.addresses import address_allowed, addresses_allowed, name_allowed
from bridge.domain.discovery import (
    MAX_CACHE_S,
    MIN_CACHE_S,
    cache_lifetime_s,
    delegated_name,
    direct_target,
    needs_well_known,
)
from bridge.domain.names import parse_server_name

BLOCKED = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:53aa:64c::1",
    "2001:db8::1",
    "2002:a00:1::",
    "2002:7f00:1::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
OPEN = [
    "8.8.8.8",
    "93.184.216.34",
    "172.32.0.1",
    "100.128.0.1",
    "2606:4700:4700::1111",
    "2a00:1450::1",
    "::ffff:8.8.8.8",
]


@pytest.mark.parametrize("address", BLOCKED)
def test_no_stranger_sends_us_inwards(address: str):
    assert not address_allowed(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", OPEN)
def test_public_addresses_are_open(address: str):
    assert address_allowed(ipaddress.ip_address(address))


@given(st.ip_addresses())
def test_whatever_python_calls_private_is_blocked(address: ipaddress.IPv4Address | ipaddress.IPv6Address):
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        assert not address_allowed(address)


def test_one_bad_address_condemns_the_whole_answer():
    good, bad = ipaddress.ip_address("8.8.8.8"), ipaddress.ip_address("10.0.0.1")
    assert addresses_allowed([good])
    assert not addresses_allowed([good, bad])
    assert not addresses_allowed([])


@pytest.mark.parametrize(
    "text", ["matrix.org", "matrix.org:443", "matrix.org:8448", "a.example:8443", "a.example:8499"]
)
def test_public_names_and_ports_may_be_asked(text: str):
    name = parse_server_name(text)
    assert name is not None
    assert name_allowed(name)


@pytest.mark.parametrize(
    "text",
    [
        "localhost",
        "localhost:8448",
        "redis",
        "postgres:5432",
        "a.localhost",
        "db.internal",
        "printer.local",
        "x.onion",
        "1.0.0.10.in-addr.arpa",
        "matrix.org:22",
        "matrix.org:25",
        "matrix.org:80",
        "matrix.org:5432",
        "matrix.org:8442",
        "matrix.org:8500",
        "matrix.org:65535",
        "8.8.8.8",
        "8.8.8.8:8448",
        "[2606:4700::1111]:8448",
        "127.0.0.1:8448",
    ],
)
def test_inner_names_literals_and_other_ports_are_not_asked(text: str):
    name = parse_server_name(text)
    assert name is not None
    assert not name_allowed(name)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"m.server": "hs.example:443"}', "hs.example:443"),
        (b'{"m.server": "hs.example", "more": 1}', "hs.example"),
        (b'{"m.server": "http://hs.example"}', None),
        (b'{"m.server": 5}', None),
        (b'{"m.server": ""}', None),
        (b"{}", None),
        (b"[]", None),
        (b"<html>", None),
        (b"\xff\xfe", None),
        (b"[" * 50_000, None),
    ],
)
def test_a_well_known_file_delegates_or_says_nothing(body: bytes, expected: str | None):
    name = delegated_name(body)
    assert (None if name is None else name.text) == expected


@pytest.mark.parametrize(
    ("header", "lifetime"),
    [
        (None, MIN_CACHE_S),
        ("", MIN_CACHE_S),
        ("max-age=0", MIN_CACHE_S),
        ("max-age=3600", 3600.0),
        ("public, max-age=7200", 7200.0),
        ("max-age=999999999", MAX_CACHE_S),
        ("max-age=junk", MIN_CACHE_S),
        ("s-maxage=7200", MIN_CACHE_S),
    ],
)
def test_a_well_known_file_is_kept_between_five_minutes_and_two_days(header: str | None, lifetime: float):
    assert cache_lifetime_s(header) == lifetime


def test_only_a_bare_name_asks_for_the_well_known_file():
    for text, asks, port in (("a.example", True, 8448), ("a.example:443", False, 443), ("8.8.8.8", False, 8448)):
        name = parse_server_name(text)
        assert name is not None
        assert needs_well_known(name) is asks
        assert direct_target(name).port == port
