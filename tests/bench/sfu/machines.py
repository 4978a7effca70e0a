# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Forwarders as processes on the first core, what drives them on the last: set up, loaded, measured, ended."""

import asyncio
import json
import os
import random
import socket
import subprocess
import sys
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiortc.rtcdtlstransport import RTCCertificate

from sfu.core.media import Candidate, Fingerprint, IceCredentials
from sfu.load import cpu, native
from sfu.load.checking import Checking
from sfu.load.description import OPUS_TYPE, VP8_TYPE
from sfu.load.endpoint import Endpoint
from sfu.load.meeting import REFRESH_EVERY_S
from sfu.load.native import NativeTraffic
from sfu.load.traffic import StreamRow

WARM_S = 1.0
AT_ONCE = 20
"""Handshakes."""
ROOT = Path(__file__).parents[3]


class MissingError(Exception):
    """A forwarder that is not here; the text says why."""


@dataclass
class Run:
    """What one run gave."""

    cpu_s: float
    out: int
    expected: int
    seconds: float
    good: int = 0
    bad: int = 0
    latencies_ms: list[float] = field(default_factory=list)

    @property
    def us_per_packet(self):
        return self.cpu_s * 1e6 / max(1, self.out)

    @property
    def lost(self):
        return max(0, self.expected - self.out)


def on_core(number):
    return lambda: os.sched_setaffinity(0, {number})


def server_core():
    return min(os.sched_getaffinity(0) | {0})


def own_address():
    """An address of this machine that is not loopback: Janus takes no other."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError as error:
            raise MissingError("this machine has loopback alone, and Janus takes no candidate of it") from error
        return probe.getsockname()[0]


class Crowd:
    """Light clients of one run, and their packets."""

    def __init__(self):
        self.traffic = NativeTraffic()
        self.certificate = RTCCertificate.generateCertificate()
        own = next(one for one in self.certificate.getFingerprints() if one.algorithm == "sha-256")
        self.fingerprint = Fingerprint(own.algorithm, own.value)
        self.checking = Checking()
        self.endpoints = []
        self.receivers = []
        self.senders = []
        self._refreshed = 0.0

    def endpoint(self):
        made = Endpoint(self.certificate)
        self.endpoints.append(made)
        return made

    def receive(self, endpoint):
        number = self.traffic.add_receiver(endpoint.hand_over())
        self.checking.expect_packets(number, endpoint.keys)
        self.receivers.append(number)

    def send(self, endpoint, rows):
        number = self.traffic.add_sender(endpoint.hand_over(), endpoint.keys)
        self.checking.expect_control(number, endpoint.keys)
        for row in rows:
            self.traffic.add_stream(number, row)
        self.senders.append(number)

    def flows(self):
        return {(who, flow.ssrc): flow for who in self.receivers for flow in self.traffic.flows(who)}

    def look(self):
        for sample in self.traffic.take_samples():
            if not sample.control:
                self.checking.packet(sample)
                continue
            for ssrc in self.checking.key_pictures(sample):
                self.traffic.key_picture(sample.owner, ssrc)

    async def wait(self, seconds):
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while loop.time() < until:
            await asyncio.sleep(0.02)
            self.look()
            if loop.time() > self._refreshed + REFRESH_EVERY_S:  # who only listens would be taken for gone
                self._refreshed = loop.time()
                for endpoint in self.endpoints:
                    endpoint.refresh()

    async def measure(self, seconds, spent):
        """Warm up, then count; `spent` gives the forwarder's processor seconds so far."""
        loop = asyncio.get_running_loop()
        await self.wait(WARM_S)
        before, began, cpu_before = self.flows(), loop.time(), await spent()  # who is busy says late what it spent
        self.checking.latencies.clear()
        await self.wait(seconds)
        after, ended, cpu_after = self.flows(), loop.time(), await spent()
        out = sum(flow.packets - (before[key].packets if key in before else 0) for key, flow in after.items())
        expected = sum(flow.expected - (before[key].expected if key in before else 0) for key, flow in after.items())
        latencies = [ns / 1e6 for ns in self.checking.latencies]
        return Run(
            cpu_after - cpu_before, out, expected, ended - began, self.checking.good, self.checking.bad, latencies
        )

    async def close(self):
        self.traffic.stop()
        await asyncio.gather(*(endpoint.close() for endpoint in self.endpoints))


