# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Data packets through a worker: who they are from, what passes, and who has to wait."""

import asyncio

import pytest
from livekit.protocol import metrics, models

from sfu.core import limits
from sfu.core.media import DataReceived


def says(server, client, label="_reliable", **packet):
    """Let the media plane report a data packet of a client."""
    payload = models.DataPacket(**packet).SerializeToString()
    server.worker.media_event(DataReceived(client.sid, label, payload))


def got(server):
    return [(peer, label, models.DataPacket.FromString(data)) for peer, label, data in server.plane.named("send_data")]


PASSED = {
    "user": models.UserPacket(payload=b"x", topic="t"),
    "chat_message": models.ChatMessage(id="1", message="hello"),
    "sip_dtmf": models.SipDTMF(code=1, digit="1"),
    "rpc_request": models.RpcRequest(id="1", method="m", payload="p"),
    "rpc_ack": models.RpcAck(request_id="1"),
    "rpc_response": models.RpcResponse(request_id="1", payload="p"),
    "stream_header": models.DataStream.Header(stream_id="s", topic="t"),
    "stream_chunk": models.DataStream.Chunk(stream_id="s", content=b"c"),
    "stream_trailer": models.DataStream.Trailer(stream_id="s"),
    "encrypted_packet": models.EncryptedPacket(encrypted_value=b"e", iv=b"i"),
}


@pytest.mark.parametrize("kind", PASSED)
async def test_packets_pass_unchanged_but_for_who_sent_them(server, kind):
    async with server.client("alice") as alice, server.client("bob") as bob:
        says(server, alice, participant_identity="forged", sequence=7, **{kind: PASSED[kind]})
        ((peer, label, packet),) = got(server)
        assert (peer, label, packet.sequence) == (bob.sid, "_reliable", 7)
        assert (packet.participant_identity, packet.participant_sid) == ("alice", alice.sid)
        passed = getattr(packet, kind)
        if kind == "user":
            assert (passed.participant_identity, passed.payload, passed.topic) == ("alice", b"x", "t")
        else:
            assert passed == PASSED[kind]


@pytest.mark.parametrize(
    "packet",
    [
        {"metrics": metrics.MetricsBatch(timestamp_ms=1)},
        {"speaker": models.ActiveSpeakerUpdate()},
        {"transcription": models.Transcription(transcribed_participant_identity="bob")},
        {"user": models.UserPacket(nonce=b"n" * (limits.DATA_NONCE_MAX + 1))},
        {},
    ],
)
async def test_what_only_servers_or_agents_may_say_is_not_relayed(server, packet):
    async with server.client("alice") as alice, server.client("bob"):
        says(server, alice, **packet)
        assert got(server) == []


async def test_packets_of_the_hidden_have_neither_name_nor_number(server):
    async with server.client("ghost", hidden=True) as ghost, server.client("bob") as bob:
        says(server, ghost, sequence=3, user=models.UserPacket(payload=b"boo"))
        ((peer, _, packet),) = got(server)
        assert peer == bob.sid
        assert (packet.participant_identity, packet.participant_sid, packet.sequence) == ("", "", 0)


async def test_a_sender_waits_for_a_receiver_that_is_behind_and_goes_on_when_it_caught_up(server):
    async with server.client("alice") as alice, server.client("bob") as bob:
        server.plane.waiting[bob.sid] = limits.DATA_WAITING_HIGH + 1
        says(server, alice, user=models.UserPacket(payload=b"x"))
        assert server.plane.named("hold_data") == [(alice.sid, True)]
        server.plane.waiting[bob.sid] = 0
        async with asyncio.timeout(5):
            while len(server.plane.named("hold_data")) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert server.plane.named("hold_data")[1] == (alice.sid, False)


async def test_lossy_packets_do_not_wait(server):
    async with server.client("alice") as alice, server.client("bob") as bob:
        server.plane.waiting[bob.sid] = limits.DATA_WAITING_HIGH + 1
        says(server, alice, "_lossy", user=models.UserPacket(payload=b"x"))
        assert server.plane.named("hold_data") == []
        assert len(got(server)) == 1
