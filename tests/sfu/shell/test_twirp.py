# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""The server API, by the real Python client and as JSON."""

import aiohttp
import pytest
from livekit import api
from livekit.protocol import models, rtc
from livekit.protocol import room as room_api

from sfu.core import limits


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


async def test_a_published_track_is_muted_and_never_unmuted(closed_server, admin, make_join_request, offer_text):
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
    request.muted, request.track_sid = True, "TR_other"
    with pytest.raises(api.TwirpError) as caught:
        await admin.mute_published_track(request)
    assert caught.value.code == "not_found"
    await alice.socket.close()


async def test_what_this_server_does_not_have_is_unimplemented(admin):
    with pytest.raises(api.TwirpError) as caught:
        await admin.send_data(api.SendDataRequest(room="room", data=b"x"))
    assert (caught.value.code, caught.value.status) == ("unimplemented", 501)


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
        ("UpdateParticipant", b"{}", {"room_admin": True}, 501, "unimplemented"),
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
