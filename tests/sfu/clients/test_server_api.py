# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What operators' programs do by livekit-api, as people of the Python SDK see it."""

import asyncio

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from livekit import api, rtc
from livekit.protocol import models
from livekit.protocol import room as room_api

RED = (200, 40, 40)


@pytest_asyncio.fixture(loop_scope="session")
async def admin(sfu):
    async with sfu.admin() as client:
        yield client.room


def noted(person, *names):
    """Keep a person's events of these names, each with its arguments."""
    events = []
    for name in names:
        person.room.on(name, lambda *arguments, name=name: events.append((name, *arguments)))
    return events


def names(events):
    return [event[0] for event in events]


async def is_quiet(person, identity):
    """Whether nothing of somebody is heard any longer. The SDK raises no event when the server ends a subscription."""
    person.sounds.clear()
    await asyncio.sleep(0.7)
    return not person.hears(identity)


async def test_the_right_to_publish_a_source_is_taken_and_given_back(
    sfu, admin, enter, room_name, wait_for, looks_like
):
    alice, bob = await enter("alice"), await enter("bob")
    _, microphone = await alice.speak(440)
    await alice.show(RED)
    await wait_for(lambda: looks_like(bob.sees("alice"), RED), what="the picture")
    events = noted(alice, "participant_permissions_changed", "local_track_unpublished")
    only_microphone = models.ParticipantPermission(
        can_subscribe=True,
        can_publish=True,
        can_publish_data=True,
        can_publish_sources=[models.TrackSource.MICROPHONE],
    )
    request = api.UpdateParticipantRequest(room=room_name, identity="alice", permission=only_microphone)
    await admin.update_participant(request)
    await wait_for(lambda: list(bob.publications("alice")) == [microphone.sid], what="the camera's end")
    await wait_for(lambda: "participant_permissions_changed" in names(events), what="the new rights")
    assert list(alice.room.local_participant.permissions.can_publish_sources) == [models.TrackSource.MICROPHONE]
    await wait_for(lambda: abs(bob.hears("alice") - 440) < 5, what="the tone, which goes on")
    request.permission.ClearField("can_publish_sources")
    await admin.update_participant(request)
    bob.pictures.clear()
    await alice.show(RED)
    await wait_for(lambda: looks_like(bob.sees("alice"), RED), what="the picture again")


async def test_the_right_to_subscribe_is_taken_and_given_back(sfu, admin, enter, room_name, wait_for):
    alice, bob = await enter("alice"), await enter("bob")
    await alice.speak(440)
    await wait_for(lambda: abs(bob.hears("alice") - 440) < 5, what="the tone")
    request = api.UpdateParticipantRequest(
        room=room_name, identity="bob", permission=models.ParticipantPermission(can_publish=True)
    )
    await admin.update_participant(request)
    await wait_for(lambda: is_quiet(bob, "alice"), what="the end of the subscription")
    request.permission.can_subscribe = True
    await admin.update_participant(request)
    await wait_for(lambda: abs(bob.hears("alice") - 440) < 5, what="the tone again")


async def test_somebody_is_hidden_and_shown(sfu, admin, enter, room_name, wait_for):
    alice, bob = await enter("alice"), await enter("bob")
    await alice.speak(440)
    await wait_for(lambda: abs(bob.hears("alice") - 440) < 5, what="the tone")
    hidden = models.ParticipantPermission(can_publish=True, can_subscribe=True, hidden=True)
    request = api.UpdateParticipantRequest(room=room_name, identity="alice", permission=hidden)
    await admin.update_participant(request)
    await wait_for(lambda: "alice" not in bob.room.remote_participants, what="alice gone")
    bob.sounds.clear()
    request.permission.hidden = False
    await admin.update_participant(request)
    await wait_for(lambda: abs(bob.hears("alice") - 440) < 5, what="the tone again")


