# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Sessions that change their socket, over real ones."""

from livekit.protocol import models, rtc

from sfu.core.media import DataReceived, PeerConnected, PeerHeard, PeerSilent


def back(make_join_request, client):
    """The join request of a client that resumes."""
    return make_join_request(publisher_offer=None, reconnect=True, participant_sid=client.sid)


async def test_a_session_goes_on_after_its_socket_broke(server, make_join_request):
    async with server.client("alice") as alice, server.client("bob") as bob:
        server.plane.on_event(PeerConnected(alice.sid, "x"))
        alice.socket._response.connection.transport.abort()
        async with server.client("alice", join=back(make_join_request, alice)) as again:
            assert again.heard[0].reconnect.server_info.version
            people = (await again.hear("update")).update.participants
            assert {info.sid for info in people} == {alice.sid, bob.sid}
            assert (await again.hear("room_update")).room_update.room.name == "room"
            assert (await again.hear("refresh_token")).refresh_token
            assert await again.is_alive()
        assert server.plane.named("close_peer") == []


async def test_the_newer_socket_wins_and_the_older_one_ends_quietly(server, make_join_request):
    async with server.client("alice") as alice:
        server.plane.on_event(PeerConnected(alice.sid, "x"))
        async with server.client("alice", join=back(make_join_request, alice)) as again:
            assert again.heard[0].WhichOneof("message") == "reconnect"
            assert await alice.closing() == 1000
            assert await again.is_alive()
            assert server.worker.sessions == 1


async def test_a_session_that_is_gone_or_another_s_is_not_resumed(server, make_join_request):
    async with server.client("alice") as alice, server.client("bob") as bob:
        await bob.say(leave=rtc.LeaveRequest())
        await bob.closing()
        for identity, sid in (("bob", bob.sid), ("mallory", alice.sid), ("bob", "PA_never")):
            request = make_join_request(publisher_offer=None, reconnect=True, participant_sid=sid)
            async with server.client(identity, join=request) as again:
                leave = again.heard[0].leave
                assert (leave.action, leave.reason) == (
                    rtc.LeaveRequest.RECONNECT,
                    models.DisconnectReason.STATE_MISMATCH,
                )
        assert await alice.is_alive()


async def test_silent_media_makes_the_server_ask_for_a_resume(server, make_join_request):
    async with server.client("alice") as alice:
        server.plane.on_event(PeerConnected(alice.sid, "x"))
        server.plane.on_event(PeerSilent(alice.sid))
        assert (await alice.hear("leave")).leave.action == rtc.LeaveRequest.RESUME
        assert await alice.closing() == 1000
        async with server.client("alice", join=back(make_join_request, alice)) as again:
            assert again.heard[0].WhichOneof("message") == "reconnect"
            server.plane.on_event(PeerHeard(alice.sid))
            assert await again.is_alive()


async def test_reliable_data_that_was_missed_is_sent_again(server, make_join_request):
    async with server.client("alice") as alice, server.client("bob") as bob:
        for client in (alice, bob):
            server.plane.on_event(PeerConnected(client.sid, "x"))
        for sequence in (1, 2):
            packet = models.DataPacket(user=models.UserPacket(payload=b"%d" % sequence), sequence=sequence)
            server.plane.on_event(DataReceived(bob.sid, "_reliable", packet.SerializeToString()))
        server.plane.calls.clear()
        async with server.client("alice", join=back(make_join_request, alice)) as again:
            received = rtc.DataChannelReceiveState(publisher_sid=bob.sid, last_seq=1)
            await again.say(sync_state=rtc.SyncState(datachannel_receive_states=[received]))
            assert await again.is_alive()
        ((to, label, payload),) = server.plane.named("send_data")
        assert (to, label) == (alice.sid, "_reliable")
        assert models.DataPacket.FromString(payload).user.payload == b"2"
