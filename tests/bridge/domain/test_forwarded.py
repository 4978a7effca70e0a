# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Nobody chooses as whom limits count them."""

from ipaddress import ip_network

import pytest

from bridge.domain.forwarded import UNKNOWN, counted

OURS = [ip_network("10.0.0.0/24"), ip_network("2001:db8:1::/48"), ip_network("127.0.0.1")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "expected"),
    [
        ("192.0.2.7", [], OURS, "192.0.2.7"),
        ("192.0.2.7", ["198.51.100.1"], OURS, "192.0.2.7"),  # said by a stranger
        ("10.0.0.1", ["198.51.100.1"], [], "10.0.0.1"),  # nobody is believed unless the operator says so
        ("10.0.0.1", ["198.51.100.1"], OURS, "198.51.100.1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], OURS, "198.51.100.1"),  # a socket of both families
        ("10.0.0.1", ["203.0.113.5, 198.51.100.1"], OURS, "198.51.100.1"),  # the first is what a stranger wrote
        ("10.0.0.1", ["203.0.113.5", "198.51.100.1"], OURS, "198.51.100.1"),
        ("10.0.0.1", ["198.51.100.1, 10.0.0.2"], OURS, "198.51.100.1"),  # two proxies of ours
        ("10.0.0.1", ["10.0.0.3, 10.0.0.2"], OURS, "10.0.0.3"),  # somebody within
        ("10.0.0.1", ["203.0.113.5, <script>"], OURS, "10.0.0.1"),
        ("10.0.0.1", ["203.0.113.5, "], OURS, "10.0.0.1"),
        ("10.0.0.1", [""], OURS, "10.0.0.1"),
        ("10.0.0.1", [], OURS, "10.0.0.1"),
        ("2001:db8:1::1", ["2001:db8:9:8:7:6:5:4"], OURS, "2001:db8:9:8::/64"),
        ("fe80::1%eth0", [], OURS, "fe80::/64"),
        ("2001:db8:9:8:ffff::1", [], [], "2001:db8:9:8::/64"),
        ("", [], OURS, UNKNOWN),
        (None, ["198.51.100.1"], OURS, UNKNOWN),  # a UNIX socket
    ],
)
def test_whom_limits_count(peer, forwarded, proxies, expected):
    assert counted(peer, forwarded, proxies) == expected


def test_a_long_list_is_read_from_its_end_and_no_further_than_needed():
    assert counted("10.0.0.1", [", ".join(["x"] * 10_000) + ", 198.51.100.1"], OURS) == "198.51.100.1"
