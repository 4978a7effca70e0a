# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The server API, by the real Python client and as JSON."""

import asyncio
import time

import aiohttp
import pytest
from livekit import api
from livekit.protocol import models, rtc
from livekit.protocol import room as room_api

from sfu.core import limits
from sfu.core.grants import Source
from sfu.core.media import DataReceived
from sfu.shell.room_service import METHODS
from sfu.wire.token import verify


@pytest.fixture
async def admin(closed_server, credentials):
    client = api.LiveKitAPI(closed_server.url, *credentials)
    yield client.room
    await client.aclose()


async def test_rooms_are_made_listed_changed_and_deleted(closed_server, admin):
    made = await admin.create_room(api.CreateRoomRequest(name="room", empty_timeout=60, metadata="m"))
    assert made.sid.startswith("RM_")
    assert (made.name, made.empty_timeout, made.departure_timeout, made.metadata) == ("room", 60, 20, "m")
    again = await admin.create_room(api.CreateRoomRequest(name="room", metadata="n"))
    assert (again.sid, again.metadata, again.empty_timeout) == (made.sid, "n", 60)
    await admin.create_room(api.CreateRoomRequest(name="two"))
    listed = await admin.list_rooms(api.ListRoomsRequest())
    assert {room.name for room in listed.rooms} == {"room", "two"}
    some = await admin.list_rooms(api.ListRoomsRequest(names=["two", "three"]))
    assert [room.name for room in some.rooms] == ["two"]
    async with closed_server.client("alice") as alice:
        await admin.delete_room(api.DeleteRoomRequest(room="room"))
        assert (await alice.hear("leave")).leave.reason == models.DisconnectReason.ROOM_DELETED
    left = await admin.list_rooms(api.ListRoomsRequest())
    assert [room.name for room in left.rooms] == ["two"]
    assert closed_server.plane.named("close_room") == [(made.sid,)]


async def test_participants_are_listed_found_and_removed(closed_server, admin):
    await admin.create_room(api.CreateRoomRequest(name="room"))
    async with closed_server.client("alice") as alice, closed_server.client("bob"):
        listed = await admin.list_participants(api.ListParticipantsRequest(room="room"))
        assert {participant.identity for participant in listed.participants} == {"alice", "bob"}
        found = await admin.get_participant(api.RoomParticipantIdentity(room="room", identity="alice"))
        assert found.sid == alice.sid
        await admin.remove_participant(api.RoomParticipantIdentity(room="room", identity="alice"))
        assert (await alice.hear("leave")).leave.reason == models.DisconnectReason.PARTICIPANT_REMOVED
        with pytest.raises(api.TwirpError) as caught:
            await admin.get_participant(api.RoomParticipantIdentity(room="room", identity="alice"))
        assert (caught.value.code, caught.value.status) == ("not_found", 404)


async def test_a_published_track_is_muted_and_unmuted_only_where_that_is_enabled(
    closed_server, admin, make_join_request, offer_text
):
    await admin.create_room(api.CreateRoomRequest(name="room"))
    camera = rtc.AddTrackRequest(cid="c", type=models.TrackType.VIDEO, source=models.TrackSource.CAMERA)
    sdp = offer_text.replace("a=mid:3\n", "a=mid:3\na=msid:- c\n", 1)
    head, tail = sdp.split("a=msid:- c\n")
    sdp = head + "a=msid:- c\n" + tail.replace("a=recvonly", "a=sendonly", 1)
    offer = rtc.SessionDescription(type="offer", sdp=sdp, id=1)
    join = make_join_request(add_track_requests=[camera], publisher_offer=offer)
    from tests.sfu.shell.conftest import Client

    alice = Client(closed_server)
    await alice.join("alice", join=join)
    sid = (await alice.hear("track_published")).track_published.track.sid
    await alice.hear("answer")
    request = api.MuteRoomTrackRequest(room="room", identity="alice", track_sid=sid, muted=True)
    muted = await admin.mute_published_track(request)
    assert (muted.track.sid, muted.track.muted) == (sid, True)
    ordered = (await alice.hear("mute")).mute
    assert (ordered.sid, ordered.muted) == (sid, True)
    request.muted = False
    with pytest.raises(api.TwirpError) as caught:
        await admin.mute_published_track(request)
    assert (caught.value.code, caught.value.status) == ("failed_precondition", 412)
    closed_server.worker.remote_unmute = True
    assert not (await admin.mute_published_track(request)).track.muted
    assert not (await alice.hear("mute")).mute.muted
    request.muted, request.track_sid = True, "TR_other"
    with pytest.raises(api.TwirpError) as caught:
        await admin.mute_published_track(request)
    assert caught.value.code == "not_found"
    await alice.socket.close()


