# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""`python -m tests`: the whole suite. What needs no real time runs beside the rest, and gives way to it."""

import subprocess
import sys
from pathlib import Path

BUILD = Path(__file__).parents[1] / "build"
GOALS = BUILD / "emulated/report.json"
BESIDE = (
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
"""Decisions, parsers, models, networks in virtual time: they only need a processor; the rest mostly waits."""
IN_REAL_TIME = ("tests/emulated/test_joining.py", "tests/emulated/test_namespaces.py")
PATIENCE_S = 1200
"""For one test that gives way to the others."""


def pytest_command(*arguments):
    return [sys.executable, "-m", "pytest", "--durations=25", *arguments]


def without(paths):
    return [f"--ignore={path}" for path in paths]


def main():
    BUILD.mkdir(exist_ok=True)
    GOALS.unlink(missing_ok=True)
    log = BUILD / "tests-beside.log"
    beside = ["nice", "-n", "19", *pytest_command(*BESIDE, *without(IN_REAL_TIME), f"--timeout={PATIENCE_S}")]
    with log.open("w") as output, subprocess.Popen(beside, stdout=output, stderr=subprocess.STDOUT) as running:
        try:
            commands = (
                [sys.executable, "-m", "tests.conformance"],
                pytest_command("--ignore=tests/conformance", *without(BESIDE)),
                pytest_command(*IN_REAL_TIME),
            )
            failed = [command for command in commands if subprocess.run(command, check=False).returncode]
        except BaseException:
            running.terminate()
            raise
        print("==> what ran beside that", flush=True)
    print(log.read_text())
    return int(bool(failed) or running.returncode != 0)


sys.exit(main())
