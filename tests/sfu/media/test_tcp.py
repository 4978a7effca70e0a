# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Media over TCP on the media port: what works by UDP works, and strangers get nothing."""

import asyncio
import os
import socket

import pytest

from sfu.core import connections as connections_module
from sfu.core import stun
from sfu.core.framing import frame
from sfu.core.limits_media import MAX_TCP_BUFFERED, MAX_TCP_STRANGERS_PER_HOST, MAX_TCP_UNSENT, TCP_RESERVE
from sfu.core.media import PeerLost


def connections(stage):
    return stage.plane._network._tcp.connections


@pytest.mark.parametrize(("publisher_tcp", "receiver_tcp"), [(True, True), (True, False), (False, True)])
async def test_clients_hear_each_other_over_tcp_and_across(stage, publisher_tcp, receiver_tcp):
    publisher, receiver = await stage.audio_call(publisher_tcp=publisher_tcp, receiver_tcp=receiver_tcp)
    await stage.heard(publisher, receiver, 1)


async def test_a_check_over_tcp_is_answered_with_the_connections_address(stage):
    client = stage.client("a", tcp=True)
    client.open()
    answer = await client.check()
    assert answer.mapped == client.wire.socket.getsockname()


async def test_media_follows_the_nomination_from_udp_to_tcp_and_back(stage):
    publisher, receiver = await stage.audio_call()
    by_udp, by_tcp = receiver.wire, stage.wire(tcp=True)
    for wire, first in ((by_tcp, 100), (by_udp, 200)):
        receiver.wire = receiver.dtls._transport = wire
        await receiver.check(use=True)
        await stage.heard(publisher, receiver, first)
    by_tcp.close()


async def test_a_connection_that_breaks_is_replaced_by_the_next(stage):
    publisher, receiver = await stage.audio_call(publisher_tcp=True, receiver_tcp=True)
    receiver.wire.close()
    await stage.until(lambda: len(connections(stage)) == 1)
    assert stage.plane._ice._by_peer[receiver.id].selected is None
    receiver.wire = receiver.dtls._transport = stage.wire(tcp=True)
    await receiver.check(use=False)
    await stage.heard(publisher, receiver, 100)
    assert not stage.of(receiver.id, "PeerLost")


async def test_a_peer_that_ends_takes_its_connections_along(stage):
    client = stage.client("a", tcp=True)
    await client.connect()
    assert stage.plane.stats().tcp_connections == 1
    stage.plane.close_peer(client.id)
    await stage.until(lambda: client.wire.ended)
    assert stage.plane.stats().tcp_connections == 0
    await stage.until(lambda: client.dtls.state == "closed")  # the goodbye came before the end


async def test_a_peer_with_too_many_connections_loses_its_oldest(stage):
    client = stage.client("a", tcp=True)
    client.open()
    await client.check()
    selected, wires = client.wire, []
    for _ in range(17):
        client.wire = stage.wire(tcp=True)
        wires.append(client.wire)
        await client.check(use=False)
    await stage.until(lambda: wires[1].ended)
    assert len(connections(stage)) == 16
    assert not selected.ended
    client.wire = selected
    for wire in wires:
        wire.close()


async def test_strangers_get_not_a_byte_by_tcp(stage):
    client = stage.client("a")
    client.open()
    tries = [
        b"GET / HTTP/1.1\r\n\r\n",
        frame(stun.binding_request(bytes(12), "nobody:x", "secret")),
        frame(stun.binding_request(bytes(12), f"{client.credentials.ufrag}:x", "guess")),
        frame(b"\x16\xfe\xfd" + bytes(40)),
        frame(b"\x80\x6f" + bytes(40)),
        frame(b""),
        b"\xff\xff",
    ]
    strangers = [stage.wire(tcp=True) for _ in tries]
    for stranger, data in zip(strangers, tries, strict=True):
        stranger.raw(data)
    await stage.until(lambda: stage.dropped.get("oversize") == 2 and stage.dropped.get("stranger") == 3)
    await stage.until(lambda: {"stun_unknown_ufrag", "stun_integrity"} <= set(stage.dropped))
    for stranger in strangers:
        assert stranger.stun == stranger.media == []
        assert stranger.dtls.empty()
        stranger.close()


