# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Doors: who gets in, who is refused with which status, before anything was upgraded."""

import datetime
import time

import jwt
import pytest
from livekit import api
from livekit.protocol import models, rtc

from sfu.core import limits
from sfu.core.media import Candidate
from sfu.core.turn import Turn


async def test_a_join_is_answered_with_room_answer_and_a_fresh_token(server):
    async with server.client("alice") as alice:
        assert [message.WhichOneof("message") for message in alice.heard] == ["join"]
        assert list(alice.heard[0].join.ice_servers) == []  # no host of strangers is named
        answer = (await alice.hear("answer")).answer
        assert answer.id == 1
        assert answer.sdp.startswith("v=0\r\n")
        assert "a=candidate:1 1 udp" in answer.sdp
        token = (await alice.hear("refresh_token")).refresh_token
        status, _ = await server.refusal(token=token)
        assert status == 400  # the token opens the door; there is no join_request
        (peer, _local, remote, channels, _room), *_ = server.plane.named("open_peer")
        assert (peer, channels) == (alice.sid, ())
        assert remote[0].algorithm == "sha-256"


async def test_each_session_gets_credentials_of_its_own_for_the_relay(server_with_turn):
    async with server_with_turn.client("alice") as alice, server_with_turn.client("bob") as bob:
        [hers], [his] = alice.heard[0].join.ice_servers, bob.heard[0].join.ice_servers
    assert list(hers.urls) == ["turn:turn.example:3478"]
    end, _, session = hers.username.partition(":")
    assert session == alice.sid
    assert 590 <= int(end) - time.time() <= 600
    assert hers.credential != his.credential


@pytest.mark.parametrize(
    ("urls", "relayed"),
    [
        (("turn:turn.example:3478", "turns:turn.example:443?transport=tcp"), True),
        (("turn:turn.example:3478",), False),
    ],
)
async def test_who_switches_to_tls_uses_nothing_but_the_relay_over_tls_or_else_tcp(run_server, urls, relayed):
    switch = rtc.SimulateScenario(switch_candidate_protocol=rtc.CandidateProtocol.TLS)
    async with run_server(auto_create=True, turn=Turn(urls, "shared with coturn", 600)) as server:
        server.plane.candidates = (Candidate("192.0.2.1", 7882), Candidate("192.0.2.1", 7882, "tcp"))
        async with server.client("alice") as first:
            assert first.heard[0].join.client_configuration.force_relay == models.ClientConfigSetting.UNSET
            await first.say(simulate=switch)
            assert await first.is_alive()
            async with server.client("alice") as second:
                join, answer = second.heard[0].join, (await second.hear("answer")).answer.sdp
    assert [list(one.urls) for one in join.ice_servers] == [list(urls[1:] if relayed else urls)]
    forced = models.ClientConfigSetting.ENABLED if relayed else models.ClientConfigSetting.UNSET
    assert join.client_configuration.force_relay == forced
    assert ("1 udp" in answer, "1 tcp" in answer) == (relayed, True)


async def test_the_parameter_and_not_the_path_chooses_the_mode(server, make_join_request):
    params = {"join_request": make_join_request()}
    headers = {"Authorization": f"Bearer {server.token()}"}
    async with server.http.ws_connect(f"{server.url}/rtc", headers=headers, params=params) as socket:
        first = rtc.SignalResponse.FromString((await socket.receive()).data)
        assert not first.join.subscriber_primary
        assert rtc.SignalResponse.FromString((await socket.receive()).data).HasField("answer")
    assert (await server.refusal("/rtc/v1", server.token()))[0] == 400