def test_every_method_of_the_service_is_there():
    service = room_api.DESCRIPTOR.services_by_name["RoomService"]
    assert set(METHODS) == {method.name for method in service.methods}
    for method in service.methods:
        assert METHODS[method.name].request.DESCRIPTOR is method.input_type


async def test_moving_between_rooms_is_unimplemented_as_in_the_open_livekit(server):
    token = server.token(room_admin=True)
    for method in ("ForwardParticipant", "MoveParticipant"):
        status, error = await call(server, method, b'{"room":"room"}', token=token)
        assert (status, error["code"]) == (501, "unimplemented")
        status, error = await call(server, method, b'{"room":"room"}', token=server.token())
        assert (status, error["code"]) == (401, "unauthenticated")


async def test_people_are_renamed_and_their_rights_changed(closed_server, admin):
    await admin.create_room(api.CreateRoomRequest(name="room"))
    async with closed_server.client("alice") as alice:
        await alice.hear("refresh_token")
        permission = models.ParticipantPermission(
            can_publish=True, can_publish_sources=[models.TrackSource.MICROPHONE], can_update_metadata=True
        )
        changed = await admin.update_participant(
            api.UpdateParticipantRequest(
                room="room", identity="alice", name="Alice", attributes={"a": "b"}, permission=permission
            )
        )
        assert (changed.name, dict(changed.attributes)) == ("Alice", {"a": "b"})
        assert changed.permission == permission
        told = (await alice.hear("update")).update.participants[0]
        assert (told.sid, told.permission) == (alice.sid, permission)
        fresh = (await alice.hear("refresh_token")).refresh_token
        grants = verify(fresh, closed_server.worker.keys, time.time())
        assert (grants.name, grants.rights.can_publish_sources) == ("Alice", (Source.MICROPHONE,))
        assert not grants.rights.can_subscribe
    async with closed_server.client("alice") as again:
        assert again.heard[0].join.participant.permission == permission, "the first token wins nothing back"
    absent = api.UpdateParticipantRequest(room="room", identity="bob", permission=permission)
    with pytest.raises(api.TwirpError):
        await admin.update_participant(absent)
    async with closed_server.client("bob") as bob:
        assert bob.heard[0].join.participant.permission == permission, "his token was out before he came in"
    for request in (
        api.UpdateParticipantRequest(room="room", identity="nobody", name="x"),
        api.UpdateParticipantRequest(room="none", identity="alice", name="x"),
    ):
        with pytest.raises(api.TwirpError) as caught:
            await admin.update_participant(request)
        assert caught.value.status in {401, 404}


async def test_a_room_s_metadata_is_told_at_once_and_can_be_emptied(closed_server, admin):
    await admin.create_room(api.CreateRoomRequest(name="room", metadata="m"))
    async with closed_server.client("alice") as alice:
        for text in ("n", ""):
            room = await admin.update_room_metadata(api.UpdateRoomMetadataRequest(room="room", metadata=text))
            assert room.metadata == text
            assert (await alice.hear("room_update")).room_update.room.metadata == text
    huge = "m" * (limits.METADATA_MAX + 1)
    with pytest.raises(api.TwirpError) as caught:
        await admin.update_room_metadata(api.UpdateRoomMetadataRequest(room="room", metadata=huge))
    assert caught.value.code == "invalid_argument"


