# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m tests`: the whole suite, in three lanes beside each other, as most of it waits for something.

Whole stacks and browsers are seen at once; programs and pages of their own, with the conformance table, and what only
needs a processor are written into build/ and shown at the end. What is timed comes after the first two. What failed is
tried once more when nothing runs beside it any longer, and that is said.
"""

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

BUILD = Path(__file__).parents[1] / "build"
GOALS = BUILD / "emulated/report.json"
BUSY = (
    "tests/bench",
    "tests/bots/captions",
    "tests/bots/engines",
    "tests/bots/final",
    "tests/bridge/domain",
    "tests/emulated",
    "tests/fuzz",
    "tests/sfu/core",
    "tests/sfu/wire",
)
"""Decisions, parsers, models, networks in virtual time: they only need a processor, and give way to the rest."""
STACKS = ("tests/bots/test_matrix_rtc.py", "tests/bridge/stack", "tests/browser", "tests/integration")
"""Whole stacks, which share a range of ports, and browsers."""
IN_REAL_TIME = (
    "tests/emulated/test_joining.py",
    "tests/emulated/test_namespaces.py",
    "tests/integration/test_captions.py",
    "tests/integration/test_demo.py",
    "tests/integration/test_killed_bot.py",
    "tests/integration/test_moderation.py",
    "tests/sfu/clients/test_codecs.py",
    "tests/sfu/clients/test_congestion.py",
)
"""Delays, bandwidth, frozen pictures, captions that may not come late: after the rest."""
PATIENCE_S = 1200
"""For one test that gives way to the others."""
AGAIN_AT_MOST = 12
"""Tests of a lane that are given a second try: on a busy machine a browser may miss a deadline."""
FAILED = 1
"""pytest's status when tests failed; no other one is worth a second try."""
CONFORMANCE = [sys.executable, "-m", "tests.conformance"]


def without(*paths):
    return [f"--ignore={path}" for path in paths]


CHOSEN = {
    "busy": [*BUSY, *without(*IN_REAL_TIME), f"--timeout={PATIENCE_S}"],
    "programs": without("tests/conformance", *BUSY, *STACKS, *IN_REAL_TIME),
    "stacks": [*STACKS, *without(*IN_REAL_TIME)],
    "timed": list(IN_REAL_TIME),
}


def cache(lane):
    """Where pytest keeps which tests of a lane failed."""
    return BUILD / f"pytest-{lane}"


def pytest_command(lane, *options):
    return [sys.executable, "-m", "pytest", "--durations=25", f"-ocache_dir={cache(lane)}", *CHOSEN[lane], *options]


def run(lane):
    return subprocess.run(pytest_command(lane, "--cache-clear"), check=False).returncode


def run_programs():
    """What runs programs, databases and pages of its own: two commands in turn. Cells that failed are in the report."""
    subprocess.run([*CONFORMANCE, "--first"], check=False)
    return run("programs")


def table_passes_again():
    """Give the cells that failed their second try; fails, too, where the table was not run to its end."""
    return subprocess.run([*CONFORMANCE, "--second"], check=False).returncode == 0


def passes_again(lane):
    """Give the tests that failed in a lane their second try."""
    failed = json.loads((cache(lane) / "v/cache/lastfailed").read_text())
    print(f"==> {lane}: {len(failed)} failed", *failed, sep="\n    ", flush=True)
    if len(failed) > AGAIN_AT_MOST:
        return False
    print("==> second try, with nothing beside it", flush=True)
    return subprocess.run(pytest_command(lane, "--last-failed"), check=False).returncode == 0


def main():
    BUILD.mkdir(exist_ok=True)
    GOALS.unlink(missing_ok=True)
    lanes = {
        "busy": ["nice", "-n", "19", *pytest_command("busy", "--cache-clear")],
        "programs": [sys.executable, "-m", "tests", "programs"],
    }
    logs = {name: BUILD / f"tests-{name}.log" for name in lanes}
    ended = {}
    with ExitStack() as stack:
        running = {
            name: stack.enter_context(
                subprocess.Popen(command, stdout=stack.enter_context(logs[name].open("w")), stderr=subprocess.STDOUT)
            )
            for name, command in lanes.items()
        }
        try:
            ended["stacks"] = run("stacks")
            ended["programs"] = running["programs"].wait()
            ended["timed"] = run("timed")
            ended["busy"] = running["busy"].wait()
        except BaseException:
            for process in running.values():
                process.terminate()
            raise
    for name, log in logs.items():
        print(f"==> {name}, which ran beside that\n{log.read_text()}", flush=True)
    failed = [lane for lane, status in ended.items() if status and not (status == FAILED and passes_again(lane))]
    if not table_passes_again():
        failed.append("conformance")
    if failed:
        print(f"==> failed: {', '.join(failed)}", flush=True)
    return int(failed != [])


if __name__ == "__main__":
    sys.exit(run_programs() if sys.argv[1:] == ["programs"] else main())
