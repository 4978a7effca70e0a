# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Webhooks as a receiver gets them: signed, in order, again after failures, and never in anybody's way."""

import asyncio
import json
import time

import pytest
from aiohttp import web
from livekit import api
from livekit.protocol import models, rtc
from livekit.protocol.webhook import WebhookEvent

from sfu.core import limits
from sfu.core.media import PeerConnected
from sfu.shell import webhooks
from sfu.shell.webhooks import Webhooks


class Receiver:
    """An operator's program that keeps what it was sent; `answers` are the next statuses, 200 after them."""

    def __init__(self, key, secret):
        self._verifier = api.WebhookReceiver(api.TokenVerifier(key, secret))
        self.answers = []
        self.events = []
        self.tries = 0
        self.open = asyncio.Event()
        self.open.set()
        self.came = asyncio.Condition()

    async def take(self, request):
        assert request.content_type == webhooks.CONTENT_TYPE
        body = await request.text()
        event = self._verifier.receive(body, request.headers["Authorization"])
        await self.open.wait()
        async with self.came:
            self.tries += 1
            status = self.answers.pop(0) if self.answers else 200
            if status == 200:
                self.events.append((event, json.loads(body)))
            self.came.notify_all()
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async def wait(self, condition):
        async with asyncio.timeout(10), self.came:
            await self.came.wait_for(condition)

    @property
    def names(self):
        return [event.event for event, _ in self.events]


@pytest.fixture
async def receiver(credentials, monkeypatch):
    monkeypatch.setattr(webhooks, "BACK_OFF_S", (0.01,))
    started = Receiver(*credentials)
    app = web.Application(client_max_size=2**22)
    app.router.add_post("/hook", started.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    started.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield started
    started.open.set()
    await runner.cleanup()


def event(room="RM_1", name="room_started", metadata=""):
    return WebhookEvent(event=name, room=models.Room(sid=room, metadata=metadata))


async def test_the_real_receiver_reads_what_happens_in_a_call(receiver, credentials, run_server):
    async with Webhooks((receiver.url,), *credentials) as sender, run_server(webhooks=sender) as server:
        async with server.client("alice") as alice:
            server.worker.media_event(PeerConnected(alice.sid, "AEAD_AES_128_GCM"))
            await alice.say(leave=rtc.LeaveRequest())
            await alice.closing()
        server.worker.delete_room(server.worker.registry.get("room"))
        await receiver.wait(lambda: len(receiver.events) == 4)
    assert receiver.names == ["room_started", "participant_joined", "participant_left", "room_finished"]
    joined, left = receiver.events[1], receiver.events[2]
    assert (joined[0].participant.identity, joined[0].room.name) == ("alice", "room")
    assert joined[0].participant.state == models.ParticipantInfo.State.ACTIVE
    assert joined[0].id.startswith("EV_")
    assert abs(joined[0].created_at - time.time()) < 60
    assert joined[0].room.num_participants == 1
    # As lk-jwt-service reads it: camelCase, enums by name, 64 bits as text.
    assert left[1]["participant"]["disconnectReason"] == "CLIENT_INITIATED"
    assert isinstance(left[1]["createdAt"], str)


async def test_events_of_a_room_come_in_order_though_the_receiver_fails(receiver, credentials):
    receiver.answers = [500, 429, 503, 200, 500]
    async with Webhooks((receiver.url,), *credentials) as sender:
        for number in range(4):
            sender.notify(event(name=str(number)))
        await receiver.wait(lambda: len(receiver.events) == 4)
    assert receiver.names == ["0", "1", "2", "3"]
    assert receiver.tries == 8
    assert sender.outcomes == {("success", ""): 4}


@pytest.mark.parametrize("status", [302, 307, 400, 401, 404])
async def test_a_refusal_is_not_repeated_or_followed_and_the_next_event_tells_the_loss(receiver, credentials, status):
    receiver.answers = [status]
    async with Webhooks((receiver.url,), *credentials) as sender:
        for name in "ab":
            sender.notify(event(name=name))
        await receiver.wait(lambda: len(receiver.events) == 1)
    assert receiver.tries == 2
    assert (receiver.names, receiver.events[0][0].num_dropped) == (["b"], 1)
    assert sender.outcomes == {("failure", ""): 1, ("success", ""): 1}


async def test_an_event_that_never_arrives_is_given_up(receiver, credentials, monkeypatch):
    monkeypatch.setattr(webhooks, "AGE_MAX_S", 0.0)
    receiver.answers = [500]
    async with Webhooks((receiver.url,), *credentials) as sender:
        for name in "ab":
            sender.notify(event(name=name))
        await receiver.wait(lambda: receiver.events)
    assert receiver.names == ["b"]


async def test_a_room_s_events_do_not_wait_for_another_room_s(receiver, credentials, monkeypatch):
    monkeypatch.setattr(webhooks, "BACK_OFF_S", (60.0,))
    monkeypatch.setattr(webhooks, "DRAIN_S", 0.0)
    receiver.answers = [500]
    async with Webhooks((receiver.url,), *credentials) as sender:
        sender.notify(event("RM_1", "one"))
        await receiver.wait(lambda: receiver.tries == 1)
        sender.notify(event("RM_2", "two"))
        await receiver.wait(lambda: receiver.events)
    assert receiver.names == ["two"]


async def test_what_waits_for_a_slow_receiver_is_limited_and_the_newest_is_kept(receiver, credentials, monkeypatch):
    monkeypatch.setattr(limits, "WEBHOOKS_PER_ROOM_MAX", 3)
    receiver.open.clear()
    async with Webhooks((receiver.url,), *credentials) as sender:
        for number in range(10):
            sender.notify(event(name=str(number)))
        receiver.open.set()
        await receiver.wait(lambda: len(receiver.events) == 3)
    assert receiver.names == ["0", "8", "9"]
    assert [told.num_dropped for told, _ in receiver.events] == [7, 0, 0]
    assert sender.outcomes["drop", "queue_full"] == 7


async def test_the_bytes_that_wait_are_limited_over_all_rooms(receiver, credentials, monkeypatch):
    monkeypatch.setattr(limits, "WEBHOOK_BYTES_MAX", 1100)
    receiver.open.clear()
    async with Webhooks((receiver.url,), *credentials) as sender:
        for number in range(10):
            sender.notify(event(f"RM_{number}", str(number), "m" * 300))
        receiver.open.set()
        await receiver.wait(lambda: len(receiver.events) == 3)
        sender.notify(event("RM_x", "later"))
        await receiver.wait(lambda: len(receiver.events) == 4)
    assert set(receiver.names) == {"0", "1", "2", "later"}


async def test_a_dead_receiver_costs_the_call_nothing(credentials, run_server, free_ports, monkeypatch):
    monkeypatch.setattr(webhooks, "DRAIN_S", 0.0)
    dead = f"http://127.0.0.1:{free_ports()[0]}/"
    async with (
        Webhooks((dead,), *credentials) as sender,
        run_server(webhooks=sender) as server,
        server.client("alice") as alice,
    ):
        assert await alice.is_alive()
    assert sender.outcomes["success", ""] == 0
