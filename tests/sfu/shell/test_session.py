# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Open sessions: frames both ways, and what ends one without touching the others."""

import asyncio
import time

import pytest
from livekit.protocol import models, rtc

from sfu.core import limits
from sfu.core.media import DataOpened, DataReceived, Level, LevelsMeasured, PeerConnected, PeerLost


async def test_pings_of_both_kinds_are_answered(server):
    async with server.client() as alice:
        await alice.say(ping=1)
        assert (await alice.hear("pong")).pong > 1_700_000_000_000
        assert await alice.is_alive()


def states(update):
    return {(info.sid, info.state) for info in update.update.participants}


async def publish_microphone(client, offer_text, offer_id=2):
    await client.say(
        add_track=rtc.AddTrackRequest(cid="mic", type=models.TrackType.AUDIO, source=models.TrackSource.MICROPHONE)
    )
    sid = (await client.hear("track_published")).track_published.track.sid
    audio = offer_text.split("m=audio")[1]
    section = "m=audio" + audio.replace("a=mid:0", "a=mid:7").replace(
        "a=recvonly", "a=sendonly\na=msid:- mic\na=ssrc:77 cname:x"
    )
    await client.say(offer=rtc.SessionDescription(type="offer", sdp=offer_text + section, id=offer_id))
    answer = await client.hear("answer")
    while answer.answer.id != offer_id:
        answer = await client.hear("answer")
    return sid


async def test_a_track_goes_from_announcement_to_the_other_s_answer(server, offer_text):
    async with server.client("alice") as alice, server.client("bob") as bob:
        sid = await publish_microphone(alice, offer_text)
        uplink = server.plane.named("receive")[0][0]
        assert (uplink.track, uplink.mid, uplink.ssrcs, uplink.peer) == (sid, "7", (77,), alice.sid)
        update = await bob.hear("update")
        while not update.update.participants[0].tracks:
            update = await bob.hear("update")
        assert update.update.participants[0].tracks[0].sid == sid
        required = (await bob.hear("media_sections_requirement")).media_sections_requirement
        assert (required.num_audios, required.num_videos) == (0, 0)
        await bob.say(offer=rtc.SessionDescription(type="offer", sdp=offer_text, id=5))
        answer = (await bob.hear("answer")).answer
        while answer.id != 5:
            answer = (await bob.hear("answer")).answer
        assert dict(answer.mid_to_track_id) == {"0": sid}
        assert f"a=msid:{alice.sid}|{sid} {sid}" in answer.sdp
        downlink = server.plane.named("forward")[0][0]
        assert (downlink.peer, downlink.track, downlink.mid) == (bob.sid, sid, "0")

        server.plane.on_event(LevelsMeasured((Level(sid, 0.5, True), Level("TR_unknown", 1.0, True))))
        for client in (alice, bob):
            speakers = (await client.hear("speakers_changed")).speakers_changed.speakers
            assert [(speaker.sid, speaker.active) for speaker in speakers] == [(alice.sid, True)]

        await alice.say(mute=rtc.MuteTrackRequest(sid=sid, muted=True))
        assert (await bob.hear("update")).update.participants[0].tracks[0].muted


async def test_media_that_connects_makes_a_participant_active(server):
    async with server.client("alice") as alice, server.client("bob") as bob:
        server.plane.on_event(PeerConnected(bob.sid, "SRTP_AEAD_AES_128_GCM"))
        update = await alice.hear("update")
        while (bob.sid, models.ParticipantInfo.ACTIVE) not in states(update):
            update = await alice.hear("update")
        quality = await alice.heard_or_hears("connection_quality")
        assert [(entry.participant_sid, entry.quality) for entry in quality.connection_quality.updates] == [
            (bob.sid, models.ConnectionQuality.EXCELLENT)
        ]


async def test_media_that_is_lost_orders_a_new_join(server):
    async with server.client("alice") as alice:
        server.plane.on_event(PeerLost(alice.sid, "no consent"))
        leave = (await alice.hear("leave")).leave
        assert (leave.action, leave.can_reconnect) == (rtc.LeaveRequest.RECONNECT, True)
        assert await alice.closing() == 1000
        assert server.plane.named("close_peer") == [(alice.sid,)]


async def test_data_is_relayed_under_the_sender_s_real_name(server):
    async with server.client("alice") as alice, server.client("bob") as bob, server.client("carol") as carol:
        for client in (alice, bob, carol):
            server.plane.on_event(PeerConnected(client.sid, "x"))
        packet = models.DataPacket(
            participant_identity="mallory",
            destination_identities=["bob"],
            user=models.UserPacket(payload=b"hi"),
        )
        server.plane.on_event(DataReceived(alice.sid, "_reliable", packet.SerializeToString()))
        server.plane.on_event(DataReceived(alice.sid, "_reliable", b"\xff\xff"))
        ((to, label, payload),) = server.plane.named("send_data")
        relayed = models.DataPacket.FromString(payload)
        assert (to, label) == (bob.sid, "_reliable")
        assert (relayed.participant_identity, relayed.user.payload) == ("alice", b"hi")