def sent(server):
    """The data packets that the media plane was given, with receiver and channel."""
    return [(peer, label, models.DataPacket.FromString(data)) for peer, label, data in server.plane.named("send_data")]


async def test_data_is_sent_to_all_or_to_some_over_the_right_channel_and_once(closed_server, admin):
    await admin.create_room(api.CreateRoomRequest(name="room"))
    async with closed_server.client("alice") as alice, closed_server.client("bob") as bob:
        await admin.send_data(api.SendDataRequest(room="room", data=b"to all", topic="t"))
        assert {(peer, label) for peer, label, _ in sent(closed_server)} == {
            (alice.sid, "_reliable"),
            (bob.sid, "_reliable"),
        }
        packet = sent(closed_server)[0][2]
        assert (packet.user.payload, packet.user.topic, packet.participant_identity) == (b"to all", "t", "")
        closed_server.plane.calls.clear()
        request = api.SendDataRequest(
            room="room",
            data=b"x",
            kind=models.DataPacket.Kind.LOSSY,
            destination_identities=["alice"],
            nonce=b"0123456789abcdef",
        )
        token = closed_server.token(room_admin=True)
        for _ in range(2):  # raw: the client would give each its own nonce
            body, kind = request.SerializeToString(), "application/protobuf"
            status, _ = await call(closed_server, "SendData", body, token=token, content_type=kind)
            assert status == 200
        assert [(peer, label) for peer, label, _ in sent(closed_server)] == [(alice.sid, "_lossy")]
        await admin.send_data(api.SendDataRequest(room="room", data=b"by sid", destination_sids=[bob.sid]))
        assert sent(closed_server)[-1][0] == bob.sid
    for wrong in (
        {"data": b"x" * (limits.API_DATA_MAX + 1)},
        {"destination_identities": ["x"] * (limits.DESTINATIONS_MAX + 1)},
    ):
        with pytest.raises(api.TwirpError) as caught:
            await admin.send_data(api.SendDataRequest(room="room", **wrong))
        assert (caught.value.code, caught.value.status) == ("invalid_argument", 400)


async def test_a_nonce_of_another_size_is_refused(server):
    token = server.token(room_admin=True)
    async with server.client("alice"):
        status, error = await call(server, "SendData", b'{"room":"room","nonce":"c2hvcnQ="}', token=token)
        assert (status, error["code"]) == (400, "invalid_argument")


async def test_subscriptions_are_ordered(closed_server, admin):
    await admin.create_room(api.CreateRoomRequest(name="room"))
    async with closed_server.client("alice"):
        request = api.UpdateSubscriptionsRequest(
            room="room",
            identity="alice",
            participant_tracks=[models.ParticipantTracks(participant_sid="PA_x", track_sids=["TR_x"])],
            subscribe=False,
        )
        await admin.update_subscriptions(request)
        request.subscribe = True
        with pytest.raises(api.TwirpError) as caught:
            await admin.update_subscriptions(request)
        assert caught.value.code == "not_found"


def says(server, client, **packet):
    """Let the media plane report a reliable data packet of a client."""
    payload = models.DataPacket(**packet).SerializeToString()
    server.worker.media_event(DataReceived(client.sid, "_reliable", payload))


async def asked(server):
    """Wait for the call that the server sends a participant."""
    async with asyncio.timeout(5):
        while not sent(server):  # noqa: ASYNC110
            await asyncio.sleep(0)
    return sent(server)[0][2]


