# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""A meeting of 150: through the media plane alone, and from the first byte of everybody's signalling."""

import random
import time
from pathlib import Path

from sfu import native
from sfu.load.meeting import percentile
from sfu.load.plan import LARGE, LAYERS, SMALL, Plan, streams
from sfu.load.run import load
from sfu.load.traffic import LoadError
from tests.bench.sfu.machines import Crowd, MissingError, apart, ours

TILES, VOICES = 16, 5
JOINS_WITHIN_S = 10.0
MEASURED_S = 10.0
SETTLED_WITHIN_S, SETTLED_TIMES = 30.0, 3
RIDS = [(layer.rid, layer.quality) for layer in LAYERS]


async def meeting(options):
    """Everybody publishes in three layers, and shows one large and sixteen small; then beside a busy control thread."""
    for engine in ("native", "python"):
        try:
            async with ours(engine) as machine:
                return {"engine": engine, "people": options.people, **await _through(machine, options.people)}
        except MissingError as error:
            missing = str(error)
    return {"missing": missing}


async def _through(machine, people):
    crowd, chance = Crowd(), random.Random(1)
    names = [f"person {number}" for number in range(people)]
    sending = await machine.join(crowd, names)
    receiving = await machine.join(crowd, [f"{name}/subscriber" for name in names])
    rows = [(name, f"TR_A{n}", "audio", "0", 0, ()) for n, name in enumerate(names)]
    rows += [(name, f"TR_V{n}", "video", "1", 0, RIDS) for n, name in enumerate(names)]
    await machine.ask(do="tracks", tracks=rows, max_speakers=VOICES)
    for number, name in enumerate(names):
        peer = f"{name}/subscriber"
        downs = [(peer, f"TR_A{other}", "audio", f"a{other}", None) for other in range(people) if other != number]
        for step in range(min(TILES + 1, people - 1)):
            other = (number + 1 + step) % people
            downs.append((peer, f"TR_V{other}", "video", f"v{other}", SMALL if step else LARGE))
        await machine.ask(do="forward", downlinks=downs, reports=False)
    for name in names:
        crowd.receive(receiving[f"{name}/subscriber"])
    for number, name in enumerate(names):
        crowd.send(sending[name], streams(number, apart(number), sound=True, chance=chance))
    crowd.traffic.start()
    try:
        await _settled(crowd, machine)
        idle = await _measured(crowd, machine)
        await machine.ask(do="busy")
        return {**idle, "busy": await _measured(crowd, machine)}
    finally:
        await crowd.close()


async def _settled(crowd, machine):
    """Every layer was learnt, and key pictures were asked for and came to all who wait."""
    deadline = time.monotonic() + SETTLED_WITHIN_S
    quiet = 0
    while quiet < SETTLED_TIMES and time.monotonic() < deadline:
        await crowd.wait(1.0)
        quiet = 0 if (await machine.ask(do="waiting"))["waiting"] else quiet + 1


async def _measured(crowd, machine):
    before, sent = await machine.ask(do="measure"), crowd.traffic.counts().sent
    run = await crowd.measure(MEASURED_S, machine.spent)
    after = await machine.ask(do="measure")
    seconds = after["at"] - before["at"]  # a busy thread of Python answers late
    threads = {
        name: round((spent - before["threads"].get(name, 0.0)) / seconds, 3) for name, spent in after["threads"].items()
    }
    dropped = {cause: count - before["dropped"].get(cause, 0) for cause, count in after["dropped"].items()}
    return {
        "in_pps": round((after["in"] - before["in"]) / seconds),
        "sent_pps": round((crowd.traffic.counts().sent - sent) / seconds),
        "out_pps": round(run.out / run.seconds),
        "lost": run.lost,
        "p50_ms": percentile(run.latencies_ms, 0.5),
        "p99_ms": percentile(run.latencies_ms, 0.99),
        "media_core": max(threads.values()),
        "realtime": after["realtime"],
        "cores": {name: share for name, share in threads.items() if share},
        "checked": run.good,
        "wrong": run.bad,
        "dropped": {cause: count for cause, count in dropped.items() if count},
        "receive_buffer_max": receive_buffer_max(),
        "lock_waits": [
            {"times": late[0] - early[0], "ms": round(late[1] - early[1], 3), "longest_ever_ms": round(late[2], 3)}
            for early, late in zip(before["lock"], after["lock"], strict=True)
        ],
    }


def receive_buffer_max():
    return int(Path("/proc/sys/net/core/rmem_max").read_text())


async def joins(options):
    """Everybody joins within ten seconds by real signalling; more and more of them publish."""
    found = {"people": options.people, "within_s": JOINS_WITHIN_S, "publishers": {}}
    engine = "python" if native.why_not() else "native"
    for share in (25, 50, 100, 150):
        publishers = share * options.people // 150
        plan = Plan(options.people, publishers, publishers, 1, TILES, JOINS_WITHIN_S, 2.0)
        try:
            figures = await load(
                plan, None, room="", make="auto", engine=engine, voices=VOICES, output=None, say=lambda text: None
            )
        except LoadError as error:
            found["publishers"][publishers] = {"failed": str(error)}
            continue
        joined = figures["joins"]
        found["engine"] = figures["server"]["engine"]
        found["publishers"][publishers] = {
            "p50_s": joined["first_media_s"]["p50"],
            "p95_s": joined["first_media_s"]["p95"],
            "took_s": joined["took_s"],
            "server_cpu_s": round(sum(joined["server_cpu_s"].values()), 2),
            "offers": joined["offers"],
        }
    first = next(iter(found["publishers"].values()))
    found["p95_s"] = first.get("p95_s")
    return found