async def test_without_a_join_request_the_server_offers_at_once(server):
    headers = {"Authorization": f"Bearer {server.token()}"}
    query = {"sdk": "go", "version": "2.18.2", "protocol": "17", "auto_subscribe": "1"}
    async with server.http.get(f"{server.url}/rtc/validate", headers=headers, params=query) as answer:
        assert (answer.status, await answer.text()) == (200, "success")
    async with server.http.ws_connect(f"{server.url}/rtc", headers=headers, params=query) as socket:
        first = rtc.SignalResponse.FromString((await socket.receive()).data)
        assert first.join.subscriber_primary
        offer = rtc.SignalResponse.FromString((await socket.receive()).data).offer
        assert (offer.type, offer.id) == ("offer", 1)
        assert "a=setup:actpass" in offer.sdp
        assert offer.sdp.count("\r\nm=") == 1
        answered = rtc.SessionDescription(type="answer", id=1, sdp=offer.sdp.replace("actpass", "active"))
        await socket.send_bytes(rtc.SignalRequest(answer=answered).SerializeToString())
        await socket.send_bytes(rtc.SignalRequest(ping_req=rtc.Ping(timestamp=4)).SerializeToString())
        while not rtc.SignalResponse.FromString((await socket.receive()).data).HasField("pong_resp"):
            pass  # whatever comes in between: what was sent before is done now
    peer, _local, _remote, channels, _room = server.plane.named("open_peer")[0]
    assert peer == f"{first.join.participant.sid}/subscriber"
    assert [(channel.label, channel.reliable) for channel in channels] == [("_reliable", True), ("_lossy", False)]


async def test_a_plain_request_for_the_paths_of_sockets_finds_nothing(server):
    headers = {"Authorization": f"Bearer {server.token()}"}
    for path in ("/rtc", "/rtc/v1"):
        async with server.http.get(f"{server.url}{path}", headers=headers) as answer:
            assert answer.status == 404


async def test_browsers_put_the_token_into_the_address(server, make_join_request):
    query = {"access_token": server.token(), "join_request": make_join_request()}
    async with server.http.get(f"{server.url}/rtc/v1/validate", params=query) as answer:
        assert (answer.status, await answer.text()) == (200, "success")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


def forged(server, credentials):
    key, _ = credentials
    token = api.AccessToken(key, "x" * 40).with_identity("alice")
    return token.with_grants(api.VideoGrants(room_join=True, room="room")).to_jwt()


def expired(server, credentials):
    token = api.AccessToken(*credentials).with_identity("alice").with_ttl(datetime.timedelta(minutes=-5))
    return token.with_grants(api.VideoGrants(room_join=True, room="room")).to_jwt()


@pytest.mark.parametrize(
    ("make_token", "status"),
    [
        (lambda *_: None, 401),
        (lambda *_: "nonsense", 401),
        (forged, 401),
        (expired, 401),
        (lambda server, _: server.token(room_join=False), 401),
        (lambda server, _: server.token("x" * 257), 400),
        (lambda server, _: server.token(room="x" * 5_000), 400),
    ],
    ids=["none", "nonsense", "forged", "expired", "no join", "long identity", "long room"],
)
async def test_bad_tokens_are_refused_before_the_upgrade(server, credentials, make_join_request, make_token, status):
    async with server.client("bob") as bob:
        token = make_token(server, credentials)
        refused, text = await server.refusal(token=token, join_request=make_join_request())
        assert refused == status
        assert text
        assert await bob.is_alive()


async def test_a_token_for_another_room_opens_that_room_alone(closed_server, make_join_request):
    closed_server.worker.create_room("room", _settings())
    status, text = await closed_server.refusal(
        token=closed_server.token(room="other"), join_request=make_join_request()
    )
    assert (status, text) == (404, "requested room does not exist")
    assert closed_server.worker.registry.get("other") is None
    async with closed_server.client("alice") as alice:
        assert alice.heard[0].join.room.name == "room"


def _settings(**fields):
    from sfu.core.room import RoomSettings

    return RoomSettings(**fields)


async def test_a_full_room_is_refused_with_503_and_lets_its_own_people_back(server, make_join_request):
    server.worker.create_room("room", _settings(max_participants=1))
    async with server.client("alice") as first:
        refused = await server.refusal(token=server.token("bob"), join_request=make_join_request())
        assert refused == (503, "the room is full")
        async with server.client("alice") as second:
            assert (await first.hear("leave")).leave.reason == models.DisconnectReason.DUPLICATE_IDENTITY
            assert await second.is_alive()