async def test_a_participant_answers_a_call(server):
    token = server.token(room_admin=True)
    body = b'{"room":"room","destinationIdentity":"alice","method":"greet","payload":"hi"}'
    async with server.client("alice") as alice, server.client("bob") as bob:
        for answer, expected in (
            ({"payload": "hello"}, (200, {"payload": "hello"})),
            ({"error": models.RpcError(code=1400, message="no such method")}, (400, "invalid_argument")),
            ({"error": models.RpcError(code=7, message="mine", data="d")}, (500, "internal")),
        ):
            server.plane.calls.clear()
            calling = asyncio.create_task(call(server, "PerformRpc", body, token=token))
            packet = await asked(server)
            request = packet.rpc_request
            assert (request.method, request.payload, request.response_timeout_ms) == ("greet", "hi", 10_000)
            assert list(packet.destination_identities) == ["alice"]
            says(server, bob, rpc_response=models.RpcResponse(request_id=request.id, payload="forged"))
            says(server, alice, rpc_ack=models.RpcAck(request_id=request.id))
            says(server, alice, rpc_response=models.RpcResponse(request_id=request.id, **answer))
            status, got = await calling
            assert (status, got if status == 200 else got["code"]) == expected


async def test_a_call_ends_by_time_and_by_departure(server):
    token = server.token(room_admin=True)
    body = b'{"room":"room","destinationIdentity":"alice","method":"m","responseTimeoutMs":%d}'
    async with server.client("alice") as alice:
        status, error = await call(server, "PerformRpc", body % 1, token=token)
        assert (status, error["code"], "1502" in error["msg"]) == (408, "canceled", True)
        server.plane.calls.clear()
        calling = asyncio.create_task(call(server, "PerformRpc", body % 0, token=token))
        await asked(server)
        await alice.say(leave=rtc.LeaveRequest())
        status, error = await calling
        assert (status, error["code"]) == (503, "unavailable")
        status, error = await call(server, "PerformRpc", body % 1, token=token)
        assert (status, error["code"]) == (404, "not_found")


async def test_no_call_waits_for_longer_than_the_limit(server):
    token = server.token(room_admin=True)
    body = b'{"room":"room","destinationIdentity":"alice","method":"m","responseTimeoutMs":4000000}'
    async with server.client("alice") as alice:
        calling = asyncio.create_task(call(server, "PerformRpc", body, token=token))
        packet = await asked(server)
        assert packet.rpc_request.response_timeout_ms == limits.RPC_TIMEOUT_MAX_S * 1000
        await alice.say(leave=rtc.LeaveRequest())
        await calling


async def test_calls_are_limited(server, monkeypatch):
    monkeypatch.setattr(limits, "RPC_PENDING_MAX", 0)
    token = server.token(room_admin=True)
    async with server.client("alice"):
        body = b'{"room":"room","destinationIdentity":"alice","payload":"%s"}'
        status, error = await call(server, "PerformRpc", body % b"", token=token)
        assert (status, error["code"]) == (429, "resource_exhausted")
        huge = body % (b"x" * (limits.RPC_PAYLOAD_MAX + 1))
        status, error = await call(server, "PerformRpc", huge, token=token)
        assert (status, error["code"]) == (400, "malformed")


async def call(server, method, body, *, token=None, content_type="application/json;charset=UTF-8"):
    headers = {"Content-Type": content_type}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    url = f"{server.url}/twirp/livekit.RoomService/{method}"
    async with server.http.post(url, data=body, headers=headers) as answer:
        assert answer.headers["Content-Type"] in {"application/json", "application/protobuf"}
        return answer.status, await (answer.json() if answer.content_type.endswith("json") else answer.read())


