# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""One scalable camera, with the descriptors that Chromium wrote, to many: half of them get the lowest picture alone."""

import asyncio
import itertools
import statistics
import struct
import time
from contextlib import suppress

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from sfu.core.dependency_descriptor import DescriptorReader
from sfu.core.rtp import write_extensions
from sfu.load.traffic import MAGIC
from sfu.media.srtp import derive_gcm
from tests.bench.sfu.engine import SENT, VP9
from tests.bench.sfu.machines import ROOT, Crowd, MissingError, ours

RECORDED = ROOT / "tests" / "fixtures" / "dependency" / "chromium-156-vp9-l3t3-key.hex"
EVERYTHING = 0b111111111
"""Three by three layers."""
RECEIVERS, PER_SECOND, SIZE, PARTS = 40, 2000, 1100, 4
BATCH_S = 0.005
SSRC, MID, TRACK = 0x10000, "0", "TR_0"


def sequence():
    """The packets from one key frame with all layers to the next: (descriptor, whether it ends the picture)."""
    written = [bytes.fromhex(line) for line in RECORDED.read_text().split()]
    reader = DescriptorReader()
    frames = [(line, reader.read(line)) for line in written]
    keys = [at for at, (_, frame) in enumerate(frames) if frame.brings_structure and frame.active == EVERYTHING]
    for line, frame in frames[slice(*keys[:2])]:
        for part in range(PARTS):
            ends = part == PARTS - 1
            first = (line[0] & 0x3F) | (not part) << 7 | ends << 6
            rest = line[1:3] if part and frame.brings_structure else line[1:]
            yield bytes((first,)) + rest, ends and frame.template.spatial == 2


class Camera:
    """Sends over a client's transport."""

    def __init__(self, endpoint):
        key, self._salt = derive_gcm(endpoint.keys.send)
        self._cipher, self._socket = AESGCM(key), endpoint.hand_over()
        self._sequence = itertools.cycle(sequence())
        self._index, self._pictures = 0, 0

    def send(self):
        """The next packet."""
        descriptor, ends = next(self._sequence)
        elements = [(SENT.mid, MID.encode()), (SENT.transport_cc, struct.pack("!H", self._index & 0xFFFF))]
        block, _ = write_extensions([*elements, (SENT.dependency_descriptor, descriptor)])
        second = VP9.payload_type | (0x80 if ends else 0)
        head = struct.pack("!BBHII", 0x90, second, self._index & 0xFFFF, 3000 * self._pictures, SSRC) + block
        payload = bytes(SIZE - len(head) - 16) + struct.pack("=IIQ", MAGIC, SSRC, time.time_ns())
        nonce = (self._salt ^ (SSRC << 48) ^ self._index).to_bytes(12, "big")
        with suppress(BlockingIOError):
            self._socket.send(head + self._cipher.encrypt(nonce, payload, head))
        self._index += 1
        self._pictures += ends

    async def run(self):
        """For ever."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            for _ in range(int((loop.time() - began) * PER_SECOND) - self._index):
                self.send()
            await asyncio.sleep(BATCH_S)


async def _through(engine, seconds):
    async with ours(engine) as machine:
        crowd = Crowd()
        receivers = [f"receiver {n}" for n in range(RECEIVERS)]
        made = await machine.join(crowd, ["camera", *receivers])
        await machine.ask(do="tracks", tracks=[("camera", TRACK, "scalable", MID, SSRC, ())])
        downs = [(name, TRACK, "scalable", "0", None if n % 2 else 0) for n, name in enumerate(receivers)]
        await machine.ask(do="forward", downlinks=downs)
        for name in receivers:
            crowd.receive(made[name])
        crowd.traffic.start()
        sending = asyncio.create_task(Camera(made["camera"]).run())
        try:
            return await crowd.measure(seconds, machine.spent)
        finally:
            sending.cancel()
            await crowd.close()


async def layers(options):
    """Both engines in turns."""
    runs = {}
    for engine in ("native", "python") * options.runs:
        with suppress(MissingError):
            runs.setdefault(engine, []).append(await _through(engine, options.seconds))
    return {
        "receivers": RECEIVERS,
        "in_pps": PER_SECOND,
        **{
            engine: {
                "us_per_packet": round(statistics.median(run.us_per_packet for run in done), 3),
                "out_pps": round(statistics.median(run.out / run.seconds for run in done)),
                "lost": sum(run.lost for run in done),
                "checked": sum(run.good for run in done),
                "wrong": sum(run.bad for run in done),
            }
            for engine, done in runs.items()
        },
    }
