# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What operators see."""


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
    assert samples['livekit_packet_total{direction="incoming"}'] == "3"
    assert samples['livekit_packet_total{direction="outgoing"}'] == "5"
    assert samples["passerelle_packets_lost_total"] == "1"
    assert samples["passerelle_media_tcp_connections"] == "4"
    assert samples['passerelle_datagrams_dropped_total{cause="empty"}'] == "2"
    assert samples['passerelle_media_engine{engine="python"}'] == "1"
    for name in {line.split("{")[0].split()[0] for line in samples}:
        assert f"# TYPE {name} " in text
