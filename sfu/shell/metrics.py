# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What do operators measure? Prometheus text (exposition format 0.0.4), LiveKit's names where it has them."""

from aiohttp import web

from sfu.shell.websocket import WORKER
from sfu.shell.worker import Worker

CONTENT_TYPE = "text/plain; version=0.0.4"


async def metrics(request: web.Request) -> web.Response:
    """Serve `GET /metrics`."""
    body = render(request.app[WORKER]).encode()
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})


def render(worker: Worker) -> str:
    """Write the worker's counters down."""
    rooms = [room.info() for room in worker.registry]
    stats = worker.plane.stats()
    lines = [
        *_metric("livekit_room_total", "gauge", "Open rooms.", {"": len(rooms)}),
        *_metric(
            "livekit_participant_total",
            "gauge",
            "Participants of all rooms, hidden ones left out.",
            {"": sum(room.participants for room in rooms)},
        ),
        *_metric("passerelle_signal_sessions", "gauge", "Open signalling sockets.", {"": worker.sessions}),
        *_metric(
            "livekit_packet_total",
            "counter",
            "RTP packets by direction.",
            {'{direction="incoming"}': stats.packets_in, '{direction="outgoing"}': stats.packets_out},
        ),
        *_metric(
            "livekit_packet_bytes",
            "counter",
            "Bytes of datagrams by direction.",
            {'{direction="incoming"}': stats.bytes_in, '{direction="outgoing"}': stats.bytes_out},
        ),
        *_metric(
            "passerelle_packets_lost_total",
            "counter",
            "Sequence gaps of received tracks that were never filled.",
            {"": stats.packets_lost},
        ),
        *_metric(
            "passerelle_packets_retransmitted_total",
            "counter",
            "Packets sent again on request.",
            {"": stats.retransmitted},
        ),
        *_metric(
            "passerelle_media_tcp_connections",
            "gauge",
            "Open TCP connections for media.",
            {"": stats.tcp_connections},
        ),
        *_metric(
            "passerelle_datagrams_dropped_total",
            "counter",
            "Refused datagrams by cause.",
            {f'{{cause="{cause}"}}': number for cause, number in sorted(stats.dropped.items())},
        ),
        *_metric(
            "passerelle_media_engine",
            "gauge",
            "1 for the engine in use.",
            {f'{{engine="{worker.plane.engine}"}}': 1},
        ),
    ]
    return "\n".join(lines) + "\n"


def _metric(name: str, kind: str, text: str, samples: dict[str, int]) -> list[str]:
    return [
        f"# HELP {name} {text}",
        f"# TYPE {name} {kind}",
        *(f"{name}{labels} {value}" for labels, value in samples.items()),
    ]