async def test_reliable_data_waits_until_the_receiver_s_channel_is_open(server):
    async with server.client("alice") as alice, server.client("bob") as bob:
        server.plane.on_event(PeerConnected(alice.sid, "x"))
        packet = models.DataPacket(user=models.UserPacket(payload=b"early")).SerializeToString()
        server.plane.writable = False
        server.plane.on_event(DataReceived(alice.sid, "_reliable", packet))
        server.plane.calls.clear()
        server.plane.on_event(DataOpened(bob.sid, "_reliable"))
        ((to, label, payload),) = server.plane.named("send_data")
        assert (to, label) == (bob.sid, "_reliable")
        assert models.DataPacket.FromString(payload).user.payload == b"early"


async def test_a_goodbye_closes_cleanly(server):
    async with server.client("alice") as alice, server.client("bob") as bob:
        await alice.say(leave=rtc.LeaveRequest(reason=models.DisconnectReason.CLIENT_INITIATED))
        assert await alice.closing() == 1000
        update = await bob.hear("update")
        while (alice.sid, models.ParticipantInfo.DISCONNECTED) not in states(update):
            update = await bob.hear("update")
        assert update.update.participants[-1].disconnect_reason == models.DisconnectReason.CLIENT_INITIATED
        assert server.plane.named("close_peer") == [(alice.sid,)]


def garbage_frame(_offer):
    return b"\xff\xfe\xfd" * 20


def garbage_sdp(_offer):
    description = rtc.SessionDescription(type="offer", sdp="v=0\r\ngarbage", id=2)
    return rtc.SignalRequest(offer=description).SerializeToString()


def an_answer(offer):
    description = rtc.SessionDescription(type="answer", sdp=offer, id=2)
    return rtc.SignalRequest(offer=description).SerializeToString()


def oversized(_offer):
    return b"\x00" * (limits.FRAME_MAX + 1)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (garbage_frame, 1007),
        (garbage_sdp, 1007),
        (an_answer, 1007),
        (oversized, 1009),
        (lambda _offer: '{"ping": 1}', 1003),
    ],
    ids=["garbage", "garbage sdp", "an answer", "oversized", "text"],
)
async def test_whoever_breaks_the_protocol_is_ended_and_nobody_else(server, offer_text, frame, code):
    async with server.client("bob") as bob, server.client("mallory") as mallory:
        content = frame(offer_text)
        if isinstance(content, str):
            await mallory.socket.send_str(content)
        else:
            await mallory.socket.send_bytes(content)
        assert await mallory.closing() == code
        if code != 1009:
            assert mallory.heard[-1].leave.reason == models.DisconnectReason.STATE_MISMATCH
            assert mallory.heard[-1].leave.action == rtc.LeaveRequest.DISCONNECT
        assert await bob.is_alive()
        assert [info.identity for info in server.worker.registry.get("room").participants()] == ["bob"]


async def test_a_flood_of_requests_is_slowed_down_and_then_ends_the_session_that_sends_it(server, monkeypatch):
    monkeypatch.setattr(limits, "REQUESTS_DELAYED", 40.0)
    async with server.client("bob") as bob, server.client("mallory") as mallory:
        began = time.monotonic()
        for _ in range(2000):
            await mallory.say(ping_req=rtc.Ping(timestamp=1))
        closing = asyncio.create_task(mallory.closing())
        for _ in range(100):
            assert await bob.is_alive()
        assert await closing == 1008
        slowed_s = time.monotonic() - began
    answered = sum(message.WhichOneof("message") == "pong_resp" for message in mallory.heard)
    assert slowed_s > 40 / limits.REQUESTS_PER_SECOND
    assert limits.REQUESTS_BURST < answered <= limits.REQUESTS_BURST + limits.REQUESTS_PER_SECOND * slowed_s + 1


async def test_a_burst_that_is_too_large_waits_and_is_served(server, monkeypatch):
    monkeypatch.setattr(limits, "REQUESTS_BURST", 20.0)
    async with server.client("alice") as alice:
        for _ in range(40):
            await alice.say(ping_req=rtc.Ping(timestamp=1))
        for _ in range(40):
            await alice.hear("pong_resp")
        assert await alice.is_alive()


async def test_unknown_requests_are_refused_and_the_session_goes_on(server):
    async with server.client() as alice:
        await alice.say(publish_data_track_request=rtc.PublishDataTrackRequest(pub_handle=7))
        refused = (await alice.hear("request_response")).request_response
        assert (refused.reason, refused.publish_data_track.pub_handle) == (rtc.RequestResponse.UNSUPPORTED_TYPE, 7)
        assert await alice.is_alive()


async def test_a_server_that_stops_says_so_to_everybody(server):
    async with server.client("alice") as alice, server.client("bob", room="other") as bob:
        server.worker.shut_down()
        for client in (alice, bob):
            leave = (await client.hear("leave")).leave
            assert (leave.reason, leave.action) == (models.DisconnectReason.SERVER_SHUTDOWN, rtc.LeaveRequest.RECONNECT)
            assert await client.closing() == 1000
        assert (await server.refusal(token=server.token()))[0] == 503


async def test_a_token_is_refreshed_while_the_session_lasts(server, monkeypatch):
    monkeypatch.setattr("sfu.shell.websocket.REFRESH_TOKEN_EVERY_S", 0.05)
    async with server.client() as alice:
        for _ in range(3):
            assert (await alice.hear("refresh_token")).refresh_token
