# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What operators see."""

from livekit.protocol import rtc

from sfu.core.media import PeerConnected


async def test_rooms_people_and_packets_are_counted(server):
    async with (
        server.client("alice"),
        server.client("bob"),
        server.client("carol", room="other"),
        server.http.get(f"{server.url}/metrics") as answer,
    ):
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = await answer.text()
    samples = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert samples["livekit_room_total"] == "2"
    assert samples["livekit_participant_total"] == "3"
    assert samples["passerelle_signal_sessions"] == "3"
    assert samples['livekit_packet_total{direction="incoming",transmission="initial"}'] == "3"
    assert samples['livekit_packet_total{direction="outgoing",transmission="initial"}'] == "5"
    assert samples['livekit_packet_loss_total{direction="incoming"}'] == "1"
    assert samples['livekit_participant_join_total{state="signal_connected"}'] == "3"
    assert samples["passerelle_media_tcp_connections"] == "4"
    assert samples['livekit_track_published_total{kind="AUDIO"}'] == "0"
    assert samples['passerelle_datagrams_dropped_total{cause="empty"}'] == "2"
    assert samples['passerelle_media_engine{engine="python"}'] == "1"
    for name in {line.split("{")[0].split()[0] for line in samples}:
        assert f"# TYPE {name} " in text


async def test_joins_are_counted_by_how_far_they_came(server):
    await server.refusal(token="wrong")
    async with server.client("alice") as alice:
        server.worker.media_event(PeerConnected(alice.sid, "AEAD_AES_128_GCM"))
        async with server.client("bob") as bob:
            await bob.say(leave=rtc.LeaveRequest())
            await bob.closing()
    assert server.worker.joins == {
        "signal_validation_failed": 1,
        "signal_connected": 2,
        "rtc_active": 1,
        "rtc_canceled": 1,
    }


async def test_webhooks_are_counted_by_how_they_ended(server):
    server.worker.webhooks.outcomes["drop", "queue_full"] = 2
    async with server.http.get(f"{server.url}/metrics") as answer:
        assert 'livekit_webhook_dispatch_total{status="drop",reason="queue_full"} 2' in await answer.text()