def stream(case, publisher):
    """The packets of one publisher of a case."""
    kind = (VP8_TYPE, 90_000) if case.video else (OPUS_TYPE, 48_000)
    return StreamRow(
        0x10000 * (publisher + 1), *kind, case.per_second, case.size, "0", video=case.video, starts=apart(publisher)
    )


def apart(number):
    """Publishers don't send in step."""
    return time.time_ns() + int(random.Random(number).random() * 20e6)


async def connected(pairs):
    """Handshakes of (endpoint, candidate, credentials, fingerprint), some at a time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(endpoint, *remote):
        async with gate:
            await endpoint.connect(*remote)

    await asyncio.gather(*(one(*pair) for pair in pairs))


class Ours:
    """One of our engines in a process of its own."""

    def __init__(self, process):
        self._process = process

    async def ask(self, **order):
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        await self._process.stdin.drain()
        return json.loads(await self._process.stdout.readline())

    async def spent(self):
        return sum((await self.ask(do="measure"))["threads"].values())

    async def join(self, crowd, names):
        """Connect an endpoint for each name; gives them by name."""
        made = {name: crowd.endpoint() for name in names}
        local = {name: (os.urandom(4).hex(), os.urandom(12).hex()) for name in made}
        own = [crowd.fingerprint.algorithm, crowd.fingerprint.value]
        told = await self.ask(do="peers", peers=[(name, *local[name]) for name in made], own=own)
        at, fingerprint = Candidate(*told["at"]), Fingerprint(*told["fingerprint"])
        await connected((made[name], at, IceCredentials(*local[name]), fingerprint) for name in made)
        return made


@asynccontextmanager
async def ours(engine):
    """Start it. Raises MissingError where it was not built."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.sfu.engine", engine, "127.0.0.1"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        limit=2**24,
        preexec_fn=on_core(server_core()),
    )
    try:
        said = json.loads(await process.stdout.readline() or b'{"missing": "it does not start"}')
        if "missing" in said:
            raise MissingError(said["missing"])
        if said["engine"] != engine:
            raise MissingError(f"the media plane chose {said['engine']}")
        yield Ours(process)
    finally:
        process.stdin.close()
        await process.wait()


async def run_ours(engine, case, seconds):
    """One case through one of our engines."""
    async with ours(engine) as machine:
        crowd = Crowd()
        publishers = [f"publisher {n}" for n in range(case.publishers)]
        receivers = [f"receiver {n}" for n in range(case.receivers)]
        made = await machine.join(crowd, [*publishers, *receivers])
        kind = "video" if case.video else "audio"
        rows = [(name, f"TR_{n}", kind, "0", 0x10000 * (n + 1), ()) for n, name in enumerate(publishers)]
        await machine.ask(do="tracks", tracks=rows)
        downs = [(name, f"TR_{n}", kind, str(n), None) for name in receivers for n in range(case.publishers)]
        await machine.ask(do="forward", downlinks=downs)
        for name in receivers:
            crowd.receive(made[name])
        for number, name in enumerate(publishers):
            crowd.send(made[name], [stream(case, number)])
        crowd.traffic.start()
        try:
            return await crowd.measure(seconds, machine.spent)
        finally:
            await crowd.close()


def built_floor():
    """Compile `floor.c`."""
    folder, compiler = ROOT / "build" / "bench", native.compiler()
    if compiler is None:
        raise MissingError("no C compiler is here")
    folder.mkdir(parents=True, exist_ok=True)
    source, program = Path(__file__).with_name("floor.c"), folder / "floor"
    subprocess.run([compiler, "-O2", str(source), "-o", str(program)], check=True)
    return program


async def run_floor(case, seconds):
    """The same datagrams by sendmmsg, from a process that does nothing else."""
    program = built_floor()
    traffic = NativeTraffic(sample_every=0)
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(case.receivers)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        traffic.add_receiver(one)
    traffic.start()
    ports = [str(one.getsockname()[1]) for one in sockets]
    protected = case.size + 16
    process = await asyncio.create_subprocess_exec(
        *(str(program), "127.0.0.1", str(case.rate), str(protected), str(seconds), *ports),
        stdout=subprocess.PIPE,
        preexec_fn=on_core(server_core()),
    )
    said, _ = await process.communicate()
    await asyncio.sleep(0.1)
    traffic.stop()
    for one in sockets:
        one.close()
    sent, spent = said.split()
    return Run(float(spent), int(sent), int(sent), seconds)


async def spent_by(pid):
    return sum(cpu.by_thread(pid).values())
