# SPDX-FileCopyrightText: 2026 The Passerelle authors
# SPDX-License-Identifier: Apache-2.0
"""Whole stacks for tests, started with the command that people use."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from bridge.stack.errors import StackError
from bridge.stack.ports import Ports, check_free
from tests.canary import hits, logs_of, secrets_of

PASSERELLE = Path(sys.executable).with_name("passerelle")
READY_WITHIN_S = 150
STOPPED_WITHIN_S = 60
LEAKED = 8
HOMESERVERS_ONLY = ("--without", "sfu", "--without", "bridge", "--without", "bots")


def find_port_base() -> int:
    """A base whose ports are all free now."""
    for base in range(23040, 23980, 60):
        try:
            check_free(Ports(base))
        except StackError:
            continue
        return base
    pytest.fail("no free port base between 23040 and 23980")


def until(condition: Callable[[], object], what: str, within_s: float = 30.0) -> None:
    """Wait for a condition; a deadline that passes fails the test."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {within_s:.0f} s: {what}"
        time.sleep(0.05)


def is_gone(pid: int) -> bool:
    """Whether a process has ended, reaped or not."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@dataclass
class RunningStack:
    """One `passerelle up`."""

    process: subprocess.Popen
    data: Path
    base: int
    output: Path
    ready: dict[str, Any]

    def status(self) -> dict[str, Any]:
        """The services of status.json."""
        return json.loads((self.data / "run" / "status.json").read_text())["services"]

    def logs(self) -> str:
        """The end of every log, for messages of failed tests."""
        return "\n".join(
            f"== {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            for log in sorted((self.data / "logs").glob("*.log"))
        )

    def stop(self, number: int = signal.SIGINT) -> None:
        """Stop it as Ctrl-C does; it must end cleanly and leave no process behind."""
        pids = [service["pid"] for service in self.status().values() if service["pid"]]
        self.process.send_signal(number)
        assert self.process.wait(STOPPED_WITHIN_S) == 0, self.output.read_text()
        left = [pid for pid in pids if not is_gone(pid)]
        assert not left, f"still running: {left}"


@contextmanager
def run_stack(data: Path, base: int | None, *options: str) -> Iterator[RunningStack]:
    """Start a stack, wait until it is ready, and make sure that it is gone afterwards."""
    data.parent.mkdir(parents=True, exist_ok=True)
    output = data.with_name(data.name + ".output")
    command = [PASSERELLE, "up", "--data", data, "--no-open", "--no-fsync", *options]
    if base is not None:
        command += ["--port-base", str(base)]
    ready_file = data / "ready.json"
    with output.open("wb") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    try:
        until(
            lambda: ready_file.exists() or process.poll() is not None,
            f"{ready_file}; it said so far: {output.read_text()}",
            READY_WITHIN_S,
        )
        assert process.poll() is None, output.read_text()
        ready = json.loads(ready_file.read_text())
        saved_base = json.loads((data / "stack.json").read_text())["port_base"]
        yield RunningStack(process, data, saved_base, output, ready)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOPPED_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture(scope="session")
def stack(tmp_path_factory) -> Iterator[RunningStack]:
    """The whole stack, once for all tests; they leave it running and use rooms and names of their own."""
    data = tmp_path_factory.mktemp("stack") / "data"
    with run_stack(data, find_port_base()) as running:
        yield running
        if running.process.poll() is None:
            running.stop()
        # Goal S9, over all that the tests of this run did to it.
        logs = logs_of(data, running.output)
        secrets = secrets_of(data)
        print(f"S9: {len(secrets)} secrets in {sum(map(len, logs.values())):,} characters of {len(logs)} logs")
        if leaked := hits(secrets, logs):
            pytest.exit(f"secrets in logs: {leaked}", LEAKED)  # another status than that of failed tests: no second try


@pytest.fixture(scope="session")
def homeservers(tmp_path_factory) -> Iterator[RunningStack]:
    """PostgreSQL, both homeservers and the OIDC provider alone."""
    data = tmp_path_factory.mktemp("homeservers") / "data"
    with run_stack(data, find_port_base(), *HOMESERVERS_ONLY) as running:
        yield running
        running.stop()


@pytest.fixture
def start_stack():
    """A function (data folder, base, options…) that is a context manager of a stack of one's own."""
    return run_stack


@pytest.fixture
def port_base() -> int:
    """A base with free ports."""
    return find_port_base()


@pytest.fixture(scope="session")
def wait_until():
    """A function (condition, what, within_s) that fails when the deadline passes."""
    return until


@pytest.fixture
def gone():
    """A function that says whether a process has ended."""
    return is_gone


@pytest.fixture(scope="session")
def chromium_arguments() -> list[str]:
    """How every test starts Chromium: alone with itself, with devices that need no hardware."""
    return [
        "--no-sandbox",  # the tests also run as root, in containers
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--autoplay-policy=no-user-gesture-required",
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
    ]