async def test_a_participant_answers_a_call_of_the_server(sfu, enter, room_name):
    alice = await enter("alice")

    @alice.room.local_participant.register_rpc_method("greet")
    async def greet(call):
        if call.payload == "rude":
            raise rtc.RpcError(7, "no")
        return f"hello {call.payload}"

    token = sfu.token("admin", room_name, room_admin=True)
    url = f"{sfu.http}/twirp/livekit.RoomService/PerformRpc"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/protobuf"}

    async def call(**fields):
        request = room_api.PerformRpcRequest(room=room_name, destination_identity="alice", **fields)
        async with (
            aiohttp.ClientSession() as http,
            http.post(url, data=request.SerializeToString(), headers=headers) as answer,
        ):
            if answer.status == 200:
                return room_api.PerformRpcResponse.FromString(await answer.read()).payload
            return answer.status, (await answer.json())["code"]

    assert await call(method="greet", payload="server") == "hello server"
    assert await call(method="greet", payload="rude") == (500, "internal")
    assert await call(method="unheard of") == (400, "invalid_argument")


async def test_a_removed_person_cannot_come_back_with_any_token_it_had(sfu, admin, enter, room_name, wait_for):
    token = sfu.token("alice", room_name)
    alice = await enter("alice", token=token)
    await admin.remove_participant(api.RoomParticipantIdentity(room=room_name, identity="alice"))
    await wait_for(alice.disconnected.is_set, what="the end")
    assert alice.reason == rtc.DisconnectReason.PARTICIPANT_REMOVED
    with pytest.raises(rtc.ConnectError):
        await enter("alice", token=token)


async def test_a_room_has_no_more_people_than_it_was_made_for(sfu, admin, enter, room_name):
    await admin.create_room(api.CreateRoomRequest(name=room_name, max_participants=1))
    await enter("alice")
    with pytest.raises(rtc.ConnectError):
        await enter("bob")


async def test_a_room_is_kept_for_its_timeouts_and_no_longer(sfu, admin, enter, room_name, wait_for):
    async def is_there():
        return bool((await admin.list_rooms(api.ListRoomsRequest(names=[room_name]))).rooms)

    async def is_gone():
        return not await is_there()

    await admin.create_room(api.CreateRoomRequest(name=room_name, empty_timeout=1, departure_timeout=1))
    assert await is_there()
    await wait_for(is_gone, what="the end of a room to which nobody came")
    await admin.create_room(api.CreateRoomRequest(name=room_name, empty_timeout=60, departure_timeout=1))
    alice = await enter("alice")
    await alice.leave()
    await wait_for(is_gone, what="the end of a room that all left")


async def test_operators_hear_of_a_whole_call_by_webhooks(run_sfu, enter, room_name, wait_for):
    told = []

    async def take(request):
        told.append((await request.text(), request.headers["Authorization"]))
        return web.Response()

    app = web.Application()
    app.router.add_post("/hook", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    with run_sfu(f"--webhook=http://127.0.0.1:{runner.addresses[0][1]}/hook") as sfu:
        alice = await enter("alice", url=sfu.url, token=sfu.token("alice", room_name))
        _, publication = await alice.speak(440)
        await wait_for(lambda: len(told) >= 3, what="three events")
        await alice.leave()
        await wait_for(lambda: len(told) >= 5, what="five events")
        assert await asyncio.to_thread(sfu.stop) == 0
    await runner.cleanup()
    receiver = api.WebhookReceiver(api.TokenVerifier("key", "0123456789abcdefghijklmnopqrstuv"))
    events = [receiver.receive(*entry) for entry in told]
    assert [event.event for event in events] == [
        "room_started",
        "participant_joined",
        "track_published",
        "track_unpublished",
        "participant_left",
        "room_finished",
    ]
    assert {event.room.name for event in events} == {room_name}
    assert events[2].track.sid == publication.sid
    assert events[4].participant.disconnect_reason == models.DisconnectReason.CLIENT_INITIATED
