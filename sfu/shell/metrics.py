# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""What do operators measure? Prometheus text (exposition format 0.0.4), LiveKit's names where it has them.

Written by hand: `prometheus_client` appends `_total` to every counter, and some of LiveKit's have none.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from aiohttp import web

from sfu.core.media import Kind, MediaStats
from sfu.shell.websocket import WORKER
from sfu.shell.worker import Worker

CONTENT_TYPE = "text/plain; version=0.0.4"

_GAUGE, _COUNTER = "gauge", "counter"
_IN, _OUT = '{direction="incoming"}', '{direction="outgoing"}'
_FIRST_IN = '{direction="incoming",transmission="initial"}'
_FIRST_OUT = '{direction="outgoing",transmission="initial"}'
_AGAIN_OUT = '{direction="outgoing",transmission="retransmit"}'

_Metric = tuple[str, str, str, Mapping[str, int]]
"""Name, kind, help, and the samples by their labels."""


async def metrics(request: web.Request) -> web.Response:
    """Serve `GET /metrics`."""
    body = render(request.app[WORKER]).encode()
    return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})


def render(worker: Worker) -> str:
    """Write the worker's counters down."""
    lines = []
    for name, kind, text, samples in (*_signalling(worker), *_media(worker.plane.stats(), worker.plane.engine)):
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
        lines += [f"{name}{labels} {value}" for labels, value in samples.items()]
    return "\n".join(lines) + "\n"


def _signalling(worker: Worker) -> Iterator[_Metric]:
    rooms = list(worker.registry)
    published: Counter[Kind] = Counter()
    subscribed: Counter[Kind] = Counter()
    for room in rooms:
        own, others = room.tracks_by_kind()
        published += own
        subscribed += others
    visible = sum(room.info().participants for room in rooms)
    yield "livekit_room_total", _GAUGE, "Open rooms.", {"": len(rooms)}
    yield "livekit_participant_total", _GAUGE, "Participants of all rooms, hidden ones left out.", {"": visible}
    yield "livekit_track_published_total", _GAUGE, "Published tracks.", _by_kind(published)
    yield "livekit_track_subscribed_total", _GAUGE, "Subscriptions to tracks.", _by_kind(subscribed)
    yield (
        "livekit_participant_join_total",
        _COUNTER,
        "How far joins came: refused, signalling up, media up, given up before that.",
        {f'{{state="{state}"}}': number for state, number in sorted(worker.joins.items())},
    )
    yield (
        "livekit_webhook_dispatch_total",
        _COUNTER,
        "Webhook events by how they ended.",
        {
            f'{{status="{status}",reason="{reason}"}}': number
            for (status, reason), number in sorted(worker.webhooks.outcomes.items())
        },
    )
    yield "passerelle_signal_sessions", _GAUGE, "Open signalling sockets.", {"": worker.sessions}


def _media(stats: MediaStats, engine: str) -> Iterator[_Metric]:
    yield (
        "livekit_packet_total",
        _COUNTER,
        "RTP packets.",
        {_FIRST_IN: stats.packets_in, _FIRST_OUT: stats.packets_out, _AGAIN_OUT: stats.retransmitted},
    )
    yield "livekit_packet_bytes", _COUNTER, "Bytes of datagrams.", {_IN: stats.bytes_in, _OUT: stats.bytes_out}
    yield "livekit_packet_loss_total", _COUNTER, "Gaps of received tracks never filled.", {_IN: stats.packets_lost}
    yield "livekit_nack_total", _COUNTER, "Packets that receivers asked for again.", {_IN: stats.nacked}
    yield "livekit_pli_total", _COUNTER, "Key frames that publishers were asked for.", {_OUT: stats.keyframes_asked}
    yield "passerelle_probes_total", _COUNTER, "Packets sent again to find out what paths carry.", {"": stats.probes}
    yield "passerelle_pauses_total", _COUNTER, "Tracks paused for a narrow path.", {"": stats.pauses}
    yield (
        "passerelle_receivers_limited",
        _GAUGE,
        "Receivers that get less than they want now.",
        {"": stats.receivers_limited},
    )
    yield (
        "passerelle_estimated_bits_per_second",
        _GAUGE,
        "What the paths of all receivers carry together.",
        {"": stats.estimated_bps},
    )
    yield "passerelle_media_tcp_connections", _GAUGE, "Open TCP connections for media.", {"": stats.tcp_connections}
    yield (
        "passerelle_datagrams_dropped_total",
        _COUNTER,
        "Refused datagrams by cause.",
        {f'{{cause="{cause}"}}': number for cause, number in sorted(stats.dropped.items())},
    )
    yield "passerelle_media_engine", _GAUGE, "1 for the engine in use.", {f'{{engine="{engine}"}}': 1}


def _by_kind(tracks: Mapping[Kind, int]) -> dict[str, int]:
    return {f'{{kind="{kind.name}"}}': tracks.get(kind, 0) for kind in Kind}
