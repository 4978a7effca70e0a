# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Several media threads: a room lives on one of them, and they share nothing."""

import socket
from contextlib import asynccontextmanager, suppress

import pytest

from sfu import native
from sfu.core.media import Kind
from sfu.media.planes import MediaPlanes
from tests.sfu.media.conftest import Stage
from tests.sfu.media.test_lane import read_without_the_loop

HOST = "127.0.0.1"


class Room:
    """The media planes as those who are in one room use them."""

    def __init__(self, planes, name):
        self._planes, self._name = planes, name

    def __getattr__(self, name):
        return getattr(self._planes, name)

    @property
    def candidates(self):
        return self._planes.candidates_of(self._name)

    def open_peer(self, *arguments):
        self._planes.open_peer(*arguments, room=self._name)


@asynccontextmanager
async def rooms(engine, *names, threads=2):
    """(planes, a stage for each room); their people have different names."""
    if engine == "native" and native.why_not() is not None:
        pytest.skip(native.why_not())
    stages = []

    def happened(event):
        for stage in stages:
            stage.events.append(event)

    planes = MediaPlanes(HOST, 0, happened, threads=threads, engine=engine)
    await planes.start()
    stages += [Stage(lambda _, name=name: Room(planes, name), HOST) for name in names]
    try:
        yield planes, stages
    finally:
        for stage in stages:
            for client in stage.clients:
                await client.close()
        await planes.close()


async def call(stage, name):
    """A microphone of a room, and who hears it."""
    publisher, receiver = stage.client(f"{name} a"), stage.client(f"{name} b")
    await publisher.connect()
    await receiver.connect()
    stage.plane.receive(stage.uplink(publisher, Kind.AUDIO, track=f"TR_{name}"))
    stage.plane.forward(stage.downlink(receiver, Kind.AUDIO, track=f"TR_{name}"))
    return publisher, receiver


def media_waiting(wire):
    count = 0
    with suppress(BlockingIOError):
        while data := wire.socket.recv(2048):
            count += data[0] >= 128 and not 192 <= data[1] <= 223
    return count


def two_ports():
    """A socket on a port, whose neighbour below is free."""
    while True:
        below, taken = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        with below, suppress(OSError):
            below.bind((HOST, 0))
            taken.bind((HOST, below.getsockname()[1] + 1))
            return taken
        taken.close()


def ports(planes, *names):
    return [{one.port for one in planes.candidates_of(name)} for name in names]


async def test_each_room_has_a_thread_and_its_people_one_port():
    async with rooms("native", "one", "two") as (planes, [one, two]):
        assert planes.threads == 2
        first, second = ports(planes, "one", "two")
        assert len(first) == len(second) == 1
        assert first | second == {one.port for one in planes.candidates}
        mine, yours = await call(one, "one"), await call(two, "two")
        await one.heard(*mine, 1)
        await two.heard(*yours, 1)
        assert [plane.peers for plane in planes._planes] == [2, 2]
        assert all(plane.stats().packets_out >= 5 for plane in planes._planes)
        assert planes.stats().packets_out == sum(plane.stats().packets_out for plane in planes._planes)
        assert set(planes.stats().dropped) >= set(planes._planes[1].stats().dropped)


async def test_a_room_goes_on_while_the_tables_of_another_are_held():
    async with rooms("native", "one", "two") as (planes, [one, two]):
        mine, yours = await call(one, "one"), await call(two, "two")
        await one.heard(*mine, 1)
        await two.heard(*yours, 1)
        held = planes._planes[0]._engine.lock_at
        native.unyielding().tables_lock(held)
        try:
            for seq in range(100, 200):
                mine[0].send(50, seq)
                yours[0].send(50, seq)
            assert len(read_without_the_loop(yours[1].wire, 100)) == 100
            assert media_waiting(mine[1].wire) == 0
        finally:
            native.unyielding().tables_unlock(held)
        assert len(read_without_the_loop(mine[1].wire, 100)) == 100


async def test_a_new_room_goes_where_the_fewest_are():
    async with rooms("native", "one", "two") as (planes, [one, two]):
        assert ports(planes, "one")[0] != ports(planes, "empty")[0]
        await call(one, "one")
        planes.close_room("empty")
        assert ports(planes, "two")[0] != ports(planes, "one")[0]
        await call(two, "two")
        for client in one.clients:
            planes.close_peer(client.id)
        before = ports(planes, "one")[0]
        planes.close_room("one")
        assert ports(planes, "three")[0] == before
        planes.close_room("three")
        planes.close_room("two")
        assert not planes._homes


async def test_what_is_said_of_unknown_people_is_nothing():
    async with rooms("native", "one") as (planes, [one]):
        publisher, receiver = await call(one, "one")
        for client in (publisher, receiver):
            planes.close_peer(client.id)
        planes.stop_receiving("TR_one")
        assert not planes.send_data(publisher.id, "_reliable", b"x")
        assert planes.data_waiting(publisher.id) == 0
        planes.restart_ice(publisher.id, publisher.credentials)
        planes.forward(one.downlink(receiver, Kind.AUDIO, track="TR_one"))
        assert (planes._peers, planes._tracks) == ({}, {})


async def test_the_python_engine_has_one_thread_whatever_is_asked_for():
    async with rooms("python", "one", "two", threads=3) as (planes, _):
        assert planes.threads == 1
        assert ports(planes, "one") == ports(planes, "two")


async def test_the_port_of_a_later_thread_that_is_taken_is_named_and_nothing_stays_open():
    if native.why_not() is not None:
        pytest.skip(native.why_not())
    with two_ports() as taken:
        port = taken.getsockname()[1]
        planes = MediaPlanes(HOST, port - 1, print, threads=2, engine="native")
        with pytest.raises(OSError, match="in use") as caught:
            await planes.start()
        assert caught.value.filename == f"{port} on {HOST} (UDP)"
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind((HOST, port - 1))
