# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Several addresses of one plane: whoever comes to one is answered and served from that one."""

import socket
from pathlib import Path

import pytest

from sfu.core.media import Kind
from sfu.media.plane import MediaPlane


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
async def test_a_client_with_ipv6_alone_and_one_with_ipv4_alone_hear_each_other(dual_stage, tcp):
    four, six = dual_stage.client("four", host="127.0.0.1"), dual_stage.client("six", host="::1", tcp=tcp)
    await four.connect()
    await six.connect()
    for number, (publisher, receiver) in enumerate(((four, six), (six, four))):
        dual_stage.plane.receive(dual_stage.uplink(publisher, Kind.AUDIO, track=f"TR_{number}"))
        dual_stage.plane.forward(dual_stage.downlink(receiver, Kind.AUDIO, track=f"TR_{number}"))
        expected, got = {b"packet %d" % seq for seq in range(5)}, set()
        for seq in range(5):
            publisher.send(50 + number, seq, payload=b"packet %d" % seq)
        await dual_stage.until(lambda e=expected, g=got, r=receiver: e <= g or g.update(r.payloads()))


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
async def test_a_check_by_ipv6_is_answered_with_the_ipv6_address_it_came_from(dual_stage, tcp):
    client = dual_stage.client("six", host="::1", tcp=tcp)
    client.open()
    assert (await client.check()).mapped == client.wire.socket.getsockname()[:2]


async def test_all_addresses_share_one_port(dual_stage):
    told = [(one.protocol, one.host) for one in dual_stage.plane.candidates]
    assert told == [("udp", "127.0.0.1"), ("udp", "::1"), ("tcp", "127.0.0.1"), ("tcp", "::1")]
    assert len({one.port for one in dual_stage.plane.candidates}) == 1


async def test_an_address_that_is_not_ours_is_named_and_leaves_nothing_open():
    plane = MediaPlane(["127.0.0.1", "192.0.2.1"], 0, print)
    with pytest.raises(OSError, match="assign") as caught:
        await plane.start()
    assert caught.value.filename.endswith(" on 192.0.2.1 (UDP)")


async def test_without_tcp_no_connection_is_taken():
    plane = MediaPlane("127.0.0.1", 0, print, tcp=False)
    await plane.start()
    [candidate] = plane.candidates
    assert candidate.protocol == "udp"
    with socket.socket() as client, pytest.raises(ConnectionRefusedError):
        client.connect((candidate.host, candidate.port))
    await plane.close()


async def test_a_link_local_address_is_bound_in_its_zone_and_told_without_it():
    with_zone = next((name for _, name in socket.if_nameindex() if link_local(name)), None)
    if with_zone is None:
        pytest.skip("no interface has a link-local address")
    plane = MediaPlane(f"{link_local(with_zone)}%{with_zone}", 0, print)
    await plane.start()
    assert {one.host for one in plane.candidates} == {link_local(with_zone)}
    await plane.close()


def link_local(interface):
    """The link-local address of an interface, None without."""
    for line in Path("/proc/net/if_inet6").read_text().splitlines():
        packed, *_, name = line.split()
        if name == interface and packed.startswith("fe80"):
            return socket.inet_ntop(socket.AF_INET6, bytes.fromhex(packed))
    return None