async def test_json_is_answered_in_json_with_names_as_the_npm_client_reads_them(server):
    token = server.token(room_create=True, room_list=True)
    status, room = await call(server, "CreateRoom", b'{"name":"x","emptyTimeout":10}', token=token)
    assert status == 200
    assert (room["name"], room["emptyTimeout"]) == ("x", 10)
    assert isinstance(room["creationTimeMs"], str)
    status, listed = await call(server, "ListRooms", b"", token=token)
    assert [entry["name"] for entry in listed["rooms"]] == ["x"]
    async with server.client("alice", room="x"):
        admin = server.token(room="x", room_admin=True)
        status, found = await call(server, "ListParticipants", b'{"room":"x"}', token=admin)
        assert found["participants"][0]["state"] == "JOINED"


async def test_an_empty_protobuf_body_is_an_empty_request(server):
    token = server.token(room_list=True)
    status, body = await call(server, "ListRooms", b"", token=token, content_type="application/protobuf")
    assert status == 200
    assert room_api.ListRoomsResponse.FromString(body).rooms == []


@pytest.mark.parametrize(
    ("method", "body", "grants", "status", "code"),
    [
        ("CreateRoom", b'{"name":"x"}', None, 401, "unauthenticated"),
        ("CreateRoom", b'{"name":"x"}', {}, 401, "unauthenticated"),
        ("ListRooms", b"{}", {"room_create": True}, 401, "unauthenticated"),
        ("DeleteRoom", b'{"room":"x"}', {"room_admin": True}, 401, "unauthenticated"),
        ("DeleteRoom", b'{"room":"x"}', {"room_create": True}, 404, "not_found"),
        ("ListParticipants", b'{"room":"x"}', {"room_admin": True, "room": "y"}, 401, "unauthenticated"),
        ("ListParticipants", b'{"room":"x"}', {"room_admin": True, "room": "x"}, 404, "not_found"),
        ("CreateRoom", b'{"name":""}', {"room_create": True}, 400, "invalid_argument"),
        ("CreateRoom", b'{"name":"%s"}' % (b"x" * 257), {"room_create": True}, 400, "invalid_argument"),
        ("CreateRoom", b"not json", {"room_create": True}, 400, "malformed"),
        ("CreateRoom", b'{"name":5}', {"room_create": True}, 400, "malformed"),
        ("CreateRoom", b'{"metadata":' + b"[" * 9000, {"room_create": True}, 400, "malformed"),
        ("NoSuchMethod", b"{}", {"room_create": True}, 404, "bad_route"),
        ("UpdateParticipant", b"{}", {"room_admin": True}, 401, "unauthenticated"),
        ("SendData", b'{"room":"room"}', {"room_create": True}, 401, "unauthenticated"),
        ("SendData", b'{"room":"x"}', {"room_admin": True, "room": "x"}, 404, "not_found"),
    ],
)
async def test_refusals_have_livekit_s_codes(server, method, body, grants, status, code):
    token = None if grants is None else server.token(**grants)
    refused, error = await call(server, method, body, token=token)
    assert (refused, error["code"]) == (status, code)
    assert error["msg"]


async def test_bodies_and_metadata_are_limited(server):
    token = server.token(room_create=True)
    huge = b'{"name":"x","metadata":"%s"}'
    status, error = await call(server, "CreateRoom", huge % (b"m" * (limits.METADATA_MAX + 1)), token=token)
    assert (status, error["code"]) == (400, "invalid_argument")
    status, error = await call(server, "CreateRoom", huge % (b"m" * limits.API_BODY_MAX), token=token)
    assert (status, error["code"]) == (400, "invalid_argument")
    status, error = await call(server, "CreateRoom", b"\xff\xff", token=token, content_type="application/protobuf")
    assert (status, error["code"]) == (400, "malformed")
    status, error = await call(server, "CreateRoom", b"x", token=token, content_type="text/plain")
    assert (status, error["code"]) == (404, "bad_route")


async def test_the_token_of_an_address_is_not_taken_for_the_api(server):
    url = f"{server.url}/twirp/livekit.RoomService/ListRooms?access_token={server.token(room_list=True)}"
    async with aiohttp.ClientSession() as http, http.post(url, json={}) as answer:
        assert answer.status == 401
