# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`make bench`: what a packet costs in each forwarder, in the same minutes, and how a meeting of 150 goes.

Prints medians of interleaved runs, writes `build/bench/sfu.json`; docs/performance.md says what the figures mean.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import sys
from pathlib import Path

from sfu.load import cpu
from tests.bench.sfu import janus, meeting
from tests.bench.sfu.cases import CASES, FEATURES
from tests.bench.sfu.layers import layers
from tests.bench.sfu.machines import MissingError, on_core, run_floor, run_ours, server_core

REPORT = Path("build/bench/sfu.json")
BASES = ("floor", "janus")
PARTS = ("packets", "layers", "meeting", "joins")


def makers(options):
    """Every forwarder, by name."""
    return {
        "native": lambda case: run_ours("native", case, options.seconds),
        "python": lambda case: run_ours("python", case, options.seconds),
        "floor": lambda case: run_floor(case, options.seconds),
        "janus": lambda case: janus.run(case, options.seconds, options.janus),
    }


async def packets(options, report):
    """Each case: the forwarders one after the other, and again, so that a busy minute hits all of them."""
    missing, runs = report["missing"], {}
    for case in CASES:
        for number in range(options.runs):
            for name, make in makers(options).items():
                if name in missing:
                    continue
                try:
                    run = await make(case)
                except MissingError as error:
                    missing[name] = str(error)
                    print(f"{name} is left out: {error}", flush=True)
                    continue
                runs.setdefault(name, {}).setdefault(case.name, []).append(run)
                print(
                    f"{case.name:22} run {number + 1} {name:7} {run.us_per_packet:6.2f} µs a packet,"
                    f" {run.out / run.seconds:9.0f}/s out, {run.lost} lost, {run.bad} wrong of {run.good + run.bad}",
                    flush=True,
                )
    for name, cases in runs.items():
        medians = {case: round(statistics.median(run.us_per_packet for run in done), 3) for case, done in cases.items()}
        report.setdefault(name, {})["us_per_packet"] = medians
        report[name]["runs"] = {case: [round(run.us_per_packet, 3) for run in done] for case, done in cases.items()}
        report[name]["lost"] = {case: sum(run.lost for run in done) for case, done in cases.items()}
        report[name]["checked"] = sum(run.good for done in cases.values() for run in done)
        report[name]["wrong"] = sum(run.bad for done in cases.values() for run in done)
    if "janus" in runs:
        report["janus"]["setup"] = janus.setup(options.janus)
    report["ratios"] = ratios(report)


def ratios(report):
    """CPU of ours to that of the floor; packets per CPU second of ours to Janus's, unless it runs on NSS."""
    found = {}
    for ours in ("native", "python"):
        for base in BASES:
            if ours not in report or base not in report or (base == "janus" and "nss" in report["janus"]["setup"]):
                continue
            pairs = {
                case: (cost, report[base]["us_per_packet"].get(case))
                for case, cost in report[ours]["us_per_packet"].items()
            }
            name = f"{ours}_cpu_to_floor" if base == "floor" else f"{ours}_packets_per_cpu_second_to_janus"
            found[name] = {
                case: round(cost / other if base == "floor" else other / cost, 2)
                for case, (cost, other) in pairs.items()
                if other
            }
    return found


async def run(options):
    report = {
        "machine": {"cores": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version()},
        "features": FEATURES,
        "missing": {},
        "stolen_s": None,
    }
    stolen = cpu.stolen()
    cores = os.sched_getaffinity(0)
    if len(cores) > 1 and {"packets", "layers"} & set(options.parts):
        on_core(max(cores))()
    if "packets" in options.parts:
        await packets(options, report)
    if "layers" in options.parts:
        report["layers"] = await layers(options)
    if "meeting" in options.parts:
        report["meeting150"] = await meeting.meeting(options)
    os.sched_setaffinity(0, cores)  # a server and its crowd have all cores
    if "joins" in options.parts:
        report["joins150"] = await meeting.joins(options)
    report["stolen_s"] = None if stolen is None else round(cpu.stolen() - stolen, 2)
    return report


def write(report):
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps({key: value for key, value in report.items() if key not in BASES}, indent=2))
    print(f"stolen by the host meanwhile: {report['stolen_s']} s. Everything is in {REPORT}.")


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.bench.sfu", description=__doc__)
    parser.add_argument("--runs", type=int, default=5, help="of each case and forwarder; medians are of these")
    parser.add_argument("--seconds", type=float, default=2.0, help="that a run is measured")
    parser.add_argument("--people", type=int, default=150, help="of the meeting and of the joins")
    parser.add_argument("--parts", nargs="+", default=list(PARTS), help=", ".join(PARTS))
    parser.add_argument("--janus", default="janus", help="the program; LD_LIBRARY_PATH chooses its libsrtp")
    options = parser.parse_args()
    if os.cpu_count() < 2:
        sys.exit("two cores are needed: one for the forwarder, one for what drives it")
    cores = os.sched_getaffinity(0)
    assert server_core() != max(os.sched_getaffinity(0)) or len(cores) == 1
    write(asyncio.run(run(options)))


main()