async def test_connections_that_say_nothing_are_few_and_closed_in_time(stage, monkeypatch):
    monkeypatch.setattr(connections_module, "TCP_FIRST_CHECK_S", 0.2)
    client = stage.client("a", tcp=True)
    await client.connect()
    silent = [stage.wire(tcp=True) for _ in range(MAX_TCP_STRANGERS_PER_HOST + 3)]
    await stage.until(lambda: stage.dropped.get("tcp_strangers_of_host") == 3)
    await stage.until(lambda: all(wire.ended for wire in silent))
    assert stage.dropped["tcp_unproven"] == MAX_TCP_STRANGERS_PER_HOST
    assert list(connections(stage)) != []
    await client.check()
    for wire in silent:
        wire.close()


async def test_a_connection_over_which_nothing_comes_is_closed(stage, monkeypatch):
    monkeypatch.setattr(connections_module, "TCP_IDLE_S", 0.5)
    client = stage.client("a", tcp=True)
    await client.connect()
    await stage.until(lambda: client.wire.ended)
    assert stage.dropped["tcp_idle"] == 1


async def test_a_reader_that_is_slow_loses_whole_frames_and_nothing_grows(stage):
    publisher, receiver = await stage.audio_call(receiver_tcp=True)
    loop_reader, payload = receiver.wire, bytes(1000)
    [server] = [one._socket for one in connections(stage).values()]
    assert server.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT) == MAX_TCP_UNSENT
    loop_reader.pause()
    for seq in range(1, 12_000):
        publisher.send(50, seq, payload=payload)
        if not seq % 50:
            await stage.until(lambda seq=seq: stage.plane.stats().packets_in >= 0.9 * seq)
            await asyncio.sleep(0)  # this loop writes what a media thread took in
        [held] = [one._waiting for one in connections(stage).values()]
        if stage.dropped.get("send_full", 0) > 100 and len(held) > MAX_TCP_BUFFERED - 2000:
            break
    assert stage.dropped["send_full"] > 100
    assert MAX_TCP_BUFFERED - 2000 < len(held) <= MAX_TCP_BUFFERED + TCP_RESERVE
    loop_reader.resume()
    await stage.until(lambda: not held)
    got = receiver.payloads()
    assert got
    assert set(got) == {payload}
    assert await receiver.check()
    await stage.heard(publisher, receiver, 20_000)
    assert not [event for event in stage.events if isinstance(event, PeerLost)]


async def test_every_first_byte_and_length_leaves_a_call_over_tcp_alive(stage):
    publisher, receiver = await stage.audio_call(publisher_tcp=True, receiver_tcp=True)
    strangers = [stage.wire(tcp=True)]
    for first in range(256):
        for size in range(65):
            datagram = (bytes((first,)) + os.urandom(size))[:size]
            publisher.wire.put(datagram)
            if strangers[-1].ended:
                strangers[-1].close()
                strangers.append(stage.wire(tcp=True))
            strangers[-1].put(datagram)
        await stage.until(lambda first=first: stage.dropped.get("empty", 0) >= first + 1)
    await stage.heard(publisher, receiver, 100)
    assert not [event for event in stage.events if isinstance(event, PeerLost)]
    assert not [wire for wire in (publisher.wire, receiver.wire) if wire.ended]
    assert len(strangers) > 1
    assert not [stranger for stranger in strangers if stranger.stun or stranger.media or stranger.dtls.qsize()]
    strangers[-1].close()


async def test_the_port_is_the_same_by_udp_and_tcp_and_taken_by_neither_alone(stage):
    port = stage.plane.candidates[0].port
    assert {(one.protocol, one.port) for one in stage.plane.candidates} == {("udp", port), ("tcp", port)}
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
