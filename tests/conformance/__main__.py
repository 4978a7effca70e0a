# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m tests.conformance [--list|--first|--second] [pytest's options]`: run the suite, print and write its table.

The columns are shared out among a few processes: cells mostly wait. What failed is tried once more, all alone; with
--first it is not, and with --second nothing else is. Set LIVEKIT_URL, LIVEKIT_API_KEY and
LIVEKIT_API_SECRET to run it against another LiveKit server.
"""

import os
import subprocess
import sys
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from tests.conformance.report import REPORT, Collector, as_text, read, write
from tests.conformance.rows import CHOSEN, chosen

HERE = Path(__file__).parent
PROCESSES = 3
PART = "CONFORMANCE_PART"
"""Where a process of a share writes its results."""
AGAIN_AT_MOST = 12
"""Cells that are given a second try, all alone: on a busy machine a browser may miss a deadline. It is said of each."""


def collect(options):
    """Which tests make which cell."""
    collector = Collector()
    with redirect_stdout(StringIO()):
        pytest.main([str(HERE), "--collect-only", "-qq", *options], plugins=[collector])
    return collector.cells


def run_part(options):
    """Run the chosen columns and write what came of them."""
    collector = Collector(shows=True)
    status = pytest.main(["-p", "no:randomly", "--tb=short", "--runxfail", *options], plugins=[collector])
    write(collector.results, Path(os.environ[PART]))
    return int(status)


def run_all(columns, options):
    """Run these columns in a process for each share of them; what came of each cell."""
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    running = []
    for number, share in enumerate(columns):
        part = REPORT.with_name(f"part-{number}.json")
        part.unlink(missing_ok=True)
        environment = {**os.environ, CHOSEN: ",".join(share), PART: str(part)}
        command = [sys.executable, "-m", "tests.conformance", *options]
        with part.with_suffix(".log").open("w") as log:
            running.append((part, subprocess.Popen(command, env=environment, stdout=log)))
    results = {}
    for part, process in running:
        process.wait()
        results |= read(part)
    return results


def main(options):
    if PART in os.environ:
        return run_part(options)
    modes = {"--list", "--first", "--second"}
    mode = next((option for option in options if option in modes), "")
    options = [option for option in options if option not in modes]
    cells = collect(options)
    if mode == "--list":
        for (capability, client), tests in cells.items():
            print(f"{capability} | {client} | {' '.join(tests)}")
        return 0
    print(f"{len(cells)} cells", flush=True)
    columns = [client.name for client in chosen()]
    if mode == "--second":
        found = read()
    else:
        REPORT.unlink(missing_ok=True)
        found = run_all(
            [share for share in (columns[n::PROCESSES] for n in range(PROCESSES)) if share], [str(HERE), *options]
        )
    results = {cell: found.get(cell, "fail: it was not run to its end") for cell in cells}
    failed = {cell: result for cell, result in results.items() if result != "pass"}
    if mode != "--first" and 0 < len(failed) <= AGAIN_AT_MOST:
        tests = sorted({test for cell in failed for test in cells[cell]})
        found = run_all([sorted({client for _, client in failed})], tests)
        for (capability, client), result in failed.items():
            results[capability, client] = found.get((capability, client), result)
            print(f"\nsecond try: {capability}, {client}: {results[capability, client]}\n  the first: {result}")
    write(results)
    if mode != "--first":
        print(f"\n\n{as_text(results)}\n\nThe same as JSON: {REPORT}")
    return int(any(result != "pass" for result in results.values()))


sys.exit(main(sys.argv[1:]))