@pytest.mark.parametrize("kind", ["missing", "garbage", "bomb", "no sdp", "answer"])
async def test_bad_join_requests_are_refused_before_the_upgrade(
    server, make_join_request, pack_join_request, offer_text, kind
):
    parameter = {
        "missing": "",
        "garbage": "AAAA",
        "bomb": pack_join_request(rtc.JoinRequest(metadata="x" * 5_000_000).SerializeToString()),
        "no sdp": make_join_request(publisher_offer=rtc.SessionDescription(type="offer", sdp="garbage")),
        "answer": make_join_request(publisher_offer=rtc.SessionDescription(type="answer", sdp=offer_text)),
    }[kind]
    async with server.client("bob") as bob:
        status, text = await server.refusal(token=server.token(), join_request=parameter)
        assert status == 400
        assert text
        assert await bob.is_alive()
    assert limits.JOIN_REQUEST_MAX < 5_000_000


async def test_whoever_wants_to_resume_is_told_to_join_anew(server, make_join_request):
    client_join = make_join_request(reconnect=True, participant_sid="PA_gone")
    async with server.client("bob"):
        from aiohttp import WSMsgType

        headers = {"Authorization": f"Bearer {server.token()}"}
        params = {"join_request": client_join}
        async with server.http.ws_connect(f"{server.url}/rtc/v1", headers=headers, params=params) as socket:
            leave = rtc.SignalResponse.FromString((await socket.receive()).data).leave
            assert leave.action == rtc.LeaveRequest.RECONNECT
            assert (await socket.receive()).type in {WSMsgType.CLOSE, WSMsgType.CLOSED}


async def test_a_removed_person_needs_a_newer_token(server, credentials, make_join_request):
    tokens = [server.token("alice")]
    async with server.client("alice") as alice, server.client("bob") as bob:
        tokens.append((await alice.hear("refresh_token")).refresh_token)
        async with api.LiveKitAPI(server.url, *credentials) as admin:
            await admin.room.remove_participant(api.RoomParticipantIdentity(room="room", identity="alice"))
        assert (await alice.hear("leave")).leave.reason == models.DisconnectReason.PARTICIPANT_REMOVED
        await alice.closing()
        server.worker.refresh_token(alice.sid)  # the timer of a session that is gone gives nothing more
        assert alice.heard[-1].WhichOneof("message") == "leave"
        for token in tokens:
            status, text = await server.refusal(token=token, join_request=make_join_request())
            assert status == 401
            assert "removed" in text
        assert await bob.is_alive()


async def test_the_end_of_a_room_ends_the_tokens_for_it(server, credentials, make_join_request):
    early = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=2)
    old = jwt.encode({**jwt.decode(server.token(), options={"verify_signature": False}), "nbf": early}, credentials[1])
    async with server.client("alice") as alice:
        async with api.LiveKitAPI(server.url, *credentials) as admin:
            await admin.room.delete_room(api.DeleteRoomRequest(room="room"))
        assert (await alice.hear("leave")).leave.reason == models.DisconnectReason.ROOM_DELETED
        status, text = await server.refusal(token=old, join_request=make_join_request())
        assert (status, "ended" in text) == (401, True)
    async with server.client("bob") as bob:  # with a token from after it
        assert await bob.is_alive()


async def test_other_paths_are_404_and_readable_from_any_origin(server):
    for path in ("/nowhere", "/rtc/v2", "/agent"):
        async with server.http.get(server.url + path) as answer:
            assert answer.status == 404
            assert answer.headers["Access-Control-Allow-Origin"] == "*"
    async with server.http.options(
        f"{server.url}/rtc/v1/validate", headers={"Access-Control-Request-Headers": "authorization"}
    ) as answer:
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Headers"] == "authorization"
    async with server.http.head(server.url + "/") as answer:
        assert answer.status == 200
    async with server.http.get(server.url + "/") as answer:
        assert await answer.text() == "OK"
