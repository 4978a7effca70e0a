# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A media plane as a process: `python -m tests.bench.sfu.engine NAME HOST`, told by JSON lines what to forward.

Peers come by real ICE and DTLS; what they send and get is loaded directly, without rooms and signalling.
"""

import asyncio
import json
import os
import sys
import threading
import time

from sfu.core.media import (
    Codec,
    Downlink,
    Extensions,
    Fingerprint,
    IceCredentials,
    Kind,
    Layer,
    PeerId,
    TrackSid,
    Uplink,
    Wish,
)
from sfu.load import cpu
from sfu.media.plane import EngineMissingError, MediaPlane
from tests.bench.sfu.busy import keep_busy

OPUS = Codec(111, "audio/opus", 48000, 2, feedback=("transport-cc",))
VP8 = Codec(96, "video/VP8", 90000, rtx_payload_type=97, feedback=("nack", "nack pli", "transport-cc"))
VP9 = Codec(98, "video/VP9", 90000, rtx_payload_type=99, feedback=("nack", "nack pli", "transport-cc"))
CODECS = {"audio": (OPUS,), "video": (VP8,), "scalable": (VP9,)}
KINDS = {"audio": Kind.AUDIO, "video": Kind.VIDEO, "scalable": Kind.VIDEO}
SENT = Extensions(mid=4, rid=10, audio_level=1, abs_send_time=2, transport_cc=3, dependency_descriptor=12)
GOT = Extensions(mid=9, audio_level=5, abs_send_time=7, transport_cc=8, dependency_descriptor=11)
"""Other numbers than those of the publishers, so that every packet's extensions are translated."""
WITHOUT_REPORTS = Extensions(mid=9, audio_level=5, abs_send_time=7)


class Host:
    """Obeys orders, one JSON object a line, and answers each with one."""

    def __init__(self, plane):
        self._plane = plane
        self._ssrc = 0x40000000
        self._busy = threading.Event()

    def obey(self, order):
        return getattr(self, order.pop("do"))(**order)

    def peers(self, peers, own):
        for name, ufrag, pwd in peers:
            self._plane.open_peer(PeerId(name), IceCredentials(ufrag, pwd), [Fingerprint(*own)])
        fingerprint, [candidate, *_] = self._plane.fingerprint, self._plane.candidates
        return {"fingerprint": [fingerprint.algorithm, fingerprint.value], "at": [candidate.host, candidate.port]}

    def tracks(self, tracks, max_speakers=0):
        for peer, track, named, mid, ssrc, layers in tracks:
            kind = KINDS[named]
            rows = tuple(Layer(rid, quality) for rid, quality in layers)
            ssrcs = () if rows else (ssrc,)
            seats = {"room": "room", "max_speakers": max_speakers} if kind is Kind.AUDIO else {}
            uplink = Uplink(PeerId(peer), TrackSid(track), kind, mid, CODECS[named], SENT, ssrcs, layers=rows, **seats)
            self._plane.receive(uplink)
        return {}

    def forward(self, downlinks, reports=True):
        """Each: receiver, track, kind, section, highest quality."""
        for peer, track, named, mid, quality in downlinks:
            kind, self._ssrc = KINDS[named], self._ssrc + 2
            extensions = GOT if reports else WITHOUT_REPORTS
            row = Downlink(
                PeerId(peer), TrackSid(track), kind, mid, self._ssrc, self._ssrc + 1, CODECS[named], extensions
            )
            self._plane.forward(row)
            if quality is not None:
                self._plane.wish(PeerId(peer), TrackSid(track), Wish(max_quality=quality))
        return {}

    def waiting(self):
        """Receivers that wait for a key picture."""
        router = self._plane._router
        streams = [router.engine.stream(stream) for stream in router._layers]
        return {"waiting": sum(stream.waiting_count for stream in streams)}

    def busy(self):
        threading.Thread(target=keep_busy, args=(self._busy,), daemon=True).start()
        return {}

    def measure(self):
        stats = self._plane.stats()
        return {
            "at": time.monotonic(),
            "threads": cpu.by_thread(os.getpid()),
            "in": stats.packets_in,
            "out": stats.packets_out,
            "dropped": dict(stats.dropped),
            "lock": self._lock(),
            "realtime": self._plane.realtime,
        }

    def _lock(self):
        """How often and how long the media thread waited for Python: times, ms in all, the longest one's ms."""
        engine = self._plane._router.engine
        rows = engine._engines()[1:] if engine.name == "native" else []
        return [[row.waits, row.waited_ns / 1e6, row.waited_longest_ns / 1e6] for row in rows]


async def main(name, host):
    try:
        plane = MediaPlane(host, 0, lambda event: None, tcp=False, engine=name)
    except EngineMissingError as error:
        print(json.dumps({"missing": str(error)}), flush=True)
        return
    await plane.start()
    print(json.dumps({"engine": plane.engine}), flush=True)
    obeying, loop = Host(plane), asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**26)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        print(json.dumps(obeying.obey(json.loads(line))), flush=True)
    await plane.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
